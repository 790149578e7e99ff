"""Sectors of a whole node under virtual time: pieces, sealing, crashes, full disks, and who is told of it."""

import base64

import pytest
from thespis.actors.messages.mining_scheduler import StartMining, StopMining
from thespis.actors.messages.sector_builder import (
    PROVEN_SECTORS_MAX,
    AddPiece,
    FinishSector,
    PledgeSector,
    ProveSectors,
    ProveSectorSeal,
    ReadSealedPiece,
    ReadSectors,
    SealStaged,
    SectorState,
)
from thespis.actors.messages.storage_miner import DealState, ReadDeals, StorePiece
from thespis.actors.sector_builder import actor as sector_builder
from thespis.actors.simulation.network import RpcFailedError, SimulatedFilecoin
from thespis.actors.storage_miner import actor as storage_miner
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.networks.genesis import FIRST_MINER
from thespis.protocols.networks.genesis_sectors import genesis_sector
from thespis.protocols.proofs.challenges import window_leaves
from thespis.protocols.proofs.piece import commitment
from thespis.protocols.proofs.porep import Replication
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.proofs.vanilla import PostVanillaProof, ProvenSector, SealVanillaProof, verify_post, verify_seal
from thespis.runtime.errors import AskError
from thespis.runtime.sectors.errors import SectorError
from thespis.runtime.sectors.jobs import PIECE_KEY_CHARACTERS_MAX

SEED = b"\x07" * 32


@pytest.fixture
def miner():
    made = []

    def build(nodes=1, miners=1, seed=11):
        made.append(SimulatedFilecoin(seed, nodes, miners))
        made[-1].run_to_genesis()
        return made[-1], made[-1].node(0)

    yield build
    for each in made:
        each.close()


def payload(size, salt=0):
    return bytes((salt + 7 * n) % 251 for n in range(size))


def store(node, key, size=400, salt=0, claimed=None):
    node.disk.files[f"/{key}"] = payload(size, salt)
    return node.ask(StorePiece(key, f"/{key}", claimed or size))


def sectors(node):
    return {status.sector.number: status.sector for status in node.ask(ReadSectors())[0]}


def deals(node):
    return {deal.key: deal for deal in node.ask(ReadDeals())[0]}


def states(node):
    return {key: deal.state for key, deal in deals(node).items()}


def seal_all(network, node, epochs=6):
    node.ask(SealStaged())
    network.run_epochs(epochs)


@pytest.mark.behaviour(152)
def test_a_piece_is_added_sealed_proven_and_read_back(miner):
    network, node = miner()
    promised = store(node, "a")
    assert promised.state is DealState.ACCEPTED
    network.run_epochs(1)
    assert deals(node)["a"].root == commitment(payload(400)).root
    seal_all(network, node)
    sector = sectors(node)[1]
    assert sector.state is SectorState.SEALED
    assert sector.told
    assert states(node) == {"a": DealState.SEALED}
    node.ask(ReadSealedPiece("a", "/out"))
    assert node.disk.files["/out"] == payload(400)
    replication = Replication(SealProof(sector.proof), sector.miner, 1, sector.ticket, sector.comm_d)
    proof = node.ask(ProveSectorSeal(1, SEED))
    verify_seal(replication, sector.comm_r, SEED, SealVanillaProof.decode(proof))


@pytest.mark.behaviour(152)
def test_a_window_proof_covers_what_is_stored_and_names_what_is_not(miner):
    network, node = miner()
    store(node, "a")
    network.run_epochs(1)
    seal_all(network, node)
    node.disk.sectors[0].replica.leaves[3] ^= 1
    made = node.ask(ProveSectors((0, 1, 9), SEED))
    assert [fault.sector for fault in made.faults] == [0, 9]
    shape = SealProof(sectors(node)[1].proof).shape
    leaves = window_leaves(SEED, 1, 0, shape.nodes, SealProof(0).api)
    proven = [ProvenSector(1, sectors(node)[1].comm_r)]
    verify_post(proven, shape.levels, lambda _place: leaves, PostVanillaProof.decode(made.proof))
    node.disk.sectors[0].replica.leaves[3] ^= 1


