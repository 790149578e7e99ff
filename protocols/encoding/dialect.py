"""How strictly bytes are read: as our own, as a peer's of today, or as the network's first actors read parameters.

A value has one encoding, and whoever writes writes that. Readers of the reference take more than it, and what they take
they go on with by its value: they hash, sign and store it encoded anew. A message that succeeded on the network must
succeed here, and a block that others accept must be accepted; so where bytes come from others we are as lax as they
are, and nowhere laxer. docs/decoding.md has the table of what each takes.
"""

from __future__ import annotations

from enum import Enum


class Dialect(Enum):
    """Who reads.

    `CANONICAL` takes exactly what our encoder writes: our stores, our processes, our files. `CHAIN` is a peer of today:
    gossip (Lotus v1.34.1 ``chain/types``, go-state-types v0.17.0). `ACTORS` is the machine of the network versions that
    we run, on parameters and headers within them (Lotus v1.4.0 ``chain/vm/invoker.go``, DecodeParams; specs-actors
    v0.9.13 and v2.3.6).
    """

    CANONICAL = "canonical"
    CHAIN = "chain"
    ACTORS = "actors"
