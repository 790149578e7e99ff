"""The MiningScheduler: tries every epoch over the best tipset known before it begins, and makes the blocks it wins.

The block of an epoch is prepared ahead and given out when the epoch begins. A round that fails in any way ends with
its epoch: the next one is tried as if nothing had happened (reference: seed-node, weaknesses W10 and W11).
"""

from __future__ import annotations

import logging

from thespis.actors.chain.reader import ChainReader
from thespis.actors.messages.mining_scheduler import (
    MineOnce,
    MiningError,
    MiningStatus,
    ReadMining,
    StartMining,
    StopMining,
)
from thespis.actors.messages.msg_pool import SelectMessages
from thespis.actors.messages.syncer import NewHead
from thespis.actors.messages.wallet import SignBytes
from thespis.actors.mining_scheduler.orders import Orders
from thespis.actors.mining_scheduler.outbox import Outbox
from thespis.actors.mining_scheduler.rounds import Rounds
from thespis.actors.mining_scheduler.settings import MiningSettings
from thespis.actors.mining_scheduler.slash_filter import SlashableError, SlashFilter
from thespis.protocols.chain.block import (
    BeaconEntry,
    BlockHeader,
    BlockMessages,
    ElectionProof,
    PoStProof,
    Ticket,
)
from thespis.protocols.consensus.block_making import signed_block, storage_challenge, storage_proof, unsigned_block
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.consensus.validation import prepare_proofs
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ProtocolError
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import RuntimeFloorError

logger = logging.getLogger(__name__)

ROUNDS_MAX = 10_000


