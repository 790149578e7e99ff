"""The whole state: money is neither made nor lost, powers add up to claims, and every actor's own books are in order.

specs-actors v2.3.6 has such checks in ``actors/states/check.go``; these go further where a sum is kept twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from thespis.protocols.builtin.codes import MARKET, POWER, name_of
from thespis.protocols.builtin.invariants.market import market_violations
from thespis.protocols.builtin.invariants.miner import MinerBooks, miner_books
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.power.state import CONSENSUS_POWER_MIN, AnyPower
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.storage_miner.state import NO_POWER, AnyMiner
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.vm.state_tree import StateTree


def violations(
    store: Blockstore, tree: StateTree, supply: int | None = None, known: dict[Cid, MinerBooks] | None = None
) -> Iterator[str]:
    """What does not hold, in words; `supply` is the sum of all balances in attoFIL, where it is known.

    `known` are miners' states that were gone through before; who checks one state after the other keeps it.
    """
    known = {} if known is None else known
    actors = dict(tree.actors())
    total = sum(actor.balance for actor in actors.values())
    if supply is not None and total != supply:
        yield f"the balances sum to {total}; they were {supply}"
    yield from (f"{address} has {actor.balance}" for address, actor in actors.items() if actor.balance < 0)
    books: dict[Address, MinerBooks] = {}
    for address, actor in actors.items():
        if name_of(actor.code) == "storageminer":
            if actor.head not in known:
                state = state_of(actor.code, store.get(actor.head))
                assert isinstance(state, AnyMiner), "the code is a miner's"
                known[actor.head] = miner_books(store, state)
            books[address] = found = known[actor.head]
            yield from (f"miner {address}: {what}" for what in found.violations)
            if actor.balance < found.held:
                yield f"miner {address} has {actor.balance}, and {found.held} locked"
    power = state_of(actors[POWER].code, store.get(actors[POWER].head))
    assert isinstance(power, AnyPower), "the power actor's code is checked at genesis"
    yield from power_violations(store, power, books)
    market = MarketState.decode(store.get(actors[MARKET].head))
    yield from (f"market: {what}" for what in market_violations(store, market, actors[MARKET].balance))


def power_violations(store: Blockstore, power: AnyPower, books: dict[Address, MinerBooks]) -> Iterator[str]:
    """What does not hold between the power actor and the miners."""
    claims = dict(power.miners(store))
    raw, adjusted = (sum(getattr(claim, name) for claim in claims.values()) for name in _POWERS)
    if (raw, adjusted) != (power.total_bytes_committed, power.total_quality_bytes_committed):
        yield f"the claims sum to {raw} and {adjusted}; the totals say {power.total_bytes_committed} and others"
    counted = [claim for claim in claims.values() if claim.consensus_power >= CONSENSUS_POWER_MIN]
    sums = tuple(sum(getattr(claim, name) for claim in counted) for name in _POWERS)
    if sums != (power.total_raw_byte_power, power.total_quality_adjusted_power):
        yield f"claims above the minimum sum to {sums}"
    if len(counted) != power.miner_above_min_power_count:
        yield f"{len(counted)} claims are above the minimum; {power.miner_above_min_power_count} are counted"
    if len(claims) > power.miner_count:
        yield f"{len(claims)} claims, and {power.miner_count} miners"
    for miner, claim in claims.items():
        active = books[miner].active_power if miner in books else NO_POWER
        if (int(claim.raw_byte_power), int(claim.quality_adjusted_power)) != (active.raw, active.adjusted):
            yield f"miner {miner} claims {claim.raw_byte_power} bytes and has {active.raw}"
    pledged = sum(found.pledged for miner, found in books.items() if miner in claims)
    if pledged != power.total_pledge_collateral:
        yield f"the miners pledged {pledged}; the total says {power.total_pledge_collateral}"


_POWERS = ("raw_byte_power", "quality_adjusted_power")
