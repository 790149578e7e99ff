"""The MiningScheduler and its slash filter."""
