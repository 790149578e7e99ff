"""Compile what a node needs, once, when it is installed: ``python -m protocols.proofs.warm``."""

from __future__ import annotations

import numpy as np
from thespis.protocols.proofs.memory import data_rows, seal_in_memory
from thespis.protocols.proofs.piece import commitment
from thespis.protocols.proofs.porep import Replication
from thespis.protocols.proofs.registry import KIB, SealProof
from thespis.protocols.proofs.vanilla import prove_seal, verify_seal


def main() -> None:
    """Seal a small sector, prove it and verify the proof."""
    data = np.zeros((2 * KIB // 32, 4), np.uint64)
    replication = Replication(SealProof.of_size(2 * KIB), 0, 0, bytes(32), data_rows(data)[-1].tobytes())
    sector, comm_r = seal_in_memory(replication, data)
    verify_seal(replication, comm_r, bytes(32), prove_seal(sector, bytes(32)))
    commitment(b"")


if __name__ == "__main__":
    main()
