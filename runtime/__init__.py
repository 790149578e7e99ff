"""What an actor stands on: bases, supervision, clock, stores, keystore, configuration, simulation."""
