"""The node's place in the peer-to-peer network: the port that an actor holds, and the libp2p host behind it."""