def test_pieces_are_packed_and_a_full_sector_is_sealed_by_itself(miner):
    network, node = miner()
    for key, size in {"a": 900, "b": 200, "c": 1000, "d": 400, "e": 120}.items():
        store(node, key, size)
        network.run_epochs(1)
    placed = {piece.key: number for number, each in sectors(node).items() for piece in each.pieces}
    assert placed == {"a": 1, "b": 1, "c": 2, "d": 1, "e": 1}
    store(node, "f", 1000)
    network.run_epochs(6)
    found = sectors(node)
    assert found[2].state is SectorState.SEALED
    assert found[1].state is SectorState.STAGING
    seal_all(network, node)
    assert set(states(node).values()) == {DealState.SEALED}
    offsets = {piece.key: piece.offset for each in sectors(node).values() for piece in each.pieces}
    assert offsets == {"a": 0, "d": 1024, "b": 1536, "e": 1792, "c": 0, "f": 1024}
    for key, size in {"a": 900, "b": 200, "d": 400, "e": 120}.items():
        node.ask(ReadSealedPiece(key, "/out"))
        assert node.disk.files["/out"] == payload(size)


@pytest.mark.behaviour(154)
@pytest.mark.parametrize(
    ("size", "claimed", "word"),
    [(3000, 3000, "hold 1 to 2032"), (400, 401, "401"), (400, 399, "399"), (1, 10**15, "hold 1 to 2032")],
)
def test_a_piece_that_is_not_what_was_said_fails_by_name(miner, size, claimed, word):
    network, node = miner()
    store(node, "bad", size, claimed=claimed)
    store(node, "good")
    network.run_epochs(1)
    bad = deals(node)["bad"]
    assert bad.state is DealState.FAILED
    assert word in bad.reason
    seal_all(network, node)
    assert states(node)["good"] is DealState.SEALED
    assert [piece.key for each in sectors(node).values() for piece in each.pieces] == ["good"]


def test_a_source_that_is_not_there_can_be_promised_again(miner):
    network, node = miner()
    node.ask(StorePiece("late", "/late", 5))
    network.run_epochs(1)
    assert "no such file" in deals(node)["late"].reason
    store(node, "late", 5)
    network.run_epochs(1)
    assert states(node)["late"] is DealState.STAGED
    with pytest.raises(SectorError, match="use another key"):
        node.ask(StorePiece("late", "/other", 5))
    with pytest.raises(SectorError, match="already"):
        node.ask(AddPiece("late", "/other", 5))


def test_adding_the_same_piece_twice_is_one_piece(miner):
    network, node = miner()
    node.disk.files["/a"] = payload(400)
    first = node.ask(AddPiece("a", "/a", 400))
    assert node.ask(AddPiece("a", "/a", 400)) == first
    assert len(sectors(node)[1].pieces) == 1
    seal_all(network, node)
    assert sectors(node)[1].told, "that nobody promised the piece is no error"


@pytest.mark.behaviour(152, 156)
@pytest.mark.parametrize("role", ["SectorBuilder", "StorageMiner", "SealWorker-1"])
@pytest.mark.parametrize("after_s", [0.02, 0.1, 0.3, 1.2, 2.7, 4.1])
def test_a_crash_at_any_time_loses_nothing(miner, role, after_s):
    network, node = miner()
    store(node, "a")
    store(node, "b", salt=9)
    network.network.run(0.01)
    if after_s < 1:
        network.network.run(after_s)
        node.crash(role)
    network.run_epochs(3)
    node.ask(SealStaged())
    if after_s > 1:
        network.network.run(after_s - 1)
        node.crash(role)
    network.run_epochs(12)
    assert states(node) == {"a": DealState.SEALED, "b": DealState.SEALED}
    assert len(sectors(node)) == 1
    assert sectors(node)[1].told
    for key, salt in (("a", 0), ("b", 9)):
        node.ask(ReadSealedPiece(key, f"/out-{key}"))
        assert node.disk.files[f"/out-{key}"] == payload(400, salt)


@pytest.mark.behaviour(156)
def test_a_whole_node_that_dies_goes_on_where_it_was(miner):
    network, node = miner()
    store(node, "a")
    network.run_epochs(1)
    node.ask(SealStaged())
    network.network.run(1.5)
    ticket = sectors(node)[1].ticket
    node.crash_all()
    network.network.run(1.0)
    node.restart()
    network.run_epochs(8)
    assert states(node) == {"a": DealState.SEALED}
    assert sectors(node)[1].ticket == ticket


