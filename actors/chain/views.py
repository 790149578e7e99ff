"""What a state says about powers, miners and keys, whichever version of the actors it has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import POWER, name_of
from thespis.protocols.builtin.power.state import AnyPower
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.storage_miner.state import AnyMiner, MinerInfo
from thespis.protocols.builtin.storage_miner.v2.state import MinerInfoV2, MinerStateV2
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.state_tree import Actor, StateTree


@dataclass(frozen=True, slots=True)
class MinerPower:
    """A miner's and the network's power in bytes, and whether the miner may take part in elections."""

    miner: int
    total: int
    eligible: bool


@lru_cache(maxsize=256)
def _power(code: Cid, data: bytes) -> AnyPower:
    found = state_of(code, data)
    if not isinstance(found, AnyPower):
        raise ChainError(f"the power actor's code is {code}")
    return found


def power_state(store: Blockstore, state: StateTree) -> AnyPower:
    """The power actor's state."""
    actor = state.get(POWER)
    if actor is None:
        raise ChainError("the state has no power actor")
    return _power(actor.code, store.get(actor.head))


def miner_power(store: Blockstore, state: StateTree, miner: Address) -> MinerPower:
    """A miner's share; zero for one without a claim."""
    power = power_state(store, state)
    claim = power.claim_of(store, miner)
    own = claim.quality_adjusted_power if claim else 0
    return MinerPower(own, power.total_power()[1], claim is not None and power.may_mine(claim))


def is_fit(store: Blockstore, state: StateTree, miner: Address, height: int) -> bool:
    """Whether a miner that has the power may mine over a tipset of some height with this state below it.

    From version 2 of the actors on it needs power still, no debt, and no consensus fault that excludes it (Lotus
    ``chain/stmgr``: MinerEligibleToMine).
    """
    claim = power_state(store, state).claim_of(store, miner)
    if claim is None or claim.quality_adjusted_power <= 0:
        return False
    found = miner_state(store, state, miner)[1]
    info = found.load_info(store)
    in_debt = isinstance(found, MinerStateV2) and found.fee_debt != 0
    return not in_debt and not (isinstance(info, MinerInfoV2) and info.excluded(height))


def miner_state(store: Blockstore, state: StateTree, miner: Address) -> tuple[Actor, AnyMiner]:
    """A miner actor and its state; raises ChainError when the address is no miner."""
    actor = state.get(miner)
    if actor is None or name_of(actor.code) != "storageminer":
        raise ChainError(f"there is no miner at {miner}")
    found = state_of(actor.code, store.get(actor.head))
    assert isinstance(found, AnyMiner), "the code is a miner's"
    return actor, found


def miner_info(store: Blockstore, state: StateTree, miner: Address) -> MinerInfo:
    """Who stands behind a miner."""
    return miner_state(store, state, miner)[1].load_info(store)


def key_address(store: Blockstore, state: StateTree, address: Address) -> Address:
    """The key that signs for an address; raises ChainError when the address is no account."""
    if address.protocol in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
        return address
    actor = state.get(address)
    if actor is None or name_of(actor.code) != "account":
        raise ChainError(f"{address} is no account")
    return AccountState.decode(store.get(actor.head)).address
