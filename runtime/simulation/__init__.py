"""The simulated world: faults, environments and traces; it knows nodes only as what it is given."""
