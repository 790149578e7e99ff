"""The SectorBuilder: puts pieces into sectors, has them sealed and proven, and tells how each sector ended.

It decides and remembers; workers do what takes long, so it answers at once while sectors are sealed. Every decision is
durable before it is acted on: a restarted SectorBuilder goes on with each piece and sector where it stands
(reference: seed-node, section 2.6; behaviours 152, 154 and 156).
"""

from __future__ import annotations

import logging
from typing import Any

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.mining_scheduler import ReadMining
from thespis.actors.messages.sector_builder import (
    PROVEN_SECTORS_MAX,
    SECTORS_MAX,
    SOURCE_BYTES_MAX,
    AddPiece,
    DoJob,
    FinishSector,
    JobReport,
    PieceAdded,
    PledgeSector,
    ProveSectors,
    ProveSectorSeal,
    ReadSealedPiece,
    ReadSectors,
    SealStaged,
    Sector,
    SectorResultTaken,
    SectorSealed,
    SectorSealFailed,
    SectorsProven,
    SectorState,
    SectorStatus,
)
from thespis.actors.sector_builder.book import SectorBook, is_whole, laid_out, room_bytes, used_bytes
from thespis.actors.sector_builder.executor import Executor, WorkerPool
from thespis.actors.sector_builder.identity import MinerIdentity, identity_of, seal_ticket
from thespis.actors.sector_builder.progress import SealProgress
from thespis.actors.sector_builder.settings import SealingSettings
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ProtocolError
from thespis.protocols.proofs.registry import SealProof, padded_size
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.actor.pages import Page, page_of
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.tasks import Pending
from thespis.runtime.errors import AskError
from thespis.runtime.sectors.errors import SectorError, sector_error
from thespis.runtime.sectors.jobs import (
    PIECE_KEY_CHARACTERS_MAX,
    DropLayers,
    Job,
    JobFailed,
    Outcome,
    Piece,
    PieceStaged,
    Proof,
    ProveSeal,
    ProveWindow,
    ReadPiece,
    Replica,
    SealSector,
    StagePiece,
)

logger = logging.getLogger(__name__)

STAGING_MAX = 8
"""Sectors that take pieces at a time; the fullest is sealed when one more is needed."""
ANNOUNCE_EVERY_S = 2.0
CHAIN_RETRY_S = 2.0


