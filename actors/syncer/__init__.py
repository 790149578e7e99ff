"""What the Syncer works with: its targets, the bad-block cache, and fetching from peers."""
