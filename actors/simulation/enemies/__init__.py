"""Peers that lie, each a small class with one behaviour; they speak the real wire formats on the simulated network."""
