"""Doing the jobs, on files: each returns what it found, or a JobFailed that says why it cannot be done."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from thespis.protocols.errors import ProtocolError
from thespis.protocols.proofs import vanilla
from thespis.protocols.proofs.porep import PlacedPiece, data_commitment
from thespis.protocols.proofs.registry import SealProof
from thespis.runtime.sectors import jobs
from thespis.runtime.sectors.errors import SectorDataError, SectorDiskFullError, SectorError
from thespis.runtime.sectors.files import SectorFiles, exclusive
from thespis.runtime.sectors.parents import parent_table
from thespis.runtime.sectors.pieces import PieceStream, check_staged, piece_path, root_of, stage
from thespis.runtime.sectors.sealing import Manifest, Progress, Sealing, open_sector, unseal
from thespis.runtime.sectors.shelf import FolderShelf, window_proof

PARENTS_FOLDER = "parents"


def outcome_of(doing: SectorWork, job: jobs.Job, progress: Progress) -> jobs.Outcome:
    """Do a job; whatever can go wrong with files and data is an outcome and no error."""
    try:
        return doing.do(job, progress)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        kind = SectorDiskFullError if full else SectorError
        return jobs.JobFailed(kind.__name__, f"sector work: {error}; free some room or mend the disk, then seal again")
    except (SectorError, ProtocolError) as error:
        return jobs.JobFailed(type(error).__name__, str(error))


class SectorWork:
    """Work on the sectors below a folder."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder = folder
        self._threads = threads

    def do(self, job: jobs.Job, progress: Progress) -> jobs.Outcome:
        """Do one job.

        Who changes a sector holds its lock: a job that is given to another worker, because who gave it was restarted,
        waits for the first one and finds it done.
        """
        match job:
            case jobs.StagePiece():
                folder = self._folder / str(job.sector)
                with exclusive(folder):
                    return jobs.PieceStaged(stage(folder, job.key, job.source, job.payload_bytes))
            case jobs.SealSector():
                with exclusive(self._folder / str(job.sector)):
                    return self._seal(job, progress)
            case jobs.ProveSeal():
                return self._prove_seal(job)
            case jobs.ProveWindow():
                return window_proof(FolderShelf(self._folder), job)
            case jobs.ReadPiece():
                return self._read(job)
            case jobs.DropLayers():
                return self._drop_layers(job)

    def _seal(self, job: jobs.SealSector, progress: Progress) -> jobs.Outcome:
        folder, proof = self._folder / str(job.sector), SealProof(job.proof)
        manifest = Manifest(proof.number, job.miner, job.sector, job.ticket.hex(), proof.porep_id.hex())
        sealing = Sealing(folder, manifest, threads=self._threads)
        placed = [PlacedPiece(piece.root, piece.padded_bytes, piece.offset) for piece in job.pieces]
        expected = data_commitment(placed, proof.shape.sector_bytes)
        try:
            comm_d = sealing.add_data(PieceStream(folder, job.pieces), progress, expected)
        except SectorDataError:
            check_staged(folder, job.pieces)  # names the piece, if it is a piece
            raise
        table = parent_table(self._folder / PARENTS_FOLDER, sealing.manifest.replication.graph, self._threads)
        comm_r = sealing.run(table, progress)
        for piece in job.pieces:
            piece_path(folder, piece.key).unlink(missing_ok=True)  # the padded data stays, in tree-d
        return jobs.Replica(bytes.fromhex(comm_d), bytes.fromhex(comm_r))

    def _prove_seal(self, job: jobs.ProveSeal) -> jobs.Outcome:
        manifest, sector = open_sector(self._folder / str(job.sector))
        if len(sector.layers) != sector.replication.proof.shape.layers:
            raise SectorDataError(f"the layers of sector {job.sector} were dropped; its sealing cannot be proven again")
        proof = vanilla.prove_seal(sector, job.seed)
        vanilla.verify_seal(sector.replication, bytes.fromhex(manifest.comm_r), job.seed, proof)
        return jobs.Proof(proof.encode())

    def _read(self, job: jobs.ReadPiece) -> jobs.Outcome:
        folder, piece = self._folder / str(job.sector), job.piece
        table = parent_table(self._folder / PARENTS_FOLDER, Manifest.read(folder).replication.graph, self._threads)
        target = Path(job.target)
        partial = target.with_name(f"{target.name}.{hashlib.sha256(job.target.encode()).hexdigest()[:8]}.part")
        try:
            with partial.open("w+b") as file:
                unseal(folder, table, file, piece.payload_offset, piece.payload_bytes)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                if root_of(file) != piece.root:
                    raise SectorDataError(f"sector {job.sector} gives other bytes than those of piece {piece.key}")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return jobs.JobDone()

    def _drop_layers(self, job: jobs.DropLayers) -> jobs.Outcome:
        folder = self._folder / str(job.sector)
        manifest = Manifest.read(folder)
        if not manifest.comm_r:
            raise SectorDataError(f"sector {job.sector} is not sealed yet; its layers are needed")
        with exclusive(folder):
            SectorFiles(folder, SealProof(manifest.proof).shape).drop_layers()
        return jobs.JobDone()
