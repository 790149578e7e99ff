"""The local network: several whole nodes on one machine, each a tree of processes with a home of its own."""
