"""What a node's home takes as its genesis, and that it is nobody else's business meanwhile."""

import time

import pytest
from thespis.deploy.cli.main import run
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.nodes import GENESIS_FILE, OtherGenesisError, take_genesis
from thespis.protocols.errors import CarError
from thespis.runtime.repo import Repo


@pytest.fixture
def cars(tmp_path):
    """Two genesis files, and one that is none."""
    made = []
    for seed in (1, 2):
        plan = DevnetPlan.make(
            tmp_path, seed=seed, nodes=1, miners=1, block_time_s=1, base_port=1, genesis_time_s=int(time.time())
        )
        made.append(tmp_path / f"{seed}.car")
        made[-1].write_bytes(plan.genesis_car())
    (tmp_path / "none.car").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(50))
    return (*made, tmp_path / "none.car")


def test_a_home_keeps_the_genesis_that_it_has(tmp_path, cars):
    first, second, none = cars
    home = Repo.init(tmp_path / "home").home
    with pytest.raises(CarError, match=r"none\.car: the file is compressed.*zstd -d"):
        take_genesis(home, none)
    assert not (home / GENESIS_FILE).exists()
    take_genesis(home, first)
    take_genesis(home, first)
    for bad, error in ((second, OtherGenesisError), (none, CarError)):
        with pytest.raises(error, match=bad.name):
            take_genesis(home, bad)
        assert (home / GENESIS_FILE).read_bytes() == first.read_bytes()


def test_a_home_in_use_is_not_touched(tmp_path, cars, capsys):
    first, second, _none = cars
    repo = Repo.init(tmp_path / "home")
    take_genesis(repo.home, first)
    repo.lock()
    before = {path: path.stat().st_mtime_ns for path in repo.home.rglob("*")}
    assert run(["--home", str(repo.home), "daemon", "--genesis", str(second)]) == 1
    assert "is in use by process" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in repo.home.rglob("*")} == before
    repo.close()


def test_what_comes_out_of_sync_status(monkeypatch, capsys):
    """A node without peers does not claim that nothing is left to do."""
    from thespis.deploy.cli import chain

    base = {
        "Stage": "idle",
        "Height": 0,
        "Target": 0,
        "Rate": 0.0,
        "RemainingSeconds": 0.0,
        "Error": "",
        "BadBlocks": 0,
    }
    for change, peers, said in (
        ({"Epoch": 110}, [], ("idle: no peer is connected", "0 of 110, 110 behind", "unknown")),
        ({"Epoch": 110}, [{}, {}], ("no heavier chain is known from 2 peers", "unknown")),
        ({"Epoch": 3, "Height": 1, "Target": 1}, [], ("stage   idle\n", "1 of 3, 2 behind", "0 s")),
        ({"Epoch": -5}, [], ("stage   idle\n", "0 of 0, 0 behind")),
    ):
        answers = {"Thespis.SyncStatus": base | change, "NetPeers": peers}
        monkeypatch.setattr(chain, "call", lambda _ctx, method, answers=answers: answers[method])
        assert run(["sync", "status"]) == 0
        out = capsys.readouterr().out
        for each in said:
            assert each in out, out
