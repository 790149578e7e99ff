"""The Bootstrapper."""
