"""Random sequences on the maps and arrays of 2020, as lines of text that any implementation can follow.

``new KIND WIDTH HASH`` begins one: kind ``h0`` is go-hamt-ipld v0.1.5, ``h2`` v2.0.0, ``a2`` go-amt-ipld v2.1.0, which
has neither width nor hash. Then come ``block HEX`` (a block that is there), ``open CID``, ``set KEY VALUE``,
``del KEY``, ``get KEY``, ``flush``, ``reload`` (open what was flushed last) and ``each`` (of an array from an index).
Keys of maps are hex, ``-`` for the empty one. Everything follows from the seed.
"""

import functools
import hashlib
import random
from collections import defaultdict

from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.hamt import sha256

KINDS = ("h0", "h2", "a2")
VALUES = [
    "f6", "f4", "00", "03", "1864", "40", "43010203", "60", "6461626364", "80", "820102", "a0", "a1616101",
    "d82a58250001711220" + "ab" * 32, "3903e7", "fb3ff8000000000000", "83f682018000", "5820" + "cd" * 32,
    "1bffffffffffffffff",
]  # fmt: skip
OPERATIONS = ("set", "del", "get", "flush", "reload", "each")
WEIGHTS = [
    (9, 9, 0.3, 0.3, 0.5, 0.2),
    (6, 4, 2, 1, 2, 1),
    (8, 8, 1, 0.3, 1, 1),
    (5, 9, 2, 1, 2, 2),
    (10, 2, 1, 1, 1, 1),
]


def straight(key):
    """The key itself is the hash, so that keys can be made to collide."""
    return key[:32].ljust(32, b"\0")


def mixed(key):
    """The same with another order of slots than of keys."""
    return bytes((each * 157 + 53) & 255 for each in key[:32]).ljust(32, b"\0")


HASHES = {"sha": sha256, "straight": straight, "mixed": mixed}


@functools.cache
def _colliding(bits):
    """The keys of two bytes by the first bits of their SHA-256."""
    found = defaultdict(list)
    for number in range(1 << 16):
        key = number.to_bytes(2, "big")
        found[int.from_bytes(hashlib.sha256(key).digest()[:2], "big") >> 16 - bits].append(key)
    return found


def sequence(kind, seed):
    """The lines of one sequence."""
    return (_ArraySequence if kind == "a2" else _MapSequence)(kind, random.Random(f"{kind}/{seed}")).lines


class _Sequence:
    def __init__(self, kind, chance):
        self.kind, self.chance = kind, chance
        self.lines = [self.begin()]
        if chance.random() < 0.25:
            self.lines.append(f"open {self.foreign().data.hex()}")
        if chance.random() < 0.5:
            for key in chance.sample(self.pool, min(len(self.pool), chance.choice([3, 6, 12]))):
                self.set(key)
            if chance.random() < 0.7:
                self.lines += ["flush", "reload"]
        self.churn()
        self.mix()
        if chance.random() < 0.3:
            self.empty()
        self.lines += ["flush", "reload", "each 0", "flush"]

    def churn(self):
        """Nothing before the mix."""

    def mix(self):
        chance, weights = self.chance, self.chance.choice(WEIGHTS)
        for _ in range(chance.choice([4, 8, 16, 40])):
            if chance.random() < 0.04:
                self.empty()
            [operation] = chance.choices(OPERATIONS, weights)
            key = chance.choice(self.pool)
            if operation == "set":
                self.set(key)
            elif operation in ("del", "get"):
                self.lines.append(f"{operation} {self.text(key)}")
            elif operation == "each":
                self.lines.append(f"each {key if self.kind == 'a2' and chance.random() < 0.6 else 0}")
            elif operation == "reload" and chance.random() < 0.8:
                self.lines += ["flush", "reload"]
            else:
                self.lines.append(operation)

    def set(self, key):
        self.lines.append(f"set {self.text(key)} {self.chance.choice(VALUES)}")

    def empty(self):
        keys = list(dict.fromkeys(self.pool))
        self.chance.shuffle(keys)
        self.lines += [f"del {self.text(key)}" for key in keys]

    def value(self):
        return cbor.decode(bytes.fromhex(self.chance.choice(VALUES)))

    def block(self, wire):
        block = cbor.encode(wire)
        self.lines.append(f"block {block.hex()}")
        return Cid.of(block)


class _ArraySequence(_Sequence):
    def begin(self):
        chance = self.chance
        top = chance.choice([7, 8, 9, 63, 64, 70, 511, 600, 5000, 1 << 20, 1 << 47, (1 << 63) - 1])
        self.pool = [chance.randrange(top + 1) for _ in range(chance.choice([2, 4, 8, 20]))]
        self.pool += [chance.randrange(9) for _ in range(chance.choice([0, 2, 5]))]
        if chance.random() < 0.2:
            self.pool.append(top)
        if chance.random() < 0.01:
            self.pool.append(1 << 63)
        return "new a2 0 sha"

    def text(self, index):
        return str(index)

    def foreign(self):
        """An array that the library reads and would not write: counts that lie, empty nodes, leftovers."""
        height = self.chance.choice([0, 1, 1, 2, 2, 3])
        said = self.chance.choice([20, 21, 22]) if self.chance.random() < 0.04 else height
        return self.block([said, self.chance.choice([0, 3, 9, (1 << 64) - 1]), self.node(height)])

    def node(self, height):
        chance, links, values = self.chance, [], []
        if height:
            links = [self.block(self.node(height - 1)) for _ in range(chance.choice([0, 1, 2, 3]))]
            bits = sum(1 << slot for slot in chance.sample(range(8), len(links)))
        else:
            bits = chance.randrange(256)
            values = [self.value() for _ in range(bits.bit_count())]
        odd = chance.random()
        if odd < 0.15:
            values = [*values, self.value()]
        elif odd < 0.25:
            links = [*links, links[0] if links else Cid.of(b"x")]
        elif odd < 0.28:
            bits |= 128
        return [bytes([bits]), links, values]


