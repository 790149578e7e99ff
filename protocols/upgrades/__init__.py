"""What upgrades of a network do to its state."""
