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
        int, Setting("mpool.max_nonce_gap", "how far ahead of its account a message may be", at_least=0)
    ] = 100
