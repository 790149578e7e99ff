"""The commands: thin clients of a running node, and offline tools."""
