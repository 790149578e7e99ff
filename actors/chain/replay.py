"""A chain that is given as files, validated and executed anew from its genesis on."""

from __future__ import annotations

import dataclasses
from typing import BinaryIO

from thespis.actors.chain.index import Execution
from thespis.actors.chain.writer import ChainWriter
from thespis.protocols.builtin.codes import BUILTIN, name_of
from thespis.protocols.builtin.states import state_of
from thespis.protocols.chain.block import BlockHeader, load_block_messages
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.car import CarReader
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record
from thespis.protocols.errors import BlockNotFoundError, ChainError
from thespis.protocols.ipld.blockstore import Overlay
from thespis.protocols.vm.interpreter import load_receipts
from thespis.protocols.vm.state_tree import StateTree


class Replay:
    """Replays a chain into an empty writer; every block passes the checks of a block that a peer sent.

    So each header's parent state root, receipts and weight must be what executing its parents gave. What the chain's
    last tipset leads to is compared with nothing, for no header says it.
    """

    def __init__(self, writer: ChainWriter, genesis_car: bytes, chain: BinaryIO) -> None:
        """Read a CAR whose roots are the head's blocks; raises ChainError where it does not reach that genesis."""
        self.writer = writer
        self.genesis = writer.begin(genesis_car)
        self.given = Overlay(self.writer.blocks)
        reader = CarReader(chain)
        for cid, block in reader:
            self.given.put(cid, block)
        self.tipsets = self._chain(reader.roots)

    def _chain(self, head: list[Cid]) -> list[Tipset]:
        """From above genesis to the head."""
        found: list[Tipset] = []
        key = tuple(head)
        while key != (self.genesis.cid,):
            try:
                tipset = Tipset.of([BlockHeader.decode(self.given.get(cid)) for cid in key])
            except BlockNotFoundError:
                below = f"above height {found[-1].height}" if found else "its head"
                raise ChainError(f"the CAR does not reach the genesis {self.genesis.cid}: {below} is missing") from None
            if tipset.height == 0:
                raise ChainError(f"the chain begins with {key[0]}; the genesis given is {self.genesis.cid}")
            found.append(tipset)
            key = tipset.parents
        return found[::-1]

    def validate(self, tipset: Tipset) -> None:
        """Check a tipset's blocks; raises InvalidBlockError with what is wrong."""
        for header in tipset.blocks:
            messages = load_block_messages(self.given, header.messages)
            self.writer.add_block(header, messages, header.timestamp)

    def execute(self, tipset: Tipset) -> tuple[Execution, int, int]:
        """Execute a validated tipset; with the outcome come how many messages it had and the gas they used."""
        execution = self.writer.execute(tipset)
        receipts = load_receipts(self.writer.blocks, execution.receipts_root)
        return execution, len(receipts), sum(receipt.gas_used for receipt in receipts)

    def difference(self, tipset: Tipset) -> str:
        """Where the state that a tipset's header names first differs from ours."""
        theirs = tipset.blocks[0].parent_state_root
        ours = self.writer.execution(tipset.parents).state_root
        if theirs not in self.given.new:
            return f"the CAR does not have the state {theirs}, so there is nothing to compare with"
        return first_difference(StateTree(self.writer.blocks, ours), StateTree(self.given, theirs))


def first_difference(ours: StateTree, theirs: StateTree) -> str:
    """The first actor by id, and its first field, that two states do not have alike; for a head, the state's field."""
    left, right = dict(ours.actors()), dict(theirs.actors())
    for address in sorted(left.keys() | right.keys(), key=lambda each: each.actor_id):
        mine, other = left.get(address), right.get(address)
        if mine is None or other is None:
            return f"actor {address} is only in {'our' if other is None else 'the given'} state"
        for field in ("code", "head", "nonce", "balance"):
            if getattr(mine, field) == getattr(other, field):
                continue
            if field == "head" and name_of(mine.code) in BUILTIN:
                states = (
                    state_of(each.code, tree.store.get(each.head)) for each, tree in ((mine, ours), (other, theirs))
                )
                return f"actor {address} ({name_of(mine.code)}): {_first_field(*states)}"
            return f"actor {address}: {field} {getattr(mine, field)}; the given state has {getattr(other, field)}"
    return "the states have the same actors"


def _first_field(mine: Record, other: Record) -> str:
    for field in dataclasses.fields(mine):  # type: ignore[arg-type]  # every record is a dataclass
        left, right = getattr(mine, field.name), getattr(other, field.name)
        if left != right:
            return f"{field.name} {left}; the given state has {right}"
    return "the states are written differently"
