"""Finality: how many epochs a chain must grow above a tipset until no node leaves it any more."""

from __future__ import annotations

FINALITY_EPOCHS = 900
"""Epochs of finality, 7.5 hours of mainnet (Lotus v1.4.0 ``build/params_shared_vals.go``, Finality; specs-actors v2.3.6
``actors/builtin/miner/policy.go``, ChainFinality; spec, Expected Consensus, "Finality in EC")."""


def final_height(head_height: int, finality_epochs: int = FINALITY_EPOCHS) -> int:
    """The highest epoch that is final under a head: no chain that parts from ours at or below it is followed.

    An attacker who gathers blocks in secret for longer than this is ignored, however heavy its chain; what depends on
    a final epoch (a seal's ticket, the state that elections look back on) can therefore never be taken back. Genesis
    is final from the beginning (Lotus v1.4.0 ``chain/sync.go``, Syncer.syncFork with ForkLengthThreshold).
    """
    return max(0, head_height - finality_epochs)
