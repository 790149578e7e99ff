"""The MiningScheduler: tries every epoch over the best tipset known before it begins, and makes the blocks it wins.

The block of an epoch is prepared ahead and given out when the epoch begins. A round that fails in any way ends with
its epoch: the next one is tried as if nothing had happened (reference: seed-node, weaknesses W10 and W11).
"""

from __future__ import annotations

import logging

from thespis.actors.chain.reader import ChainReader, or_none
from thespis.actors.messages.mining_scheduler import (
    MineOnce,
    MiningError,
    MiningStatus,
    ReadMining,
    StartMining,
    StopMining,
)
from thespis.actors.messages.msg_pool import SelectMessages
from thespis.actors.messages.syncer import NewHead, SubmitBlock
from thespis.actors.messages.wallet import SignBytes
from thespis.actors.mining_scheduler.settings import MiningSettings
from thespis.actors.mining_scheduler.slash_filter import SlashableError, SlashFilter
from thespis.protocols.chain.block import (
    BeaconEntry,
    BlockHeader,
    BlockMessage,
    BlockMessages,
    ElectionProof,
    PoStProof,
    Ticket,
)
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.consensus.block_making import signed_block, storage_challenge, storage_proof, unsigned_block
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.consensus.validation import prepare_proofs
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ProtocolError
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.errors import AskError, RuntimeFloorError

logger = logging.getLogger(__name__)

ROUNDS_MAX = 10_000


class MiningScheduler(Subsystem[MiningSettings]):
    """Mines for one miner."""

    chain: ChainReader
    filter: SlashFilter

    def __init__(self) -> None:
        super().__init__()
        self._miner: Address | None = None
        self._mining = False
        self._generation = 0
        self._delay_share = 0.0
        self._tried = 0
        self._mined = self._won = self._lost = self._last_height = 0
        self._error = ""

    async def start(self, settings: MiningSettings) -> None:
        """Open what is needed, give out again what a crash kept back, and mine if the node was told to."""
        self.chain = ChainReader(self.opened(self.environment.open_reader("chain")))
        self.filter = SlashFilter(self.opened(self.environment.open_store("mining")))
        self._miner = Address.from_text(settings.miner) if settings.miner else None
        self._delay_share = settings.delay_share
        if self._miner is not None:
            prepare_proofs(self.chain.genesis.profile)
            self.spawn(self._give_out_again(self._miner))
            if settings.enabled:
                self._mine_on()

    async def stop(self) -> None:
        """Try no further round."""
        self._mining = False

    @handles(NewHead)
    def new_head(self, _event: NewHead) -> None:
        """See the new blocks."""
        self.chain.refresh()

    # -- orders ----------------------------------------------------------------------------------------------

    @answers(StartMining)
    def start_mining(self, _order: StartMining) -> None:
        """Mine from the next epoch on; raises MiningError when mining goes on already or there is no miner."""
        if self._mining:
            raise MiningError("Node is already mining")
        self._own_miner()
        self._mine_on()

    @answers(StopMining)
    def stop_mining(self, _order: StopMining) -> None:
        """Stop after the present round; stopping what is stopped is no error."""
        self._mining = False
        self._generation += 1

    @answers(MineOnce)
    async def mine_once(self, order: MineOnce) -> Cid:
        """Mine one block at the first epoch that is won, trying at most `rounds_max`."""
        miner = self._own_miner()
        for _ in range(min(order.rounds_max, ROUNDS_MAX)):
            submitted = await self._round(miner)
            if submitted is not None:
                return submitted
        raise MiningError(f"no epoch of {order.rounds_max} was won; last: {self._error or 'lost elections'}")

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
        self._generation += 1
        self.spawn(self._mine_for_ever(self._own_miner(), self._generation))

    async def _mine_for_ever(self, miner: Address, generation: int) -> None:
        while self._generation == generation:
            await self._round(miner)

    # -- one round -------------------------------------------------------------------------------------------

    async def _round(self, miner: Address) -> Cid | None:
        """Wait for the next epoch's turn and try it; whatever goes wrong is told and ends with the epoch."""
        profile = self.chain.genesis.profile
        now_s = self.environment.clock.unix_s()
        lead_s = profile.block_delay_s * (1.0 - self._delay_share)
        height = max(self._tried, profile.epoch_at(now_s + lead_s)) + 1
        self._tried = height
        due_s = float(profile.timestamp_of(height))
        await self._sleep_until(due_s - lead_s)
        try:
            return await self._try(miner, height, due_s)
        except SlashableError as error:
            logger.warning("height %d: %s", height, error)
            self._error = str(error)
        except (ProtocolError, RuntimeFloorError) as error:
            logger.warning("mining height %d failed: %s", height, error)
            self._error = f"height {height}: {error}"
        return None

    async def _sleep_until(self, unix_s: float) -> None:
        delay_s = unix_s - self.environment.clock.unix_s()
        if delay_s > 0:
            await self.sleep(delay_s)

    async def _try(self, miner: Address, height: int, due_s: float) -> Cid | None:
        self.chain.refresh()
        parent = self.chain.head()
        if parent.height >= height:
            return None
        context = self.chain.epoch_context(parent, height, miner)
        entries = context.beacon_entries_due()
        proof = await self._vrf(context.worker, context.election_randomness(entries))
        wins = context.wins(proof)
        if wins < 1:
            self._lost += 1
            return None
        self._won += 1
        self.filter.check(miner, height, parent.key, parent.parents, parent.height)
        header, messages = await self._make(context, entries, ElectionProof(wins, proof))
        submission = _submission(header, messages)
        self.filter.remember(header, submission)
        await self._sleep_until(due_s)
        return await self._submit(header, submission)

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

    async def _submit(self, header: BlockHeader, submission: tuple[bytes, ...]) -> Cid:
        block, bls_count, *encoded = submission
        count = int.from_bytes(bls_count, "big")
        bls = tuple(Message.decode(data) for data in encoded[:count])
        secpk = tuple(SignedMessage.decode(data) for data in encoded[count:])
        cid = await self.ask(SubmitBlock(BlockMessage.decode(block), bls, secpk))
        self._mined += 1
        self._last_height = header.height
        self._error = ""
        logger.info("mined block %s at height %d", cid, header.height)
        return cid

    async def _give_out_again(self, miner: Address) -> None:
        last = self.filter.last(miner)
        if last is None:
            return
        header, submission = last
        if self.chain.index.has_block(header.height, header.cid()) or or_none(self.chain.head) is None:
            return
        if header.height < final_height(self.chain.head().height, self.chain.genesis.profile.finality_epochs):
            return
        try:
            await self._submit(header, submission)
        except (AskError, ProtocolError) as error:
            logger.warning("block %s at height %d is lost: %s", header.cid(), header.height, error)


def _submission(header: BlockHeader, messages: BlockMessages) -> tuple[bytes, ...]:
    """What the Syncer needs of a block, flat, so that the slash filter can keep it."""
    block = BlockMessage(header, tuple(m.cid() for m in messages.bls), tuple(signed.cid() for signed in messages.secpk))
    bls = [message.encode() for message in messages.bls]
    return (block.encode(), len(bls).to_bytes(4, "big"), *bls, *(signed.encode() for signed in messages.secpk))
