"""A node's settings: a commented TOML file, then the environment, then flags; the later wins.

Every key of the seed's table that still means something is here under a name with its unit (reference: seed-node,
section 6). ``THESPIS_API__ADDRESS`` in the environment sets ``api.address``. Unknown keys and ill-typed values are
refused by name, because a setting that is silently ignored is a setting that is believed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bigint import parse_fil
from thespis.protocols.errors import ProtocolError
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import write_atomically

ENVIRONMENT_PREFIX = "THESPIS_"
NOT_SETTINGS = frozenset({"HOME", "VECTORS", "PASSPHRASE", "KERNELS", "PEER_ALL", "FUZZ"})
"""Variables with the prefix that are no settings."""


class ConfigError(RuntimeFloorError):
    """The settings are unreadable, unknown or ill-typed."""


def _address(value: str) -> str:
    if value:
        try:
            Address.from_text(value)
        except ProtocolError as error:
            raise ValueError(str(error)) from None
    return value


def _amount(value: str) -> str:
    try:
        if parse_fil(value) < 0:
            raise ValueError(f"{value!r} is negative")
    except ProtocolError as error:
        raise ValueError(str(error)) from None
    return value


def _multiaddress(value: str) -> str:
    if value and not value.startswith("/"):
        raise ValueError(f"{value!r} is no multiaddress such as /ip4/127.0.0.1/tcp/3453")
    return value


def _nickname(value: str) -> str:
    if value and not (value.isascii() and value.isalpha()):
        raise ValueError(f"{value!r} has characters other than letters")
    return value


FilAddress = Annotated[str, AfterValidator(_address)]
FilAmount = Annotated[str, AfterValidator(_amount)]
Multiaddress = Annotated[str, AfterValidator(_multiaddress)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ApiConfig(_Section):
    """The JSON-RPC and HTTP server."""

    address: Multiaddress = Field("/ip4/127.0.0.1/tcp/3453", description="where the API listens")
    access_control_allow_origin: list[str] = Field(
        ["http://localhost:8080", "https://localhost:8080", "http://127.0.0.1:8080", "https://127.0.0.1:8080"],
        description="origins whose pages may call the API",
    )
    access_control_allow_credentials: bool = Field(default=False, description="whether those pages may send cookies")
    access_control_allow_methods: list[str] = Field(["GET", "POST", "PUT"], description="methods they may use")


class BootstrapConfig(_Section):
    """How the node finds its first peers."""

    addresses: list[Multiaddress] = Field([], description="peers to dial at start")
    min_peer_threshold: int = Field(3, ge=0, description="dial when fewer peers are connected")
    period_s: float = Field(10.0, gt=0, description="how often to look")


class DatastoreConfig(_Section):
    """Where blocks and state are kept."""

    path: str = Field("datastore", min_length=1, description="folder below the home, or an absolute path")


class SwarmConfig(_Section):
    """The libp2p host."""

    address: Multiaddress = Field("/ip4/0.0.0.0/tcp/6000", description="where peers reach this node")
    public_relay_address: Multiaddress = Field("", description="address announced when this node is a relay")


class MiningConfig(_Section):
    """The storage miner of this node, if it has one."""

    miner_address: FilAddress = Field("", description="the miner's actor")
    enabled: bool = Field(default=False, description="whether the miner mines from the start")
    delay_share: float = Field(0.25, ge=0, lt=1, description="how far into the epoch before to choose what to mine on")
    auto_seal_interval_s: int = Field(120, ge=0, description="seal staged sectors this often; 0 is never")
    sealing_workers: int = Field(1, ge=1, le=8, description="processes that seal and prove sectors")
    sealing_threads: int = Field(0, ge=0, description="threads of each; 0 is one for each processor")
    storage_price: FilAmount = Field("0", description="asking price in FIL per byte and epoch")


class WalletConfig(_Section):
    """The wallet."""

    default_address: FilAddress = Field("", description="sender where none is named")


class HeartbeatConfig(_Section):
    """Reports to a statistics collector."""

    beat_target: Multiaddress = Field("", description="where to report; empty is nowhere")
    beat_period_s: float = Field(3.0, gt=0, description="how often")
    reconnect_period_s: float = Field(10.0, gt=0, description="how soon to try again")
    nickname: Annotated[str, AfterValidator(_nickname)] = Field("", description="name in the statistics, letters only")


class MpoolConfig(_Section):
    """The message pool's bounds."""

    max_pool_size: int = Field(10_000, gt=0, description="messages held at most")
    max_nonce_gap: int = Field(100, ge=0, description="how far ahead of its account a message may be")


