"""Power: what each miner has of it, whichever version of the actors the state is of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from thespis.protocols.builtin.codes import POWER
from thespis.protocols.builtin.power.state import AnyPower
from thespis.protocols.builtin.queries.miner import miner_state
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.storage_miner.state import NO_POWER, PowerPair
from thespis.protocols.builtin.storage_miner.v2.state import MinerInfoV2, MinerStateV2
from thespis.protocols.consensus.eligibility import NEVER_EXCLUDED, MinerStanding
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.errors import ChainError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.state_tree import StateTree

STATES_CACHED = 256


@dataclass(frozen=True, slots=True)
class MinerPower:
    """A miner's and the network's quality-adjusted power in bytes, and whether the miner's is enough for elections."""

    miner: int
    total: int
    has_minimum: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A miner's power and what of the network's counts; `has_minimum` says that the miner is above the minimum."""

    own: PowerPair
    total: PowerPair
    has_minimum: bool


@lru_cache(maxsize=STATES_CACHED)
def _decoded(code: Cid, data: bytes) -> AnyPower:
    found = state_of(code, data)
    if not isinstance(found, AnyPower):
        raise ChainError(f"the power actor's code is {code}")
    return found


def power_state(store: Blockstore, tree: StateTree) -> AnyPower:
    """The power actor's state; raises ChainError for a state without that actor."""
    actor = tree.get(POWER)
    if actor is None:
        raise ChainError("the state has no power actor")
    return _decoded(actor.code, store.get(actor.head))


def claimed_power(store: Blockstore, tree: StateTree, miner: Address) -> Claimed:
    """What a miner at any address claims, raw and adjusted, and the network's; nothing for who has no claim."""
    return _claimed(store, power_state(store, tree), tree.resolve(miner) or miner)


def _claimed(store: Blockstore, power: AnyPower, miner: Address) -> Claimed:
    claim = power.claim_of(store, miner)
    raw, adjusted = power.total_power()
    own = PowerPair(TokenAmount(claim.raw_byte_power), TokenAmount(claim.quality_adjusted_power)) if claim else NO_POWER
    has_minimum = claim is not None and power.meets_minimum(claim)
    return Claimed(own, PowerPair(TokenAmount(raw), TokenAmount(adjusted)), has_minimum)


def miner_power(store: Blockstore, tree: StateTree, miner: Address) -> MinerPower:
    """What elections are drawn with: a miner's share by its id, zero without a claim.

    A block names its miner by id; any other address has no claim here, so a block with one wins nothing.
    """
    found = _claimed(store, power_state(store, tree), miner)
    return MinerPower(found.own.adjusted, found.total.adjusted, found.has_minimum)


def miners(store: Blockstore, tree: StateTree) -> list[Address]:
    """Every miner that has a claim, by id."""
    return [address for address, _claim in power_state(store, tree).miners(store)]


def miner_standing(store: Blockstore, tree: StateTree, miner: Address) -> MinerStanding | None:
    """What the rule of who may mine asks of a state; None for a miner without a claim."""
    claim = power_state(store, tree).claim_of(store, miner)
    if claim is None:
        return None
    found = miner_state(store, tree, miner)[1]
    info = found.load_info(store)
    return MinerStanding(
        claim.quality_adjusted_power,
        found.fee_debt if isinstance(found, MinerStateV2) else 0,
        info.consensus_fault_elapsed if isinstance(info, MinerInfoV2) else NEVER_EXCLUDED,
    )
