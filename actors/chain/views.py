"""What a state says about powers, miners and keys, whichever version of the actors it has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import POWER, name_of
from thespis.protocols.builtin.miner_state import AnyMiner, MinerInfo
from thespis.protocols.builtin.power_state import AnyPower
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.version_2.miner_state import MinerInfoV2, MinerStateV2
from thespis.protocols.consensus.eligibility import NEVER_EXCLUDED, MinerStanding
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.state_tree import Actor, StateTree


@dataclass(frozen=True, slots=True)
class MinerPower:
    """A miner's and the network's power in bytes, and whether the miner's is enough for elections."""

    miner: int
    total: int
    has_minimum: bool


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


def miner_standing(store: Blockstore, state: StateTree, miner: Address) -> MinerStanding | None:
    """What the rule of who may mine asks of a state; None for a miner without a claim."""
    claim = power_state(store, state).claim_of(store, miner)
    if claim is None:
        return None
    found = miner_state(store, state, miner)[1]
    info = found.load_info(store)
    return MinerStanding(
        claim.quality_adjusted_power,
        found.fee_debt if isinstance(found, MinerStateV2) else 0,
        info.consensus_fault_elapsed if isinstance(info, MinerInfoV2) else NEVER_EXCLUDED,
    )


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
