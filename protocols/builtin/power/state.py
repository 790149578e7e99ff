"""The state of the power actor: who has how much power, and which miners wait for cron.

Two sums are kept: of all power, and of that of miners above a minimum. The second counts for consensus, unless there
are so few such miners that the network would stand still without the rest.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/power/``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Self

from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, StateRecord, TokenAmount, record
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap
from thespis.protocols.vm.exit_codes import ActorPanic, ExitCode, StateFault

CONSENSUS_POWER_MIN = 10 << 40
"""Bytes that a miner needs to be above the minimum on mainnet."""
INITIAL_POWER_POSITION = 750_000 << 30
INITIAL_POWER_VELOCITY = 3_840 << 30


class AnyClaim(StateRecord):
    """One miner's power in bytes; each version's record lists the fields.

    Source: ``power_state.go``, Claim.
    """

    __slots__ = ()
    if TYPE_CHECKING:
        raw_byte_power: BigInteger
        quality_adjusted_power: BigInteger

    @classmethod
    def starting(cls, seal_proof: int) -> Self:
        """A claim of no power, of a miner that seals so."""
        raise NotImplementedError

    @property
    def consensus_power(self) -> int:
        """The power in bytes that is held against the minimum."""
        raise NotImplementedError

    def with_power(self, raw: int, adjusted: int) -> Self:
        """The same claim with other power."""
        return self.with_(raw_byte_power=BigInteger(raw), quality_adjusted_power=BigInteger(adjusted))


@record
class Claim(AnyClaim):
    """Version 0: quality-adjusted power is held against the minimum for elections."""

    raw_byte_power: BigInteger
    quality_adjusted_power: BigInteger

    @classmethod
    def starting(cls, seal_proof: int) -> Claim:  # noqa: ARG003  # version 0 does not keep it
        """A claim of no power."""
        return cls(BigInteger(0), BigInteger(0))

    @property
    def consensus_power(self) -> int:
        """The power in bytes that is held against the minimum."""
        return self.quality_adjusted_power


@record
class CronEvent(StateRecord):
    """A miner's request to be called at an epoch, and what it is handed then.

    Source: ``power_state.go``, CronEvent.
    """

    miner: Address
    payload: bytes


@record
class PowerTotals(StateRecord):
    """What every version begins with; powers in bytes, amounts in attoFIL.

    `total_*_committed` count miners below the minimum too.
    """

    total_raw_byte_power: BigInteger
    total_bytes_committed: BigInteger
    total_quality_adjusted_power: BigInteger
    total_quality_bytes_committed: BigInteger
    total_pledge_collateral: TokenAmount
    this_epoch_raw_byte_power: BigInteger
    this_epoch_quality_adjusted_power: BigInteger
    this_epoch_pledge_collateral: TokenAmount
    this_epoch_power_smoothed: FilterEstimate
    miner_count: int
    miner_above_min_power_count: int
    cron_event_queue: Cid
    first_cron_epoch: ChainEpoch

    CONSENSUS_MINERS_MIN: ClassVar[int] = 3
    """With fewer miners above the minimum, every miner's power counts."""

    def total_power(self) -> tuple[int, int]:
        """Raw and quality-adjusted power that counts for consensus, in bytes.

        Source: ``power_state.go``, CurrentTotalPower.
        """
        if self.miner_above_min_power_count < self.CONSENSUS_MINERS_MIN:
            return self.total_bytes_committed, self.total_quality_bytes_committed
        return self.total_raw_byte_power, self.total_quality_adjusted_power

    def frozen(self, epochs: int) -> Self:
        """The totals as the next epoch's, so many epochs after they were frozen last.

        Source: ``power_actor.go``, OnEpochTickEnd; ``power_state.go``, updateSmoothedEstimate.
        """
        raw, adjusted = self.total_power()
        return dataclasses.replace(
            self,
            this_epoch_pledge_collateral=self.total_pledge_collateral,
            this_epoch_quality_adjusted_power=BigInteger(adjusted),
            this_epoch_raw_byte_power=BigInteger(raw),
            this_epoch_power_smoothed=self.this_epoch_power_smoothed.next(adjusted, epochs),
        )

    def pledged(self, delta: int) -> Self:
        """The sum of all pledges changed by some attoFIL; a panic below nothing.

        Source: ``power_state.go``, addPledgeTotal.
        """
        total = self.total_pledge_collateral + delta
        if total < 0:
            raise ActorPanic(f"the total pledge would be {total}")
        return dataclasses.replace(self, total_pledge_collateral=TokenAmount(total))

    def take_events(self, store: Blockstore, epoch: int) -> tuple[Self, list[CronEvent]]:
        """Remove and return the events up to an epoch, in their order.

        A tick that was left out is made up for: events before the present epoch are taken late.

        Source: ``power_state.go``, loadCronEvents; ``power_actor.go``, processDeferredCronEvents.
        """
        queue = HistoricMap(store, self.cron_event_queue)
        taken: list[CronEvent] = []
        for due in range(self.first_cron_epoch, epoch + 1):
            root = queue.get(epoch_key(due))
            if root is not None:
                events = HistoricArray(store, root)
                taken += [CronEvent.from_wire(wire) for _, wire in events.items()]
                queue.delete(epoch_key(due))
        changed = dataclasses.replace(self, cron_event_queue=queue.flush(), first_cron_epoch=ChainEpoch(epoch + 1))
        return changed, taken