class LogConfig(_Section):
    """What is written to the log."""

    level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$", description="lowest level written")


class Config(_Section):
    """All settings of a node."""

    api: ApiConfig = ApiConfig()
    bootstrap: BootstrapConfig = BootstrapConfig()
    datastore: DatastoreConfig = DatastoreConfig()
    swarm: SwarmConfig = SwarmConfig()
    mining: MiningConfig = MiningConfig()
    wallet: WalletConfig = WalletConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    mpool: MpoolConfig = MpoolConfig()
    log: LogConfig = LogConfig()


def default_config_text() -> str:
    """The file that init writes: every key with its default and what it is for."""
    import tomlkit

    document = tomlkit.document()
    document.add(
        tomlkit.comment("Settings of a Thespis node. Environment (THESPIS_SECTION__KEY) and flags win over them.")
    )
    for name, field in Config.model_fields.items():
        section_class = field.annotation
        assert isinstance(section_class, type)
        assert issubclass(section_class, BaseModel)
        table = tomlkit.table()
        table.comment((section_class.__doc__ or "").strip())
        for key, entry in section_class.model_fields.items():
            item = tomlkit.item(entry.get_default())
            item.comment(entry.description or "")
            table.add(key, item)
        document.add(name, table)
    return tomlkit.dumps(document)


def load_config(
    path: Path | None, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Config:
    """The settings in force; `flags` maps dotted keys to values.

    An empty or missing file means defaults. Raises ConfigError naming the key, its value and where it came from.
    """
    values: dict[str, Any] = {}
    if path is not None and path.exists():
        values = _read(path)
    _check(values, str(path))
    variables = os.environ if environment is None else environment
    for name, text in sorted(variables.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name.removeprefix(ENVIRONMENT_PREFIX) not in NOT_SETTINGS:
            dotted = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            values = _with(values, dotted, parse_value(text), f"environment variable {name}")
    for dotted, value in (flags or {}).items():
        values = _with(values, dotted, value, f"flag for {dotted}")
    return _check(values, "settings")


def parse_value(text: str) -> Any:
    """A TOML value, or the text itself when it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def get_value(config: Config, dotted: str) -> Any:
    """A section as a dictionary, or one value; raises ConfigError for unknown keys."""
    value: Any = config
    for part in dotted.split(".") if dotted else []:
        if not isinstance(value, BaseModel) or part not in type(value).model_fields:
            raise ConfigError(f"no setting {dotted!r}; see: thespis config get")
        value = getattr(value, part)
    return value.model_dump() if isinstance(value, BaseModel) else value


def set_value(path: Path, dotted: str, value: Any) -> Config:
    """Change one value in the file, atomically; everything else in it, comments included, stays as it was."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    section, _, key = dotted.partition(".")
    get_value(Config(), dotted)
    if not key:
        raise ConfigError(
            f"{dotted!r} is a section; set one of its keys, such as {dotted}.{next(iter(get_value(Config(), dotted)))}"
        )
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        document: Any = tomlkit.parse(text)
        table = document.setdefault(section, tomlkit.table())
        item = tomlkit.item(value)
        old = table.get(key)
        if old is not None and hasattr(old, "trivia") and old.trivia.comment:
            item.comment(old.trivia.comment.lstrip("# "))
        table[key] = item
        changed = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    config = _check(tomllib.loads(changed), f"{dotted} = {value!r}")
    write_atomically(path, changed.encode())
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _with(values: dict[str, Any], dotted: str, value: Any, origin: str) -> dict[str, Any]:
    section, _, key = dotted.partition(".")
    if section not in Config.model_fields or not key:
        raise ConfigError(f"{origin}: no setting {dotted!r}; see: thespis config get")
    changed = {**values, section: {**values.get(section, {}), key: value}}
    _check(changed, origin)
    return changed


def _check(values: dict[str, Any], origin: str) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        shown = repr(first.get("input"))[:80]
        raise ConfigError(f"{origin}: setting {key!r} = {shown}: {first['msg']}") from None
