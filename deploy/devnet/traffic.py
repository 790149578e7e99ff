"""Transfers on a devnet: every node's account sends to the next node's, and what was accepted is remembered."""

from __future__ import annotations

from dataclasses import dataclass, field

from thespis.deploy.devnet.fleet import Fleet
from thespis.runtime.errors import RuntimeFloorError

AMOUNT = str(10**15)


@dataclass
class Traffic:
    """What was sent, and what the nodes took."""

    fleet: Fleet
    accepted: list[str] = field(default_factory=list)
    refused: int = 0
    last_error: str = ""

    def send(self) -> None:
        """One transfer from every node that answers."""
        nodes = self.fleet.plan.nodes
        for number, node in enumerate(nodes):
            message = {
                "From": str(node.account.address),
                "To": str(nodes[(number + 1) % len(nodes)].account.address),
                "Value": AMOUNT,
            }
            try:
                signed = self.fleet.call(node, "MpoolPushMessage", message, {"MaxFee": "0"})
            except RuntimeFloorError as error:
                self.refused += 1
                self.last_error = str(error)
            else:
                self.accepted.append(signed["CID"]["/"])

    def missing(self) -> list[str]:
        """Accepted messages that are not on the first node's chain yet."""
        node = self.fleet.plan.nodes[0]

        def is_missing(cid: str) -> bool:
            return self.fleet.call(node, "StateSearchMsg", [], {"/": cid}, -1, True) is None

        return list(filter(is_missing, self.accepted))
