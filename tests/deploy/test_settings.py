"""Every setting of a node: its bounds, its way through the file to who reads it, and its row on the page."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click
import pytest
from click.testing import CliRunner
from thespis.actors.node.actor import FilecoinNode
from thespis.actors.node.settings import CLOCK_BEHIND_S_MAX
from thespis.deploy import launcher
from thespis.deploy.cli import client
from thespis.deploy.cli.main import cli
from thespis.deploy.nodes import SETTINGS, node_settings
from thespis.deploy.settings_page import page
from thespis.runtime.config import ConfigError
from thespis.runtime.settings import Setting, settings_of

ROOT = Path(__file__).parents[2]
FIELDS = SETTINGS.fields

CHANGED = {
    "api.address": "/ip4/127.0.0.1/tcp/9",
    "api.access_control_allow_origin": ["http://a"],
    "bootstrap.addresses": ["/ip4/1.2.3.4/tcp/5/p2p/x"],
    "bootstrap.min_peer_threshold": 7,
    "bootstrap.period_s": 8.5,
    "swarm.address": "/ip4/127.0.0.1/tcp/10",
    "swarm.relay": True,
    "mining.miner_address": "f01234",
    "mining.enabled": True,
    "mining.delay_share": 0.5,
    "mining.auto_seal_interval_s": 11.0,
    "mining.sealing_workers": 2,
    "mining.sealing_threads": 3,
    "wallet.default_address": "f0999",
    "heartbeat.beat_target": "/ip4/1.2.3.4/tcp/12/p2p/y",
    "heartbeat.beat_period_s": 13.0,
    "heartbeat.reconnect_period_s": 14.0,
    "heartbeat.nickname": "Zoe",
    "mpool.max_pool_size": 15,
    "mpool.max_nonce_gap": 16,
    "mpool.max_pool_bytes": 18,
    "log.level": "DEBUG",
    "clock.behind_s": 17.5,
}
"""A value for each key that is not its default."""


def bounds(low, high=None):
    """Least and most that is taken, and what is refused beyond."""
    taken = [low, *([] if high is None else [high])]
    return taken, [low - 1, *([] if high is None else [high + 1])]


ADDRESSES = (["", "/ip4/1.2.3.4/tcp/5"], ["1.2.3.4:5", "localhost", " /ip4/1.2.3.4/tcp/5", 5])
ON_CHAIN = (["", "f01000", "t01000"], ["f0x", "1000", "f1xpbyy4tkdx5si2bgo37dubc2xwv6fum5tk57mid", 1000])
SECONDS = ([1e-9, 1, 86400.0], [0, 0.0, -1.0, "1", float("nan"), float("inf"), True])
BOUNDS = {
    "api.address": ADDRESSES,
    "api.access_control_allow_origin": ([[], ["*"]], ["*", [1], True]),
    "bootstrap.addresses": ([[], ["/ip4/1.2.3.4/tcp/5"]], ["/ip4/1.2.3.4/tcp/5", ["/ip4/1.2.3.4/tcp/5", "x"]]),
    "bootstrap.min_peer_threshold": bounds(0),
    "bootstrap.period_s": SECONDS,
    "swarm.address": (ADDRESSES[0][1:], ["", "/dns4/localhost/tcp/5", *ADDRESSES[1]]),
    "swarm.relay": ([True, False], [1, "true"]),
    "mining.miner_address": ON_CHAIN,
    "mining.enabled": ([True, False], [0, "false"]),
    "mining.delay_share": ([0, 0.0, 0.999], [-0.001, 1, 1.0]),
    "mining.auto_seal_interval_s": ([0, 0.5, 120], [-0.5, "120"]),
    "mining.sealing_workers": bounds(1, 8),
    "mining.sealing_threads": bounds(0),
    "wallet.default_address": ON_CHAIN,
    "heartbeat.beat_target": ADDRESSES,
    "heartbeat.beat_period_s": SECONDS,
    "heartbeat.reconnect_period_s": SECONDS,
    "heartbeat.nickname": (["", "Zoe"], ["r2d2", "a b", "Zoë", 7]),
    "mpool.max_pool_size": bounds(1),
    "mpool.max_nonce_gap": bounds(0),
    "mpool.max_pool_bytes": bounds(1),
    "clock.behind_s": ([0, 0.5, CLOCK_BEHIND_S_MAX], [-0.5, CLOCK_BEHIND_S_MAX + 1, "1", float("nan")]),
    "log.level": (["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], ["", "info", "TRACE", 10]),
}
"""What each key takes up to its bounds, and what it refuses beyond them."""


def test_the_tables_name_every_key():
    assert set(CHANGED) == set(BOUNDS) == set(FIELDS)
    assert all(field.checked(CHANGED[key]) != field.default for key, field in FIELDS.items())


@pytest.mark.parametrize("key", BOUNDS)
def test_bounds(tmp_path, key):
    taken, refused = BOUNDS[key]
    path = tmp_path / "config.toml"
    for value in taken:
        assert SETTINGS.set(path, {key: value}).get(key) == value
    before = path.read_bytes()
    for value in refused:
        with pytest.raises(ConfigError, match=f"setting '{key}' = "):
            SETTINGS.set(path, {key: value})
    assert path.read_bytes() == before


# -- every key reaches a reader ------------------------------------------------------------------------------


def sources(place):
    """The modules of a folder or file, without the records themselves."""
    where = ROOT / place
    return [path for path in ([where] if where.is_file() else where.rglob("*.py")) if path.name != "settings.py"]


def reads(paths, record):
    """The attributes read of ``settings``, of what ends in ``.settings``, or of ``config.record(Record)``."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                base = ast.unparse(node.value)
                if base.split(".")[-1] == "settings" or base.endswith(f".record({record.__name__})"):
                    found.add(node.attr)
    return found


