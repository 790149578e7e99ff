"""How far a sealing is, how fast, and when it will be done, from the shares of phases that workers report."""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.proofs.registry import SealProof

_DATA, _LABELS, _COLUMNS, _REPLICA, _COMMIT = 0.04, 0.60, 0.22, 0.02, 0.12
"""Shares of the whole that phases take, as `thespis bench seal` measures them; labels are shared by the layers."""


@dataclass(slots=True)
class SealProgress:
    """One sealing since this process first heard of it."""

    proof: SealProof
    phase: str = "waiting"
    share: float = 0.0
    _first: tuple[float, float] | None = None

    def report(self, phase: str, share: float, now_s: float) -> None:
        """Take a worker's word; the whole never goes back."""
        done = self._before(phase) + self._weight(phase) * min(1.0, max(0.0, share))
        if self._first is None:
            self._first = (now_s, done)
        self.phase, self.share = phase, max(self.share, done)

    def _phases(self) -> list[str]:
        labels = [f"labels-{number}" for number in range(1, self.proof.shape.layers + 1)]
        return ["data", *labels, "columns", "replica", "commit"]

    def _weight(self, phase: str) -> float:
        fixed = {"data": _DATA, "columns": _COLUMNS, "replica": _REPLICA, "commit": _COMMIT}
        return fixed.get(phase, _LABELS / self.proof.shape.layers)

    def _before(self, phase: str) -> float:
        phases = self._phases()
        earlier = phases[: phases.index(phase)] if phase in phases else []
        return sum(map(self._weight, earlier))

    def rate(self, now_s: float) -> tuple[float, float]:
        """Sector bytes a second, and seconds that are left or -1, both by what was done since the first report."""
        first_s, first_share = self._first or (now_s, 0.0)
        elapsed_s, done = now_s - first_s, self.share - first_share
        if done <= 0 or elapsed_s <= 0:
            return 0.0, -1.0
        return done * self.proof.shape.sector_bytes / elapsed_s, (1.0 - self.share) * elapsed_s / done
