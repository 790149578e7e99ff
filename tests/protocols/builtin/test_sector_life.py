"""A storage miner's life with real proofs: deals, sectors, faults declared, skipped and missed, recovery, the end."""

import pytest
from thespis.protocols.builtin.codes import BURNT_FUNDS, MARKET
from thespis.protocols.builtin.market.deals import (
    ClientDealProposal,
    DealProposal,
    Escrow,
    PublishDealsParams,
    PublishDealsReturn,
)
from thespis.protocols.builtin.market.tables import BalanceTable
from thespis.protocols.builtin.storage_miner.prove_commit import ProveCommitParams
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.proofs.memory import data_rows

from tests.actors.chain.builder import USER_KEYS, USERS, VERSION_0
from tests.protocols.builtin.life import SIZE, WORKER, Life, nodes

CLIENT, PRICE, COLLATERAL = USERS[0], 10**6, 10**18


@pytest.fixture(scope="module")
def proven():
    """A miner of version 0 whose sector was proven and has power."""
    life = Life(**VERSION_0)
    assert life.commit(7, 5000).exit_code == 0
    params = life.seal_proof(7)
    broken = bytearray(params.proof)
    broken[len(broken) // 2] ^= 1
    life.ok(life.miner, 7, ProveCommitParams(Unsigned(7), bytes(broken)))
    life.tick(life.epoch + 1)
    assert life.power() == 0, "a proof that does not hold gives no power"
    life.ok(life.miner, 7, params)
    life.tick(life.epoch + 1)
    assert life.power() == SIZE
    assert life.read(life.miner).pledge > 0
    return life


def test_a_sectors_life_in_version_0(proven):
    life = proven
    due = life.until_due()
    proof = life.window_proof(due, [7])
    broken = bytearray(proof)
    broken[-1] ^= 1
    assert life.submit(due, bytes(broken)) == 16
    assert life.submit(due, proof) == 0
    life.tick(due.close + 1)
    assert life.power() == SIZE, "proven in time"

    due = life.until_due()
    burnt = life.balance(BURNT_FUNDS)
    life.tick(due.close + 1)
    assert life.power() == 0, "missed: faulty from the deadline's end on"
    assert life.balance(BURNT_FUNDS) >= burnt

    assert life.declare(11, 7).exit_code == 0
    assert life.power() == 0, "declared recovered, not proven yet"
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [7])) == 0
    assert life.power() == SIZE, "recovered by the proof"


def in_escrow(life, address):
    """What someone has in escrow, and what of it is locked."""
    market, nominal = life.market(), life.state.resolve(address)
    return tuple(BalanceTable(life.store, root).of(nominal) for root in (market.escrow_table, market.locked_table))


def publish(life, data):
    """A deal over a whole sector's data, paid by the epoch."""
    for sender, owner in ((CLIENT, CLIENT), (WORKER, life.miner)):
        life.ok(MARKET, 2, cbor.encode(owner.data), 2 * COLLATERAL, sender=sender)
    start = life.epoch + 60
    deal = DealProposal(
        piece_cid_v1(data_rows(data)[-1].tobytes()), Unsigned(SIZE), False, CLIENT, life.miner, "a deal",
        ChainEpoch(start), ChainEpoch(start + 500), TokenAmount(PRICE),
        TokenAmount(COLLATERAL), TokenAmount(COLLATERAL),
    )  # fmt: skip
    signed = ClientDealProposal(deal, sign(SignatureType.SECP256K1, USER_KEYS[0], deal.encode()))
    receipt = life.ok(MARKET, 4, PublishDealsParams((signed,)))
    assert life.send(MARKET, 4, PublishDealsParams((signed,))).exit_code != 0, "a deal is published once"
    [number] = PublishDealsReturn.decode(receipt.return_value).ids
    assert in_escrow(life, CLIENT) == (2 * COLLATERAL, COLLATERAL + 500 * PRICE)
    return deal, number


