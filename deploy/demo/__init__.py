"""The supervision demonstration with real processes."""
