import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.runtime.config import (
    Config,
    ConfigError,
    default_config_text,
    get_value,
    load_config,
    parse_value,
    set_value,
)


def test_default_file_says_the_defaults_and_why(tmp_path):
    text = default_config_text()
    assert Config.model_validate(tomllib.loads(text)) == Config()
    assert 'address = "/ip4/127.0.0.1/tcp/3453" # where the API listens' in text
    path = tmp_path / "config.toml"
    path.write_text(text)
    assert load_config(path, {}) == Config()


@pytest.mark.parametrize("text", ["", "[api]\n"])
def test_missing_parts_mean_defaults(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_text(text)
    assert load_config(path, {}) == Config()
    assert load_config(tmp_path / "absent.toml", {}) == Config()


def test_precedence_is_file_environment_flags(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[mpool]\nmax_pool_size = 1\nmax_nonce_gap = 1\n[log]\nlevel = 'DEBUG'\n")
    environment = {"THESPIS_MPOOL__MAX_POOL_SIZE": "2", "THESPIS_MPOOL__MAX_NONCE_GAP": "2", "THESPIS_HOME": "/x"}
    config = load_config(path, environment, {"mpool.max_nonce_gap": 3})
    assert (config.log.level, config.mpool.max_pool_size, config.mpool.max_nonce_gap) == ("DEBUG", 2, 3)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[api]\nadress = 'x'", "api.adress"),
        ("[mpool]\nmax_pool_size = 'many'", "mpool.max_pool_size"),
        ("[mpool]\nmax_pool_size = 0", "mpool.max_pool_size"),
        ("[heartbeat]\nnickname = 'r2d2'", "heartbeat.nickname"),
        ("[wallet]\ndefault_address = 'f1xpbyy4tkdx5si2bgo37dubc2xwv6fum5tk57mid'", "wallet.default_address"),
        ("[mining]\nstorage_price = '-1'", "mining.storage_price"),
        ("[swarm]\naddress = '127.0.0.1:6000'", "swarm.address"),
        ("[mystery]\n", "mystery"),
        ("[api", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_config(path, {})


@pytest.mark.parametrize("name", ["THESPIS_NO__SUCH", "THESPIS_API", "THESPIS_MPOOL__MAX_POOL_SIZE"])
def test_bad_environment_is_named(name):
    with pytest.raises(ConfigError, match=name):
        load_config(None, {name: "nonsense"})


def test_get():
    assert get_value(Config(), "bootstrap.period_s") == 10.0
    assert get_value(Config(), "mpool") == {"max_pool_size": 10_000, "max_nonce_gap": 100}
    assert set(get_value(Config(), "")) == set(Config.model_fields)
    for key in ("nope", "api.nope", "api.address.x"):
        with pytest.raises(ConfigError, match=key):
            get_value(Config(), key)


def test_set_keeps_neighbours_and_comments(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("# mine\n" + default_config_text() + "\n# the end\n")
    before = path.read_text().splitlines()
    config = set_value(path, "heartbeat.nickname", "alice")
    after = path.read_text().splitlines()
    assert config.heartbeat.nickname == "alice"
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 1
    assert changed[0][1].startswith('nickname = "alice"')
    assert "letters only" in changed[0][1]
    assert load_config(path, {}) == config


@pytest.mark.parametrize(
    ("key", "value"),
    [("api.nope", 1), ("nope.x", 1), ("mpool.max_pool_size", "x"), ("mpool", 1), ("wallet.default_address", "f0x")],
)
def test_bad_set_changes_nothing(tmp_path, key, value):
    path = tmp_path / "config.toml"
    path.write_text(default_config_text())
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        set_value(path, key, value)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.toml"]


def test_values_from_the_command_line():
    assert parse_value("12") == 12
    assert parse_value("true") is True
    assert parse_value('["a", "b"]') == ["a", "b"]
    assert parse_value("/ip4/127.0.0.1/tcp/1") == "/ip4/127.0.0.1/tcp/1"
    assert parse_value("") == ""


@given(st.text(max_size=40))
def test_any_text_is_a_value(text):
    parse_value(text)
