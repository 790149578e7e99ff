"""Fixtures for users."""
