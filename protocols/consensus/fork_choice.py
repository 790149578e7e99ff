"""Which of two chains to follow: the heavier one, and at equal weight the one with the smaller ticket."""

from __future__ import annotations

from thespis.protocols.chain.tipset import Tipset


def prefers(candidate: Tipset, candidate_weight: int, head: Tipset, head_weight: int) -> bool:
    """Whether `candidate` should replace `head`; when nothing tells them apart the present head stays."""
    if candidate_weight != head_weight:
        return candidate_weight > head_weight
    return candidate.breaks_tie_before(head)
