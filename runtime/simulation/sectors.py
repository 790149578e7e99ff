"""Sector work in a simulation: the same proofs over sectors in memory, done when their virtual time has passed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from thespis.protocols.errors import ProtocolError
from thespis.runtime.sectors import jobs
from thespis.runtime.sectors.errors import SectorDataError, SectorDiskFullError, SectorError
from thespis.runtime.simulation.faults import NANOSECONDS

if TYPE_CHECKING:
    from thespis.runtime.store.memory import MemoryDisk

SEAL_PHASES = ("data", "labels-1", "labels-2", "columns", "replica", "commit")
PHASE_NS = NANOSECONDS // 2
OTHER_NS = NANOSECONDS // 10


class SimulatedSectorPort:
    """A stand-in for threads and files, with the same messages; a crash loses the whole of what was begun."""

    def __init__(self, after: Callable[..., None], disk: MemoryDisk, deliver: Callable[[Any], None]) -> None:
        self._after = after
        self._disk = disk
        self._deliver = deliver
        self._closed = False

    def submit(self, number: int, job: jobs.Job) -> None:
        """Begin a job."""
        delay_ns = OTHER_NS
        if isinstance(job, jobs.SealSector):
            for place, phase in enumerate(SEAL_PHASES):
                progress = jobs.JobProgress(job.sector, phase, 0.0)
                self._after(place * PHASE_NS, self._tell, progress)
            delay_ns = len(SEAL_PHASES) * PHASE_NS
        self._after(delay_ns, self._finish, number, job)

    def work_done(self) -> tuple[int, ...]:
        """Simulated jobs tell of their progress."""
        return ()

    def close(self) -> None:
        """Forget what was begun."""
        self._closed = True

    def _tell(self, event: Any) -> None:
        if not self._closed:
            self._deliver(event)

    def _finish(self, number: int, job: jobs.Job) -> None:
        if self._closed:
            return
        outcome: Any
        try:
            outcome = self._do(job)
        except (SectorError, ProtocolError) as error:
            outcome = jobs.JobFailed(type(error).__name__, str(error))
        self._deliver(jobs.JobEnded(number, outcome))

    def _do(self, job: jobs.Job) -> jobs.Outcome:
        from thespis.protocols.proofs import vanilla
        from thespis.runtime.sectors.shelf import MemoryShelf, window_proof

        shelf = MemoryShelf(self._disk.sectors)
        match job:
            case jobs.StagePiece():
                return self._stage(job)
            case jobs.SealSector():
                return self._seal(job)
            case jobs.ProveSeal():
                return jobs.Proof(vanilla.prove_seal(shelf.sector(job.sector), job.seed).encode())
            case jobs.ProveWindow():
                return window_proof(shelf, job)
            case jobs.ReadPiece():
                return self._read(job)
            case jobs.DropLayers():
                shelf.sector(job.sector)
                return jobs.JobDone()

    def _stage(self, job: jobs.StagePiece) -> jobs.Outcome:
        from thespis.protocols.proofs.piece import commitment

        data = self._disk.files.get(job.source)
        if data is None:
            raise SectorDataError(f"piece source {job.source}: no such file")
        if len(data) != job.payload_bytes:
            raise SectorDataError(f"piece source {job.source} has {len(data)} bytes, not {job.payload_bytes}")
        self._disk.files[f"{job.sector}/{job.key}"] = data
        return jobs.PieceStaged(commitment(data).root)

    def _seal(self, job: jobs.SealSector) -> jobs.Outcome:
        from thespis.protocols.proofs.memory import data_rows, seal_in_memory
        from thespis.protocols.proofs.nodes import of_bytes
        from thespis.protocols.proofs.piece import pad
        from thespis.protocols.proofs.porep import Replication
        from thespis.protocols.proofs.registry import SealProof

        if self._disk.sectors_full:
            raise SectorDiskFullError(f"sector {job.sector}: the simulated disk has no room; free some")
        proof = SealProof(job.proof)
        payload = bytearray(proof.shape.payload_bytes)
        for piece in job.pieces:
            data = self._disk.files.get(f"{job.sector}/{piece.key}")
            if data is None:
                raise SectorDataError(f"piece {piece.key} of sector {job.sector}: its staged file is gone")
            start = piece.payload_offset
            payload[start : start + len(data)] = data
        nodes = of_bytes(pad(bytes(payload)))
        comm_d = data_rows(nodes)[-1].tobytes()
        sealed, comm_r = seal_in_memory(Replication(proof, job.miner, job.sector, job.ticket, comm_d), nodes)
        self._disk.sectors[job.sector] = sealed
        return jobs.Replica(comm_d, comm_r)

    def _read(self, job: jobs.ReadPiece) -> jobs.Outcome:
        from thespis.protocols.proofs.piece import unpad
        from thespis.runtime.sectors.shelf import MemoryShelf

        data = unpad(MemoryShelf(self._disk.sectors).sector(job.sector).data_rows[0].tobytes())
        start = job.piece.payload_offset
        self._disk.files[job.target] = data[start : start + job.piece.payload_bytes]
        return jobs.JobDone()
