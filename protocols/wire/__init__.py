"""What goes over libp2p: schema, bounds and codec of each protocol; no I/O."""
