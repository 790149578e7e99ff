"""Methods that ask a state: how they are declared, and Lotus' codes for what queries raise."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from thespis.actors.api.registry import ACTOR_NOT_FOUND, APPLICATION, NodeView, Parser, RpcError, rpc
from thespis.protocols.builtin.queries.errors import ActorNotFoundError, QueryError
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.vm.state_tree import StateTree

Handler = Callable[..., Any]


def query(name: str, *parsers: Parser) -> Callable[[Handler], Handler]:
    """Declare ``Filecoin.<name>``, which everyone may ask; what queries raise is answered with Lotus' codes."""

    def declare(function: Handler) -> Handler:
        @wraps(function)
        def answering(node: NodeView, *params: Any) -> Any:
            try:
                return function(node, *params)
            except ActorNotFoundError as error:
                raise RpcError(ACTOR_NOT_FOUND, str(error)) from None
            except QueryError as error:
                raise RpcError(APPLICATION, str(error)) from None

        return rpc(name, "read", *parsers)(answering)

    return declare


def tree_at(node: NodeView, key: TipsetKey) -> StateTree:
    """The state after a tipset, which is the head for an empty key."""
    return node.chain.state_after(node.tipset(key))
