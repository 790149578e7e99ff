"""``bench kernels`` and ``bench seal``: hashing and proofs of storage, one thread unless a name says otherwise."""

from __future__ import annotations

import hashlib
import io
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
import psutil
from thespis.deploy.bench.report import Figure, paired, rate
from thespis.protocols.proofs import challenges, vanilla
from thespis.protocols.proofs.graph import Graph
from thespis.protocols.proofs.kernels import cpu, field_ifma, field_scalar, sha256
from thespis.protocols.proofs.kernels import poseidon as poseidon_kernel
from thespis.protocols.proofs.kernels.sha256_constants import INITIAL
from thespis.protocols.proofs.piece import Piece
from thespis.protocols.proofs.porep import fill_labels
from thespis.protocols.proofs.poseidon import Poseidon, optimised
from thespis.protocols.proofs.registry import KIB, MIB, ApiVersion, SealProof
from thespis.runtime.sectors.parents import parent_table
from thespis.runtime.sectors.sealing import Manifest, Sealing, open_sector

BULK_BYTES = 64 * MIB
NODE_BYTES, NODE_COMPRESSIONS, LABEL_COMPRESSIONS = 64, 2, 20
PAYLOAD_BYTES = 127 * MIB
HASHES = 4_000
LARGE_BYTES, LARGE_LABEL_NODES = 512 * MIB, 1 << 21
SEED = bytes(32)
OPENSSL, PORTABLE, BOUND = "hashlib", "portable", "SHA bound"


def run_kernels() -> Iterator[Figure]:
    """Every kernel over large inputs, against OpenSSL's hash, its own portable form, or the bound that hashing sets."""
    data = np.random.default_rng(1).integers(0, 256, BULK_BYTES, dtype=np.uint8)
    yield from _sha256(data)
    yield from _labels(8 * MIB)
    yield from _labels(LARGE_BYTES, LARGE_LABEL_NODES)
    for arity in (2, 4, 8, 11):
        yield from _poseidon(arity)
    yield from _commp(data)


def _openssl(data: Any) -> float:
    """Bytes a second of one stream."""
    return rate(len(data), lambda: hashlib.sha256(data).digest())


