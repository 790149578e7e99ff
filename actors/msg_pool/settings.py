"""Settings of the MsgPool."""

from __future__ import annotations

from typing import Annotated

from thespis.runtime.actor.message import message
from thespis.runtime.settings import Setting


@message
class MsgPoolSettings:
    """The message pool's bounds."""

    messages_max: Annotated[int, Setting("mpool.max_pool_size", "messages held at most", above=0)] = 10_000
    nonce_gap_max: Annotated[
        int, Setting("mpool.max_nonce_gap", "nonces that a peer's message may leave out after those known", at_least=0)
    ] = 4
    bytes_max: Annotated[int, Setting("mpool.max_pool_bytes", "bytes of messages held at most", above=0)] = 18 << 20
    """With as many messages as there may be, the API can still list them in one answer."""
