"""``bench ipld``: HAMT and AMT against a plain dictionary and against cbor2 alone, by size.

`get_cold` opens a map whose nodes nobody decoded yet, `get_known` one whose nodes this process remembers, and
`get_warm` looks into a map that is open.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
from thespis.deploy.bench.remembered import forget
from thespis.deploy.bench.report import Figure, rate
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.amt import Amt
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.ipld.hamt import Hamt

SIZES = (1_000, 10_000, 100_000, 1_000_000)
GETS_MAX = 20_000
DICT, CBOR, DECODING = "dict", "cbor2 alone", "decoding them"


class _RecordingStore(MemoryBlockstore):
    """Remembers what was read, so that the yardstick decodes the same blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[bytes] = []

    def get(self, cid: Cid) -> bytes:
        """Read and remember."""
        block = super().get(cid)
        self.read.append(block)
        return block


def run(entries_max: int = SIZES[-1]) -> Iterator[Figure]:
    """Every figure, up to `entries_max` entries."""
    for entries in SIZES:
        if entries <= entries_max:
            rounds = 3 if entries <= 10_000 else 1  # noqa: PLR2004
            yield from _structure("hamt", entries, rounds, _hamt)
            yield from _structure("amt", entries, rounds, _amt)


_Build = Callable[[MemoryBlockstore, Any], Any]


def _hamt(store: MemoryBlockstore, root: Any) -> Hamt:
    return Hamt(store, root)


def _amt(store: MemoryBlockstore, root: Any) -> Amt:
    return Amt(store, root, bit_width=5)


def _structure(name: str, entries: int, rounds: int, build: _Build) -> Iterator[Figure]:
    keys: list[Any] = [b"key%d" % index for index in range(entries)] if name == "hamt" else list(range(entries))
    probes = keys[:: max(1, entries // GETS_MAX)]
    values: dict[str, list[float]] = {}

    def note(label: str, rate: float) -> None:
        values.setdefault(label, []).append(rate)

    for _ in range(rounds):
        store = _RecordingStore()
        tree, plain = build(store, None), dict[Any, Any]()
        values_of = [[index, b"value"] for index in range(entries)]
        note("set", rate(entries, lambda: [tree.set(key, value) for key, value in zip(keys, values_of, strict=True)]))
        note("set/" + DICT, rate(entries, lambda: plain.update(zip(keys, values_of, strict=True))))
        roots: list[Any] = []
        note("flush", rate(entries, lambda: roots.append(tree.flush())))
        note("flush/" + CBOR, rate(entries, lambda: cbor2.dumps([[key, value] for key, value in plain.items()])))
        store.read.clear()
        forget()
        cold = build(store, roots[0])
        note("get_cold", rate(len(probes), lambda: [cold.get(key) for key in probes]))
        again = build(store, roots[0])
        blocks = len(store.read)
        note("get_known", rate(len(probes), lambda: [again.get(key) for key in probes]))
        note("get_known/" + DECODING, values["get_cold"][-1])
        del store.read[blocks:]
        note("get_cold/" + CBOR, rate(len(probes), lambda: [cbor2.loads(block) for block in store.read]))
        note("get_warm", rate(len(probes), lambda: [cold.get(key) for key in probes]))
        note("get_warm/" + DICT, rate(len(probes), lambda: [plain.get(key) for key in probes]))
    # an array's nodes are not remembered beyond its life
    for label in ("set", "flush", "get_cold", "get_warm", *(["get_known"] if name == "hamt" else [])):
        [yardstick] = [key.partition("/")[2] for key in values if key.startswith(label + "/")]
        mine, theirs = values[label], values[f"{label}/{yardstick}"]
        ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
        yield Figure(f"ipld.{name}_{label}_{entries}", statistics.median(mine), "entries/s", yardstick, ratio)
