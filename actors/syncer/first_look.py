"""What can be said of a gossiped block before it is validated: when it is due, and whether anybody answers for it."""

from __future__ import annotations

from thespis.actors.chain.reader import ChainReader
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.crypto.signature import check_signature
from thespis.protocols.errors import ChainError, CidError, SignatureError


def due_s(chain: ChainReader, header: BlockHeader) -> int:
    """From when on a block may be taken, in Unix seconds; before, it is neither good nor bad."""
    return header.timestamp - chain.genesis.profile.allowable_clock_drift_s


def is_attested(chain: ChainReader, header: BlockHeader) -> bool:
    """Whether a miner that our chain knows signed a block; anybody can make one up, and a new name for who did."""
    if header.block_sig is None:
        return False
    try:
        worker = chain.worker_key(chain.head(), header.height, header.miner)
        check_signature(header.block_sig, worker, header.signing_bytes())
    except (ChainError, CidError, SignatureError):
        return False
    return True
