"""The verified registry: who may call data verified, and for how many bytes."""

from __future__ import annotations

from thespis.protocols.builtin.codes import VERIFIED_REGISTRY
from thespis.protocols.builtin.queries.actors import state_at
from thespis.protocols.builtin.verifreg import VerifregState
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, unpack_state
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.vm.state_tree import StateTree


def root_key(store: Blockstore, tree: StateTree) -> Address:
    """Who may appoint verifiers."""
    return _registry(store, tree).root_key


def verifier_allowance(store: Blockstore, tree: StateTree, verifier: Address) -> int | None:
    """How many bytes a verifier may still give away; None for who is no verifier."""
    return _allowance(store, tree, _registry(store, tree).verifiers, verifier)


def client_allowance(store: Blockstore, tree: StateTree, client: Address) -> int | None:
    """How many bytes a client may still have in verified deals; None for who is no verified client."""
    return _allowance(store, tree, _registry(store, tree).verified_clients, client)


def _registry(store: Blockstore, tree: StateTree) -> VerifregState:
    found = state_at(store, tree, VERIFIED_REGISTRY)
    assert isinstance(found, VerifregState), "the registry's code is a registry's"
    return found


def _allowance(store: Blockstore, tree: StateTree, table: Cid, address: Address) -> int | None:
    """In version 0 of the actors allowances stand under whatever address was given, later under the id."""
    entries = Hamt(store, table, version=HamtVersion.V0)
    for name in (tree.resolve(address), address):
        wire = None if name is None else entries.get(name.data)
        if wire is not None:
            return unpack_state(BigInteger, wire)
    return None
