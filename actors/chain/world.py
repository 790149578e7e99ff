"""A chain as the messages see it that are executed over one of its tipsets."""

from __future__ import annotations

import logging

from thespis.actors.chain.reader import ChainReader
from thespis.protocols.builtin.codes import BURNT_FUNDS, MARKET, REWARD
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.builtin.queries.miner import miner_info
from thespis.protocols.builtin.queries.power import power_state
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import ChainError, CidError
from thespis.protocols.ipld.blockstore import Overlay
from thespis.protocols.networks.profile import ProofPolicy
from thespis.protocols.steps import Steps, at_once
from thespis.protocols.vm.exit_codes import ExitCode, StateFault
from thespis.protocols.vm.interpreter import Executed, executing_tipset
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.supply import circulating_supply
from thespis.protocols.vm.world import SealVerifyInfo, WindowPostInfo

logger = logging.getLogger(__name__)


class ChainWorld:
    """Answers from the chain that ends in `parent`, the tipset below the messages that are executed.

    Like the network, an epoch beyond it counts as its own, so that every answer is a function of the chain alone.
    """

    def __init__(self, reader: ChainReader, parent: Tipset) -> None:
        self._reader, self._parent = reader, parent

    def _vanilla(self) -> bool:
        return self._reader.genesis.profile.proofs is ProofPolicy.VANILLA

    def seal_is_valid(self, info: SealVerifyInfo) -> bool:
        """Check the proof, or on a network of recorded ones take it as the chain did."""
        if not self._vanilla():
            return True
        from thespis.protocols.consensus import storage_proofs  # compiled code: only who needs it pays

        return storage_proofs.seal_is_valid(info)

    def window_post_is_valid(self, info: WindowPostInfo) -> bool:
        """Check the proof, or on a network of recorded ones take it as the chain did."""
        if not self._vanilla():
            return True
        from thespis.protocols.consensus import storage_proofs  # compiled code: only who needs it pays

        return storage_proofs.window_post_is_valid(info)

    def ticket_randomness(self, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """Drawn from the smallest ticket at or below an epoch."""
        return self._reader.ticket_randomness(self._parent, purpose, epoch, entropy)

    def beacon_randomness(self, purpose: Purpose, epoch: int, entropy: bytes) -> bytes:
        """Drawn from the last beacon entry at or below an epoch."""
        return self._reader.beacon_randomness(self._parent, purpose, epoch, entropy)

    def circulating_supply(self, _epoch: int, state: StateTree) -> int:
        """Read it off a state; raises ChainError for networks whose genesis vests in ways that are not known here."""
        if not self._vanilla():
            raise ChainError(
                "the circulating supply of this network depends on how its genesis vests, which is not known"
            )
        store = state.store
        market_actor, reward, burnt = state.get(MARKET), state.get(REWARD), state.get(BURNT_FUNDS)
        if market_actor is None:
            raise ChainError("the state has no market actor")
        return circulating_supply(
            MarketState.decode(store.get(market_actor.head)),
            pledged=power_state(store, state).total_pledge_collateral,
            to_be_mined=reward.balance if reward else 0,
            burnt=burnt.balance if burnt else 0,
        )

    def worker_at(self, miner: Address, height: int) -> Address:
        """The key of a miner's worker in the state that its blocks of a height were checked with."""
        try:
            state = self._reader.lookback_state(self._parent, min(height, self._parent.height))
            return key_address(self._reader.blocks, state, miner_info(self._reader.blocks, state, miner).worker)
        except (ChainError, CidError) as error:
            raise StateFault(str(error), ExitCode.ILLEGAL_ARGUMENT) from None


def run_tipset(reader: ChainReader, tipset: Tipset) -> tuple[Executed, dict[Cid, bytes]]:
    """The outcome of a tipset and the blocks it wrote: a function of the tipset alone.

    What crashed in it ended its message as it ends with everyone, and is logged: it is a fault of this program.
    """
    return at_once(running_tipset(reader, tipset))


def running_tipset(reader: ChainReader, tipset: Tipset) -> Steps[tuple[Executed, dict[Cid, bytes]]]:
    """As `run_tipset`, with a pause before each message."""
    parent = reader.parent(tipset)
    scratch = Overlay(reader.blocks)
    executed = yield from executing_tipset(
        scratch,
        tipset.blocks[0].parent_state_root,
        reader.tipset_messages(tipset),
        parent_epoch=parent.height,
        epoch=tipset.height,
        base_fee=tipset.blocks[0].parent_base_fee,
        rules=reader.genesis.profile.rules,
        world=ChainWorld(reader, parent),
    )
    for crash in executed.crashes:
        logger.error("a fault of this program at height %d, please report it: %s", tipset.height, crash)
    return executed, scratch.new
