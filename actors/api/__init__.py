"""The JSON-RPC interface: Lotus' methods and shapes, a module per group, and what they share."""
