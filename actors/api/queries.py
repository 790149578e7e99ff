"""Methods that ask a state: how they are declared, and Lotus' codes for what queries raise."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from thespis.actors.api.registry import ACTOR_NOT_FOUND, APPLICATION, NodeView, Parser, ReadView, RpcError, rpc
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.builtin.queries.errors import ActorNotFoundError, QueryError
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address
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


def tree_at(node: ReadView, key: TipsetKey) -> StateTree:
    """The state that a tipset, which is the head for an empty key, was made over.

    What a tipset's own messages did shows with the next one, which carries their receipts: its blocks commit to that
    state, and another node may execute them otherwise until then (Lotus v1.36.0 ``chain/stmgr/read.go``, ParentState).
    """
    return node.chain.state_before(node.tipset(key))


def key_at(node: ReadView, key: TipsetKey, address: Address) -> Address:
    """The key of an account, also of one that the tipset's own messages made.

    Source: Lotus v1.36.0 ``chain/stmgr/stmgr.go``, ResolveToDeterministicAddress.
    """
    try:
        return key_address(node.chain.blocks, tree_at(node, key), address)
    except ActorNotFoundError:
        return key_address(node.chain.blocks, node.chain.state_after(node.tipset(key)), address)