class SectorBuilder(Subsystem[SealingSettings]):
    """Sectors of one miner."""

    miner: Address
    chain: ChainReader
    book: SectorBook
    executor: Executor

    def __init__(self) -> None:
        super().__init__()
        self._identity: MinerIdentity | None = None
        self._staging: dict[str, Pending[None]] = {}
        self._sealing: dict[int, SealProgress] = {}
        self._announcing: set[int] = set()
        self._stopped = False

    async def start(self, settings: SealingSettings) -> None:
        """Read the book and go on with everything in it that is not over."""
        self.miner = Address.from_text(settings.miner)
        self.chain = ChainReader(self.opened(self.environment.open_reader("chain")))
        self.book = SectorBook(self.opened(self.environment.open_store("sectors")))
        self.executor = WorkerPool(range(1, settings.workers + 1), self._have_done, self.sleep)
        for sector in list(self.book.sectors.values()):
            for piece in sector.pieces:
                if not piece.root:
                    self._stage(sector.number, piece)
            self._seal_when_whole(sector.number)
            self._announce(sector.number)
        if settings.auto_seal_interval_s:
            self.spawn(self._seal_for_ever(settings.auto_seal_interval_s))

    async def stop(self) -> None:
        """Leave what workers do: it is durable where they are."""
        self._stopped = True

    async def _have_done(self, member: int, job: Job) -> Outcome:
        return await self.ask(DoJob(job), member=member)

    # -- pieces ----------------------------------------------------------------------------------------------

    @answers(AddPiece)
    async def add_piece(self, order: AddPiece) -> PieceAdded:
        """Reserve room, have the piece copied and hashed, and answer once it is durable.

        Raises SectorError for a piece that fits no sector, whose source is not what was said, or whose key is taken.
        """
        self._check(order)
        found = self.book.find(order.key)
        if found is None:
            padded = padded_size(order.payload_bytes)
            sector = self.book.with_room(padded) or self._open_sector()
            self.book.add(sector.number, Piece(order.key, order.source, order.payload_bytes, padded))
        sector, piece = self._found(order.key)
        if (piece.source, piece.payload_bytes) != (order.source, order.payload_bytes):
            raise SectorError(f"piece {order.key!r} is {piece.payload_bytes} bytes of {piece.source} already")
        if not piece.root:
            await self._stage(sector.number, piece)
        sector, piece = self._found(order.key)
        return PieceAdded(sector.number, piece)

    def _check(self, order: AddPiece) -> None:
        if not 1 <= len(order.key) <= PIECE_KEY_CHARACTERS_MAX:
            raise SectorError(f"a piece key of {len(order.key)} characters; it has 1 to {PIECE_KEY_CHARACTERS_MAX}")
        if len(order.source.encode()) > SOURCE_BYTES_MAX:
            raise SectorError(
                f"a source of {len(order.source.encode())} bytes; its name has at most {SOURCE_BYTES_MAX}"
            )
        most = self._own_identity().proof.shape.payload_bytes
        if not 1 <= order.payload_bytes <= most:
            raise SectorError(f"a piece of {order.payload_bytes} bytes; sectors of this miner hold 1 to {most}")

    def _found(self, key: str) -> tuple[Sector, Piece]:
        found = self.book.find(key)
        if found is None:
            raise SectorError(f"no sector has a piece {key!r}; list them: thespis sectors list")
        return found

    def _open_sector(self, state: SectorState = SectorState.STAGING) -> Sector:
        identity = self._own_identity()
        if len(self.book.sectors) >= SECTORS_MAX:
            raise SectorError(f"{SECTORS_MAX} sectors are kept; this miner takes no more")
        staging = self.book.in_state(SectorState.STAGING)
        if state is SectorState.STAGING and len(staging) >= STAGING_MAX:
            self._pack(max(staging, key=used_bytes).number)
        number = max((identity.last_sector, *self.book.sectors)) + 1
        return self.book.write(Sector(number, identity.proof.number, identity.miner, state))

    def _own_identity(self) -> MinerIdentity:
        """Who seals, by the chain; raises ChainError while the miner is not on it."""
        if self._identity is None:
            self.chain.refresh()
            self._identity = identity_of(self.chain, self.miner)
        return self._identity

    def _stage(self, number: int, piece: Piece) -> Pending[None]:
        """Have a piece copied to its sector; those who wait for the same one wait together."""
        pending = self._staging.get(piece.key)
        if pending is None:
            pending = self._staging[piece.key] = Pending()
            self.spawn(self._staged(number, piece))
        return pending

    async def _staged(self, number: int, piece: Piece) -> None:
        pending = self._staging[piece.key]
        outcome = await self.executor.run(StagePiece(number, piece.key, piece.source, piece.payload_bytes))
        if self._stopped:
            return
        del self._staging[piece.key]
        if isinstance(outcome, PieceStaged):
            sector = self.book.rooted(number, piece.key, outcome.root)
            pending.resolve(None)
            if not room_bytes(sector) and sector.state is SectorState.STAGING:
                self._pack(number)
        else:
            self.book.without(number, piece.key)
            pending.fail(_failure(outcome))
        self._seal_when_whole(number)

    @answers(ReadSealedPiece)
    async def read_sealed_piece(self, request: ReadSealedPiece) -> None:
        """Have a piece decoded from its sealed sector, checked against its root, and written to a file."""
        sector, piece = self._found(request.key)
        self._must_be_sealed(sector)
        await self._work(ReadPiece(sector.number, piece, request.target))

    # -- sealing ---------------------------------------------------------------------------------------------

    @answers(SealStaged)
    def seal_staged(self, order: SealStaged) -> tuple[int, ...]:
        """Seal all that is staged, or one sector, also one that failed; sealing what is sealed already is no error.

        Raises SectorError for a sector that is not there or has nothing in it.
        """
        if order.sector is None:
            numbers = [sector.number for sector in self.book.in_state(SectorState.STAGING) if sector.pieces]
        else:
            sector = self._sector(order.sector)
            if sector.state is SectorState.STAGING and not sector.pieces:
                raise SectorError(f"sector {sector.number} is empty; add a piece, or pledge a sector without any")
            numbers = [sector.number] if sector.state in (SectorState.STAGING, SectorState.FAILED) else []
        for number in numbers:
            self._pack(number)
        return tuple(numbers)

    @answers(PledgeSector)
    def pledge_sector(self, _order: PledgeSector) -> int:
        """Seal a sector without pieces: its zeros are storage that the miner stands for."""
        sector = self._open_sector(SectorState.PACKED)
        self._seal_when_whole(sector.number)
        return sector.number

    async def _seal_for_ever(self, interval_s: float) -> None:
        while not self._stopped:
            await self.sleep(interval_s)
            if not self._stopped and await self._mining():
                self.seal_staged(SealStaged())

    async def _mining(self) -> bool:
        """Whether the node mines: whoever stopped that does not want sectors sealed by themselves either."""
        try:
            return (await self.ask(ReadMining())).mining
        except AskError as error:
            logger.warning("staged sectors wait, since nobody says whether the node mines: %s", error)
            return False

    def _pack(self, number: int) -> None:
        self.book.change(number, state=SectorState.PACKED, reason="", told=False)
        self._seal_when_whole(number)

    def _seal_when_whole(self, number: int) -> None:
        sector = self.book.sectors[number]
        if sector.state not in (SectorState.PACKED, SectorState.SEALING) or not is_whole(sector):
            return
        if number not in self._sealing:
            self._sealing[number] = SealProgress(SealProof(sector.proof))
            self.spawn(self._seal(number))

    async def _seal(self, number: int) -> None:
        sector = await self._with_ticket(number)
        progress = self._sealing[number]
        job = SealSector(number, sector.proof, sector.miner, sector.ticket, sector.pieces)
        outcome = await self.executor.run(job, lambda: progress.phase)
        if self._stopped:
            return
        del self._sealing[number]
        if isinstance(outcome, Replica):
            changes: dict[str, Any] = {"comm_d": outcome.comm_d, "comm_r": outcome.comm_r}
            self.book.change(number, state=SectorState.SEALED, **changes)
        else:
            reason = str(_failure(outcome))
            logger.error("sector %d could not be sealed: %s", number, reason)
            self.book.change(number, state=SectorState.FAILED, reason=reason)
        self._announce(number)

    async def _with_ticket(self, number: int) -> Sector:
        """Lay a sector out and give it its ticket, once: both go into every label."""
        while not self.book.sectors[number].ticket:
            try:
                self.chain.refresh()
                epoch, ticket = seal_ticket(self.chain, self._own_identity())
                pieces = laid_out(self.book.sectors[number].pieces)
                self.book.change(number, pieces=pieces, ticket=ticket, ticket_epoch=epoch)
            except ProtocolError as error:
                logger.warning("sector %d waits for its ticket: %s", number, error)
                await self.sleep(CHAIN_RETRY_S)
        return self.book.change(number, state=SectorState.SEALING)

    @handles(JobReport)
    def job_reported(self, report: JobReport) -> None:
        """Note how far a sealing is."""
        progress = report.progress
        sealing = self._sealing.get(progress.sector)
        if sealing is not None:
            sealing.report(progress.phase, progress.share, self.now_s())

    # -- results ---------------------------------------------------------------------------------------------

    def _announce(self, number: int) -> None:
        """Tell how a sector ended until someone has noted it."""
        if number not in self._announcing:
            self._announcing.add(number)
            self.spawn(self._announced(number))

    async def _announced(self, number: int) -> None:
        while not self._stopped:
            sector = self.book.sectors[number]
            over = sector.state in (SectorState.SEALED, SectorState.FAILED)
            if not over or sector.told:
                break
            sealed = sector.state is SectorState.SEALED
            self.publish(SectorSealed(sector) if sealed else SectorSealFailed(sector))
            await self.sleep(ANNOUNCE_EVERY_S)
        self._announcing.discard(number)

    @handles(SectorResultTaken)
    def result_taken(self, result: SectorResultTaken) -> None:
        """Tell it no more; an acknowledgement of an earlier end changes nothing."""
        sector = self.book.sectors.get(result.sector)
        if sector is not None and sector.state is result.state and not sector.told:
            self.book.change(result.sector, told=True)

    @answers(ReadSectors)
    def read_sectors(self, request: ReadSectors) -> Page[SectorStatus]:
        """Every sector and how far it is."""
        keyed = ((number.to_bytes(8, "big"), sector) for number, sector in self.book.sectors.items())
        sectors, after = page_of(keyed, request.after, lambda sector: len(REGISTRY.encode(sector)))
        return tuple(self._status(sector) for sector in sectors), after

    def _status(self, sector: Sector) -> SectorStatus:
        progress = self._sealing.get(sector.number)
        if progress is None:
            return SectorStatus(sector, "", float(sector.state is SectorState.SEALED), 0.0, -1.0)
        return SectorStatus(sector, progress.phase, progress.share, *progress.rate(self.now_s()))

    # -- proofs ----------------------------------------------------------------------------------------------

    @answers(ProveSectors)
    async def prove_sectors(self, request: ProveSectors) -> SectorsProven:
        """A proof of spacetime over sectors, also those of genesis; what cannot be proven is named as a fault."""
        if not 1 <= len(request.numbers) <= PROVEN_SECTORS_MAX:
            raise SectorError(
                f"a proof over {len(request.numbers)} sectors; 1 to {PROVEN_SECTORS_MAX} are proven at once, "
                "for without a SNARK a proof grows with them"
            )
        proof = await self._work(ProveWindow(request.numbers, request.randomness))
        assert isinstance(proof, Proof)
        return SectorsProven(proof.data, proof.faults)

    @answers(ProveSectorSeal)
    async def prove_seal(self, request: ProveSectorSeal) -> bytes:
        """A proof that a sector was sealed."""
        self._must_be_sealed(self._sector(request.sector))
        proof = await self._work(ProveSeal(request.sector, request.seed))
        assert isinstance(proof, Proof)
        return proof.data

    @answers(FinishSector)
    async def finish_sector(self, order: FinishSector) -> None:
        """Remove a sealed sector's layers, which only proofs of its sealing need."""
        self._must_be_sealed(self._sector(order.sector))
        await self._work(DropLayers(order.sector))

    async def _work(self, job: Job) -> Outcome:
        outcome = await self.executor.run(job)
        if isinstance(outcome, JobFailed):
            raise _failure(outcome)
        return outcome

    def _sector(self, number: int) -> Sector:
        sector = self.book.sectors.get(number)
        if sector is None:
            raise SectorError(f"no sector {number}; list them: thespis sectors list")
        return sector

    @staticmethod
    def _must_be_sealed(sector: Sector) -> None:
        if sector.state is not SectorState.SEALED:
            why = f": {sector.reason}" if sector.reason else ""
            raise SectorError(f"sector {sector.number} is {sector.state.value}, not sealed{why}")


def _failure(outcome: Outcome) -> SectorError:
    if isinstance(outcome, JobFailed):
        return sector_error(outcome.kind, outcome.reason)
    return SectorError(f"a worker answered with {type(outcome).__name__}")
