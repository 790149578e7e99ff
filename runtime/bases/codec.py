"""What turns messages into frame payloads: the seam where a test may give another codec.

The production codec speaks only registered messages plus Thespian's own few system messages. There is no way
to reach pickle from here; a codec that pickles lives in tests/ and is used for Thespian's own test suite only.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from thespian.actors import ActorAddress, ActorExitRequest, DeadEnvelope, PoisonMessage, WakeupMessage
from thespis.runtime.actor.fields import compile_field
from thespis.runtime.actor.message import REGISTRY, Message, Registry
from thespis.runtime.bases.exits import ChildExited, ExitStatus


class Codec(Protocol):
    """Encodes and decodes whole messages; raises MessageError on anything it does not speak."""

    def encode(self, message: Any) -> bytes:
        """Bytes of one message."""
        ...

    def decode(self, data: bytes) -> Any:
        """The message those bytes hold."""
        ...


def _adapt_thespian(registry: Registry) -> None:
    def fields(*hints: Any) -> list[Any]:
        return [compile_field(hint, registry) for hint in hints]

    optional_text = str | None
    registry.adapt(ActorExitRequest, "ActorExitRequest", ["isRecursive"], fields(bool), ActorExitRequest)
    registry.adapt(
        PoisonMessage,
        "PoisonMessage",
        ["poisonMessage", "details"],
        fields(Message, optional_text),
        PoisonMessage,
    )
    registry.adapt(
        DeadEnvelope, "DeadEnvelope", ["deadAddress", "deadMessage"], fields(ActorAddress, Message), DeadEnvelope
    )
    registry.adapt(WakeupMessage, "WakeupMessage", ["delayPeriod", "payload"],
                   fields(float, str | int | None), WakeupMessage)  # fmt: skip
    registry.declare(ExitStatus)
    registry.adapt(
        ChildExited, "ChildExited", ["childAddress", "status"], fields(ActorAddress, ExitStatus), ChildExited
    )


_adapt_thespian(REGISTRY)


class MessageCodec:
    """The production codec: registered frozen dataclasses, msgpack, nothing else."""

    def encode(self, message: Any) -> bytes:
        """Encode one registered message."""
        return REGISTRY.encode(message)

    def decode(self, data: bytes) -> Any:
        """Decode one registered message."""
        return REGISTRY.decode(data)


DEFAULT_CODEC = "thespis.runtime.bases.codec:MessageCodec"


def load_codec(path: str) -> Codec:
    """Build the codec that ``module:factory`` names; a child process gets the path, not the object."""
    module, _, factory = path.partition(":")
    codec: Codec = getattr(importlib.import_module(module), factory)()
    return codec