@pytest.mark.parametrize("key", FIELDS)
def test_code_reads_every_setting(key):
    field = FIELDS[key]
    assert (ROOT / field.read_by).exists()
    assert field.name in reads(sources(field.read_by), field.record)


def test_a_setting_that_nobody_reads_would_be_seen():
    @dataclass
    class Unread:
        """Nobody's."""

        frequency_hz: Annotated[int, Setting("heartbeat.frequency_hz", "nothing", read_by="actors/heartbeat/")] = 1
        period_s: Annotated[float, Setting("heartbeat.period_s", "read", read_by="actors/heartbeat/")] = 1.0

    nobody, somebody = settings_of(Unread)
    assert nobody.name not in reads(sources(nobody.read_by), Unread)
    assert somebody.name in reads(sources(somebody.read_by), Unread)


@pytest.fixture
def home(tmp_path):
    """A home whose file has every key changed."""
    home = tmp_path / "home"
    assert CliRunner().invoke(cli, ["--home", str(home), "init"]).exit_code == 0
    SETTINGS.set(home / "config.toml", CHANGED)
    return home


@pytest.mark.parametrize("key", [key for key, field in FIELDS.items() if field.setting.read_by == ""])
def test_a_change_in_the_file_reaches_a_child_of_the_plan(home, key):
    field = FIELDS[key]
    node = node_settings(home, SETTINGS.load(home / "config.toml", {}))
    given = [
        spec.settings(node)
        for spec in FilecoinNode.plan.children
        if spec.wanted(node) and (ROOT / field.read_by) in Path(ROOT / _room(spec.actor)).parents
    ]
    assert given
    assert all(isinstance(record, field.record) for record in given)
    assert {getattr(record, field.name) for record in given} == {field.checked(CHANGED[key])}


def _room(actor):
    return actor.__module__.removeprefix("thespis.").replace(".", "/") + ".py"


def test_the_default_sender_reaches_the_commands(home):
    assert client.default_address(click.Context(cli, obj=str(home))) == CHANGED["wallet.default_address"]


class NotRun:
    """Takes what a node would have been run with."""

    seen = None

    def __init__(self, repo, node, *, settings, log_level, clock_behind_s):
        NotRun.seen = (settings, log_level, clock_behind_s)
        raise ConfigError("not run")


@pytest.mark.parametrize(
    ("flags", "level", "api", "swarm"),
    [
        ([], CHANGED["log.level"], CHANGED["api.address"], CHANGED["swarm.address"]),
        (
            ["--log-level", "ERROR", "--api-listen", "/ip4/127.0.0.1/tcp/1", "--swarm-listen", "/ip4/127.0.0.1/tcp/2"],
            "ERROR",
            "/ip4/127.0.0.1/tcp/1",
            "/ip4/127.0.0.1/tcp/2",
        ),
    ],
)
def test_log_level_and_flags_reach_the_node(home, monkeypatch, flags, level, api, swarm):
    monkeypatch.setattr(launcher, "RunningNode", NotRun)
    ran = CliRunner().invoke(cli, ["--home", str(home), "daemon", *flags])
    assert str(ran.exception) == "not run"
    settings, log_level, behind_s = NotRun.seen
    assert behind_s == CHANGED["clock.behind_s"]
    assert (log_level, settings.api.address, settings.network.listen) == (level, api, swarm)


def test_flags_are_those_of_the_records(home):
    listed = CliRunner().invoke(cli, ["daemon", "--help"]).output
    named = {field.setting.flag: key for key, field in FIELDS.items() if field.setting.flag}
    assert named == {"--swarm-listen": "swarm.address", "--api-listen": "api.address", "--log-level": "log.level"}
    for flag, key in named.items():
        assert flag in listed
        assert f"setting {key}" in " ".join(listed.split())
    ran = CliRunner().invoke(cli, ["--home", str(home), "daemon", "--log-level", "LOUD"])
    assert "flag --log-level: setting 'log.level' = 'LOUD': must be one of DEBUG" in str(ran.exception)


def test_get_set_and_docs_are_the_records(home):
    def thespis(*arguments):
        return CliRunner().invoke(cli, ["--home", str(home), "config", *arguments])

    assert json.loads(thespis("get", "--json").output) == SETTINGS.load(home / "config.toml").get("")
    for key, value in CHANGED.items():
        assert json.loads(thespis("get", key, "--json").output) == value
        text = value if isinstance(value, str) else json.dumps(value)
        assert thespis("set", key, text).exit_code == 0
        assert SETTINGS.load(home / "config.toml", {}).get(key) == value
    assert thespis("docs").output == page(SETTINGS)


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_is_what_the_records_give():
    assert (ROOT / "docs" / "settings.md").read_text() == page(SETTINGS), "make settings-docs"


def test_the_page_says_all_of_a_key():
    rows = [line for line in page(SETTINGS).splitlines() if line.startswith("| `")]
    assert len(rows) == len(FIELDS)
    assert rows[-1] == (
        '| `log.level` | lowest level written | text | `"INFO"` | one of DEBUG, INFO, WARNING, ERROR, CRITICAL '
        "| `THESPIS_LOG__LEVEL` `--log-level` | `deploy/cli/daemon.py` |"
    )
    assert rows[2] == (
        "| `bootstrap.addresses` | peers to dial at start | list of texts | `[]` | a multiaddress, or nothing "
        "| `THESPIS_BOOTSTRAP__ADDRESSES` | `actors/bootstrapper/` |"
    )
