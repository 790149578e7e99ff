"""The storage miner actor: a miner, its sectors, when they are proven, and what they cost (specs-actors v0.9.15)."""
