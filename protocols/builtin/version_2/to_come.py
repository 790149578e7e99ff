"""Methods that are not implemented yet: their outcome is unknown, so calling one stops execution."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from protocols.builtin.methods import Methods
from protocols.vm.exit_codes import ActorNotImplementedError

if TYPE_CHECKING:
    from protocols.vm.runtime import ActorRuntime


def with_methods_to_come(name: str, numbers: Iterable[int], here: Methods) -> Methods:
    """A method table in which every number without a method raises ActorNotImplementedError."""

    def missing(number: int) -> Methods:
        def call(_runtime: ActorRuntime, _data: bytes) -> bytes:
            raise ActorNotImplementedError(f"method {number} of version 2 of the {name} actor is not implemented yet")

        return {number: call}

    found: Methods = {}
    for number in numbers:
        found |= {number: here[number]} if number in here else missing(number)
    return found