def two_sectors(life):
    """Sectors 1, with a deal, and 2, without, are confirmed; returns the deal and the epoch of commitment."""
    data = nodes(fill=5)
    deal, number = publish(life, data)
    first = life.epoch
    assert life.commit(1, 2100, data, [number]).exit_code == 0
    assert life.commit(2, 4000).exit_code == 0
    assert life.read(life.miner).pre_commit_deposits > 0
    for sector in (1, 2):
        life.ok(life.miner, 7, life.seal_proof(sector))
    life.tick(life.epoch + 1)
    return deal, first


def test_a_storage_miners_life():
    """Version 2, two sectors, one of them with a deal; whatever happens, the books of everyone add up."""
    life = Life()
    deal, first = two_sectors(life)
    state = life.read(life.miner)
    assert (state.pre_commit_deposits, life.power()) == (0, 0), "confirmed, and without power before the first proof"
    assert state.pledge > 0

    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 1])) == 16, "a proof of other sectors"
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    assert life.power() == 2 * SIZE, "proven for the first time"
    for _ in range(2):
        life.award()
        due = life.until_due()
        assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    assert life.power() == 2 * SIZE
    assert life.epoch > deal.start_epoch
    assert in_escrow(life, life.miner)[0] > 2 * COLLATERAL, "the deal is paid while it lasts"

    life.tick(due.close + 1)
    assert life.declare(10, 2).exit_code == 0
    assert life.power() == SIZE, "a declared fault has no power at once"
    burnt = life.balance(BURNT_FUNDS)
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 1])) == 0, "the good sector stands in for the faulty one"
    life.tick(due.close + 1)
    assert life.balance(BURNT_FUNDS) > burnt, "a fault that goes on is paid for at the deadline's end"
    assert life.declare(11, 2).exit_code == 0
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    assert life.power() == 2 * SIZE, "recovered by the proof"

    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [2, 2]), skipped=[1]) == 0
    assert life.power() == SIZE, "a skipped sector is faulty"
    life.tick(due.close + 1)
    assert life.declare(11, 1).exit_code == 0
    due = life.until_due()
    burnt = life.balance(BURNT_FUNDS)
    life.tick(due.close + 1)
    assert life.power() == 0, "nobody proved anything"
    assert life.balance(BURNT_FUNDS) > burnt
    assert life.declare(11, 1, 2).exit_code == 0
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    assert life.power() == 2 * SIZE

    assert life.epoch > deal.end_epoch, "the deal is over"
    life.tick(max(life.epoch, deal.end_epoch + life.policy.deal_updates_interval))
    assert in_escrow(life, CLIENT) == (2 * COLLATERAL - 500 * PRICE, 0)
    assert in_escrow(life, life.miner) == (2 * COLLATERAL + 500 * PRICE, 0)
    life.ok(MARKET, 3, Escrow(CLIENT, TokenAmount(3 * COLLATERAL)), sender=CLIENT)
    assert in_escrow(life, CLIENT) == (0, 0)
    ends(life, first + 2100)


def ends(life, expiration):
    """One sector ends when it should, the other before its time, which costs."""
    while life.epoch < expiration:
        due = life.until_due()
        assert life.submit(due, life.window_proof(due, [1, 2])) == 0
    life.tick(life.epoch + life.policy.proving_period // 4)
    while life.power() == 2 * SIZE:
        due = life.until_due()
        assert life.submit(due, life.window_proof(due, [1, 2])) == 0
        life.tick(due.close + 1)
    assert life.power() == SIZE, "the first sector's time is over"
    pledge, burnt = life.read(life.miner).pledge, life.balance(BURNT_FUNDS)
    assert pledge > 0
    assert life.declare(9, 2).exit_code == 0
    assert (life.read(life.miner).pledge, life.power()) == (0, 0), "terminated"
    assert life.balance(BURNT_FUNDS) > burnt
    life.tick(life.epoch + life.policy.proving_period)
