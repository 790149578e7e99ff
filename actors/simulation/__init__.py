"""Whole Filecoin networks under the simulated base: nodes, a schedule of faults, and the invariants that must hold."""