@pytest.mark.behaviour(156)
def test_a_full_disk_fails_the_sector_by_name_and_room_heals_it(miner):
    network, node = miner()
    store(node, "a")
    network.run_epochs(1)
    node.disk.sectors_full = True
    seal_all(network, node)
    failed = sectors(node)[1]
    assert failed.state is SectorState.FAILED
    assert failed.told
    assert "no room" in failed.reason
    assert deals(node)["a"].state is DealState.FAILED
    assert deals(node)["a"].reason == failed.reason
    with pytest.raises(SectorError, match=r"failed, not sealed: .*no room"):
        node.ask(ReadSealedPiece("a", "/out"))
    node.disk.sectors_full = False
    store(node, "b")
    network.run_epochs(1)
    seal_all(network, node)
    assert states(node) == {"a": DealState.FAILED, "b": DealState.SEALED}
    assert node.ask(SealStaged(1)) == (1,)
    network.run_epochs(6)
    assert states(node) == {"a": DealState.SEALED, "b": DealState.SEALED}
    assert deals(node)["a"].reason == ""


def test_a_staged_piece_that_was_removed_fails_its_sector_only(miner):
    network, node = miner()
    store(node, "a", 1000)
    store(node, "b", 1000)
    store(node, "c", 1000)
    network.run_epochs(1)
    del node.disk.files["1/b"]
    seal_all(network, node)
    assert states(node) == {"a": DealState.FAILED, "b": DealState.FAILED, "c": DealState.SEALED}
    assert "piece b of sector 1" in deals(node)["a"].reason


def test_a_result_is_told_until_it_is_noted(miner):
    network, node = miner()
    store(node, "a")
    network.run_epochs(1)
    node.ask(SealStaged())
    node.isolate("StorageMiner")
    network.run_epochs(8)
    assert sectors(node)[1].state is SectorState.SEALED
    assert not sectors(node)[1].told
    network.network.heal()
    network.run_epochs(20)
    assert sectors(node)[1].told
    assert states(node) == {"a": DealState.SEALED}


def test_staged_sectors_are_sealed_from_time_to_time(miner):
    network, node = miner()
    store(node, "a")
    network.run_epochs(130)
    assert states(node) == {"a": DealState.SEALED}
    assert list(sectors(node)) == [1]


def test_pledging_and_finishing(miner):
    network, node = miner()
    number = node.ask(PledgeSector())
    network.run_epochs(6)
    sector = sectors(node)[number]
    assert sector.state is SectorState.SEALED
    assert sector.comm_d == commitment(bytes(2032)).root
    node.ask(FinishSector(number))
    assert node.ask(SealStaged(number)) == ()
    for body in (FinishSector(77), ProveSectorSeal(77, SEED), SealStaged(77)):
        with pytest.raises(SectorError, match="no sector 77"):
            node.ask(body)


def test_progress_is_told_while_a_sector_is_sealed(miner):
    network, node = miner()
    store(node, "a")
    network.run_epochs(1)
    node.ask(SealStaged())
    seen = []
    for _ in range(40):
        network.network.run(0.1)
        [status] = node.ask(ReadSectors())[0]
        seen.append(status)
    shares = [status.share for status in seen]
    assert shares == sorted(shares)
    phases = [status.phase for status in seen]
    assert [phase for n, phase in enumerate(phases) if phase not in phases[:n]] == [
        "data", "labels-1", "labels-2", "columns", "replica", "commit", "",
    ]  # fmt: skip
    middle = seen[25]
    assert middle.bytes_per_s > 0
    assert 0 < middle.eta_s < 60


