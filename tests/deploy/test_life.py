"""Nothing of ours outlives its launcher, whatever ended it; and a stopped network goes on where it was."""

import contextlib
import ctypes
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from thespis.deploy.devnet.home import ALIVE_FILE, LOCK_FILE
from thespis.deploy.devnet.plan import DevnetPlan, read_state
from thespis.deploy.rpc import RpcClient
from thespis.protocols.encoding.car import CarReader
from thespis.runtime.errors import RuntimeFloorError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
COMMAND = [sys.executable, "-m", "thespis.deploy.cli.main"]
DEVNET = ["devnet", "--nodes", "2", "--miners", "1", "--block-time", "1s"]
WAIT_S = 120.0
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="module", autouse=True)
def heir():
    """Who loses its parent becomes a child of this process, and cannot be overlooked."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0


def descendants():
    """Every process that lives and was started by this one, over whatever others."""
    found = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = process.name()
    return found


def wait(condition, what):
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come to be")


class Launched:
    """A command of ours that runs, in a session of its own, below a shell or a terminal where a test wants one."""

    def __init__(self, *arguments, before=(), shell=False, terminal=False):
        self.before = set(descendants())
        command = [*before, *COMMAND, *map(str, arguments)]
        if shell:  # a shell without job control has a job in the background ignore SIGINT
            command = ["sh", "-c", '"$@" & echo $!; wait', "sh", *command]
        self.master, slave = pty.openpty() if terminal else (None, None)
        streams = {"stdin": slave, "stdout": slave, "stderr": slave} if terminal else {"stdout": subprocess.PIPE}
        if terminal:
            command = [sys.executable, "-c", _CONTROLLING, *command]
        self.process = subprocess.Popen(command, start_new_session=True, text=True, **streams)
        self.pid = int(self.process.stdout.readline()) if shell else self.process.pid
        if slave is not None:
            os.close(slave)

    def left(self):
        return {pid: name for pid, name in descendants().items() if pid not in self.before}

    def end(self):
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


_CONTROLLING = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal that a session's leader has for its streams the one that hangs up on it."""


def heads(home):
    """Each node's head, or nothing while not all answer."""
    found = []
    try:
        for node in read_state(home)["nodes"]:
            with RpcClient.of_home(Path(node["home"]), 5.0) as client:
                found.append(client.call("ChainHead"))
    except RuntimeFloorError:
        return []
    return found


def lowest(home):
    return min((head["Height"] for head in heads(home)), default=-1)


def at(home, height):
    node = read_state(home)["nodes"][0]
    with RpcClient.of_home(Path(node["home"]), 5.0) as client:
        return client.call("ChainGetTipSetByHeight", height, [])["Cids"]


ENDS = {
    "SIGTERM": ({}, lambda launched: os.kill(launched.pid, signal.SIGTERM)),
    "SIGKILL": ({}, lambda launched: os.kill(launched.pid, signal.SIGKILL)),
    # its own alarm, without waiting for it
    "timeout": ({"before": ["timeout", "100000"]}, lambda launched: os.kill(launched.pid, signal.SIGALRM)),
    "a closed terminal": ({"terminal": True}, lambda launched: os.close(launched.master)),
    "SIGINT in the background": ({"shell": True}, lambda launched: os.kill(launched.pid, signal.SIGINT)),
}


def test_a_network_leaves_no_process_however_it_ends_and_goes_on_where_it_was(tmp_path):
    home, seen, height = tmp_path / "net", None, 1
    for name, (how, end) in ENDS.items():
        launched = Launched("--home", home, *DEVNET, **how)
        try:
            wait(lambda goal=height + 2: lowest(home) >= goal, f"height {height + 2}, before {name}")
            assert len(launched.left()) > 20, "the processes that have to be gone"
            if seen is not None:
                assert at(home, seen[0]) == seen[1], f"the chain before {name}"
                assert {node["pid"] for node in read_state(home)["nodes"]} <= set(launched.left())
            height = lowest(home)
            known = height - 1
            seen = known, at(home, known)
            ports = [node["ports"] for node in read_state(home)["nodes"]]
            end(launched)
            wait(lambda each=launched: not each.left(), f"the end of every process after {name}")
            assert [node["ports"] for node in read_state(home)["nodes"]] == ports
            assert not (home / "node-1" / "run").exists(), name
        finally:
            launched.end()