def _sha256(data: Any) -> Iterator[Figure]:
    state, digests = np.array(INITIAL, np.uint32), np.empty(len(data) // 2, np.uint8)
    nodes = len(data) // NODE_BYTES

    def stream() -> None:
        sha256.stream(state.ctypes.data, data.ctypes.data, nodes)

    def tree() -> None:
        sha256.tree_row(data.ctypes.data, digests.ctypes.data, nodes)

    tree()
    ours, _bulk, ratio = paired(lambda: rate(len(data), stream), lambda: _openssl(data))
    yield Figure("sha256.stream", ours / MIB, "MiB/s", OPENSSL, ratio)
    hashed = nodes * NODE_COMPRESSIONS * NODE_BYTES
    ours, _bulk, ratio = paired(lambda: rate(hashed, tree), lambda: _openssl(data))
    yield Figure("sha256.tree", ours / MIB, "MiB/s of bulk", OPENSSL, ratio)


def _labels(sector_bytes: int, nodes_max: int = 1 << 30) -> Iterator[Figure]:
    """Two layers; of a large sector its first nodes, with the parents that they would have, folded into them."""
    nodes = min(sector_bytes // 32, nodes_max)
    table = Graph(sector_bytes // 32, bytes(32), ApiVersion.V1_1_0).table(0, nodes) % np.uint32(nodes)
    below, labels = np.ones((nodes, 4), np.uint64), np.ones((nodes, 4), np.uint64)
    data = np.ones(BULK_BYTES, np.uint8)

    def layers() -> None:
        fill_labels(SEED, 1, table, below, below)
        fill_labels(SEED, 2, table, labels, below)

    compressions = 2 * nodes * LABEL_COMPRESSIONS
    ours, _bulk, ratio = paired(lambda: rate(compressions, layers), lambda: _openssl(data) / 64, rounds=3)
    name = f"labels.{sector_bytes // MIB}MiB"
    yield Figure(name, ours / 1e6, "M compressions/s", OPENSSL, ratio)
    yield Figure(f"{name}.two_layers", 2 * sector_bytes / 32 * LABEL_COMPRESSIONS / ours, "s")


def _poseidon(arity: int) -> Iterator[Figure]:
    instance = Poseidon(arity)
    preimages = np.random.default_rng(1).integers(0, 1 << 62, (HASHES, arity, 4), dtype=np.uint64)
    digests = np.empty((HASHES, 4), np.uint64)

    def timed(hash_many: Callable[..., None], field: ModuleType) -> Callable[[], float]:
        constants = poseidon_kernel.montgomery(field, optimised(instance).flat())
        tag, square = poseidon_kernel.montgomery(field, [instance.tree_tag, field.RADIX])

        def work() -> None:
            hash_many(preimages, digests, constants, tag, square, instance.partial_rounds)

        work()
        return lambda: rate(HASHES, work)

    portable = timed(poseidon_kernel._hash_scalar, field_scalar)
    name = f"poseidon.{arity}"
    if cpu.has_ifma():
        ours, theirs, ratio = paired(timed(poseidon_kernel._hash_ifma, field_ifma), portable)
        yield Figure(name, ours, "hashes/s", PORTABLE, ratio)
        yield Figure(f"{name}.time", 1e6 / ours, "us")
    else:
        theirs = portable()
    yield Figure(f"{name}.portable.time", 1e6 / theirs, "us")


def _commp(data: Any) -> Iterator[Figure]:
    payload = np.random.default_rng(2).integers(0, 256, PAYLOAD_BYTES, dtype=np.uint8).tobytes()
    state = np.array(INITIAL, np.uint32)

    def commit(threads: int) -> float:
        def work() -> None:
            with Piece(threads) as piece:
                piece.update(payload)
                piece.finish()

        return rate(len(payload), work)

    def bound() -> float:
        """Two compressions for 32 bytes of the tree at the rate of one stream of SHA instructions."""
        blocks = len(data) // 64
        blocks_per_s = rate(blocks, lambda: sha256.stream(state.ctypes.data, data.ctypes.data, blocks))
        return blocks_per_s / NODE_COMPRESSIONS * 32 * 127 / 128

    ours, _bound, ratio = paired(lambda: commit(1), bound)
    yield Figure("commp", ours / 1e6, "MB/s", BOUND, ratio)
    threads = len(os.sched_getaffinity(0))
    yield Figure(f"commp.{threads}_threads", statistics.median(commit(threads) for _ in range(3)) / 1e6, "MB/s")


# -- whole sectors -------------------------------------------------------------------------------------------


def run_seal() -> Iterator[Figure]:
    """Sectors sealed and proven, on files."""
    with tempfile.TemporaryDirectory(prefix="thespis-seal-") as folder:
        for size, name in ((2 * KIB, "2KiB"), (8 * MIB, "8MiB")):
            yield from _seal(Path(folder), size, name)


def _seal(folder: Path, size: int, name: str) -> Iterator[Figure]:
    proof = SealProof.of_size(size)
    payload = np.random.default_rng(3).integers(0, 256, size * 127 // 128, dtype=np.uint8).tobytes()
    table = parent_table(folder / "parents", Graph(proof.shape.nodes, proof.porep_id, proof.api))
    times: list[float] = []
    growth: list[int] = []
    for number in range(4):
        manifest = Manifest(proof.number, 1000, number, SEED.hex(), proof.porep_id.hex())
        with _Memory() as memory:
            started = time.perf_counter()
            sealing = Sealing(folder / f"{name}-{number}", manifest)
            sealing.add_data(io.BytesIO(payload))
            sealing.run(table)
            found, sector = open_sector(folder / f"{name}-{number}")
            seal_proof = vanilla.prove_seal(sector, SEED)
            times.append(time.perf_counter() - started)
        growth.append(memory.growth)
    yield Figure(f"seal.{name}", statistics.median(times[1:]) * 1e3, "ms with proof, warm")
    yield Figure(f"seal.{name}.first", times[0] * 1e3, "ms")
    yield Figure(f"seal.{name}.memory", max(growth[1:]) / size, "sector sizes")
    yield from _proofs(name, found, sector, seal_proof)


def _proofs(
    name: str, found: Manifest, sector: vanilla.SealedSector, proof: vanilla.SealVanillaProof
) -> Iterator[Figure]:
    shape, comm_r = sector.replication.proof.shape, bytes.fromhex(found.comm_r)
    leaves = challenges.window_leaves(SEED, found.sector, 0, shape.nodes, ApiVersion.V1_2_0)
    post = vanilla.PostVanillaProof((vanilla.prove_leaves(sector.replica, proof.comm_c, leaves),))
    proven = [vanilla.ProvenSector(found.sector, comm_r)]
    checks: dict[str, Callable[[], object]] = {
        "seal.verify": lambda: vanilla.verify_seal(sector.replication, comm_r, SEED, proof),
        "window_post.verify": lambda: vanilla.verify_post(proven, shape.levels, lambda _place: leaves, post),
    }
    for what, work in checks.items():
        work()
        times = [1e3 / rate(1, work) for _ in range(5)]
        yield Figure(f"{what}.{name}", statistics.median(times), "ms")


class _Memory:
    """The most resident memory of this process while it is entered, beyond what it had."""

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._before = self._peak = self._process.memory_info().rss
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self._peak = max(self._peak, self._process.memory_info().rss)

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._watcher.join()

    @property
    def growth(self) -> int:
        """Bytes at the peak beyond those at the entry."""
        return int(self._peak - self._before)
