"""Writing and supervising subsystems: messages, typed handlers, asks, supervision."""
