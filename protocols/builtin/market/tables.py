"""The market's tables while a message changes them, each opened and written once.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/market/``.
"""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from thespis.protocols.builtin.market.deals import NEVER, DealProposal, DealState
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bigint import encode_bigint
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, unpack_state
from thespis.protocols.encoding.varint import decode_varint, encode_varint
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap
from thespis.protocols.vm.exit_codes import ActorPanic, ExitCode, StateFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PRESENT = None
"""The value of a key in a set, which is a map whose values say nothing."""


class BalanceTable(HistoricMap):
    """Amounts by address; who is not there has nothing.

    Source: ``actors/util/adt/balancetable.go``.
    """

    def of(self, address: Address) -> int:
        """The balance of an address in attoFIL."""
        wire = self.get(address.data)
        return 0 if wire is None else unpack_state(TokenAmount, wire)

    def add(self, address: Address, amount: int) -> None:
        """Change a balance; raises StateFault if it became negative."""
        before = self.of(address)
        after = before + amount
        if after < 0:
            raise StateFault(f"the balance of {address} would be {after}")
        if after == 0 and before:
            self.delete(address.data)
        else:
            self.set(address.data, encode_bigint(after))

    def subtract(self, address: Address, amount: int) -> None:
        """Take from a balance that must cover it."""
        if amount > self.of(address):
            raise StateFault(f"the balance of {address} does not cover {amount}")
        self.add(address, -amount)

    def subtract_down_to(self, address: Address, wanted: int, floor: int) -> int:
        """Take up to an amount and leave a floor; returns how much was taken."""
        taken = min(max(0, self.of(address) - floor), wanted)
        if taken > 0:
            self.add(address, -taken)
        return taken


class DealSets(HistoricMap):
    """Sets of deal numbers by the epoch at which cron settles them.

    Source: ``set_multimap.go``, SetMultimap.
    """

    def put_many(self, epoch: int, deals: Iterable[int], store: Blockstore) -> None:
        """Add deals to the set of an epoch."""
        key = encode_varint(epoch)
        members = HistoricMap(store, self.get(key))
        for deal in deals:
            members.set(encode_varint(deal), PRESENT)
        self.set(key, members.flush())

    def members(self, epoch: int, store: Blockstore) -> Iterator[int]:
        """The deals of an epoch, in the order of the set."""
        root = self.get(encode_varint(epoch))
        if root is not None:
            for entry in HistoricMap(store, root).items():
                yield decode_varint(entry[0])[0]


class Locked(Enum):
    """Why a balance is locked, by the name of its total."""

    CLIENT_COLLATERAL = "total_client_locked_collateral"
    CLIENT_FEE = "total_client_storage_fee"
    PROVIDER_COLLATERAL = "total_provider_locked_collateral"


