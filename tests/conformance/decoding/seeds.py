"""Valid records of every kind, out of which inputs are bent."""

import dataclasses
import random
import types
import typing

from thespis.protocols.builtin.methods import Bare
from thespis.protocols.builtin.storage_miner.vesting import VestingFunds
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Exactly, Record, TokenAmount, Unsigned

from tests.vectors import load

EDGES = [0, 1, 2, 5, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 63) - 1]
IDS = [0, 1, 99, 127, 128, 1000, 1 << 32, (1 << 63) - 1]


class Seeds:
    """Makes records by their annotations; the same ones every time."""

    def __init__(self):
        self._random = random.Random(2020)
        big = [0, 1, 255, 256, 10**18, -1, -(10**20), 1 << 200, 1 << 1015]
        self._makers = {
            int: lambda: self._random.choice([*EDGES, *(-edge for edge in EDGES)]),
            ChainEpoch: lambda: self._random.choice([*EDGES, *(-edge for edge in EDGES)]),
            Unsigned: lambda: self._random.choice([*EDGES, 1 << 63, (1 << 64) - 1]),
            BigInteger: lambda: self._random.choice(big),
            TokenAmount: lambda: self._random.choice(big),
            bool: lambda: self._random.random() < 0.5,
            str: lambda: self._random.choice(["", "a", "label", "žluť", "x" * 30]),
            bytes: lambda: self._random.randbytes(self._random.choice([0, 1, 20, 32, 96])),
            Cid: self._link,
            Address: self._address,
            Bitfield: self._set,
            Signature: self._signature,
        }

    def _link(self):
        digest = self._random.randbytes(32)
        codes = [(0x71, 0xB220), (0x55, 0x12), (0xF101, 0x1012), (0xF102, 0xB401)]
        made = [Cid.make(*code, digest) for code in codes]
        return self._random.choice([*made, Cid.make(0x55, 0, b"fil/1/account")])

    def _address(self):
        protocol = self._random.randrange(4)
        if not protocol:
            return Address.id(self._random.choice(IDS))
        return Address(bytes([protocol]) + self._random.randbytes(48 if protocol == 3 else 20))

    def _set(self):
        few = self._random.sample(range(self._random.choice([60, 10**6])), self._random.randrange(8))
        begin = self._random.randrange(1000)
        run = Bitfield(((begin, begin + self._random.choice([1, 15, 16, 300, 10**9])),))
        return self._random.choice([Bitfield(), Bitfield.of(few), run])

    def _signature(self):
        kind = self._random.choice([SignatureType.SECP256K1, SignatureType.BLS])
        return Signature(kind, self._random.randbytes(65 if kind is SignatureType.SECP256K1 else 96))

    def value(self, hint):
        """Some value that a field of this annotation may hold."""
        if hint in self._makers:
            return self._makers[hint]()
        if hint is VestingFunds:
            return VestingFunds(tuple((self.value(ChainEpoch), self.value(BigInteger)) for _ in range(3)))
        if isinstance(hint, type) and issubclass(hint, Record):
            hints = typing.get_type_hints(hint, include_extras=True)
            return hint(*(self.value(hints[field.name]) for field in dataclasses.fields(hint)))
        if typing.get_origin(hint) is typing.Annotated:
            inner, bound = typing.get_args(hint)
            if isinstance(bound, Exactly):
                return tuple(self.value(typing.get_args(inner)[0]) for _ in range(bound.count))
            return self.value(inner)
        if typing.get_origin(hint) is tuple:
            count = self._random.choice([0, 1, 1, 2, 3])
            return tuple(self.value(typing.get_args(hint)[0]) for _ in range(count))
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            [inner] = [each for each in typing.get_args(hint) if each is not types.NoneType]
            return None if self._random.random() < 0.3 else self.value(inner)
        raise TypeError(hint)

    def encoded(self, form, count=300):
        """Encodings of so many; of headers also those that the network had."""
        if isinstance(form, Bare):
            return [form.encode(self.value(form.kind)) for _ in range(count)]
        found = [self.value(form).encode() for _ in range(count)]
        if form.__name__ == "BlockHeader":
            cases = load("block_headers.json")["cases"]
            found += [bytes.fromhex(case["cbor_hex"]) for case in cases if "cbor_hex" in case]
        return found
