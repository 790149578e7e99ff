"""Queries of states: what a life of real messages made is what they tell, in both versions of the actors."""

import pytest
from thespis.protocols.builtin.codes import BURNT_FUNDS, INIT, MARKET, POWER, REWARD, VERIFIED_REGISTRY
from thespis.protocols.builtin.market.deals import NEVER
from thespis.protocols.builtin.queries import actors, market, miner, power, supply, verified_registry
from thespis.protocols.builtin.queries.errors import (
    AccountNotFoundError,
    ActorNotFoundError,
    DeadlineNotFoundError,
    DealNotFoundError,
    MinerNotFoundError,
    QueryError,
    SectorNotFoundError,
)
from thespis.protocols.builtin.storage_miner.bitfield_queue import BitfieldQueue
from thespis.protocols.builtin.storage_miner.periods import UNQUANTIZED
from thespis.protocols.builtin.verifreg import Allowance
from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.consensus.eligibility import NEVER_EXCLUDED, MinerStanding
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount
from thespis.protocols.errors import ChainError
from thespis.protocols.ipld.blockstore import Overlay, save
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import USERS, VERSION_0, WORKERS
from tests.protocols.builtin.life import SIZE, WORKER, Life, nodes
from tests.protocols.builtin.test_sector_life import CLIENT, COLLATERAL, PRICE, publish, two_sectors

NOBODY = Address.id(9999)


@pytest.fixture(scope="module")
def life():
    """Version 2: sector 1 is active, 2 faulty, 3 committed to; sector 1 has a deal that was paid for once."""
    life = Life()
    two_sectors(life)
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    life.award()
    life.tick(due.close + 1)
    assert life.declare(10, 2).exit_code == 0
    assert life.commit(3, 3000).exit_code == 0
    return life


@pytest.fixture(scope="module")
def older():
    """Version 0: sector 7 has power at once, a deal waits for a sector."""
    life = Life(**VERSION_0)
    assert life.commit(7, 5000).exit_code == 0
    life.ok(life.miner, 7, life.seal_proof(7))
    life.tick(life.epoch + 1)
    publish(life, nodes(fill=5))
    return life


def state_of(life):
    return life.store, miner.miner_state(life.store, life.state, life.miner)[1]


def numbers(sectors):
    return [int(sector.number) for sector in sectors]


# -- actors --------------------------------------------------------------------------------------------------


def test_an_actor_is_found_by_any_of_its_addresses(life):
    assert actors.actor_at(life.state, USERS[0]).balance == life.balance(USERS[0])
    assert actors.id_address(life.state, life.miner) == life.miner
    by_key, by_id = USERS[0], actors.id_address(life.state, USERS[0])
    assert by_id != by_key
    assert actors.actor_at(life.state, by_key) == actors.actor_at(life.state, by_id)
    assert actors.key_address(life.store, life.state, by_id) == by_key
    assert actors.key_address(life.store, life.state, by_key) == by_key


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (lambda life: actors.actor_at(life.state, NOBODY), ActorNotFoundError),
        (lambda life: actors.id_address(life.state, Address.actor(b"nobody")), ActorNotFoundError),
        (lambda life: actors.state_at(life.store, life.state, NOBODY), ActorNotFoundError),
        (lambda life: actors.key_address(life.store, life.state, NOBODY), AccountNotFoundError),
        (lambda life: actors.key_address(life.store, life.state, MARKET), AccountNotFoundError),
        (lambda life: miner.miner_state(life.store, life.state, NOBODY), MinerNotFoundError),
        (lambda life: miner.miner_info(life.store, life.state, MARKET), MinerNotFoundError),
        (lambda life: list(miner.places_of(*state_of(life), 48)), DeadlineNotFoundError),
        (lambda life: list(miner.places_of(*state_of(life), -1)), DeadlineNotFoundError),
        (lambda life: miner.sector(*state_of(life), 3), SectorNotFoundError),
        (lambda life: miner.place_of(*state_of(life), 3), SectorNotFoundError),
        (lambda life: miner.sector_expiration(*state_of(life), 9), SectorNotFoundError),
        (lambda life: market.deal(life.store, life.state, 7), DealNotFoundError),
        (lambda life: market.deal(life.store, life.state, -1), DealNotFoundError),
        (lambda life: market.market_balance(life.store, life.state, Address.actor(b"nobody")), ActorNotFoundError),
    ],
)
def test_what_is_not_there_has_its_own_error(life, asked, error):
    with pytest.raises(error) as raised:
        asked(life)
    assert isinstance(raised.value, QueryError)
    assert isinstance(raised.value, ChainError)


