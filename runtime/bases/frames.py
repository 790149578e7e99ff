"""The frame every actor socket carries.

======  =====  ==================================================================
offset  bytes  field
======  =====  ==================================================================
0       1      kind (`Kind`)
1       1      length of the sender's address
2       1      length of the target's address
3       8      sequence number within the channel, 0 for control frames
11      8      acknowledged sequence number of the reverse channel
19      ...    sender, target, payload
======  =====  ==================================================================

A channel runs between two *endpoints* (processes); sequence numbers give order per pair, acknowledgements give
back pressure and tell what a dead peer never handled.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from thespis.runtime.errors import FrameError

HEADER = struct.Struct(">BBBQQ")


class Kind(enum.IntEnum):
    """What a frame is for; only MESSAGE counts against a mailbox."""

    MESSAGE = 1
    ACK = 2
    HELLO = 3
    WELCOME = 4
    STARTED = 5
    START_FAILED = 6
    EXIT = 7
    CHILD_GONE = 8
    GONE = 9
    RESERVE_NAME = 10
    NAME_REPLY = 11
    DEAD_LETTER = 12
    HANDLE_DEAD_LETTERS = 13
    UPDATE_CAPABILITY = 14
    CAPABILITIES = 15
    SHUTDOWN = 16
    URGENT = 17
    """A message that goes past the mail of both sides, and is not resent."""


_LAST = int(max(Kind))


@dataclass(slots=True)
class Frame:
    """One parsed frame."""

    kind: int
    sequence: int
    acknowledged: int
    sender: str
    target: str
    payload: bytes


def pack_frame(kind: int, sequence: int, acknowledged: int, sender: bytes, target: bytes, payload: bytes) -> bytes:
    """Bytes of one frame; addresses come encoded because they are sent a thousand times."""
    return b"".join((HEADER.pack(kind, len(sender), len(target), sequence, acknowledged), sender, target, payload))


def parse_frame(data: bytes) -> Frame:
    """Parse one frame; raises FrameError naming what is wrong with it."""
    if len(data) < HEADER.size:
        raise FrameError(f"frame of {len(data)} bytes is shorter than its header of {HEADER.size}")
    kind, sender_size, target_size, sequence, acknowledged = HEADER.unpack_from(data)
    if not Kind.MESSAGE <= kind <= _LAST:
        raise FrameError(f"frame kind {kind} is unknown; kinds run from 1 to {_LAST}")
    start = HEADER.size + sender_size
    end = start + target_size
    if len(data) < end:
        raise FrameError(f"frame of {len(data)} bytes ends inside its addresses, which need {end}")
    try:
        return Frame(
            kind, sequence, acknowledged, data[HEADER.size : start].decode(), data[start:end].decode(), data[end:]
        )
    except UnicodeDecodeError:
        raise FrameError("frame address is not UTF-8") from None
