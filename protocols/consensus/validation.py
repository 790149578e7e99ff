"""Whether a block, with its messages, may stand over its parent: every rule of a block in the order they are asked.

The answer depends on the block, its messages and the chain below alone, which is given; nothing is read here
(Lotus v1.4.0 ``chain/sync.go``, Syncer.ValidateBlock).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thespis.protocols.builtin.storage_miner.state import SectorOnChainInfo
from thespis.protocols.chain.block import BlockHeader, BlockMessages
from thespis.protocols.consensus.block_messages import KeyOf, check_senders, checking_block_messages
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.consensus.header import validate_header
from thespis.protocols.networks.profile import NetworkProfile, ProofPolicy
from thespis.protocols.steps import Steps
from thespis.protocols.vm.state_tree import StateTree


def validating_block(
    header: BlockHeader,
    messages: BlockMessages,
    context: EpochContext,
    *,
    state: StateTree,
    key_of: KeyOf,
    provable_sectors: Callable[[], Sequence[SectorOnChainInfo]],
) -> Steps[None]:
    """Raise the InvalidBlockError of the first rule that a block breaks; with pauses, for a full block takes seconds.

    `context` is of the header's miner, height and parents, `state` the one after these. `provable_sectors` reads the
    miner's sectors that the block answers a challenge about; a network of recorded proofs never asks for them.
    """
    validate_header(header, context)
    if context.profile.proofs is ProofPolicy.VANILLA:
        from thespis.protocols.consensus.winning_post import check_winning_post, winning_challenge  # compiled code

        beacon = context.newest_beacon(header.beacon_entries)
        challenge = winning_challenge(beacon.data, header.height, header.miner, provable_sectors())
        check_winning_post(header.win_post_proof, challenge)
    check_senders(messages, state, context.profile.network_version(header.height))
    yield from checking_block_messages(header, messages.bls, messages.secpk, key_of)


def prepare_proofs(profile: NetworkProfile) -> None:
    """Load what proofs of a network take, before anybody waits for an answer: a heartbeat would be missed."""
    if profile.proofs is ProofPolicy.VANILLA:
        from thespis.protocols.consensus.winning_post import prepare  # compiled code

        prepare()
