"""The chain as a node keeps it: an index over the store, reading it, validating blocks against it, making new ones."""