def test_states_by_their_code(life):
    assert actors.state_at(life.store, life.state, MARKET) == life.market()
    assert actors.any_state(life.store, life.state.get(MARKET)) == life.market()
    store = Overlay(life.store)
    foreign = life.state.get(MARKET).with_(code=life.state.get(MARKET).head, head=save(store, [1, "two"]))
    assert actors.any_state(store, foreign) == [1, "two"], "code that this node does not know"


# -- power ---------------------------------------------------------------------------------------------------


def test_power_is_what_was_proven(life, older):
    for each in (life, older):
        found = power.claimed_power(each.store, each.state, each.miner)
        assert found.own.raw == SIZE == each.power()
        assert found.total.adjusted == power.power_state(each.store, each.state).total_power()[1]
        elected = power.miner_power(each.store, each.state, each.miner)
        assert (elected.miner, elected.total) == (found.own.adjusted, found.total.adjusted)
        assert elected.has_minimum == found.has_minimum
        assert each.miner in power.miners(each.store, each.state)
        assert len(power.miners(each.store, each.state)) == 4
        nothing = power.claimed_power(each.store, each.state, NOBODY)
        assert (nothing.own.raw, nothing.has_minimum, nothing.total) == (0, False, found.total)


def test_elections_know_a_miner_by_its_id_alone(life):
    """A block that names its miner otherwise has no power, though the address leads to a miner that has."""
    known = HistoricMap(life.store, life.read(INIT).address_map).items()
    robust = next(Address.parse(key) for key, number in known if number == life.miner.actor_id)
    assert life.state.resolve(robust) == life.miner
    assert power.claimed_power(life.store, life.state, robust).own.raw == SIZE
    assert power.miner_power(life.store, life.state, robust) == power.miner_power(life.store, life.state, NOBODY)


def changed(life, address, state):
    """A tree over a life's in which an actor has another state."""
    store = Overlay(life.store)
    tree = StateTree(store, life.state.flush())
    tree.change(address, head=save(store, state.to_wire()))
    return store, tree


def test_the_standing_of_a_miner(life, older):
    for each, excluded_until in ((life, -1), (older, NEVER_EXCLUDED)):
        own = power.claimed_power(each.store, each.state, each.miner).own.adjusted
        expected = MinerStanding(own, 0, excluded_until)
        assert power.miner_standing(each.store, each.state, each.miner) == expected
        assert power.miner_standing(each.store, each.state, NOBODY) is None
    state, own = life.read(life.miner), power.claimed_power(life.store, life.state, life.miner).own.adjusted
    asked = changed(life, life.miner, state.with_(fee_debt=TokenAmount(1)))
    assert power.miner_standing(*asked, life.miner) == MinerStanding(own, 1, -1)
    excluded = state.load_info(life.store).with_(consensus_fault_elapsed=ChainEpoch(life.epoch))
    store = Overlay(life.store)
    tree = StateTree(store, life.state.flush())
    tree.change(life.miner, head=save(store, state.with_info(store, excluded).to_wire()))
    assert power.miner_standing(store, tree, life.miner) == MinerStanding(own, 0, life.epoch)
    claims = life.read(POWER).add_to_claim(life.store, life.miner, -SIZE, -own)
    assert power.miner_standing(*changed(life, POWER, claims), life.miner).power == 0


