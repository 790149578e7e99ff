"""Code CIDs and fixed addresses of the builtin actors (reference: formats, sections 2 and 7)."""

from __future__ import annotations

from functools import lru_cache

from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import IDENTITY, RAW, Cid

SYSTEM = Address.id(0)
INIT = Address.id(1)
REWARD = Address.id(2)
CRON = Address.id(3)
POWER = Address.id(4)
MARKET = Address.id(5)
VERIFIED_REGISTRY = Address.id(6)
BURNT_FUNDS = Address.id(99)
FIRST_NON_SINGLETON = 100

SINGLETONS = frozenset({"system", "init", "reward", "cron", "storagepower", "storagemarket", "verifiedregistry"})
BUILTIN = SINGLETONS | {"account", "multisig", "paymentchannel", "storageminer"}
SIGNABLE = ("account", "multisig")
"""Actors that stand for people (specs-actors ``actors/builtin/codes.go``, CallerTypesSignable)."""


def actors_version(network_version: int) -> int:
    """Which version of the builtin actors a network version runs: v0 up to 3, v2 in 4 and 5."""
    if network_version <= 3:  # noqa: PLR2004
        return 0
    if network_version <= 5:  # noqa: PLR2004
        return 2
    raise NotImplementedError(f"network version {network_version} runs actors that this node does not have; 0 to 5 do")


def code_of(name: str, version: int) -> Cid:
    """The code CID of an actor, such as ``account``: an identity CID of ``fil/<n>/<name>``; v0 is numbered 1."""
    number = 1 if version == 0 else version
    return Cid.make(RAW, IDENTITY, f"fil/{number}/{name}".encode())


@lru_cache(maxsize=256)
def is_builtin(code: Cid, version: int) -> bool:
    """Whether a code CID is that of a builtin actor of a version."""
    name = name_of(code)
    return name in BUILTIN and code == code_of(name, version)


@lru_cache(maxsize=256)
def name_of(code: Cid) -> str:
    """The actor's name in a code CID, or its text for code that is not builtin."""
    codec, multihash, digest = code.parts()
    if (codec, multihash) == (RAW, IDENTITY) and digest.startswith(b"fil/"):
        return digest.decode(errors="replace").rpartition("/")[2]
    return str(code)
