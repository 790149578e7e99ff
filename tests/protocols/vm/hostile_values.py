"""Parameters that nobody honest sends, out of a seeded generator: shaped as a method wants them, bent, or any bytes."""

import types
import typing

import cbor2
from thespis.protocols.builtin.methods import Bare
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, Cid
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Record, TokenAmount, Unsigned
from thespis.protocols.vm.runtime import EMPTY_OBJECT

SEALED = Cid.make(FIL_COMMITMENT_SEALED, POSEIDON_BLS12_381_A2_FC1, bytes(32))
CIDS = [SEALED, SEALED, piece_cid_v1(bytes(32)), EMPTY_OBJECT]
AMOUNTS = [-(10**30), -1, 0, 1, 10**18, 10**30, 1 << 1000]
SIZES = [(1 << power) + more for power in (12, 22, 32, 62, 63) for more in (-1, 0, 1)]
EDGES = [0, 1, 2, 3, 23, 24, 63, 255, 256, (1 << 31) - 1, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
ODD = [None, True, False, 0.5, "", "text", b"", b"\x00", b"\x00\x01", [], [[]], {}, cbor2.CBORTag(42, b"\x00")]
DEEPEST = 40


class Hostile:
    """Values by their types; `addresses` are those that there are, and some that there are not."""

    def __init__(self, rng, epoch, addresses):
        self.rng, self.addresses = rng, addresses
        self._near = [
            0,
            1,
            2,
            3,
            63,
            max(0, epoch - 200),
            max(0, epoch - 1),
            epoch,
            epoch + 1,
            epoch + 600_000,
            1 << 62,
        ]
        number = {int: self._signed, ChainEpoch: self._signed, Unsigned: self._unsigned}
        self._simple = number | {
            BigInteger: lambda: rng.choice(AMOUNTS),
            TokenAmount: lambda: rng.choice(AMOUNTS),
            bool: lambda: rng.random() < 0.5,
            str: self._text,
            bytes: lambda: rng.randbytes(rng.choice([0, 1, 8, 32, 96, 200])),
            Cid: lambda: rng.choice(CIDS),
            Address: lambda: rng.choice(addresses),
            Bitfield: self._bitfield,
            Signature: lambda: Signature(rng.choice(list(SignatureType)), rng.randbytes(rng.choice([0, 65, 96]))),
        }

    def shaped(self, form):
        """Parameters of a method's form, as bytes."""
        if form is None:
            return self.rng.randbytes(self.rng.randrange(64))
        return form.encode(self.value(form.kind if isinstance(form, Bare) else form))

    def value(self, hint):
        """A value of a field that its encoding allows, whether it makes sense or not."""
        if hint in self._simple:
            return self._simple[hint]()
        if isinstance(hint, type) and issubclass(hint, Record):
            hints = typing.get_type_hints(hint)
            return hint(**{name: self.value(hints[name]) for name in hint.__dataclass_fields__})
        if typing.get_origin(hint) is tuple:
            return tuple(self.value(typing.get_args(hint)[0]) for _ in range(self.rng.choice([0, 1, 1, 2, 3])))
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            inner = [each for each in typing.get_args(hint) if each is not types.NoneType]
            return self.value(self.rng.choice(inner)) if self.rng.random() < 0.7 else None
        raise TypeError(hint)

    def _signed(self):
        rng = self.rng
        return rng.choice(self._near) if rng.random() < 0.7 else rng.randint(-(1 << 63), (1 << 63) - 1)

    def _unsigned(self):
        rng = self.rng
        return Unsigned(rng.choice(self._near) if rng.random() < 0.7 else rng.randrange(1 << 64))

    def _text(self):
        return self.rng.randbytes(self.rng.choice([0, 1, 5, 255, 256, 300])).decode("utf-8", "surrogateescape")

    def _bitfield(self):
        rng = self.rng
        if rng.random() < 0.5:
            return Bitfield.of(
                {rng.choice([rng.randrange(5), rng.randrange(1 << 63)]) for _ in range(rng.randrange(4))}
            )
        lengths = [rng.choice([rng.randint(1, 20), rng.choice(SIZES)]) for _ in range(rng.randrange(6))]
        while sum(lengths) >= 1 << 64:
            lengths.pop()
        return Bitfield.from_run_lengths(lengths)

    # -- what was valid, changed -----------------------------------------------------------------------------

    def changed(self, data):
        """Parameters with one to three things other than they were: an item of theirs, or a few bytes."""
        for _ in range(self.rng.choice([1, 1, 2, 3])):
            data = self.restructured(data) if self.rng.random() < 0.75 else self.bent(data)
        return data

    def bent(self, data):
        """The same bytes, but for a few: cut out, put in, replaced, or the rest left away."""
        rng, data = self.rng, bytearray(data)
        at, width = rng.randint(0, len(data)), rng.choice([0, 1, 2, len(data)])
        data[at : at + width] = rng.randbytes(rng.choice([0, 1, 2]))
        return bytes(data)

    def restructured(self, data):
        """The same items, but for one: another value, none, twice, its neighbour's, or far too many."""
        try:
            root = [cbor2.loads(data)]
        except Exception:  # not CBOR any more; every error of the library says so
            return self.bent(data)
        places = list(_places(root))
        holder, key = self.rng.choice(places)
        other = self.rng.choice(places)
        match self.rng.randrange(8):
            case 0 if holder is not root:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 2:
                holder[key] = cbor2.loads(cbor2.dumps(other[0][other[1]])) if _depth(root) < DEEPEST else None
            case 3:
                holder[key] = self.rng.choice(ODD)
            case _:
                holder[key] = self._other(holder[key])
        return cbor2.dumps(root[0])

    def _other(self, item):
        """Another value of an item's type."""
        rng = self.rng
        if type(item) is int:
            return rng.choice(
                [item - 1, item + 1, -item, rng.choice(self._near), rng.choice(EDGES), -rng.choice(EDGES)]
            )
        if type(item) is bytes:
            amount = rng.choice(AMOUNTS)
            sized = bytes([amount < 0]) + abs(amount).to_bytes(126, "big").lstrip(b"\x00")
            known = rng.choice(self.addresses).data
            return rng.choice([sized, known, self._bitfield().encode(), self.bent(item), item * 2, item + bytes(128)])
        if type(item) is str:
            return rng.choice([item + "x", item * 2, "x" * 257])
        if type(item) is list:
            return rng.choice([item * 2, item[::-1], item[:1] * 3, item[:-1]])
        return rng.choice(ODD)


def _places(root):
    """Every item under a root, as its list and its place there."""
    waiting = [root]
    while waiting:
        holder = waiting.pop()
        for key, item in list(enumerate(holder) if isinstance(holder, list) else holder.items()):
            yield holder, key
            if isinstance(item, list | dict):
                waiting.append(item)


def _depth(item):
    return 1 + max(map(_depth, item), default=0) if isinstance(item, list) else 0