def test_a_state_without_a_power_actor(life):
    tree = StateTree(life.store, life.state.flush())
    tree.delete(POWER)
    with pytest.raises(ChainError, match="no power actor"):
        power.power_state(life.store, tree)
    tree = StateTree(life.store, life.state.flush())
    tree.change(POWER, code=life.state.get(MARKET).code, head=life.state.get(MARKET).head)
    with pytest.raises(ChainError, match="the power actor's code is"):
        power.power_state(life.store, tree)


# -- miners --------------------------------------------------------------------------------------------------


def test_who_stands_behind_a_miner(life):
    info = miner.miner_info(life.store, life.state, life.miner)
    assert actors.key_address(life.store, life.state, info.worker) == WORKER
    assert (info.owner, info.sector_size) == (info.worker, SIZE)


def test_sectors_by_what_became_of_them(life):
    asked = state_of(life)
    assert numbers(miner.active_sectors(*asked)) == [1]
    assert (list(miner.faults(*asked)), list(miner.recoveries(*asked))) == ([2], [])
    assert miner.sector_counts(*asked) == miner.SectorCounts(live=2, active=1, faulty=1)
    assert miner.sector(*asked, 1).deal_ids == (0,)
    assert [miner.is_allocated(*asked, number) for number in (1, 2, 3, 4)] == [True, True, True, False]


def test_version_0_counts_a_sector_before_its_first_window_proof(older):
    asked = state_of(older)
    assert numbers(miner.active_sectors(*asked)) == [7]
    assert miner.sector_counts(*asked) == miner.SectorCounts(live=1, active=1, faulty=0)


def test_where_sectors_are_due(life):
    store, state = state_of(life)
    found = list(miner.places(store, state))
    assert [(place.deadline, place.index) for place in found] == [(life.place(), 0)]
    assert list(found[0].partition.sectors) == [1, 2]
    assert miner.place_of(store, state, 2) == found[0]
    assert list(miner.places_of(store, state, life.place())) == found
    assert list(miner.places_of(store, state, (life.place() + 1) % 48)) == []


def test_which_partitions_were_proven_at_their_deadline():
    life = Life()
    two_sectors(life)
    due = life.until_due()
    asked = life.store, life.read(life.miner)
    assert miner.submissions(*asked) == [Bitfield()] * 48
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    found = miner.submissions(life.store, life.read(life.miner))
    assert [index for index, proven in enumerate(found) if 0 in proven] == [due.index]


def test_when_sectors_expire(life):
    asked = state_of(life)
    good, faulty = miner.sector_expiration(*asked, 1), miner.sector_expiration(*asked, 2)
    assert good.early is None
    assert 0 <= good.on_time - miner.sector(*asked, 1).expiration < life.policy.proving_period
    assert faulty.on_time is None, "it would expire later than a fault may last"
    assert 0 < faulty.early - life.epoch <= life.policy.fault_max_age + life.policy.proving_period


def test_a_terminated_sector_expired_early_until_it_is_settled(life):
    """The queue of terminations counts, which settling empties within the same message."""
    store, state = Overlay(life.store), life.read(life.miner)
    place = miner.place_of(store, state, 1)
    queue = BitfieldQueue(store, place.partition.early_terminated, UNQUANTIZED)
    queue.add(77, Bitfield.of([1]))
    partitions, deadlines = HistoricArray(store), state.load_deadlines(store)
    partitions.set(0, place.partition.with_(early_terminated=queue.flush()).to_wire())
    deadline = deadlines.load(store, place.deadline).with_(partitions=partitions.flush())
    state = state.with_deadlines(store, deadlines.update(store, place.deadline, deadline))
    assert miner.sector_expiration(store, state, 1).early == 77


