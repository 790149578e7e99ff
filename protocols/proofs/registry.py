"""Registered proofs: what a number in a message says about sector size, graph and challenges.

Source: ``rust-filecoin-proofs-api`` ``registry.rs``, ``rust-fil-proofs`` ``constants.rs``; reference:
formats, section 10.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from thespis.protocols.errors import ProofError

NODE_BYTES = 32
QUAD_BYTES, PADDED_QUAD_BYTES = 127, 128
"""Payload comes in quads of four nodes; padding takes two bits of each."""
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SECTOR_SIZES = (2 * KIB, 8 * MIB, 512 * MIB, 32 * GIB, 64 * GIB)
"""The sizes that networks register, in the order of the numbers."""
PARTITION_SECTORS = (2, 2, 2, 2349, 2300)
"""Sectors of a window proof, by size."""
PIECE_BYTES_MAX = SECTOR_SIZES[-1]
"""Largest padded piece: the largest sector."""
_LARGE_BYTES = 32 * GIB
_SMALL_LAYERS, _LARGE_LAYERS = 2, 11


def padded_size(payload_bytes: int) -> int:
    """The padded size of the smallest piece that holds a payload."""
    quads = max(1, -(-payload_bytes // QUAD_BYTES))
    return PADDED_QUAD_BYTES << (quads - 1).bit_length()


def aligned(offset: int, padded_bytes: int) -> int:
    """Where a piece may stand from an offset on: at the next multiple of its own size."""
    return -(-offset // padded_bytes) * padded_bytes


class ApiVersion(enum.IntEnum):
    """Versions of the rules; the graph changed with the second, the PoSt's challenges with the third."""

    V1_0_0 = 0
    V1_1_0 = 1
    V1_2_0 = 2


class SealFeature(enum.Enum):
    """How a seal's challenges come about."""

    INTERACTIVE = "interactive"
    SYNTHETIC = "synthetic"
    NON_INTERACTIVE = "non-interactive"


_VARIANTS = (
    (ApiVersion.V1_0_0, SealFeature.INTERACTIVE),
    (ApiVersion.V1_1_0, SealFeature.INTERACTIVE),
    (ApiVersion.V1_2_0, SealFeature.SYNTHETIC),
    (ApiVersion.V1_2_0, SealFeature.NON_INTERACTIVE),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a sector's nodes are laid out; `sector_bytes` is a power of two from 2 KiB on."""

    sector_bytes: int

    def __post_init__(self) -> None:
        """Refuse what no sector can be."""
        size = self.sector_bytes
        if not 2 * KIB <= size <= 64 * GIB or size & (size - 1):
            raise ProofError(f"a sector of {size} bytes; sizes are powers of two from 2 KiB to 64 GiB")

    @property
    def nodes(self) -> int:
        """32-byte nodes."""
        return self.sector_bytes // NODE_BYTES

    @property
    def payload_bytes(self) -> int:
        """Bytes of data that the sector holds, before padding."""
        return self.sector_bytes // PADDED_QUAD_BYTES * QUAD_BYTES

    @property
    def layers(self) -> int:
        """Layers of labels."""
        return _LARGE_LAYERS if self.sector_bytes >= _LARGE_BYTES else _SMALL_LAYERS

    @property
    def levels(self) -> tuple[int, ...]:
        """Arities of the Poseidon trees' levels, from the leaves up: octal, and a binary one on top where it must be.

        The network's sizes have base trees with up to two trees above; one flat tree has the same nodes.
        """
        octal, rest = divmod(self.nodes.bit_length() - 1, 3)
        if rest > 1:
            raise ProofError(f"a sector of {self.sector_bytes} bytes has no tree of arities 8 and 2")
        return (8,) * octal + (2,) * rest

    @property
    def rows_discarded(self) -> int:
        """Rows above the leaves that the replica's tree does not keep, for they are quick to make again."""
        octal = self.levels.count(8)
        return min(2, octal - 1)

    @property
    def seal_challenges(self) -> tuple[int, int]:
        """Challenges of each partition of an interactive seal, and partitions."""
        return (18, 10) if self.sector_bytes >= _LARGE_BYTES else (2, 1)


@dataclass(frozen=True, slots=True)
class SealProof:
    """One registered seal proof."""

    number: int

    def __post_init__(self) -> None:
        """Refuse a number that is not registered."""
        if not 0 <= self.number < len(_VARIANTS) * len(SECTOR_SIZES):
            raise ProofError(f"seal proof {self.number}; 0 to {len(_VARIANTS) * len(SECTOR_SIZES) - 1} are registered")

    @classmethod
    def of_size(
        cls, sector_bytes: int, api: ApiVersion = ApiVersion.V1_1_0, feature: SealFeature = SealFeature.INTERACTIVE
    ) -> SealProof:
        """The proof of a sector size; raises ProofError for a size or variant that is not registered."""
        if sector_bytes not in SECTOR_SIZES:
            sizes = ", ".join(str(size) for size in SECTOR_SIZES)
            raise ProofError(f"no seal proof of {sector_bytes} bytes is registered; there are {sizes}")
        if (api, feature) not in _VARIANTS:
            raise ProofError(f"no {feature.value} seal proof of version {api.name} is registered")
        return cls(_VARIANTS.index((api, feature)) * len(SECTOR_SIZES) + SECTOR_SIZES.index(sector_bytes))

    @property
    def shape(self) -> Shape:
        """Sizes."""
        return Shape(SECTOR_SIZES[self.number % len(SECTOR_SIZES)])

    @property
    def api(self) -> ApiVersion:
        """The version of the graph."""
        return _VARIANTS[self.number // len(SECTOR_SIZES)][0]

    @property
    def feature(self) -> SealFeature:
        """How challenges come about."""
        return _VARIANTS[self.number // len(SECTOR_SIZES)][1]

    @property
    def partition_sectors(self) -> int:
        """Sectors that one window proof covers (specs-actors: SealProofWindowPoStPartitionSectors)."""
        return PARTITION_SECTORS[self.number % len(SECTOR_SIZES)]

    @property
    def window_proof(self) -> int:
        """The registered type of its sectors' window proofs; winning proofs come first (specs-actors: abi)."""
        return len(SECTOR_SIZES) + self.number % len(SECTOR_SIZES)

    @property
    def porep_id(self) -> bytes:
        """What seeds the graph."""
        return self.number.to_bytes(8, "little") + bytes(24)


STACKED_DRG_2KIB_V1 = SealProof(0)
"""The first proof type of the smallest sectors: what local networks start with where they do not choose."""
