"""Proofs of storage from the command line: what a person types, what a script reads, and what goes wrong."""

import json
import os

import pytest
from thespis.protocols.proofs.piece import commitment

from tests.deploy.test_cli import thespis

pytestmark = pytest.mark.slow
DATA = bytes(range(256)) * 7


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "in").write_bytes(DATA)
    ran = thespis(
        "sector", "seal", "--in", tmp_path / "in", "--out", tmp_path / "s", "--miner", 1000, "--sector", 3,
        "--ticket", "07" * 32, "--parents", tmp_path / "parents", "--json",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_commp(tmp_path):
    data = os.urandom(3_000_000)
    (tmp_path / "piece").write_bytes(data)
    ran = thespis("commp", tmp_path / "piece", "--json")
    found = json.loads(ran.stdout)
    expected = commitment(data)
    assert found["piece_cid"] == str(expected.cid)
    assert found["piece_cid_v2"] == str(expected.cid_v2)
    assert (found["payload_bytes"], found["padded_bytes"]) == (3_000_000, 4 << 20)
    with (tmp_path / "piece").open("rb") as stream:
        assert str(expected.cid) in thespis("commp", "-", stdin=stream).stdout
    assert thespis("commp", tmp_path / "nothing").returncode == 2


def test_a_sector_from_end_to_end(tmp_path, sealed):
    assert sealed["comm_d"] == commitment(DATA.ljust(2032, b"\x00")).root.hex()
    assert {"data", "labels-1", "labels-2", "columns", "replica", "commit"} <= sealed["timings_s"].keys()
    ran = thespis("sector", "verify", "--dir", tmp_path / "s", "--json")
    found = json.loads(ran.stdout)
    assert found["comm_r"] == sealed["comm_r"]
    assert found["seal"]["holds"]
    assert found["window_post"]["holds"]
    ran = thespis(
        "sector", "unseal", "--dir", tmp_path / "s", "--out", tmp_path / "out", "--offset", 100, "--length", 900,
        "--parents", tmp_path / "parents",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out").read_bytes() == DATA[100:1000]


def test_a_damaged_sector_ends_with_its_fault(tmp_path, sealed):
    path = tmp_path / "s" / "sealed"
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    ran = thespis("sector", "verify", "--dir", tmp_path / "s")
    assert ran.returncode == 1
    assert "are not what was sealed" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--ticket", "07"), 2, "32 bytes in hexadecimal"),
        (("--sector-size", "3KiB"), 1, "no seal proof of 3072 bytes"),
        (("--sector-size", "big"), 2, "is no size"),
        (("--proof-type", "99"), 1, "0 to 19 are registered"),
    ],
)
def test_wrong_options_are_named(tmp_path, options, code, message):
    (tmp_path / "in").write_bytes(b"x")
    ran = thespis(
        "sector", "seal", "--in", tmp_path / "in", "--out", tmp_path / "s", "--miner", 1, "--sector", 1, *options
    )
    assert ran.returncode == code
    assert message in ran.stderr


def test_a_genesis_with_its_miners_sectors(tmp_path):
    ran = thespis("genesis", "new", tmp_path / "g.car", "--miners", 2, "--time", 1, "--sectors", tmp_path / "sectors")
    assert ran.returncode == 0, ran.stderr
    for miner in ("t01000", "t01001"):
        ran = thespis("sector", "verify", "--dir", tmp_path / "sectors" / miner / "0", "--json")
        assert json.loads(ran.stdout)["window_post"]["holds"]