class _MapSequence(_Sequence):
    def begin(self):
        chance, how = self.chance, self.chance.random()
        self.width, hashing, self.pool = 5, "sha", []
        if how < 0.25:  # the network's width and hash, and keys that share one level or two
            for _ in range(chance.choice([1, 1, 1, 2])):
                keys = _colliding(chance.choice([5, 10]))[chance.randrange(32)]
                self.pool += chance.sample(keys, chance.choice([4, 5, 5, 6, 6, 9]))
        elif how < 0.45:
            sizes = [0, 1, 2, 3, 4, 9, 21]
            self.pool = [chance.randbytes(chance.choice(sizes)) for _ in range(chance.choice([4, 8, 20, 60]))]
        elif how < 0.6:
            self.width = chance.randint(1, 8)
            self.pool = [chance.randbytes(chance.choice([1, 2, 4])) for _ in range(chance.choice([4, 8, 20]))]
        else:
            self.width, hashing = chance.choice([1, 2, 3, 5, 5, 5, 8]), chance.choice(["straight", *["mixed"] * 3])
            self.pool = self.crafted()
        self.often = chance.random() < 0.35
        if self.often:
            self.pool = chance.sample(self.pool, min(len(self.pool), chance.choice([4, 5, 5, 6])))
        self.hash = HASHES[hashing]
        return f"new {self.kind} {self.width} {hashing}"

    def crafted(self):
        """Keys that share a prefix of their hash, a few of them all of it."""
        chance = self.chance
        if chance.random() < 0.02:
            return [bytes(32) + bytes([each]) for each in range(4)] + [b"\1", b"\2"]
        lengths = [0, 1, 2, 3, 30 if chance.random() < 0.1 else 4]
        stems = [chance.randbytes(chance.choice(lengths)) for _ in range(chance.choice([1, 2, 3]))]
        alphabet = chance.choice([bytes(range(256)), b"\0\1\2\3", b"\0\x80\x40\xc0", b"\0\x08\x10\x18\x20"])
        return [
            chance.choice(stems) + bytes(chance.choice(alphabet) for _ in range(chance.choice([0, 1, 2, 3])))
            for _ in range(chance.choice([4, 6, 8, 12, 24]))
        ]

    def text(self, key):
        return key.hex() or "-"

    def churn(self):
        """A few keys set and deleted over and over: buckets overflow and collapse."""
        if self.often:
            for _ in range(self.chance.choice([20, 40, 80])):
                key = self.chance.choice(self.pool)
                if self.chance.random() < 0.5:
                    self.set(key)
                else:
                    self.lines.append(f"del {self.text(key)}")
                if self.chance.random() < 0.08:
                    self.lines += ["flush", "reload"][: self.chance.choice([1, 2])]

    def foreign(self):
        """A map that a library reads and would not write."""
        if self.chance.random() < 0.4:
            return self.block(self.shapeless(0))
        keys = list(dict.fromkeys(self.pool))
        self.chance.shuffle(keys)
        entries = [[key, self.value()] for key in keys[: self.chance.choice([2, 4, 8, 20])]]
        return self.block(self.placed(entries, 0))

    def placed(self, entries, depth):
        """Entries where their hash says, in buckets and nodes of any size and order."""
        by_slot, chance = defaultdict(list), self.chance
        for entry in entries:
            digest = int.from_bytes(self.hash(entry[0]), "big")
            by_slot[digest >> 256 - self.width * (depth + 1) & (1 << self.width) - 1].append(entry)
        pointers = []
        for slot in sorted(by_slot):
            large = len(by_slot[slot]) > 3
            below = depth < 4 and chance.random() < (0.86 if large else 0.3)
            pointers.append({"0": self.block(self.placed(by_slot[slot], depth + 1))} if below else {"1": by_slot[slot]})
        return [self.bitfield(by_slot), pointers]

    def shapeless(self, depth):
        """Anything anywhere: empty nodes and buckets, a key twice, slots beyond the width."""
        chance, pointers = self.chance, []
        count = chance.choice([0, 1, 1, 2, 3, 4, 6] if depth else [0, 1, 3, 8])
        slots = sorted(chance.sample(range(1 << self.width), min(count, 1 << self.width)))
        if chance.random() < 0.05:
            slots.append((1 << self.width) + chance.randrange(8))
        for _ in slots:
            if depth < 2 and chance.random() < 0.4:
                pointers.append({"0": self.block(self.shapeless(depth + 1))})
            else:
                size = chance.choice([1, 1, 2, 3, 3, chance.choice([0, 4, 5, 8, 32, 33])])
                keys = [chance.choice(self.pool) if chance.random() < 0.8 else chance.randbytes(2) for _ in range(size)]
                keys = sorted(set(keys)) if chance.random() < 0.5 else keys
                pointers.append({"1": [[key, self.value()] for key in keys]})
        return [self.bitfield(slots), pointers]

    def bitfield(self, slots):
        bits = sum(1 << slot for slot in slots)
        padding = self.chance.choice([1, 3, 30]) if self.chance.random() < 0.1 else 0
        return bytes(padding) + bits.to_bytes((bits.bit_length() + 7) // 8, "big")
