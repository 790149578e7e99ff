"""A simulated node has no HTTP server; its API is asked by messages."""

from __future__ import annotations


class SimulatedHttp:
    """A port that nobody can reach."""

    address = ""

    def taken(self, number: int) -> None:
        """Nobody asked."""

    def respond(self, number: int, body: bytes, status: int = 200, kind: str = "application/json") -> None:
        """Nobody asked."""

    def push(self, connection: int, body: bytes) -> bool:  # noqa: ARG002
        """Nobody listens."""
        return False

    def close(self) -> None:
        """Nothing to close."""