class AnyPower(PowerTotals):
    """What the rules need of the power actor's state; each version's record lists the rest of the fields."""

    __slots__ = ()
    CLAIM: ClassVar[type[AnyClaim]]
    if TYPE_CHECKING:
        claims: Cid
        proof_validation_batch: Cid | None

    @classmethod
    def _empty(cls, store: Blockstore) -> dict[str, Any]:
        empty = HistoricMap(store).flush()
        nothing = BigInteger(0)
        return {
            "total_raw_byte_power": nothing,
            "total_bytes_committed": nothing,
            "total_quality_adjusted_power": nothing,
            "total_quality_bytes_committed": nothing,
            "total_pledge_collateral": TokenAmount(0),
            "this_epoch_raw_byte_power": nothing,
            "this_epoch_quality_adjusted_power": nothing,
            "this_epoch_pledge_collateral": TokenAmount(0),
            "this_epoch_power_smoothed": FilterEstimate.starting(INITIAL_POWER_POSITION, INITIAL_POWER_VELOCITY),
            "miner_count": 0,
            "miner_above_min_power_count": 0,
            "cron_event_queue": empty,
            "first_cron_epoch": ChainEpoch(0),
            "claims": empty,
            "proof_validation_batch": None,
        }

    @classmethod
    def initial(cls, store: Blockstore) -> Self:
        """The state at genesis, without miners.

        Source: ``power_state.go``, ConstructState.
        """
        return cls(**cls._empty(store))

    def claim_of(self, store: Blockstore, miner: Address) -> AnyClaim | None:
        """A miner's claim, or None for who has none."""
        wire = Hamt(store, self.claims, version=HamtVersion.V0).get(miner.data)
        return None if wire is None else self.CLAIM.from_wire(wire)

    def miners(self, store: Blockstore) -> list[tuple[Address, AnyClaim]]:
        """Every miner with its claim, in the order of the map."""
        entries = Hamt(store, self.claims, version=HamtVersion.V0).items()
        return [(Address.parse(key), self.CLAIM.from_wire(wire)) for key, wire in entries]

    def meets_minimum(self, claim: AnyClaim) -> bool:
        """Whether a miner with this claim has the power to take part in elections.

        Source: ``power_state.go``, MinerNominalPowerMeetsConsensusMinimum.
        """
        above = claim.consensus_power >= CONSENSUS_POWER_MIN
        return claim.quality_adjusted_power > 0 and (
            above or self.miner_above_min_power_count < self.CONSENSUS_MINERS_MIN
        )

    def add_to_claim(self, store: Blockstore, miner: Address, raw: int, adjusted: int) -> Self:
        """Change a miner's power in bytes, and the totals; raises StateFault for a miner without a claim.

        Source: ``power_state.go``, AddToClaim.
        """
        claims = HistoricMap(store, self.claims)
        changed = self.changed_claim(claims, miner, raw, adjusted)
        return changed.with_(claims=claims.flush())

    def changed_claim(self, claims: HistoricMap, miner: Address, raw: int, adjusted: int) -> Self:
        """The same in an open map of claims, which is not written here.

        Crossing the minimum moves all of a miner's power into or out of what counts, and not only the change.

        Source: ``power_state.go``, addToClaim.
        """
        wire = claims.get(miner.data)
        if wire is None:
            raise StateFault(f"there is no claim of {miner}", ExitCode.NOT_FOUND)
        old = self.CLAIM.from_wire(wire)
        new = old.with_power(old.raw_byte_power + raw, old.quality_adjusted_power + adjusted)
        if new.raw_byte_power < 0 or new.quality_adjusted_power < 0:
            raise ActorPanic(f"the claim of {miner} would become negative")
        was = old.consensus_power >= CONSENSUS_POWER_MIN
        counts = new.consensus_power >= CONSENSUS_POWER_MIN
        counted_raw = counts * new.raw_byte_power - was * old.raw_byte_power
        counted_adjusted = counts * new.quality_adjusted_power - was * old.quality_adjusted_power
        claims.set(miner.data, new.to_wire())
        return dataclasses.replace(
            self,
            total_quality_bytes_committed=BigInteger(self.total_quality_bytes_committed + adjusted),
            total_bytes_committed=BigInteger(self.total_bytes_committed + raw),
            total_quality_adjusted_power=BigInteger(self.total_quality_adjusted_power + counted_adjusted),
            total_raw_byte_power=BigInteger(self.total_raw_byte_power + counted_raw),
            miner_above_min_power_count=self.miner_above_min_power_count + counts - was,
        )

    def without_power(self, claims: HistoricMap, miner: Address) -> tuple[Self, bool]:
        """A miner's power taken away in an open map of claims; returns whether it had a claim at all."""
        wire = claims.get(miner.data)
        if wire is None:
            return self, False
        claim = self.CLAIM.from_wire(wire)
        return self.changed_claim(claims, miner, -claim.raw_byte_power, -claim.quality_adjusted_power), True

    def with_miner(self, store: Blockstore, miner: Address, seal_proof: int) -> Self:
        """The same with a new miner, which has no power."""
        claims = HistoricMap(store, self.claims)
        claims.set(miner.data, self.CLAIM.starting(seal_proof).to_wire())
        return self.with_(claims=claims.flush(), miner_count=self.miner_count + 1)

    def with_event(self, store: Blockstore, epoch: int, event: CronEvent) -> Self:
        """Enrol a miner's event; one in the past is found by the next tick.

        Source: ``power_state.go``, appendCronEvent.
        """
        queue = HistoricMap(store, self.cron_event_queue)
        root = queue.get(epoch_key(epoch))
        events = HistoricArray(store, root)
        events.append(event.to_wire())
        queue.set(epoch_key(epoch), events.flush())
        first = ChainEpoch(min(epoch, self.first_cron_epoch))
        return dataclasses.replace(self, cron_event_queue=queue.flush(), first_cron_epoch=first)


@record
class PowerState(AnyPower):
    """Version 0: the totals, who has which power, and proofs of new sectors that wait for the epoch's end."""

    last_processed_cron_epoch: ChainEpoch
    claims: Cid
    proof_validation_batch: Cid | None

    CLAIM: ClassVar[type[AnyClaim]] = Claim

    @classmethod
    def initial(cls, store: Blockstore) -> PowerState:
        """The state at genesis, without miners."""
        return cls(**cls._empty(store), last_processed_cron_epoch=ChainEpoch(-1))


def epoch_key(epoch: int) -> bytes:
    """An epoch as a map key: a zigzag varint.

    Source: ``power_state.go``, epochKey.
    """
    value = epoch << 1 if epoch >= 0 else (-epoch << 1) - 1
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
