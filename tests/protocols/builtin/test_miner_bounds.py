"""How much one message may be about, and how large what a miner says of itself may be: specs-actors v0 and v2."""

import dataclasses

import pytest
from thespis.protocols.builtin.codes import MARKET
from thespis.protocols.builtin.market.deals import (
    ClientDealProposal,
    DealProposal,
    PublishDealsParams,
    PublishDealsReturn,
)
from thespis.protocols.builtin.market.publication import LABEL_BYTES_MAX, PIECE_BYTES_MIN
from thespis.protocols.builtin.policy import EPOCHS_IN_DAY
from thespis.protocols.builtin.power import methods as power
from thespis.protocols.builtin.smoothing import FilterEstimate
from thespis.protocols.builtin.storage_miner import money, pre_commit
from thespis.protocols.builtin.storage_miner.declarations import Declaration, Declarations
from thespis.protocols.builtin.storage_miner.identity import (
    ChangeMultiaddrsParams,
    ChangePeerIdParams,
    ChangeWorkerAddressParams,
)
from thespis.protocols.builtin.storage_miner.layouts import ADDRESSED_SECTORS_MAX
from thespis.protocols.builtin.storage_miner.sectors import SECTOR_NUMBER_MAX
from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.builtin.storage_miner.v2 import money as money_v2
from thespis.protocols.builtin.storage_miner.v2.identity import (
    CONTROL_ADDRESSES_MAX,
    MULTIADDRS_BYTES_MAX,
    PEER_ID_BYTES_MAX,
)
from thespis.protocols.builtin.storage_miner.v2.state import SectorOnChainInfoV2
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.piece_cid import piece_cid_v1, sealed_cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.proofs.memory import data_rows
from thespis.protocols.vm.exit_codes import ExitCode

from tests.actors.chain.builder import USER_KEYS, USERS, VERSION_0
from tests.protocols.builtin.life import SIZE, WORKER, ZERO, Life, nodes

COLLATERAL = 10**18
CHANGE_WORKER, CHANGE_PEER_ID, PROVE_COMMIT, DECLARE_FAULTS, CHANGE_MULTIADDRS = 3, 4, 7, 10, 18


@pytest.fixture(params=[0, 2])
def life(request):
    found = Life(**(VERSION_0 if request.param == 0 else {}))
    found.version = request.param
    return found


# -- what a miner says of itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "largest", "larger"),
    [
        (
            CHANGE_WORKER,
            ChangeWorkerAddressParams(WORKER, (USERS[0],) * CONTROL_ADDRESSES_MAX),
            ChangeWorkerAddressParams(WORKER, (USERS[0],) * (CONTROL_ADDRESSES_MAX + 1)),
        ),
        (
            CHANGE_PEER_ID,
            ChangePeerIdParams(b"p" * PEER_ID_BYTES_MAX),
            ChangePeerIdParams(b"p" * (PEER_ID_BYTES_MAX + 1)),
        ),
        (
            CHANGE_MULTIADDRS,
            ChangeMultiaddrsParams((b"m", b"m" * (MULTIADDRS_BYTES_MAX - 1))),
            ChangeMultiaddrsParams((b"m", b"m" * MULTIADDRS_BYTES_MAX)),
        ),
    ],
)
def test_what_a_miner_says_of_itself_is_bounded_from_version_2_on(life, method, largest, larger):
    life.ok(life.miner, method, largest)
    code = life.send(life.miner, method, larger).exit_code
    assert code == (ExitCode.ILLEGAL_ARGUMENT if life.version else ExitCode.OK), life.reason


# -- sectors -------------------------------------------------------------------------------------------------


def test_sector_numbers_run_to_their_bound(life):
    """The array of sectors holds the highest, as go-amt-ipld v2.1.0 does (MaxIndex is 2^63 - 1)."""
    assert life.commit(1 << 48, 5000).exit_code == ExitCode.OK, life.reason
    assert life.commit(SECTOR_NUMBER_MAX, 5000).exit_code == ExitCode.OK, life.reason
    assert life.commit(SECTOR_NUMBER_MAX + 1, 5000).exit_code == ExitCode.ILLEGAL_ARGUMENT
    assert f"they run to {SECTOR_NUMBER_MAX}" in life.reason


