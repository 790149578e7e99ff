"""The on-chain actors. So far: account in full, and init's address map; the others are refused by name."""