class MiningScheduler(Subsystem[MiningSettings]):
    """Mines for one miner."""

    chain: ChainReader
    filter: SlashFilter
    orders: Orders
    outbox: Outbox
    rounds: Rounds

    def __init__(self) -> None:
        super().__init__()
        self._miner: Address | None = None
        self._mining = False
        self._stops = 0
        self._epoch_s = 0.0
        self._mined = self._won = self._lost = self._last_height = 0
        self._error = ""

    async def start(self, settings: MiningSettings) -> None:
        """Open what is needed, give out again what a crash kept back, and mine if the node was told to."""
        self.chain = ChainReader(self.opened(self.environment.open_reader("chain")))
        store = self.opened(self.environment.open_store("mining"))
        profile = self.chain.genesis.profile
        self.filter, self.orders = SlashFilter(store, profile.finality_epochs), Orders(store, settings.enabled)
        self.outbox = Outbox(self, self.chain, self.filter)
        self._miner = Address.from_text(settings.miner) if settings.miner else None
        if self._miner is not None:
            prepare_proofs(profile)
            self.rounds, self._epoch_s = Rounds(profile, settings.delay_share), float(profile.block_delay_s)
            self.outbox.load(self._miner)
            self.spawn(self._give_out_for_ever())
            if self.orders.mining:
                self._mine_on()

    async def stop(self) -> None:
        """Try no further round."""
        self._mining = False
        self._stops += 1

    @handles(NewHead)
    async def new_head(self, _event: NewHead) -> None:
        """See the new blocks, and give out what still waits."""
        self.chain.refresh()
        await self._give_out()

    async def _give_out_for_ever(self) -> None:
        """Once an epoch, and at each block's time, whether the node mines or not: what was signed must get out."""
        while True:
            try:
                self.chain.refresh()
                await self._give_out()
            except (ProtocolError, RuntimeFloorError) as error:
                logger.warning("signed blocks wait: %s", error)
            await self.sleep(min(self._epoch_s, self.outbox.next_due_s()))

    async def _give_out(self) -> None:
        """Give out what was signed and waits."""
        for header in await self.outbox.give_all():
            self._note(header)

    # -- orders ----------------------------------------------------------------------------------------------

    @answers(StartMining)
    def start_mining(self, _order: StartMining) -> None:
        """Mine from the next epoch on; raises MiningError when mining goes on already or there is no miner."""
        if self._mining:
            raise MiningError("Node is already mining")
        self._own_miner()
        self.orders.give(mining=True)
        self._mine_on()

    @answers(StopMining)
    def stop_mining(self, _order: StopMining) -> None:
        """Stop after the present round, MineOnce too; stopping what is stopped is no error."""
        self.orders.give(mining=False)
        self._mining = False
        self._stops += 1

    @answers(MineOnce)
    async def mine_once(self, order: MineOnce) -> Cid:
        """Mine one block at the first epoch that is won, trying at most `rounds_max`.

        Ends with StopMining, and when another round could end after whoever asks has given up.
        """
        miner, stops, deadline_s = self._own_miner(), self._stops, self.now_s() + order.wait_s()
        for _ in range(min(order.rounds_max, ROUNDS_MAX)):
            if self.now_s() + self._epoch_s > deadline_s:
                raise MiningError(f"no epoch was won within {order.wait_s():.0f} s; last: {self._last_outcome()}")
            submitted = await self._round(miner)
            if submitted is not None:
                return submitted
            if self._stops != stops:
                raise MiningError("mining was stopped before an epoch was won")
        raise MiningError(f"no epoch of {order.rounds_max} was won; last: {self._last_outcome()}")

    def _last_outcome(self) -> str:
        return self._error or "lost elections"

    @answers(ReadMining)
    def read_mining(self, _request: ReadMining) -> MiningStatus:
        """How it goes."""
        return MiningStatus(
            self._miner, self._mining, self._mined, self._won, self._lost, self._last_height, self._error
        )

    def _own_miner(self) -> Address:
        if self._miner is None:
            raise MiningError("this node has no miner; set mining.miner_address")
        return self._miner

    def _mine_on(self) -> None:
        self._mining = True
        self.spawn(self._mine_for_ever(self._own_miner()))

    async def _mine_for_ever(self, miner: Address) -> None:
        stops = self._stops
        while self._stops == stops:
            await self._round(miner)

    # -- one round -------------------------------------------------------------------------------------------

    async def _round(self, miner: Address) -> Cid | None:
        """Wait for the next epoch's turn and try it; whatever goes wrong is told and ends with the epoch.

        A stop while it waits ends it, and so does a clock that jumped, after an epoch of waiting.
        """
        stops, clock = self._stops, self.environment.clock
        while not (turn := self.rounds.turn(clock.unix_s(), clock.monotonic_s())).height:
            await self.sleep(turn.wait_s)
            if self._stops != stops:
                return None
            if turn.held:
                logger.warning("%s", turn.held)
                self._error = turn.held
                return None
        try:
            return await self._try(miner, turn.height)
        except SlashableError as error:
            logger.warning("height %d: %s", turn.height, error)
            self._error = str(error)
        except (ProtocolError, RuntimeFloorError) as error:
            logger.warning("mining height %d failed: %s", turn.height, error)
            self._error = f"height {turn.height}: {error}"
        except Exception as error:  # one epoch is lost by it, and not all that follow
            logger.exception("mining height %d failed", turn.height)
            self._error = f"height {turn.height}: {error!r}"
        return None

    async def _try(self, miner: Address, height: int) -> Cid | None:
        """Make the block of an epoch, if it is won, and give it out when the epoch begins.

        What was signed before goes out first: a new block may stand over it, and none beside it.
        """
        self.chain.refresh()
        await self._give_out()
        self.chain.refresh()
        parent = self.chain.head()
        if parent.height >= height or self.outbox.has(height):
            return None
        waiting = self.outbox.waiting_over(parent.key)
        if waiting is not None:
            raise MiningError(f"the block of height {waiting.header.height} waits to be taken: {waiting.reason}")
        context = self.chain.epoch_context(parent, height, miner)
        entries = context.beacon_entries_due()
        proof = await self._vrf(context.worker, context.election_randomness(entries))
        wins = context.wins(proof)
        if wins < 1:
            self._lost += 1
            return None
        self._won += 1
        place = (miner, height, parent.key, parent.parents, parent.height)
        self.filter.check(*place)
        header, messages = await self._make(context, entries, ElectionProof(wins, proof))
        self.filter.check(*place)  # MineOnce beside the loop may have signed meanwhile
        block = self.outbox.put(header, messages)
        await self._sleep_until(float(header.timestamp))
        cid = await self.outbox.give(block)
        self._note(header)
        return cid

    async def _sleep_until(self, unix_s: float) -> None:
        delay_s = unix_s - self.environment.clock.unix_s()
        if delay_s > 0:
            await self.sleep(delay_s)

    async def _make(
        self, context: EpochContext, entries: tuple[BeaconEntry, ...], election: ElectionProof
    ) -> tuple[BlockHeader, BlockMessages]:
        ticket = Ticket(await self._vrf(context.worker, context.ticket_randomness(entries)))
        chosen = await self.ask(SelectMessages(context.parent.key, context.base_fee))
        proof = self._prove(context, entries)
        header, sorted_messages = unsigned_block(context, entries, election, ticket, list(chosen), proof)
        signature = await self.ask(SignBytes(context.worker, header.signing_bytes()))
        return signed_block(header, signature), sorted_messages

    def _prove(self, context: EpochContext, entries: tuple[BeaconEntry, ...]) -> PoStProof:
        """The winning proof of spacetime, read from the sealed sector itself."""
        sectors = self.chain.provable_sectors(context.parent, context.height, context.miner)
        challenge = storage_challenge(context, entries, sectors)
        opened = self.environment.open_sectors().prove(int(challenge.sector.number), challenge.leaves)
        return storage_proof(challenge, opened)

    async def _vrf(self, worker: Address, data: bytes) -> bytes:
        signature = await self.ask(SignBytes(worker, data))
        return signature.data

    def _note(self, header: BlockHeader) -> None:
        """A block of this miner is one of the chain's tips."""
        self._mined += 1
        self._last_height = header.height
        self._error = ""
        logger.info("mined block %s at height %d", header.cid(), header.height)
