"""The on-chain actors. So far: account, init (exec) and multisig, versions 0 and 2; others are refused by name."""
