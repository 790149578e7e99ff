"""The StorageMiner."""
