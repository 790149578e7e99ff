"""The hello protocol: the first thing two peers say, and how they find out that they are on different chains.

``/fil/hello/1.0.0``: the dialler sends its head and genesis; the other answers with two times in nanoseconds, from
which the dialler tells latency and clock offset (reference: formats, section 5.2).
"""

from __future__ import annotations

from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, record
from thespis.protocols.errors import WireError

PROTOCOL = "/fil/hello/1.0.0"
MESSAGE_BYTES_MAX = 64 << 10
"""A head of fifteen CIDs has under a kilobyte; nobody needs more."""


@record
class Hello(Record):
    """Head and genesis of a peer."""

    heaviest_tipset: tuple[Cid, ...]
    heaviest_tipset_height: ChainEpoch
    heaviest_tipset_weight: BigInteger
    genesis: Cid


@record
class HelloReply(Record):
    """When the hello arrived and when this was sent, in nanoseconds of the answering peer's clock."""

    arrival_ns: int
    sent_ns: int


def parse_hello(data: bytes) -> Hello:
    """A hello within its bounds; raises WireError or CborError."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise WireError(f"hello of {len(data)} bytes; the bound is {MESSAGE_BYTES_MAX}")
    hello = Hello.decode(data)
    if not 0 < len(hello.heaviest_tipset) <= TIPSET_BLOCKS_MAX:
        raise WireError(f"head of {len(hello.heaviest_tipset)} blocks; a tipset has 1 to {TIPSET_BLOCKS_MAX}")
    if hello.heaviest_tipset_height < 0 or hello.heaviest_tipset_weight < 0:
        raise WireError("head with a negative height or weight")
    return hello