class MarketTables:
    """Open tables; those that are named are open, and written by `closed` unless they are only read."""

    ROOTS: ClassVar[dict[str, tuple[str, Any]]] = {
        "proposals": ("proposals", HistoricArray),
        "states": ("states", HistoricArray),
        "locked": ("locked_table", BalanceTable),
        "escrow": ("escrow_table", BalanceTable),
        "pending": ("pending_proposals", HistoricMap),
        "by_epoch": ("deal_operations_by_epoch", DealSets),
    }

    proposals: HistoricArray
    states: HistoricArray
    locked: BalanceTable
    escrow: BalanceTable
    pending: HistoricMap
    by_epoch: DealSets

    def __init__(self, store: Blockstore, state: MarketState, *, write: str, read: str = "") -> None:
        self._store = store
        self._state = state
        self._write = write.split()
        self._totals = {reason: int(getattr(state, reason.value)) for reason in Locked}
        for name, (root, kind) in self.ROOTS.items():
            if name in (*self._write, *read.split()):
                setattr(self, name, kind(store, getattr(state, root)))

    def closed(self, **changes: Any) -> MarketState:
        """The state with every written table."""
        for name, (root, _kind) in self.ROOTS.items():
            if name in self._write:
                changes[root] = getattr(self, name).flush()
        if "locked" in self._write:
            changes |= {reason.value: TokenAmount(total) for reason, total in self._totals.items()}
        return dataclasses.replace(self._state, **changes)

    # -- deals -----------------------------------------------------------------------------------------------

    def proposal(self, deal: int) -> DealProposal:
        """A deal's proposal, which must be there."""
        found = self.find_proposal(deal)
        if found is None:
            raise StateFault(f"there is no deal {deal}", ExitCode.NOT_FOUND)
        return found

    def find_proposal(self, deal: int) -> DealProposal | None:
        """A deal's proposal, or None for a deal that is over or never was."""
        wire = self.proposals.get(deal)
        return None if wire is None else DealProposal.from_wire(wire)

    def find_state(self, deal: int) -> DealState | None:
        """A deal's state, or None for one that is in no sector yet."""
        wire = self.states.get(deal)
        return None if wire is None else DealState.from_wire(wire)

    def forget(self, deal: int, proposal: Cid, *, with_state: bool, pending: bool) -> None:
        """Remove a deal that is over; raises StateFault where it is not there.

        Source: ``market_actor.go``, deleteDealProposalAndState.
        """
        if not self.proposals.delete(deal) or (with_state and not self.states.delete(deal)):
            raise StateFault(f"deal {deal} cannot be deleted")
        if pending:
            self.unpend(proposal)

    def unpend(self, proposal: Cid) -> None:
        """A deal waits no longer to be settled for the first time; raises StateFault where it did not wait."""
        if not self.pending.delete(proposal.data):
            raise StateFault(f"proposal {proposal} does not wait")

    # -- balances --------------------------------------------------------------------------------------------

    def lock(self, address: Address, amount: int) -> None:
        """Lock a part of a balance; raises StateFault if what is not locked does not cover it.

        Source: ``market_balances.go``, maybeLockBalance.
        """
        if amount < 0:
            raise ActorPanic(f"cannot lock {amount}")
        locked, has = self.locked.of(address), self.escrow.of(address)
        if locked + amount > has:
            raise StateFault(
                f"{address} has {has}, of which {locked} is locked; {amount} more is due", ExitCode.INSUFFICIENT_FUNDS
            )
        self.locked.add(address, amount)

    def lock_deal(self, deal: DealProposal) -> None:
        """Lock what both sides of a deal stand for: the client's fee and collateral, the provider's collateral.

        Source: ``market_balances.go``, lockClientAndProviderBalances.
        """
        self.lock(deal.client, deal.client_balance)
        self.lock(deal.provider, deal.provider_collateral)
        self._totals[Locked.CLIENT_COLLATERAL] += deal.client_collateral
        self._totals[Locked.CLIENT_FEE] += deal.storage_fee
        self._totals[Locked.PROVIDER_COLLATERAL] += deal.provider_collateral

    def unlock(self, address: Address, amount: int, why: Locked) -> None:
        """Free a part of a balance.

        Source: ``market_balances.go``, unlockBalance.
        """
        if amount < 0:
            raise ActorPanic(f"cannot unlock {amount}")
        self.locked.subtract(address, amount)
        self._totals[why] -= amount

    def pay(self, deal: DealProposal, amount: int) -> None:
        """Move a part of the fee from the client's escrow to the provider's.

        Source: ``market_balances.go``, transferBalance.
        """
        self.escrow.subtract(deal.client, amount)
        self.unlock(deal.client, amount, Locked.CLIENT_FEE)
        self.escrow.add(deal.provider, amount)

    def slash(self, deal: DealProposal, amount: int) -> None:
        """Take the provider's collateral out of the escrow; whoever calls this burns it.

        Source: ``market_balances.go``, slashBalance.
        """
        if amount < 0:
            raise ActorPanic(f"cannot slash {amount}")
        self.escrow.subtract(deal.provider, amount)
        self.unlock(deal.provider, amount, Locked.PROVIDER_COLLATERAL)

    # -- settling --------------------------------------------------------------------------------------------

    def time_out(self, deal: DealProposal) -> int:
        """End a deal that never came into a sector; returns what the provider loses.

        Source: ``market_state.go``, processDealInitTimedOut.
        """
        self.unlock(deal.client, deal.storage_fee, Locked.CLIENT_FEE)
        self.unlock(deal.client, deal.client_collateral, Locked.CLIENT_COLLATERAL)
        self.slash(deal, deal.provider_collateral)
        self.unlock(deal.provider, 0, Locked.PROVIDER_COLLATERAL)
        return deal.provider_collateral

    def settle(self, deal: DealProposal, state: DealState, epoch: int) -> tuple[int, bool]:
        """Pay for the time since the last settling; returns what is slashed, and whether the deal is over.

        A deal whose sector was lost is paid for up to that epoch, then the client has the rest of the fee and its
        collateral back, and the provider's collateral is slashed. One that is over has both collaterals given back.

        Source: ``market_state.go``, updatePendingDealState, processDealExpired.
        """
        if state.last_updated_epoch != NEVER and state.last_updated_epoch > epoch:
            raise ActorPanic("a deal was settled in the future")
        if deal.start_epoch > epoch:
            return 0, False
        slashed = state.slash_epoch != NEVER
        if slashed and not state.slash_epoch <= min(epoch, deal.end_epoch):
            raise ActorPanic("a deal is slashed in the future")
        until = state.slash_epoch if slashed else min(epoch, deal.end_epoch)
        elapsed = until - max(deal.start_epoch, state.last_updated_epoch)
        payment = elapsed * deal.storage_price_per_epoch
        if payment > 0:
            self.pay(deal, payment)
        if slashed:
            left = deal.end_epoch - max(state.slash_epoch, deal.start_epoch)
            if left < 0:
                raise ActorPanic("a deal ends before it begins")
            self.unlock(deal.client, left * deal.storage_price_per_epoch, Locked.CLIENT_FEE)
            self.unlock(deal.client, deal.client_collateral, Locked.CLIENT_COLLATERAL)
            self.slash(deal, deal.provider_collateral)
            return deal.provider_collateral, True
        if epoch >= deal.end_epoch:
            if state.sector_start_epoch == NEVER:
                raise ActorPanic("a deal ends that was in no sector")
            self.unlock(deal.provider, deal.provider_collateral, Locked.PROVIDER_COLLATERAL)
            self.unlock(deal.client, deal.client_collateral, Locked.CLIENT_COLLATERAL)
            return 0, True
        return 0, False
