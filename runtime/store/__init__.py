"""Durable key-value stores: RocksDB, and a twin in memory that forgets what was not synced."""