def test_what_an_owner_may_withdraw(life):
    store, state = state_of(life)
    balance = life.balance(life.miner)
    assert state.locked_funds > 0
    free = balance - state.locked_funds - state.pre_commit_deposits - state.initial_pledge
    assert miner.available_balance(store, state, balance, life.epoch) == free
    later = life.epoch + 400 * 2880
    assert miner.available_balance(store, state, balance, later) == free + state.locked_funds, "all has vested"
    assert life.read(life.miner) == state, "and nothing was changed"


# -- the market ----------------------------------------------------------------------------------------------


def test_balances_in_escrow(life):
    found = market.market_balances(life.store, life.state)
    client = actors.id_address(life.state, CLIENT)
    assert set(found) == {client, life.miner}
    assert found[client] == market.market_balance(life.store, life.state, CLIENT)
    deal = market.deal(life.store, life.state, 0)
    paid = (deal.state.last_updated_epoch - deal.proposal.start_epoch) * PRICE
    assert paid > 0
    assert found[client] == market.MarketBalance(2 * COLLATERAL - paid, COLLATERAL + 500 * PRICE - paid)
    assert found[life.miner] == market.MarketBalance(2 * COLLATERAL + paid, COLLATERAL)
    assert market.market_balance(life.store, life.state, USERS[1]) == market.MarketBalance(0, 0)


def test_deals(life, older):
    [(number, found)] = market.deals(life.store, life.state)
    assert (number, found) == (0, market.deal(life.store, life.state, 0))
    assert found.state.sector_start_epoch > 0
    [(_, waiting)] = market.deals(older.store, older.state)
    assert waiting.state == market.IN_NO_SECTOR
    assert waiting.state.sector_start_epoch == NEVER
    assert market.is_pending(older.store, older.state, waiting.proposal.cid()), "not settled for the first time yet"
    assert not market.is_pending(life.store, life.state, found.proposal.cid()), "settled"


def test_what_a_provider_puts_up(life):
    """One hundredth of the supply, as large a share of it as the piece is of the network."""
    found = market.collateral_bounds(life.store, life.state, 1 << 11, 10**26, 5, verified=False)
    baseline = life.read(REWARD).this_epoch_baseline_power
    assert found == market.CollateralBounds(10**26 * 2048 // (100 * baseline), TOTAL_FILECOIN)
    assert found == market.collateral_bounds(life.store, life.state, 1 << 11, 10**26, 5, verified=True)
    before = market.collateral_bounds(life.store, life.state, 1 << 11, 10**26, 0, verified=True)
    assert before.least == 10 * 5 * 10**26 * 2048 // (100 * baseline), (
        "network version 0 counts verified data ten times"
    )


# -- the verified registry -----------------------------------------------------------------------------------


def test_allowances():
    life = Life()
    root = verified_registry.root_key(life.store, life.state)
    assert actors.key_address(life.store, life.state, root) == WORKERS[0]
    asked = life.store, life.state
    assert verified_registry.verifier_allowance(*asked, USERS[1]) is None
    life.ok(VERIFIED_REGISTRY, 2, Allowance(USERS[1], BigInteger(1 << 21)), sender=WORKERS[0])
    life.ok(VERIFIED_REGISTRY, 4, Allowance(USERS[2], BigInteger(1 << 20)), sender=USERS[1])
    assert verified_registry.verifier_allowance(*asked, USERS[1]) == 1 << 20
    assert verified_registry.client_allowance(*asked, USERS[2]) == 1 << 20
    assert verified_registry.client_allowance(*asked, actors.id_address(life.state, USERS[2])) == 1 << 20
    assert verified_registry.client_allowance(*asked, USERS[1]) is None


# -- supply --------------------------------------------------------------------------------------------------


def test_supply(life):
    found = supply.supply(life.state)
    assert found == supply.Supply(life.supply, life.balance(REWARD), life.balance(BURNT_FUNDS))
    locked = life.read(life.miner).locked_funds
    assert locked > 0
    circulating = supply.circulating_supply(life.store, life.state)
    assert circulating == found.total - found.to_be_mined - found.burnt - locked
