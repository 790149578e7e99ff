"""Thespian's contract between an actor and its system, shared by every base of ours."""

from __future__ import annotations

import importlib
import logging
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgpack
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorSystemMessage,
    InvalidActorSpecification,
    NoCompatibleSystemForActor,
    PoisonMessage,
    ThespianGeneration,
)
from thespian.system.utilis import withPossibleInitArgs
from thespis.runtime.errors import RuntimeFloorError

logger = logging.getLogger(__name__)


def resolve_class(specification: Any) -> Any:
    """The class a ``createActor`` call names; raises ImportError or InvalidActorSpecification."""
    if not isinstance(specification, str):
        if not isinstance(specification, type):
            raise InvalidActorSpecification(specification, "neither a class nor its dotted name")
        return specification
    module, _, name = specification.rpartition(".")
    if not module:
        raise InvalidActorSpecification(specification, "a name must be module.Class")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise InvalidActorSpecification(specification, f"module {module} has no {name}") from None


def class_path(actor_class: type) -> str:
    """The name a child process can import; raises for classes that no other process can find."""
    if actor_class.__module__ == "__main__" or "<locals>" in actor_class.__qualname__:
        raise InvalidActorSpecification(
            actor_class, "a class of __main__ or inside a function cannot be imported by its process; "
            "move it to a module"
        )  # fmt: skip
    return f"{actor_class.__module__}:{actor_class.__qualname__}"


def load_class(path: str) -> Any:
    """Import what `class_path` named."""
    module, _, qualname = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def check_capabilities(actor_class: Any, capabilities: dict[str, Any], requirements: Any) -> None:
    """Raise NoCompatibleSystemForActor unless this system offers what the class requires."""
    check = getattr(actor_class, "actorSystemCapabilityCheck", None)
    if check is not None and not check(capabilities, requirements or {}):
        raise NoCompatibleSystemForActor(actor_class, "no system offers its required capabilities")


def instantiate(actor_class: Any, capabilities: dict[str, Any], requirements: Any) -> Actor:
    """Construct an actor the way Thespian does, passing what its constructor asks for by name."""
    check_capabilities(actor_class, capabilities, requirements)
    return withPossibleInitArgs(capabilities=capabilities, requirements=requirements).create(actor_class)


def base_capabilities(name: str, given: dict[str, Any] | None, *, watch: bool) -> dict[str, Any]:
    """The capabilities Thespian promises in every system, beside those given."""
    import sys

    return {
        **(given or {}),
        "Python Version": tuple(sys.version_info),
        "Thespian Generation": ThespianGeneration,
        "Thespian Version": str(int(time.time() * 1000)),
        "Thespian ActorSystem Name": name,
        "Thespian ActorSystem Version": 1,
        "Thespian Watch Supported": watch,
        "AllowRemoteActorSources": "No",
    }


def pack_plain(value: Any) -> bytes:
    """Capabilities and requirements travel as plain msgpack; raises InvalidActorSpecification for other values."""
    try:
        data: bytes = msgpack.packb(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidActorSpecification(
            value, f"capabilities and requirements hold plain values only: {error}"
        ) from None
    return data


def unpack_plain(data: bytes) -> Any:
    """What `pack_plain` packed, tuples for arrays."""
    return msgpack.unpackb(data, use_list=False, strict_map_key=False)


def seconds_of(period: Any) -> float:
    """Seconds of a period given as number or timedelta."""
    return period.total_seconds() if isinstance(period, timedelta) else float(period)


def deliver(actor: Actor, message: Any, sender: ActorAddress, poison: Callable[[PoisonMessage], None]) -> Any:
    """Hand one message to an actor: a failure is retried once, then goes back to its sender as poison.

    System messages are never sent back, or two failing actors would poison each other for ever.
    """
    for attempt in (1, 2):
        try:
            return actor.receiveMessage(message, sender)
        except Exception:
            details = traceback.format_exc()
            logger.warning("%s failed on %s (attempt %d)\n%s", type(actor).__name__, _name(message), attempt, details)
    if not isinstance(message, ActorSystemMessage):
        poison(PoisonMessage(message, details))
    return None


def _name(message: Any) -> str:
    return type(message).__name__


class NotSupportedError(RuntimeFloorError, NotImplementedError):
    """Something of Thespian that these bases leave out on purpose: several hosts, and loading of source code."""


class UnsupportedCalls:
    """The calls of Thespian's actor interface that our bases refuse, each with its reason."""

    def loadActorSource(self, _fname: Any) -> None:
        """Refused: code enters a node by its package, never through a message."""
        raise NotSupportedError("loading actor source is not supported; install the code as a package")

    def unloadActorSource(self, _source_hash: Any) -> None:
        """Refused, as loading is."""
        raise NotSupportedError("loading actor source is not supported; install the code as a package")

    def registerSourceAuthority(self, _address: Any) -> None:
        """Refused, as loading is."""
        raise NotSupportedError("loading actor source is not supported; install the code as a package")

    def notifyOnSourceAvailability(self, _address: Any, _enable: Any) -> None:
        """Refused, as loading is."""
        raise NotSupportedError("loading actor source is not supported; install the code as a package")

    def preRegisterRemoteSystem(self, _address: Any, _capabilities: Any) -> None:
        """Refused: a system lives on one host."""
        raise NotSupportedError("conventions of several hosts are not supported; use the node's network")

    def deRegisterRemoteSystem(self, _address: Any) -> None:
        """Refused: a system lives on one host."""
        raise NotSupportedError("conventions of several hosts are not supported; use the node's network")

    def notifyOnSystemRegistrationChanges(self, _address: Any, _enable: Any) -> None:
        """Accepted and never called: no other system ever registers."""
