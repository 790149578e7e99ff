"""The Wallet."""
