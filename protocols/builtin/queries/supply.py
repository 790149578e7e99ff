"""Supply: where the network's FIL is; all in attoFIL."""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.builtin.codes import BURNT_FUNDS, REWARD, name_of
from thespis.protocols.builtin.queries.miner import miner_state
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.state_tree import StateTree


@dataclass(frozen=True, slots=True)
class Supply:
    """The sum of all balances, which no message changes, and what of it is still to be mined, and is burnt."""

    total: int
    to_be_mined: int
    burnt: int


def supply(tree: StateTree) -> Supply:
    """Where all FIL is."""
    total = sum(actor.balance for _address, actor in tree.actors())
    reserve, burnt = tree.get(REWARD), tree.get(BURNT_FUNDS)
    return Supply(total, reserve.balance if reserve else 0, burnt.balance if burnt else 0)


def circulating_supply(store: Blockstore, tree: StateTree) -> int:
    """What is neither to be mined nor burnt nor vesting in a miner: the answer to who asks how much there is.

    Rules reckon with another figure, which also leaves out pledges and what the market locks
    (`runtime.circulating_supply`).
    """
    total = 0
    for address, actor in tree.actors():
        if address in (REWARD, BURNT_FUNDS):
            continue
        total += actor.balance
        if name_of(actor.code) == "storageminer":
            total -= miner_state(store, tree, address)[1].locked_funds
    return total
