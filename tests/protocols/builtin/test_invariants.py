"""The checker of states sees what it is there to see; that sound states pass it, the lives and traces show."""

import dataclasses

import pytest
from thespis.protocols.builtin.codes import MARKET, POWER
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.builtin.storage_miner.state import PowerPair
from thespis.protocols.builtin.storage_miner.v2.partition import PartitionV2
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import BigInteger, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import Overlay, save
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.vm.state_tree import StateTree

from tests.protocols.builtin.life import SIZE, Life
from tests.protocols.builtin.test_sector_life import two_sectors


@pytest.fixture(scope="module")
def life():
    """A miner with two proven sectors, one of them with a deal."""
    life = Life()
    two_sectors(life)
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    return life


class Tampering:
    """A copy of the state to change behind everyone's back."""

    def __init__(self, life):
        self.life, self.store = life, Overlay(life.store)
        self.state = StateTree(self.store, life.state.flush())

    def set(self, address, record):
        self.state.change(address, head=save(self.store, record.to_wire()))

    def seen(self):
        self.state.flush()
        return "\n".join(violations(self.store, self.state, self.life.supply))

    def partition(self, change):
        """Change the only partition."""
        miner = self.life.read(self.life.miner)
        deadlines, index = miner.load_deadlines(self.store), self.life.place()
        deadline = deadlines.load(self.store, index)
        partitions = HistoricArray(self.store, deadline.partitions)
        partitions.set(0, change(PartitionV2.from_wire(partitions.get(0))).to_wire())
        deadlines = deadlines.update(self.store, index, dataclasses.replace(deadline, partitions=partitions.flush()))
        self.set(self.life.miner, miner.with_deadlines(self.store, deadlines))
        return self.seen()


def test_a_sound_state_has_nothing_to_say(life):
    assert Tampering(life).seen() == ""


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"locked_funds": TokenAmount(5)}, "is vesting"),
        ({"pre_commit_deposits": TokenAmount(5)}, "deposits sum to 0, not 5"),
        ({"initial_pledge": TokenAmount(5)}, "the sectors pledge"),
        ({"fee_debt": TokenAmount(-1)}, "a debt of -1"),
        ({"initial_pledge": TokenAmount(10**30)}, "locked"),
    ],
)
def test_a_miners_money(life, changes, what):
    tampering = Tampering(life)
    tampering.set(life.miner, dataclasses.replace(life.read(life.miner), **changes))
    assert isinstance(life.read(life.miner), MinerStateV2)
    assert what in tampering.seen()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"faults": Bitfield.of([1])}, "faulty sectors have"),
        ({"faults": Bitfield.of([1]), "terminated": Bitfield.of([1])}, "in several of"),
        ({"unproven": Bitfield.of([9])}, "that it does not have"),
        ({"recoveries": Bitfield.of([1])}, "recover that are not faulty"),
        ({"sectors": Bitfield.of([1])}, "2 sectors have an end, 1 are live"),
        ({"sectors": Bitfield.of([1])}, "it counts (2, 2)"),
        ({"live_power": PowerPair(TokenAmount(1), TokenAmount(1))}, "live sectors have"),
        ({"faulty_power": PowerPair(TokenAmount(1), TokenAmount(1))}, "other faulty power"),
        ({"live_power": PowerPair(TokenAmount(SIZE), TokenAmount(SIZE))}, f"claims {2 * SIZE} bytes"),
    ],
)
def test_a_partition(life, changes, what):
    assert what in Tampering(life).partition(lambda partition: dataclasses.replace(partition, **changes))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"total_bytes_committed": BigInteger(1)}, "the claims sum to"),
        ({"total_raw_byte_power": BigInteger(1)}, "above the minimum sum to"),
        ({"miner_above_min_power_count": 1}, "1 are counted"),
        ({"miner_count": 0}, "4 claims, and 0 miners"),
        ({"total_pledge_collateral": TokenAmount(1)}, "the miners pledged"),
    ],
)
def test_the_power_actors_books(life, changes, what):
    tampering = Tampering(life)
    tampering.set(POWER, dataclasses.replace(life.read(POWER), **changes))
    assert what in tampering.seen()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"total_client_storage_fee": TokenAmount(1)}, "the reasons sum to"),
        ({"total_provider_locked_collateral": TokenAmount(1)}, "the deals stand for"),
        ({"next_id": Unsigned(0)}, "is beyond the next number 0"),
    ],
)
def test_the_markets_books(life, changes, what):
    tampering = Tampering(life)
    tampering.set(MARKET, dataclasses.replace(life.market(), **changes))
    assert what in tampering.seen()


def test_escrow_and_locks(life):
    market = life.market()
    for change, what in (
        ({"escrow_table": market.locked_table}, "is in escrow, the market has"),
        ({"locked_table": market.escrow_table}, "the reasons sum to"),
        ({"pending_proposals": market.escrow_table}, "are pending"),
        ({"proposals": HistoricArray(Overlay(life.store)).flush()}, "the deals stand for (0, 0, 0)"),
    ):
        tampering = Tampering(life)
        HistoricArray(tampering.store).flush()
        tampering.set(MARKET, dataclasses.replace(market, **change))
        found = tampering.seen()
        assert what.replace("(0, 0, 0)", "0, 0 and 0") in found, what


def test_money_from_nowhere(life):
    tampering = Tampering(life)
    tampering.state.change(life.miner, balance=TokenAmount(life.balance(life.miner) + 1))
    assert "the balances sum to" in tampering.seen()
