"""The node's place in the peer-to-peer network: the port that an actor holds, the libp2p host, the simulated network."""