def test_a_network_that_runs_is_refused_to_another_and_untouched(tmp_path):
    home = tmp_path / "net"
    launched = Launched("--home", home, "devnet", "--nodes", "1", "--miners", "1", "--block-time", "1s")
    try:
        wait(lambda: lowest(home) >= 1, "a first block")
        for more in ([], ["--reset"], ["--seed", "7"]):
            second = subprocess.run(
                [*COMMAND, "--home", str(home), "devnet", *more], capture_output=True, text=True, timeout=60
            )
            assert second.returncode == 1
            assert f"runs already, as process {launched.pid}" in second.stderr
        height = lowest(home)
        wait(lambda: lowest(home) > height, "another block")
        exported = subprocess.run(
            [*COMMAND, "--home", str(home / "node-1"), "chain", "export", str(tmp_path / "no.car")],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert (exported.returncode, "stop it first" in exported.stderr) == (1, True)
        assert not (tmp_path / "no.car").exists()
        os.kill(launched.pid, signal.SIGTERM)
        assert launched.process.wait(WAIT_S) == 0
        assert not (home / LOCK_FILE).exists()
        for command, said in ((["kill", "node-1"], "is stopped"), (["stop", "node-1"], "is stopped")):
            late = subprocess.run(
                [*COMMAND, "--home", str(home), "devnet", *command], capture_output=True, text=True, timeout=60
            )
            assert (late.returncode, said in late.stderr) == (1, True), late.stderr
        car = tmp_path / "chain.car"
        exported = subprocess.run(
            [*COMMAND, "--home", str(home / "node-1"), "chain", "export", str(car)], capture_output=True, text=True
        )
        with car.open("rb") as stream:
            blocks = len(list(CarReader(stream)))
        assert exported.stdout == f"{blocks} blocks, {car.stat().st_size} bytes written to {car}\n", exported.stderr
        other = subprocess.run(
            [*COMMAND, "--home", str(home), "devnet", "--nodes", "3"], capture_output=True, text=True, timeout=60
        )
        assert "was made with --nodes 1, not 3; --reset" in other.stderr
    finally:
        launched.end()


def test_a_network_that_stood_still_for_days_has_no_empty_epochs_for_them_and_another_is_made_when_asked(tmp_path):
    home, days_s = tmp_path / "net", 2 * 86_400
    home.mkdir()
    genesis_s = int(time.time()) - days_s
    plan = DevnetPlan.make(home, seed=1, nodes=1, miners=1, block_time_s=1, base_port=0, genesis_time_s=genesis_s)
    plan.write()
    (home / ALIVE_FILE).touch()
    os.utime(home / ALIVE_FILE, (genesis_s, genesis_s))
    done = {}
    for more in ([], ["--reset"]):
        command = [*COMMAND, "--home", str(home), "devnet", "--nodes", "1", "--miners", "1", "--block-time", "1s"]
        ran = subprocess.run(
            [*command, "--until-epoch", "3", "--json", *more], capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr
        banner, outcome = map(json.loads, ran.stdout.splitlines())
        assert outcome["height"] < 300
        assert outcome["messages"] == 0, "nobody's money moves unasked"
        done[tuple(more)] = banner["genesis_time_s"]
    assert done[()] == genesis_s
    assert done["--reset",] > genesis_s + days_s - 1


def test_a_network_is_the_user_s_own_and_a_node_s_home_is_none(tmp_path):
    """Two users, or two terminals with other state folders, have two networks; THESPIS_HOME is about a node."""
    for variables, home in (
        ({"XDG_STATE_HOME": str(tmp_path / "state")}, tmp_path / "state" / "thespis" / "devnet"),
        ({"HOME": str(tmp_path), "XDG_STATE_HOME": ""}, tmp_path / ".local" / "state" / "thespis" / "devnet"),
        ({"HOME": str(tmp_path), "THESPIS_HOME": "/nobody"}, tmp_path / ".local" / "state" / "thespis" / "devnet"),
    ):
        environment = {key: value for key, value in os.environ.items() if key != "XDG_STATE_HOME"}
        asked = subprocess.run(
            [*COMMAND, "devnet", "heal"], env=environment | variables, capture_output=True, text=True, timeout=60
        )
        assert f"no devnet is at {home}" in asked.stderr


def test_who_made_a_network_and_was_killed_meanwhile_is_in_nobody_s_way(tmp_path):
    home = tmp_path / "net"
    home.mkdir()
    plan = DevnetPlan.make(home, seed=1, nodes=1, miners=1, block_time_s=1, base_port=0, genesis_time_s=1)
    plan.write_state({}, whole=False)
    (home / "node-1").mkdir()
    (home / "node-1" / "half").touch()
    ran = subprocess.run(
        [*COMMAND, "--home", str(home), "devnet", "--nodes", "1", "--miners", "1", "--until-epoch", "1"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert not (home / "node-1" / "half").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_lone_node_leaves_no_process(tmp_path, number):
    launched = Launched("--home", tmp_path / "home", "demo", "--stay")
    try:
        while "stop" not in launched.process.stdout.readline():
            assert launched.process.poll() is None
        os.kill(launched.pid, number)
        wait(lambda: not launched.left(), "the end of every process")
        assert launched.process.wait(WAIT_S) == (-9 if number == signal.SIGKILL else 0)
    finally:
        launched.end()


def test_a_node_that_is_told_to_stop_while_it_starts_leaves_no_process(tmp_path):
    launched = Launched("--home", tmp_path / "home", "demo", "--stay")
    try:
        wait(lambda: len(launched.left()) > 4, "some of its processes")
        os.kill(launched.pid, signal.SIGTERM)
        wait(lambda: not launched.left(), "the end of every process")
        assert launched.process.wait(WAIT_S) in (0, 128 + signal.SIGTERM)
        assert not (tmp_path / "home" / "repo.lock").exists()
    finally:
        launched.end()
