"""What the subsystems of a node say to each other, a module per subsystem that is spoken to."""
