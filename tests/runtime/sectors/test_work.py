"""Jobs on real files: staged, sealed, read back; damaged, cut, removed, full; and the same job twice at once."""

import errno
import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.proofs.challenges import window_leaves
from thespis.protocols.proofs.piece import commitment
from thespis.protocols.proofs.registry import SealProof
from thespis.protocols.proofs.vanilla import PostVanillaProof, ProvenSector, SealVanillaProof, verify_post
from thespis.runtime.sectors import jobs
from thespis.runtime.sectors.pieces import PieceStream, piece_path
from thespis.runtime.sectors.port import ThreadSectorPort
from thespis.runtime.sectors.sealing import Manifest
from thespis.runtime.sectors.work import SectorWork, outcome_of

from tests.properties import FIXTURES, examples

TICKET, SEED = b"\x05" * 32, b"\x09" * 32


def data(size, salt=1):
    return bytes((salt + 11 * n) % 256 for n in range(size))


class Bench:
    """A folder of sectors and a folder of sources."""

    def __init__(self, folder):
        self.folder = folder / "sectors"
        self.sources = folder
        self.seen = []

    def do(self, job):
        return outcome_of(SectorWork(self.folder, 2), job, lambda phase, share: self.seen.append((phase, share)))

    def stage(self, key, content, sector=1):
        source = self.sources / f"source-{key}"
        source.write_bytes(content)
        staged = self.do(jobs.StagePiece(sector, key, str(source), len(content)))
        assert isinstance(staged, jobs.PieceStaged), staged
        return staged.root

    def job(self, sector=1):
        big, small = data(1016), data(300, 2)
        pieces = (
            jobs.Piece("big", "", 1016, 1024, self.stage("big", big, sector), 0),
            jobs.Piece("small", "", 300, 512, self.stage("small", small, sector), 1024),
        )
        return jobs.SealSector(sector, 0, 1000, TICKET, pieces)

    def path(self, name, sector=1):
        return self.folder / str(sector) / name


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_pieces_are_sealed_and_read_back(bench):
    job = bench.job()
    assert job.pieces[0].root == commitment(data(1016)).root
    replica = bench.do(job)
    assert isinstance(replica, jobs.Replica)
    assert not list(bench.folder.glob("1/piece-*"))
    for piece, content in zip(job.pieces, (data(1016), data(300, 2)), strict=True):
        target = bench.sources / "out"
        assert bench.do(jobs.ReadPiece(1, piece, str(target))) == jobs.JobDone()
        assert target.read_bytes() == content
    proof = bench.do(jobs.ProveSeal(1, SEED))
    SealVanillaProof.decode(proof.data)
    assert bench.do(jobs.DropLayers(1)) == jobs.JobDone()
    assert "were dropped" in bench.do(jobs.ProveSeal(1, SEED)).reason
    assert bench.do(jobs.ReadPiece(1, job.pieces[1], str(target))) == jobs.JobDone()
    assert target.read_bytes() == data(300, 2)
    assert bench.do(job) == replica, "sealing again changes nothing"


def test_a_window_proof_leaves_out_what_is_damaged(bench):
    replicas = [bench.do(bench.job(sector)) for sector in (1, 2, 3)]
    damaged = bytearray(bench.path("sealed", 2).read_bytes())
    damaged[7] ^= 64
    bench.path("sealed", 2).write_bytes(damaged)
    made = bench.do(jobs.ProveWindow((1, 2, 3, 4), SEED))
    assert [fault.sector for fault in made.faults] == [2, 4]
    shape = SealProof(0).shape
    proven = [ProvenSector(1, replicas[0].comm_r), ProvenSector(3, replicas[2].comm_r)]

    def leaves(place):
        return window_leaves(SEED, (1, 3)[place], place, shape.nodes, SealProof(0).api)

    verify_post(proven, shape.levels, leaves, PostVanillaProof.decode(made.data))
    assert bench.do(jobs.ProveWindow((4,), SEED)).data == b""


@pytest.mark.parametrize(("claimed", "word"), [(299, "longer"), (301, "ends after 300")])
def test_a_size_is_a_claim_until_it_was_counted(bench, claimed, word):
    (bench.sources / "s").write_bytes(data(300))
    failed = bench.do(jobs.StagePiece(1, "k", str(bench.sources / "s"), claimed))
    assert failed.kind == "SectorDataError"
    assert word in failed.reason
    assert not list(bench.folder.glob("1/piece-*"))


