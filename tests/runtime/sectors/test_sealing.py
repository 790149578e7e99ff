"""Sectors on files: sealed, continued after a crash at every place, unsealed, damaged and full."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.errors import SectorFaultError
from thespis.protocols.proofs.piece import commitment
from thespis.protocols.proofs.registry import KIB, MIB, SealProof
from thespis.protocols.proofs.vanilla import prove_leaves, prove_seal, verify_seal
from thespis.runtime.sectors.errors import SectorDataError, SectorDiskFullError
from thespis.runtime.sectors.files import map_file
from thespis.runtime.sectors.parents import parent_table
from thespis.runtime.sectors.sealing import Manifest, Sealing, open_sector, unseal

from tests.properties import FIXTURES, examples

DATA = bytes(range(256)) * 7
SEED = b"\x09" * 32


def manifest(size=2 * KIB, sector=1):
    proof = SealProof.of_size(size)
    return Manifest(proof.number, 1000, sector, "05" * 32, proof.porep_id.hex())


def sealed(tmp_path, name="s", data=DATA, size=2 * KIB):
    sealing = Sealing(tmp_path / name, manifest(size), threads=2)
    sealing.add_data(io.BytesIO(data))
    table = parent_table(tmp_path / "parents", sealing.manifest.replication.graph, 2)
    sealing.run(table)
    return sealing, table


def test_a_sector_is_sealed_proven_and_unsealed(tmp_path):
    sealing, table = sealed(tmp_path)
    assert sealing.manifest.done == tuple(sealing.phases())
    assert bytes.fromhex(sealing.manifest.comm_d) == commitment(DATA.ljust(2032, b"\x00")).root
    found, sector = open_sector(tmp_path / "s")
    verify_seal(found.replication, bytes.fromhex(found.comm_r), SEED, prove_seal(sector, SEED))
    for drop in False, True:
        if drop:
            sealing.files.drop_layers()
        for offset, length in ((0, None), (0, 1), (126, 2), (127, 127), (500, 1000), (2031, 1), (2032, 0)):
            target = io.BytesIO()
            count = unseal(tmp_path / "s", table, target, offset, length)
            expected = DATA.ljust(2032, b"\x00")[offset : None if length is None else offset + length]
            assert target.getvalue() == expected
            assert count == len(expected)
    with pytest.raises(SectorDataError, match="holds 2032"):
        unseal(tmp_path / "s", table, io.BytesIO(), 2000, 33)


def test_sealing_again_does_nothing_and_another_sector_is_refused(tmp_path):
    sealing, table = sealed(tmp_path)
    reported = []
    again = Sealing(tmp_path / "s", manifest())
    again.add_data(io.BytesIO(b"other"))
    assert again.run(table, lambda phase, _share: reported.append(phase)) == sealing.manifest.comm_r
    assert reported == []
    with pytest.raises(SectorDataError, match="use a new folder"):
        Sealing(tmp_path / "s", manifest(sector=2))


@pytest.mark.parametrize("phase", ["data", "labels-1", "labels-2", "columns", "replica", "commit"])
def test_a_crash_within_a_phase_costs_that_phase_only(tmp_path, monkeypatch, phase):
    reference, table = sealed(tmp_path, "reference")
    real, reported = Sealing._mark, []

    def dying(self, name, **changes):
        if name == phase:
            raise KeyboardInterrupt
        real(self, name, **changes)

    monkeypatch.setattr(Sealing, "_mark", dying)
    with pytest.raises(KeyboardInterrupt):
        sealed(tmp_path)
    monkeypatch.undo()
    sealing = Sealing(tmp_path / "s", manifest())
    before = list(sealing.manifest.done)
    assert phase not in before
    sealing.add_data(io.BytesIO(DATA))
    comm_r = sealing.run(table, lambda name, share: reported.append(name) if share == 1.0 else None)
    assert comm_r == reference.manifest.comm_r
    assert not set(before) & set(reported)


@pytest.mark.slow
def test_kill_9_at_any_moment_is_survived(tmp_path):
    reference, _table = sealed(tmp_path, "reference", DATA * 4000, 8 * MIB)
    (tmp_path / "in").write_bytes(DATA * 4000)
    command = [sys.executable, "-m", "thespis.deploy.cli.main", "sector", "seal", "--in", str(tmp_path / "in")]
    command += ["--out", str(tmp_path / "s"), "--sector-size", "8MiB", "--miner", "1000", "--sector", "1"]
    command += ["--ticket", "05" * 32, "--parents", str(tmp_path / "parents"), "--json", "--threads", "2"]
    seen = set()
    for _ in range(40):
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as process:
            path, known = tmp_path / "s" / "sector.json", len(seen)
            while process.poll() is None:
                done = tuple(json.loads(path.read_bytes())["done"]) if path.exists() else ()
                if done and done not in seen:
                    seen.add(done)
                    process.send_signal(signal.SIGKILL)
                time.sleep(0.002)
            if process.returncode == 0:
                assert json.loads(process.stdout.read())["comm_r"] == reference.manifest.comm_r
                break
        assert len(seen) > known, "it ended by itself"
    assert len(seen) >= 3


@pytest.mark.parametrize("name", ["sealed", "tree-r-last"])
def test_damage_is_found_and_named(tmp_path, name):
    sealed(tmp_path)
    path = tmp_path / "s" / name
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    _found, sector = open_sector(tmp_path / "s")
    with pytest.raises(SectorFaultError, match="nodes 0 to 63"):
        prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), [5])


def test_missing_and_cut_files_are_named(tmp_path):
    sealed(tmp_path)
    (tmp_path / "s" / "sealed").write_bytes(bytes(100))
    with pytest.raises(SectorDataError, match="100 bytes"):
        open_sector(tmp_path / "s")
    (tmp_path / "s" / "sealed").unlink()
    with pytest.raises(SectorDataError, match="sealed is missing"):
        open_sector(tmp_path / "s")
    (tmp_path / "s" / "sector.json").write_text("{")
    with pytest.raises(SectorDataError, match="cannot be read"):
        open_sector(tmp_path / "s")
    with pytest.raises(SectorDataError, match="holds no sector"):
        open_sector(tmp_path / "nothing")


@pytest.mark.parametrize("extra", [1, 127, 5000])
def test_too_much_data_is_refused(tmp_path, extra):
    with pytest.raises(SectorDataError, match="2032 bytes"):
        Sealing(tmp_path / "s", manifest()).add_data(io.BytesIO(bytes(2032 + extra)))


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def refuse(_fd, _offset, _length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", refuse)
    with pytest.raises(SectorDiskFullError, match="free some"):
        map_file(tmp_path / "f", 4096)
    monkeypatch.undo()
    assert len(map_file(tmp_path / "f", 4096)) == 4096


def test_the_table_of_a_graph_is_made_once(tmp_path):
    graph = SealProof(5)
    first = parent_table(tmp_path, Manifest(5, 1, 1, "00" * 32, graph.porep_id.hex(), "00" * 32).replication.graph)
    [path] = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    again = parent_table(tmp_path, Manifest(5, 2, 9, "01" * 32, graph.porep_id.hex(), "00" * 32).replication.graph)
    assert (first == again).all()
    assert path.stat().st_mtime_ns == written


@settings(max_examples=examples(100), suppress_health_check=FIXTURES)
@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists)))
def test_any_manifest_is_read_or_named(tmp_path, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (tmp_path / "sector.json").write_bytes(data)
    with pytest.raises(SectorDataError, match="cannot be read"):
        Manifest.read(tmp_path)
