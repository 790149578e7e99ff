"""``commp`` and ``sector``: proofs of storage as offline tools on files."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from thespis.deploy.cli.client import print_fields, show
from thespis.deploy.cli.parameters import Digest, Natural, Size, whole

if TYPE_CHECKING:
    from thespis.runtime.sectors.sealing import Manifest, Progress

READ_BYTES = 8 << 20
THREADS = whole(1, 1024)


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def _parents_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "thespis", "parents")


@contextmanager
def _bar(title: str, *, wanted: bool) -> Iterator[Progress]:
    """A progress bar on a terminal's standard error; nothing elsewhere."""
    if not wanted or not sys.stderr.isatty():
        yield lambda _phase, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=1.0)

        def report(phase: str, share: float) -> None:
            bars.update(task, description=phase, completed=share)

        yield report


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Let an error say which file it is about, for what reads the bytes does not know."""
    from thespis.protocols.errors import ProtocolError
    from thespis.runtime.errors import RuntimeFloorError

    try:
        yield
    except (RuntimeFloorError, ProtocolError) as error:
        raise click.ClickException(f"{what}: {error}") from None


@click.command()
@click.argument("source", type=click.File("rb"), metavar="FILE|-")
@click.option("--threads", type=THREADS, default=_threads, help="How many to hash with; all processors by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def commp(*, source: IO[bytes], threads: int, as_json: bool) -> None:
    """Commit to a piece of data, of any size up to 64 GiB, without holding it in memory."""
    from thespis.protocols.errors import CidError
    from thespis.protocols.proofs.piece import Piece

    size = os.fstat(source.fileno()).st_size if source.seekable() else 0
    started_s, read = time.perf_counter(), 0
    with Piece(threads) as piece, _bar("hashing", wanted=not as_json) as report:
        while data := source.read(READ_BYTES):
            piece.update(data)
            read += len(data)
            report("hashing", min(1.0, read / size) if size else 0.0)
        found = piece.finish()
    seconds = time.perf_counter() - started_s
    try:
        version_2 = str(found.cid_v2)
    except CidError:
        version_2 = ""
    show(
        {
            "piece_cid": str(found.cid),
            "piece_cid_v2": version_2,
            "commitment": found.root.hex(),
            "payload_bytes": found.payload_bytes,
            "padded_bytes": found.padded_bytes,
            "seconds": round(seconds, 3),
            "mb_per_s": round(read / seconds / 1e6, 1),
        },
        as_json=as_json,
        text=print_fields,
    )


sector_folder = click.option(
    "--dir", "folder", type=click.Path(path_type=Path, exists=True), required=True, help="The sector's folder."
)


@click.group()
def sector() -> None:
    """Seal, unseal and verify sectors on files, without a node."""


@sector.command()
@click.option("--in", "source", type=click.File("rb"), required=True, help="The data; zeros fill what it leaves.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The sector's folder.")
@click.option("--sector-size", type=Size, default="2KiB", show_default=True, help="2KiB, 8MiB, 512MiB, 32GiB, 64GiB.")
@click.option("--miner", type=Natural, required=True, help="The miner's actor id.")
@click.option("--sector", "number", type=Natural, required=True, help="The sector's number.")
@click.option("--ticket", type=Digest, default="00" * 32, help="Randomness of the chain; zeros by default.")
@click.option("--porep-id", type=Digest, help="The graph's seed, where it is not the proof type's.")
@click.option("--proof-type", type=Natural, help="Registered seal proof; that of the size, version 1.1, by default.")
@click.option("--threads", type=THREADS, default=_threads, help="For trees; labels need one (default: all).")
@click.option("--parents", type=click.Path(path_type=Path), default=_parents_folder, help="Where graphs are kept.")
@click.option("--drop-layers", is_flag=True, help="Remove the labels at the end: no seal proof can be made then.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def seal(
    *,
    source: IO[bytes],
    out: Path,
    sector_size: int,
    miner: int,
    number: int,
    ticket: bytes,
    porep_id: bytes | None,
    proof_type: int | None,
    threads: int,
    parents: Path,
    drop_layers: bool,
    as_json: bool,
) -> None:
    """Seal a file into a sector; the same command goes on where it was stopped."""
    from thespis.protocols.proofs.registry import SealProof
    from thespis.runtime.sectors.parents import parent_table
    from thespis.runtime.sectors.sealing import Manifest, Sealing

    proof = SealProof.of_size(sector_size) if proof_type is None else SealProof(proof_type)
    identity = porep_id or proof.porep_id
    manifest = Manifest(proof.number, miner, number, ticket.hex(), identity.hex())
    timings: dict[str, float] = {}
    with _bar("sealing", wanted=not as_json) as report, _timed(timings, report) as progress:
        sealing = Sealing(out, manifest, threads=threads)
        progress("data", 0.0)
        with _naming(source.name):
            sealing.add_data(source, progress)
        progress("parents", 0.0)
        table = parent_table(parents, sealing.manifest.replication.graph, threads)
        sealing.run(table, progress)
    if drop_layers:
        sealing.files.drop_layers()
    show({**_described(sealing.manifest), "timings_s": timings}, as_json=as_json, text=print_fields)


@contextmanager
def _timed(timings: dict[str, float], report: Progress) -> Iterator[Progress]:
    """Seconds of each phase, from its first report to the next one's."""
    last: list[Any] = ["start", time.perf_counter()]

    def close(phase: str) -> None:
        now_s = time.perf_counter()
        timings[last[0]] = round(timings.get(last[0], 0.0) + now_s - last[1], 4)
        last[:] = [phase, now_s]

    def progress(phase: str, share: float) -> None:
        if phase != last[0]:
            close(phase)
        report(phase, share)

    yield progress
    close("")


