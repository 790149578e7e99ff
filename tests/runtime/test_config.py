"""The file, the environment and the flags, over the records of a real node."""

import tomllib
from dataclasses import dataclass
from typing import Annotated

import pytest
from thespis.actors.heartbeat.settings import HeartbeatSettings
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.actors.node.settings import RECORDS, LogSettings
from thespis.deploy.nodes import SETTINGS
from thespis.runtime.config import ConfigError, Schema
from thespis.runtime.settings import Setting

DEFAULTS = SETTINGS.load(None, {})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(SETTINGS.default_text())
    return path


def test_default_file_says_the_defaults_and_why(path):
    text = path.read_text()
    assert 'address = "/ip4/127.0.0.1/tcp/3453" # where the API listens' in text
    assert "[mpool] # The message pool's bounds." in text
    assert "[mining] # The storage miner of this node, if it has one. Sealing: how often, and by how many." in text
    assert {f"{section}.{key}" for section, table in tomllib.loads(text).items() for key in table} == set(
        SETTINGS.fields
    )
    assert SETTINGS.load(path, {}) == DEFAULTS
    assert all(DEFAULTS.record(record) == record() for record in RECORDS)


@pytest.mark.parametrize("text", ["", "[api]\n"])
def test_missing_parts_mean_defaults(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    assert SETTINGS.load(path, {}) == DEFAULTS
    assert SETTINGS.load(tmp_path / "absent.toml", {}) == DEFAULTS


def test_precedence_is_file_environment_flags(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[mpool]\nmax_pool_size = 1\nmax_nonce_gap = 1\n[log]\nlevel = 'DEBUG'\n")
    environment = {"THESPIS_MPOOL__MAX_POOL_SIZE": "2", "THESPIS_MPOOL__MAX_NONCE_GAP": "2", "THESPIS_HOME": "/x"}
    config = SETTINGS.load(path, environment, {"mpool.max_nonce_gap": 3})
    assert config.record(LogSettings) == LogSettings("DEBUG")
    assert config.record(MsgPoolSettings) == MsgPoolSettings(messages_max=2, nonce_gap_max=3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[api]\nadress = 'x'", "api.adress"),
        ("[mpool]\nmax_pool_size = 'many'", r"mpool.max_pool_size' = 'many': must be a whole number"),
        ("[mpool]\nmax_pool_size = 0", r"mpool.max_pool_size' = 0: must be more than 0"),
        ("[heartbeat]\nnickname = 'r2d2'", "heartbeat.nickname' = 'r2d2': 'r2d2' has characters other than letters"),
        ("[wallet]\ndefault_address = 'f1xpbyy4tkdx5si2bgo37dubc2xwv6fum5tk57mid'", "wallet.default_address"),
        ("[swarm]\naddress = '127.0.0.1:6000'", "swarm.address"),
        ("[bootstrap]\naddresses = ['/ip4/1.2.3.4/tcp/5', 'x']", "bootstrap.addresses.*'x' is no multiaddress"),
        ("[log]\nlevel = 'LOUD'", "log.level' = 'LOUD': must be one of DEBUG, INFO"),
        ("[mystery]\n", r"\[mystery\]"),
        ("mystery = 1\n", "mystery"),
        ("api = 1\n", "'api' = 1: must be a section"),
        ("[api.address]\nx = 1", "api.address"),
        ("[api", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named) as caught:
        SETTINGS.load(path, {})
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError, match=named):
        SETTINGS.set(path, {"mpool.max_nonce_gap": 5})
    assert path.read_text() == text


OLD_FILE = """\
[api]
address = "/ip4/127.0.0.1/tcp/3453" # where the API listens
access_control_allow_credentials = false
access_control_allow_methods = ["GET", "POST", "PUT"]

[datastore] # Where blocks and state are kept.
path = "datastore" # folder below the home, or an absolute path

[swarm]
public_relay_address = ""

[mining]
auto_seal_interval_s = 120
storage_price = "0"
"""
GONE = {
    "api.access_control_allow_credentials", "api.access_control_allow_methods", "datastore.path",
    "swarm.public_relay_address", "mining.storage_price",
}  # fmt: skip


def test_a_file_of_an_older_version_is_told_every_line_to_remove(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(OLD_FILE)
    with pytest.raises(ConfigError, match="no setting of this version") as caught:
        SETTINGS.load(path, {})
    assert "remove" in str(caught.value)
    for name in (*GONE, "[datastore]"):
        assert name in str(caught.value)
    kept = [line for line in OLD_FILE.splitlines() if not line.startswith("[datastore]")]
    path.write_text("\n".join(line for line in kept if not any(f".{line.split(' ')[0]}" in name for name in GONE)))
    assert SETTINGS.load(path, {}) == DEFAULTS


@pytest.mark.parametrize("key", sorted(GONE))
def test_what_did_nothing_is_no_setting_any_more(tmp_path, key):
    section, _, name = key.partition(".")
    path = tmp_path / "config.toml"
    path.write_text(f"[{section}]\n{name} = ''\n")
    with pytest.raises(ConfigError, match=key):
        SETTINGS.load(path, {})
    with pytest.raises(ConfigError, match=f"THESPIS_{section.upper()}__{name.upper()}: no setting '{key}'"):
        SETTINGS.load(None, {f"THESPIS_{section.upper()}__{name.upper()}": ""})


@pytest.mark.parametrize(
    "name", ["THESPIS_NO__SUCH", "THESPIS_API", "THESPIS_MPOOL__MAX_POOL_SIZE", "THESPIS_LOG__LEVEL"]
)
def test_bad_environment_is_named(name):
    with pytest.raises(ConfigError, match=name):
        SETTINGS.load(None, {name: "nonsense"})


def test_bad_flags_are_named():
    with pytest.raises(ConfigError, match=r"flag --log-level: setting 'log.level' = 'LOUD'"):
        SETTINGS.load(None, {}, {"log.level": "LOUD"})
    with pytest.raises(ConfigError, match=r"no setting 'log.loudness'"):
        SETTINGS.load(None, {}, {"log.loudness": "LOUD"})


def test_the_environment_gives_lists_and_texts_that_look_like_other_values():
    config = SETTINGS.load(
        None, {"THESPIS_BOOTSTRAP__ADDRESSES": '["/ip4/1.2.3.4/tcp/5"]', "THESPIS_HEARTBEAT__NICKNAME": "true"}
    )
    assert config.get("bootstrap.addresses") == ["/ip4/1.2.3.4/tcp/5"]
    assert config.record(HeartbeatSettings).nickname == "true"


def test_get():
    assert DEFAULTS.get("bootstrap.period_s") == 10.0
    assert DEFAULTS.get("mpool") == {"max_pool_size": 10_000, "max_nonce_gap": 4, "max_pool_bytes": 18 << 20}
    assert DEFAULTS.get("") == {section: DEFAULTS.get(section) for section in SETTINGS.sections}
    for key in ("nope", "api.nope", "api.address.x"):
        with pytest.raises(ConfigError, match=key):
            DEFAULTS.get(key)


def test_set_keeps_neighbours_and_comments(path):
    path.write_text("# mine\n" + path.read_text() + "\n# the end\n")
    before = path.read_text().splitlines()
    config = SETTINGS.set(path, {"heartbeat.nickname": "alice"})
    after = path.read_text().splitlines()
    assert config.record(HeartbeatSettings).nickname == "alice"
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    assert changed[0][1].startswith('nickname = "alice"')
    assert "letters only" in changed[0][1]
    assert SETTINGS.load(path, {}) == config


def test_several_are_set_at_once_or_none(path):
    config = SETTINGS.set(path, {"mpool.max_pool_size": 5, "bootstrap.addresses": ("/ip4/1.2.3.4/tcp/5",)})
    assert config.record(MsgPoolSettings).messages_max == 5
    assert 'addresses = ["/ip4/1.2.3.4/tcp/5"] # peers to dial at start' in path.read_text()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"mpool.max_nonce_gap' = -1"):
        SETTINGS.set(path, {"mpool.max_pool_size": 6, "mpool.max_nonce_gap": -1})
    assert path.read_bytes() == before


def test_set_makes_a_section_that_is_not_there(tmp_path):
    path = tmp_path / "config.toml"
    assert SETTINGS.set(path, {"swarm.relay": True}).get("swarm.relay") is True
    assert tomllib.loads(path.read_text()) == {"swarm": {"relay": True}}


@pytest.mark.parametrize(
    ("key", "value"),
    [("api.nope", 1), ("nope.x", 1), ("mpool.max_pool_size", "x"), ("mpool", 1), ("wallet.default_address", "f0x")],
)
def test_bad_set_changes_nothing(path, key, value):
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=key):
        SETTINGS.set(path, {key: value})
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["config.toml"]


def test_a_key_belongs_to_one_record_and_has_a_section():
    @dataclass
    class Twice:
        size: Annotated[int, Setting("mpool.max_pool_size", "")] = 1

    @dataclass
    class Bare:
        size: Annotated[int, Setting("size", "")] = 1

    for records in ((MsgPoolSettings, Twice), (Bare,)):
        with pytest.raises(TypeError, match="size"):
            Schema(records)
