"""Runs of random sequences on the maps and arrays of 2020, against what the Go libraries answered.

``python -m tests.protocols.ipld.historic_runs write h0 > lines`` writes the sequences of a kind (`historic_sequences`).
A program around the library answers each line: what came of it, then every read (``r`` and the last six bytes of the
CID in hex) and every write (``w``, these, ``:`` and the size). Results are ``ok``, ``none`` for what is absent, ``no``
for a reload before any flush, CIDs and values in hex, and ``[key=value,…]``. ``err`` ends a sequence, without reads and
writes: a call that fails undoes them; then ``dead``. ``… record h0 < answers`` keeps their digests in ``recorded/``.
"""

import hashlib
import sys
from pathlib import Path

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ProtocolError
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.ipld.historic import HistoricArray, HistoricMap

from tests.protocols.ipld.historic_sequences import HASHES, KINDS, sequence

SEQUENCES = 10_000
TOGETHER = 20
"""How many sequences share a digest."""
RECORDED = Path(__file__).parent / "recorded"
NAMES = {"h0": "go-hamt-ipld v0.1.5", "h2": "go-hamt-ipld v2.0.0", "a2": "go-amt-ipld v2.1.0"}
_MISSING = object()


class LoggingStore(MemoryBlockstore):
    """Writes down what gas would be charged for."""

    def __init__(self, actors_version):
        super().__init__()
        self.actors_version = actors_version
        self.log = []

    def get(self, cid):
        block = super().get(cid)
        self.log.append(f"r{cid.data[-6:].hex()}")
        return block

    def put(self, cid, block):
        self.log.append(f"w{cid.data[-6:].hex()}:{len(block)}")
        super().put(cid, block)


class Follower:
    """Follows the lines of one sequence."""

    def __init__(self, line):
        _, self.kind, width, hashing = line.split()
        self.store = LoggingStore(2 if self.kind == "h2" else 0)
        self.options = {} if self.kind == "a2" else {"bit_width": int(width), "hash_function": HASHES[hashing]}
        self.root, self.dead = None, False
        self.open(None)

    def open(self, root):
        self.tree = (HistoricArray if self.kind == "a2" else HistoricMap)(self.store, root, **self.options)

    def answer(self, line):
        """What came of a line, and the reads and writes that it took."""
        if self.dead:
            return "dead"
        self.store.log.clear()
        try:
            result = getattr(self, f"do_{line.split()[0]}")(*line.split()[1:])
        except ProtocolError:
            self.dead = True
            return "err"
        return " ".join([result, *self.store.log])

    def key(self, text):
        return int(text) if self.kind == "a2" else bytes.fromhex(text.strip("-"))

    def do_block(self, block):
        block = bytes.fromhex(block)
        MemoryBlockstore.put(self.store, Cid.of(block), block)
        return Cid.of(block).data.hex()

    def do_open(self, root):
        self.root = Cid.parse(bytes.fromhex(root))
        self.open(self.root)
        return "ok"

    def do_reload(self):
        if self.root is None:
            return "no"
        self.open(self.root)
        return "ok"

    def do_flush(self):
        self.root = self.tree.flush()
        return self.root.data.hex()

    def do_set(self, key, value):
        self.tree.set(self.key(key), cbor.decode(bytes.fromhex(value)))
        return "ok"

    def do_del(self, key):
        return "ok" if self.tree.delete(self.key(key)) else "none"

    def do_get(self, key):
        value = self.tree.get(self.key(key), _MISSING)
        return "none" if value is _MISSING else cbor.encode(value).hex()

    def do_each(self, start):
        entries = self.tree.items(int(start)) if self.kind == "a2" else self.tree.items()
        keys = ((key if self.kind == "a2" else key.hex(), value) for key, value in entries)
        return f"[{','.join(f'{key}={cbor.encode(value).hex()}' for key, value in keys)}]"


def answers(lines):
    """Our answers to the lines of one sequence or more."""
    follower, found = None, []
    for line in lines:
        if line.startswith("new "):
            follower = Follower(line)
            found.append("new")
        else:
            found.append(follower.answer(line))
    return found


def digest(lines):
    """What is kept of the answers to some sequences."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def recorded(kind):
    """The digests of a library's answers."""
    return (RECORDED / f"{kind}.txt").read_text().split()


def differing(kind, groups):
    """Which groups of sequences are not answered as the library did."""
    known = recorded(kind)
    return [
        group
        for group in groups
        if digest(answers(line for each in _group(group) for line in sequence(kind, each))) != known[group]
    ]


def _group(group):
    return range(group * TOGETHER, (group + 1) * TOGETHER)


def report():
    """A line for docs/conformance.md for each library: the sequences whose answers are its own."""
    for kind in KINDS:
        groups = range(SEQUENCES // TOGETHER)
        same = SEQUENCES - TOGETHER * len(differing(kind, groups))
        yield f"| {NAMES[kind]} | {same}/{SEQUENCES} |"


def _record(kind, lines):
    known = []
    for group in range(SEQUENCES // TOGETHER):
        count = sum(len(sequence(kind, each)) for each in _group(group))
        known.append(digest([next(lines).rstrip() for _ in range(count)]))
    RECORDED.mkdir(exist_ok=True)
    (RECORDED / f"{kind}.txt").write_text("\n".join(known) + "\n")


if __name__ == "__main__":
    command, wanted = sys.argv[1:]
    if command == "write":
        sys.stdout.writelines(f"{line}\n" for each in range(SEQUENCES) for line in sequence(wanted, each))
    elif command == "record":
        _record(wanted, sys.stdin)
