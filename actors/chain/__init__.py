"""The chain as a node keeps it: an index over the store, its readers, its one writer, and replays of it from files."""
