"""The Network."""
