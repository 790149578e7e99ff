"""The system actor: the sender of what the chain itself does; it has no state (specs-actors v0.9.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import SYSTEM
from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.encoding.tuples import Record, record

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class SystemState(Record):
    """Nothing."""


def constructor(runtime: ActorRuntime) -> None:
    """Made at genesis, by itself."""
    runtime.validate_caller(SYSTEM)
    runtime.create_state(SystemState())


METHODS: Methods = {1: method(constructor)}
