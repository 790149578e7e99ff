"""The command line as a user meets it: real processes, exit codes, what stands on which stream."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "thespis.deploy.cli.main"]
WAIT_S = 60


def thespis(*arguments, home=None, **more):
    prefix = ["--home", str(home)] if home else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("THESPIS_")}
    return subprocess.run(
        [*COMMAND, *prefix, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        env=environment,
        **more,
    )


def test_help_lists_every_command_and_imports_none_of_them():
    ran = thespis("--help")
    assert ran.returncode == 0
    for command in ("bench", "config", "demo", "init", "ps", "restart", "tell"):
        assert f"\n  {command} " in ran.stdout
    modules = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--help"], capture_output=True, text=True
    ).stderr
    for heavy in ("numba", "thespian", "zmq", "rocksdict", "pydantic", "rich", "msgpack", "libp2p", "trio"):
        assert f" {heavy}\n" not in modules


def test_init_config_and_their_errors(tmp_path):
    home = tmp_path / "home"
    assert thespis("init", home=home).returncode == 0
    second = thespis("init", home=home)
    assert second.returncode == 1
    assert "already initialized" in second.stderr
    assert thespis("config", "get", "mpool.max_pool_size", home=home).stdout == "10000\n"
    assert thespis("config", "set", "mpool.max_pool_size", "5", home=home).returncode == 0
    assert json.loads(thespis("config", "get", "mpool", "--json", home=home).stdout)["max_pool_size"] == 5
    assert "max_nonce_gap = 4" in thespis("config", "get", home=home).stdout
    for bad in (("set", "mpool.nope", "1"), ("set", "mpool.max_pool_size", "many"), ("get", "nope")):
        ran = thespis("config", *bad, home=home)
        assert ran.returncode == 1
        assert ran.stderr.startswith("thespis: ")
        assert "Traceback" not in ran.stderr
    assert "run: thespis init" in thespis("config", "get", home=tmp_path / "none").stderr
    assert thespis("nonsense").returncode == 2


def test_commands_without_a_node(tmp_path):
    home = tmp_path / "home"
    thespis("init", home=home)
    for arguments in (("ps",), ("tell", "A", "B"), ("restart", "A"), ("stop",)):
        ran = thespis(*arguments, home=home)
        assert ran.returncode == 1
        assert "is the daemon running?" in ran.stderr


class Daemon:
    """`thespis demo --stay` in the background."""

    def __init__(self, home):
        self.home = home
        self.process = subprocess.Popen(
            [*COMMAND, "--home", str(home), "demo", "--stay"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while "stop" not in self.process.stdout.readline():
            assert self.process.poll() is None

    def rows(self):
        ran = thespis("ps", "--json", home=self.home)
        assert ran.returncode == 0, ran.stderr
        return {row["role"]: row for row in json.loads(ran.stdout)}

    def wait_for_pids(self):
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            rows = self.rows()
            if all(row["statistics"]["process_id"] for row in rows.values()):
                return rows
            time.sleep(0.2)
        raise AssertionError("no heartbeats")

    def tree(self):
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path / "home")
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.communicate()


def assert_nothing_left(home, processes):
    psutil.wait_procs(processes, WAIT_S)
    assert not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    end = time.monotonic() + WAIT_S
    while (home / "run").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not (home / "run").exists()


def test_a_running_node_can_be_watched_told_restarted_and_stopped(daemon):
    rows = daemon.wait_for_pids()
    assert len(rows) == 13
    assert rows["Ledger-1"]["state"] == "running"
    table = thespis("ps", home=daemon.home).stdout
    assert "Ledger-11" in table
    assert "running" in table
    told = thespis("tell", "Ledger-1", "Deposit", "identity=by hand", "amount=3", home=daemon.home)
    assert json.loads(told.stdout) == {"identity": "by hand"}
    book = json.loads(thespis("tell", "Ledger-1", "ReadBook", home=daemon.home).stdout)
    assert "by hand" in book["received"]
    for arguments, error in (
        (("tell", "Ledger-1", "Nonsense"), "not declared"),
        (("tell", "Ledger-1", "Deposit", "x"), "needs amount"),
        (("tell", "Ledger-1", "Deposit", "x", "y"), "expected int"),
        (("tell", "Ledger-1", "Deposit", "x", "1", "2"), "more were given"),
        (("tell", "Ledger-1", "ReadBok"), "near it ReadBook"),
        (("tell", "Nobody", "ReadBook"), "is for Ledger, not for Nobody"),
        (("restart", "Nobody"), "no role"),
    ):
        ran = thespis(*arguments, home=daemon.home)
        assert ran.returncode == 1
        assert error in ran.stderr
    assert thespis("restart", "Ledger-3", home=daemon.home).returncode == 0
    assert daemon.rows()["Ledger-3"]["incarnation"] == 2
    locked = thespis("demo", "--stay", home=daemon.home)
    assert locked.returncode == 1
    assert f"in use by process {daemon.process.pid}" in locked.stderr
    tree = daemon.tree()
    assert thespis("stop", home=daemon.home).returncode == 0
    assert daemon.process.wait(WAIT_S) == 0
    assert daemon.process.stderr.read() == ""
    assert_nothing_left(daemon.home, tree)
    assert {path.name for path in daemon.home.iterdir()} == {"version", "config.toml", "keystore", "datastore"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_any_kind_of_end(daemon, number):
    tree = daemon.tree()
    assert len(tree) == 15  # the Node, its twelve, their template, and the sweeper
    daemon.process.send_signal(number)
    code = daemon.process.wait(WAIT_S)
    assert code == (-9 if number == signal.SIGKILL else 0)
    assert_nothing_left(daemon.home, tree)
    again = Daemon(daemon.home)
    assert again.rows()["Ledger-1"]["state"] == "running"
    again.process.terminate()
    assert again.process.wait(WAIT_S) == 0
    again.process.communicate()


def test_a_killed_node_starts_again_at_once(daemon):
    """The dead one's sweeper and its dying children must not harm the new one."""
    for _ in range(3):
        daemon.process.kill()
        daemon.process.wait(WAIT_S)
        daemon.process.communicate()
        daemon = Daemon(daemon.home)
        time.sleep(0.3)
        assert {row["state"] for row in daemon.rows().values()} == {"running"}
    daemon.process.terminate()
    assert daemon.process.wait(WAIT_S) == 0
    daemon.process.communicate()


