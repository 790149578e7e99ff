"""ChainExchange."""
