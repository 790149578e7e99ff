"""Who a miner is for its sectors, by the chain: its actor id, how it seals, which numbers are taken, and tickets."""

from __future__ import annotations

from dataclasses import dataclass

from thespis.actors.chain.reader import ChainReader
from thespis.protocols.builtin.queries.errors import MinerNotFoundError
from thespis.protocols.builtin.queries.miner import miner_state
from thespis.protocols.consensus import seal_ticket as rule
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ChainError
from thespis.protocols.proofs.registry import SealProof


@dataclass(frozen=True, slots=True)
class MinerIdentity:
    """A miner's actor id, its seal proof, and the highest sector number that the chain knows of it, or -1."""

    miner: int
    proof: SealProof
    last_sector: int


def identity_of(chain: ChainReader, miner: Address) -> MinerIdentity:
    """Read it from the head's state; raises ChainError while the miner is not on the chain."""
    state = chain.state_after(chain.head())
    actor_id = state.resolve(miner)
    if actor_id is None:
        raise ChainError(f"miner {miner} is not on the chain yet; wait until the message that makes it is mined")
    try:
        _actor, on_chain = miner_state(chain.blocks, state, actor_id)
    except MinerNotFoundError as error:
        raise ChainError(str(error)) from None  # whoever asked may not know the narrower class, and would give up
    info = on_chain.load_info(chain.blocks)
    last = max((int(sector.number) for sector in on_chain.load_sectors(chain.blocks)), default=-1)
    return MinerIdentity(actor_id.actor_id, SealProof(info.seal_proof_type), last)


def seal_ticket(chain: ChainReader, identity: MinerIdentity) -> tuple[int, bytes]:
    """The epoch and randomness that a sector's labels depend on, read off the heaviest chain."""
    head = chain.head()
    epoch = rule.seal_ticket_epoch(head.height, chain.genesis.profile.finality_epochs)
    return epoch, rule.seal_ticket(chain.at_height(epoch, head), epoch, Address.id(identity.miner))
