"""The system actor: the sender of what the chain itself does; it has no state.

Sources are files of specs-actors v0.9.15 and v2.3.6, ``actors/builtin/system/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.codes import SYSTEM
from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.encoding.tuples import StateRecord, record

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class SystemState(StateRecord):
    """The empty state."""


def constructor(runtime: ActorRuntime) -> None:
    """Made at genesis, by itself.

    Source: ``system_actor.go``, Constructor.
    """
    runtime.validate_caller(SYSTEM)
    runtime.create_state(SystemState())


METHODS: Methods = {1: method(constructor)}
