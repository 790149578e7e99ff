"""Thespian system bases of our own: real processes over ZeroMQ, and a seeded simulation."""
