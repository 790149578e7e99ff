"""Benchmarks: figures against a named yardstick taken in the same run, because machines are noisy."""
