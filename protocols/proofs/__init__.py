"""Proofs of storage: piece commitments, Stacked DRG replication, proofs of spacetime; bit exact with the network's."""