def test_only_plain_files_are_pieces(bench):
    os.mkfifo(bench.sources / "pipe")
    for source in ("pipe", "missing", "."):
        failed = bench.do(jobs.StagePiece(1, "k", str(bench.sources / source), 10))
        assert failed.kind == "SectorDataError", failed


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_staged_piece_that_changed_is_named(bench, damage):
    job = bench.job()
    path = piece_path(bench.folder / "1", "small")
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(b"\xff" + path.read_bytes()[1:])
    failed = bench.do(job)
    assert failed.kind == "SectorDataError"
    assert failed.reason.startswith("piece small: ")
    bench.stage("small", data(300, 2))
    assert isinstance(bench.do(job), jobs.Replica), "mended, it is sealed"


@pytest.mark.parametrize("name", ["layer-1", "layer-2", "tree-c", "sealed", "tree-r-last", "tree-d"])
@pytest.mark.parametrize("dropped", [False, True])
def test_a_working_file_that_is_gone_is_made_again(bench, name, dropped):
    job = bench.job()
    replica = bench.do(job)
    if name.startswith("layer"):  # such are missed before the sector is sealed
        manifest = bench.path("sector.json")
        manifest.write_text(manifest.read_text().replace('"commit"', '"replica"'))
    if dropped:
        bench.do(jobs.DropLayers(1))
    bench.path(name).unlink(missing_ok=True)
    found = bench.do(job)
    if name == "tree-d":
        assert found.kind == "SectorDataError", "its pieces are gone too"
        bench.job()
        found = bench.do(job)
    assert found == replica
    assert Manifest.read(bench.folder / "1").done[-1] == "commit"


def test_a_full_disk_is_said_and_room_heals_it(bench, monkeypatch):
    job = bench.job()

    def full(_fd, _offset, _length):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    failed = bench.do(job)
    assert failed.kind == "SectorDiskFullError"
    monkeypatch.undo()
    assert isinstance(bench.do(job), jobs.Replica)
    monkeypatch.setattr("os.fsync", lambda _fd: full(0, 0, 0))
    failed = bench.do(jobs.StagePiece(2, "k", str(bench.sources / "source-big"), 1016))
    assert (failed.kind, "free some room" in failed.reason) == ("SectorDiskFullError", True)


def test_the_same_job_twice_at_once_is_done_once(bench):
    job = bench.job()
    outcomes, gate = [], threading.Barrier(4)

    def work():
        gate.wait()
        outcomes.append(bench.do(job))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    assert len(set(outcomes)) == 1
    assert isinstance(outcomes[0], jobs.Replica)
    assert [phase for phase, share in bench.seen if share == 1.0 and phase == "commit"] == ["commit"]


def test_a_port_answers_whatever_happens(tmp_path, monkeypatch):
    events, ended = [], threading.Event()

    def deliver(event):
        events.append(event)
        if isinstance(event, jobs.JobEnded):
            ended.set()

    port = ThreadSectorPort(tmp_path, 1, deliver)
    port.submit(7, jobs.SealSector(1, 0, 1000, TICKET, ()))
    assert ended.wait(60)
    assert isinstance(events[-1].outcome, jobs.Replica)
    assert {event.phase for event in events[:-1]} >= {"data", "labels-1", "columns", "commit"}
    ended.clear()

    def broken(*_arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(SectorWork, "do", broken)
    port.submit(8, jobs.DropLayers(1))
    assert ended.wait(60)
    assert "ZeroDivisionError" in events[-1].outcome.reason
    port.close()


@settings(max_examples=examples(60), suppress_health_check=FIXTURES)
@given(st.data())
def test_a_stream_of_pieces_reads_as_one_file(tmp_path, data):
    folder = tmp_path / "s"
    folder.mkdir(exist_ok=True)
    pieces, offset, expected = [], 0, b""
    for number in range(data.draw(st.integers(0, 4))):
        padded = data.draw(st.sampled_from([128, 256, 512]))
        content = data.draw(st.binary(min_size=1, max_size=padded // 128 * 127))
        offset = -(-offset // padded) * padded
        expected = expected.ljust(offset // 128 * 127, b"\x00") + content
        piece_path(folder, str(number)).write_bytes(content)
        pieces.append(jobs.Piece(str(number), "", len(content), padded, b"", offset))
        offset += padded
    stream, read = PieceStream(folder, pieces[::-1]), b""
    while part := stream.read(data.draw(st.integers(1, 400))):
        read += part
    assert read == expected