def test_a_sector_holds_a_bounded_number_of_deals(life, monkeypatch):
    """Two kilobytes hold 256 deals like any sector below 32 GiB."""
    assert pre_commit.DEALS_MIN_MAX == 256
    assert pre_commit.DEALS_MIN_MAX * pre_commit.DEAL_BYTES_SHARE == 32 << 30
    monkeypatch.setattr(pre_commit, "DEALS_MIN_MAX", 1)
    publish = publisher(life)
    deals = [publish(label, SIZE // 2) for label in ("first", "second")]
    numbers = [PublishDealsReturn.decode(receipt.return_value).ids[0] for receipt in deals]
    life.commit(1, 5000, deals=numbers)
    assert "2 deals are too many" in life.reason
    assert life.commit(1, 5000, deals=numbers[:1]).exit_code == ExitCode.OK, life.reason


def test_a_message_addresses_a_bounded_number_of_sectors(life):
    def reason(count):
        declared = Declaration(ZERO, ZERO, Bitfield.of(range(count)))
        receipt = life.send(life.miner, DECLARE_FAULTS, Declarations((declared,)))
        assert receipt.exit_code != ExitCode.OK, "there are no such sectors"
        return life.reason

    assert ADDRESSED_SECTORS_MAX == 10_000
    assert "too many" not in reason(ADDRESSED_SECTORS_MAX)
    assert f"{ADDRESSED_SECTORS_MAX + 1} sectors are too many" in reason(ADDRESSED_SECTORS_MAX + 1)


def test_an_epoch_takes_a_bounded_number_of_a_miners_proofs(life, monkeypatch):
    assert power.PROVE_COMMITS_MAX == 200
    monkeypatch.setattr(power, "PROVE_COMMITS_MAX", 1)
    assert [life.commit(number, 5000).exit_code for number in (1, 2)] == [0, 0]
    first, second = (life.seal_proof(number) for number in (1, 2))
    life.ok(life.miner, PROVE_COMMIT, first)
    assert life.send(life.miner, PROVE_COMMIT, second).exit_code == power.TOO_MANY_PROVE_COMMITS
    life.tick(life.epoch + 1)
    life.ok(life.miner, PROVE_COMMIT, second)


# -- money ---------------------------------------------------------------------------------------------------

NOTHING = FilterEstimate.starting(0, 0)
SECTOR = SectorOnChainInfo(
    Unsigned(1), 0, sealed_cid(bytes(32)), (), ChainEpoch(0), ChainEpoch(10**6), BigInteger(0), BigInteger(0),
    TokenAmount(0), TokenAmount(10**6), TokenAmount(7),
)  # fmt: skip


@pytest.mark.parametrize(("network_version", "share"), [(0, 1), (1, 2)])
def test_ending_a_sector_of_version_0_costs_no_more_after_seventy_days(network_version, share):
    def fee(epoch):
        return money.termination_fee(SIZE, epoch, NOTHING, NOTHING, network_version, [SECTOR])

    oldest = money.TERMINATION_AGE_MAX * share
    assert money.TERMINATION_AGE_MAX == 70 * EPOCHS_IN_DAY
    assert fee(oldest) == fee(oldest + share) == 7 + 70 * 10**6
    assert fee(oldest - share) < fee(oldest)


def test_ending_a_sector_of_version_2_costs_half_of_140_days_at_most():
    def fee(epoch, replaced_age=0):
        sector = dataclasses.replace(
            SectorOnChainInfoV2.of(SECTOR),
            replaced_sector_age=ChainEpoch(replaced_age), replaced_day_reward=SECTOR.expected_day_reward,
        )  # fmt: skip
        return money_v2.termination_fee(SIZE, epoch, NOTHING, NOTHING, [sector])

    oldest = money_v2.TERMINATION_AGE_MAX
    assert oldest == 140 * EPOCHS_IN_DAY
    assert fee(oldest) == fee(oldest + 1) == fee(10**7) == 7 + 70 * 10**6
    assert fee(oldest - 1) < fee(oldest)
    assert fee(oldest - 5, replaced_age=5) == fee(oldest - 5, replaced_age=50) == fee(oldest)
    assert fee(oldest - 5, replaced_age=4) < fee(oldest)


# -- deals ---------------------------------------------------------------------------------------------------


def publisher(life):
    """What publishes a deal of a label and a size, with money enough in escrow for all that a test needs."""
    for sender, owner in ((USERS[0], USERS[0]), (WORKER, life.miner)):
        life.ok(MARKET, 2, cbor.encode(owner.data), 10 * COLLATERAL, sender=sender)
    piece = piece_cid_v1(data_rows(nodes(fill=5))[-1].tobytes())

    def publish(label, size):
        deal = DealProposal(
            piece, Unsigned(size), False, USERS[0], life.miner, label, ChainEpoch(life.epoch + 60),
            ChainEpoch(life.epoch + 560), TokenAmount(1), TokenAmount(COLLATERAL), TokenAmount(COLLATERAL),
        )  # fmt: skip
        signed = ClientDealProposal(deal, sign(SignatureType.SECP256K1, USER_KEYS[0], deal.encode()))
        return life.send(MARKET, 4, PublishDealsParams((signed,)))

    return publish


def test_a_deals_label_and_piece_have_bounds(life):
    publish = publisher(life)
    largest = "é" * (LABEL_BYTES_MAX // 2)
    assert publish(largest, SIZE).exit_code == ExitCode.OK
    longer = publish(largest + "x", SIZE).exit_code
    assert longer == (ExitCode.ILLEGAL_ARGUMENT if life.version else ExitCode.OK), "bytes count, not characters"
    assert publish("smallest", PIECE_BYTES_MIN).exit_code == ExitCode.OK
    assert publish("smaller", PIECE_BYTES_MIN // 2).exit_code == ExitCode.ILLEGAL_ARGUMENT
    assert publish("no power of two", PIECE_BYTES_MIN * 3).exit_code == ExitCode.ILLEGAL_ARGUMENT
