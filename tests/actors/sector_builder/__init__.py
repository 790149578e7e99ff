"""Tests of what the SectorBuilder is made of."""
