"""What can be said of a block before it is validated: whether its time can be, and whether anybody answers for it."""

from __future__ import annotations

from thespis.actors.chain.reader import ChainReader
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.crypto.signature import check_signature
from thespis.protocols.errors import ChainError, CidError, SignatureError

FUTURE_EPOCHS_MAX = 5
"""By how many epochs a clock elsewhere may be ahead of ours without our taking its blocks for invented."""


def due_s(chain: ChainReader, header: BlockHeader) -> int:
    """From when on a block may be taken, in Unix seconds; before, it is neither good nor bad."""
    return header.timestamp - chain.genesis.profile.allowable_clock_drift_s


def latest_height(chain: ChainReader, now_s: float) -> int:
    """The height that no honest block passes, by our clock."""
    return chain.genesis.profile.epoch_at(now_s) + FUTURE_EPOCHS_MAX


def is_timely(chain: ChainReader, height: int, now_s: float) -> bool:
    """Whether a block of a height can be of use: not final already, nor far in the future."""
    floor = final_height(chain.head().height, chain.genesis.profile.finality_epochs)
    return floor <= height <= latest_height(chain, now_s)


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
