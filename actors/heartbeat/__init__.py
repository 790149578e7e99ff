"""The Heartbeat."""
