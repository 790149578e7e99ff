"""Sectors on disk: their files, the graphs they share, and sealing that goes on where a crash left it."""
