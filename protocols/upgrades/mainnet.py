"""What mainnet's upgrades did to its state in 2020, by the epoch that names each (Lotus ``chain/stmgr/forks.go``)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from thespis.protocols.builtin.codes import INIT
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import Blockstore, save
from thespis.protocols.upgrades.actors_v2 import upgrade_to_actors_v2
from thespis.protocols.vm.interpreter import Upgrade
from thespis.protocols.vm.state_tree import StateTree

BREEZE, SMOKE, IGNITION, REFUEL, ASSEMBLY, TAPE = 41_280, 51_000, 94_000, 130_800, 138_720, 140_760
LIFTOFF, KUMQUAT, CALICO = 148_888, 170_000, 265_200


def name_mainnet(store: Blockstore, root: Cid, _epoch: int) -> Cid:
    """Liftoff: the network, which was named for tests until then, is mainnet."""
    state = StateTree(store, root)
    actor = state.get(INIT)
    assert actor is not None, "a state has an init actor"
    init = dataclasses.replace(InitState.decode(store.get(actor.head)), network_name="mainnet")
    state.change(INIT, head=save(store, init.to_wire()))
    return state.flush()


def _repair(name: str, what: str) -> Upgrade:
    def refuse(_store: Blockstore, _root: Cid, epoch: int) -> Cid:
        raise NotImplementedError(
            f"upgrade {name} at epoch {epoch} {what}, which this node does not know how to do; "
            "mainnet's chain can be replayed up to there"
        )

    return refuse


UPGRADES: Mapping[int, Upgrade] = MappingProxyType(
    {
        BREEZE: _repair("Breeze", "gave back what a faucet had burnt"),
        IGNITION: _repair("Ignition", "split the wallets of genesis and moved their vesting"),
        REFUEL: _repair("Refuel", "moved the vesting of two wallets"),
        ASSEMBLY: upgrade_to_actors_v2,
        LIFTOFF: name_mainnet,
    }
)