def _described(manifest: Manifest) -> dict[str, Any]:
    from thespis.protocols.encoding.piece_cid import piece_cid_v1, sealed_cid

    return {
        "proof_type": manifest.proof,
        "miner": manifest.miner,
        "sector": manifest.sector,
        "replica_id": manifest.replication.replica_id.hex(),
        "comm_d": manifest.comm_d,
        "comm_r": manifest.comm_r,
        "comm_d_cid": str(piece_cid_v1(bytes.fromhex(manifest.comm_d))),
        "comm_r_cid": str(sealed_cid(bytes.fromhex(manifest.comm_r))),
    }


@sector.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, exists=True), required=True, help="The sector's folder."
)
@click.option("--out", type=click.File("wb"), required=True, help="Where to write the data; - is standard output.")
@click.option("--offset", type=Natural, default=0, help="First byte of the range, unpadded.")
@click.option("--length", type=Natural, help="Bytes of the range; to the end by default.")
@click.option("--threads", type=THREADS, default=_threads, help="For a graph that is not kept yet.")
@click.option("--parents", type=click.Path(path_type=Path), default=_parents_folder, help="Where graphs are kept.")
def unseal(*, folder: Path, out: IO[bytes], offset: int, length: int | None, threads: int, parents: Path) -> None:
    """Give back a sealed sector's data, or a range of it, from the replica alone."""
    from thespis.runtime.sectors.parents import parent_table
    from thespis.runtime.sectors.sealing import Manifest
    from thespis.runtime.sectors.sealing import unseal as unseal_sector

    with _naming(str(folder)):
        table = parent_table(parents, Manifest.read(folder).replication.graph, threads)
        count = unseal_sector(folder, table, out, offset, length)
    click.echo(f"{count} bytes", err=True)


@sector.command()
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, exists=True), required=True, help="The sector's folder."
)
@click.option("--seed", type=Digest, help="What challenges follow from; random by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(*, folder: Path, seed: bytes | None, as_json: bool) -> None:
    """Prove a sealed sector as the chain would ask, and verify the proofs; ends with 1 where one fails."""
    import secrets

    from thespis.protocols.proofs import challenges, vanilla
    from thespis.protocols.proofs.registry import ApiVersion
    from thespis.runtime.sectors.sealing import open_sector

    seed = seed or secrets.token_bytes(32)
    with _naming(str(folder)):
        manifest, opened = open_sector(folder)
    shape, commitment = opened.replication.proof.shape, bytes.fromhex(manifest.comm_r)
    found: dict[str, Any] = {"seed": seed.hex(), **_described(manifest)}
    leaves = challenges.window_leaves(seed, manifest.sector, 0, shape.nodes, ApiVersion.V1_2_0)
    started_s = time.perf_counter()
    comm_c = opened.column_rows[-1].tobytes()
    post = vanilla.PostVanillaProof((vanilla.prove_leaves(opened.replica, comm_c, leaves),))
    proven_s = time.perf_counter()
    proven = [vanilla.ProvenSector(manifest.sector, commitment)]
    vanilla.verify_post(proven, shape.levels, lambda _place: leaves, post)
    found["window_post"] = _outcome(len(post.encode()), proven_s - started_s, time.perf_counter() - proven_s)
    if len(opened.layers) == shape.layers:
        started_s = time.perf_counter()
        proof = vanilla.prove_seal(opened, seed)
        proven_s = time.perf_counter()
        vanilla.verify_seal(opened.replication, commitment, seed, proof)
        found["seal"] = _outcome(len(proof.encode()), proven_s - started_s, time.perf_counter() - proven_s)
    else:
        found["seal"] = "not proven: the layers were dropped"
    show(found, as_json=as_json, text=print_fields)


def _outcome(size: int, prove_s: float, verify_s: float) -> dict[str, Any]:
    return {"holds": True, "bytes": size, "prove_ms": round(prove_s * 1e3, 2), "verify_ms": round(verify_s * 1e3, 2)}