@pytest.mark.behaviour(155)
def test_the_api_speaks_of_sectors_and_a_node_without_a_miner_says_so(miner):
    network, node = miner(nodes=2)
    node.disk.files["/a"] = payload(400)
    assert network.rpc(0, "Thespis.DealsStore", "a", "/a", 400)["State"] == "accepted"
    network.run_epochs(1)
    assert network.rpc(0, "Thespis.SectorsSeal", None) == [1]
    network.run_epochs(6)
    [sector] = network.rpc(0, "Thespis.SectorsList")
    [deal] = network.rpc(0, "Thespis.DealsList")
    assert (sector["State"], deal["State"], deal["SectorNumber"]) == ("sealed", "sealed", 1)
    piece_cid = {"/": str(piece_cid_v1(commitment(payload(400)).root))}
    assert deal["PieceCID"] == sector["Pieces"][0]["PieceCID"] == piece_cid
    proof = network.rpc(0, "Thespis.SectorsProve", [0, 1], base64.b64encode(SEED).decode())
    assert proof["Faults"] == []
    assert len(base64.b64decode(proof["Proof"])) > 1000
    network.rpc(0, "Thespis.PieceRead", "a", "/out")
    assert node.disk.files["/out"] == payload(400)
    assert network.rpc(0, "Thespis.SectorsPledge") == 2
    network.rpc(0, "Thespis.SectorsFinish", 1)
    with pytest.raises(RpcFailedError, match="32"):
        network.rpc(0, "Thespis.SectorsProve", [0], "AAAA")
    with pytest.raises(RpcFailedError, match="no miner"):
        network.rpc(1, "Thespis.SectorsList")
    assert not {"SectorBuilder", "StorageMiner", "SealWorker-1"} & network.node(1).rows().keys()
    assert "SealWorker-2" not in node.rows()
    with pytest.raises(AskError, match="no role"):
        network.node(1).ask(ReadSectors())


def test_genesis_sectors_have_the_size_that_the_network_chose():
    from dataclasses import replace

    from thespis.protocols.errors import GenesisError

    network = SimulatedFilecoin(1, 1, 1)
    network.close()
    larger = replace(network.parameters, seal_proof=1)
    assert larger.profile().name == network.parameters.network_name
    assert larger.cid() != network.parameters.cid()
    sector = genesis_sector(larger, Address.id(FIRST_MINER), 0)
    assert sector.replication.proof.shape.sector_bytes == 8 << 20
    with pytest.raises(GenesisError, match="512 MiB"):
        replace(larger, seal_proof=3).profile()


def test_a_miner_keeps_a_bounded_number_of_promises(miner, monkeypatch):
    assert storage_miner.DEALS_MAX == 100_000
    monkeypatch.setattr(storage_miner, "DEALS_MAX", 2)
    _network, node = miner()
    store(node, "a")
    store(node, "b")
    with pytest.raises(SectorError, match="2 deals are kept"):
        store(node, "c")
    assert store(node, "b").key == "b", "the same order again is the same promise"
    assert sorted(deals(node)) == ["a", "b"]


def test_a_promises_key_has_a_bounded_length(miner):
    _network, node = miner()
    for key in ("", "k" * (PIECE_KEY_CHARACTERS_MAX + 1)):
        with pytest.raises(SectorError, match=f"1 to {PIECE_KEY_CHARACTERS_MAX}"):
            store(node, key)
    assert store(node, "k" * PIECE_KEY_CHARACTERS_MAX).state is DealState.ACCEPTED


def test_a_bounded_number_of_sectors_takes_pieces(miner, monkeypatch):
    """The fullest is sealed when one more is needed."""
    assert sector_builder.STAGING_MAX == 8
    monkeypatch.setattr(sector_builder, "STAGING_MAX", 2)
    network, node = miner()
    for key, size in {"a": 1000, "b": 240, "c": 1000, "d": 500, "e": 500}.items():
        store(node, key, size)
        network.network.run(0.5)
    assert [sector.state for sector in sectors(node).values()] == [SectorState.STAGING] * 2, "at the bound"
    fullest = max(sectors(node).values(), key=lambda sector: sum(piece.payload_bytes for piece in sector.pieces))
    store(node, "f", 1000)
    network.network.run(0.5)
    found = sectors(node)
    assert [piece.key for piece in found[3].pieces] == ["f"]
    assert {number for number, sector in found.items() if sector.state is not SectorState.STAGING} == {fullest.number}


def test_a_node_that_mines_no_more_seals_nothing_by_itself(miner):
    network, node = miner()
    node.ask(StopMining())
    store(node, "a")
    network.run_epochs(125)
    assert sectors(node)[1].state is SectorState.STAGING
    node.ask(StartMining())
    network.run_epochs(125)
    assert sectors(node)[1].state is SectorState.SEALED


def test_one_proof_is_over_a_partition_at_most(miner):
    _network, node = miner()
    with pytest.raises(SectorError, match=f"1 to {PROVEN_SECTORS_MAX}"):
        node.ask(ProveSectors(tuple(range(PROVEN_SECTORS_MAX + 1)), SEED))
    faults = node.ask(ProveSectors(tuple(range(PROVEN_SECTORS_MAX)), SEED)).faults
    assert len(faults) == PROVEN_SECTORS_MAX - 1
