"""Lanes of a simulated actor: work is over when it begins, since virtual time stands still meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from thespis.runtime.lanes import LaneEnd
from thespis.runtime.store.interface import StoreReader


class SimulatedLanes:
    """No threads."""

    def begin(self, lane: str, number: int, work: Callable[[], Any], within_s: float) -> LaneEnd | None:  # noqa: ARG002
        """Do it now."""
        try:
            return LaneEnd(work(), None, 0.0)
        except Exception as error:
            return LaneEnd(None, error, 0.0)

    def end(self, number: int) -> LaneEnd:
        """Nothing ends later."""
        raise KeyError(number)

    def stop(self, number: int) -> None:
        """Nothing runs."""

    def watched(self, reader: StoreReader) -> StoreReader:
        """As it is."""
        return reader

    def close(self) -> None:
        """Nothing to close."""