def test_the_node_gives_up_and_the_process_says_so(daemon):
    tree = daemon.tree()
    end = time.monotonic() + WAIT_S
    while daemon.process.poll() is None and time.monotonic() < end:
        for process in daemon.tree():
            try:
                if "Ledger" in "".join(process.cmdline()):
                    process.kill()
            except psutil.Error:
                pass
        time.sleep(0.02)
    assert daemon.process.wait(WAIT_S) == 75
    assert_nothing_left(daemon.home, tree)


def test_the_death_of_the_node_actor_ends_the_process_with_its_own_code(daemon):
    tree = daemon.tree()
    rows = daemon.wait_for_pids()
    os.kill(rows["DemoNode"]["statistics"]["process_id"], signal.SIGKILL)
    assert daemon.process.wait(WAIT_S) == 70
    assert_nothing_left(daemon.home, tree)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_only_the_owner_can_command_a_node(daemon):
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom thespis.runtime.admin import *\n"
        "from thespis.runtime.actor.envelopes import *\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try:\n    admin_ask(Path(sys.argv[1]), ListProcesses(), 3.0)\nexcept NodeUnreachableError as e:\n    print(e)"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(daemon.home / "run")], capture_output=True, text=True)
    assert "only the owner" in ran.stdout, ran.stderr


def test_garbage_on_the_admin_socket_is_answered_with_an_error(daemon):
    import zmq
    from thespis.runtime.actor.envelopes import Failure
    from thespis.runtime.actor.message import REGISTRY

    context = zmq.Context()
    for garbage in (b"", b"\xff" * 100, b"\x91\xa4Done", REGISTRY.encode(Failure(1, "a", "b"))):
        with context.socket(zmq.REQ) as channel:
            channel.linger = 0
            channel.connect(f"ipc://{daemon.home}/run/admin")
            channel.send(garbage)
            assert channel.poll(WAIT_S * 1000)
            assert isinstance(REGISTRY.decode(channel.recv()), Failure)
    context.term()
    assert daemon.rows()["Ledger-1"]["state"] == "running"


def test_the_demonstration_loses_nothing():
    ran = thespis("demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 of them lost" in " ".join(ran.stdout.split())


def test_bench_prints_one_object_a_line():
    ran = thespis("bench", "ipld", "--json", "--entries-max", "1000")
    assert ran.returncode == 0
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {"ipld.hamt_set_1000", "ipld.amt_get_warm_1000"} <= {row["name"] for row in rows}
    assert all(set(row) == {"name", "value", "unit", "against", "ratio"} for row in rows)
