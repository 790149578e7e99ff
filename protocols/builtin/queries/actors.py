"""Actors of any kind: their entries, states and addresses."""

from __future__ import annotations

from typing import Any

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import BUILTIN, name_of
from thespis.protocols.builtin.queries.errors import AccountNotFoundError, ActorNotFoundError
from thespis.protocols.builtin.states import state_of
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.tuples import Record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.state_tree import Actor, StateTree


def actor_at(tree: StateTree, address: Address) -> Actor:
    """The entry of the actor at an address; raises ActorNotFoundError."""
    actor = tree.get(address)
    if actor is None:
        raise ActorNotFoundError(f"actor not found: {address}")
    return actor


def id_address(tree: StateTree, address: Address) -> Address:
    """The id address that an address stands for; raises ActorNotFoundError while nothing gave it one."""
    found = tree.resolve(address)
    if found is None:
        raise ActorNotFoundError(f"actor not found: {address}")
    return found


def state_at(store: Blockstore, tree: StateTree, address: Address) -> Record:
    """The state of the builtin actor at an address; raises ActorNotFoundError, ChainError for code of somebody else."""
    actor = actor_at(tree, address)
    return state_of(actor.code, store.get(actor.head))


def any_state(store: Blockstore, actor: Actor) -> Any:
    """An actor's state: the record of a builtin actor, plain CBOR of one whose code this node does not know."""
    data = store.get(actor.head)
    return state_of(actor.code, data) if name_of(actor.code) in BUILTIN else cbor.decode_stored(data)


def key_address(store: Blockstore, tree: StateTree, address: Address) -> Address:
    """The address of the key that signs for an account, which may be that address; raises AccountNotFoundError.

    Messages name their senders by key or by id, and a signature can be checked by the key alone (Lotus v1.4.0
    ``chain/vm/vm.go``, ResolveToKeyAddr).
    """
    if address.protocol in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
        return address
    actor = tree.get(address)
    if actor is None or name_of(actor.code) != "account":
        raise AccountNotFoundError(f"{address} is no account")
    return AccountState.decode(store.get(actor.head)).address
