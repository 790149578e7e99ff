"""The node's HTTP server: the port that an actor holds, and the server behind it."""
