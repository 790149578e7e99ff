"""Whether a block, with its messages, may stand over its parent: the rules put together with what the chain knows."""

from __future__ import annotations

from thespis.actors.chain.reader import BlockMessages, ChainReader
from thespis.protocols.builtin.codes import name_of
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.builtin.queries.miner import miner_info
from thespis.protocols.builtin.queries.power import power_state
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT, Message, SignedMessage, check_for_inclusion
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.block_messages import check_block_messages
from thespis.protocols.consensus.header import HeaderContext, validate_header
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import (
    BlockElectionError,
    BlockFutureError,
    BlockMessagesError,
    BlockParentsError,
    ChainError,
    InvalidMessageError,
)
from thespis.protocols.networks.profile import NetworkProfile, ProofPolicy
from thespis.protocols.vm.gas import PRICES_V0
from thespis.protocols.vm.state_tree import StateTree


def prepare_proofs(profile: NetworkProfile) -> None:
    """Load what proofs of a network take, before anybody waits for an answer: a heartbeat would be missed."""
    if profile.proofs is ProofPolicy.VANILLA:
        from thespis.protocols.consensus.winning_post import prepare  # compiled code

        prepare()


def header_context(reader: ChainReader, parent: Tipset, header: BlockHeader) -> HeaderContext:
    """What the chain says about a header's place; raises InvalidBlockError for a miner that may not mine."""
    execution = reader.execution(parent.key)
    lookback = reader.lookback_state(parent, header.height)
    power = reader.election_power(parent, header.height, header.miner)
    if not power.eligible:
        raise BlockElectionError(f"miner {header.miner} has no power to mine with at height {header.height}")
    try:
        worker = miner_info(reader.blocks, lookback, header.miner).worker
        key = key_address(reader.blocks, lookback, worker)
    except ChainError as error:
        raise BlockElectionError(str(error)) from None
    state = reader.state_before(parent)
    return HeaderContext(
        parent=parent,
        parent_state_root=execution.state_root,
        parent_message_receipts=execution.receipts_root,
        parent_network_power=power_state(reader.blocks, state).total_power()[1],
        base_fee=reader.base_fee(parent),
        worker=key,
        miner_power=power.miner,
        total_power=power.total,
        previous_beacon=reader.beacon_before(parent),
    )


def check_time(header: BlockHeader, profile: NetworkProfile, now_s: float) -> None:
    """Raise BlockFutureError for a block whose time has not come: the one rule that depends on when it is asked."""
    if header.timestamp > now_s + profile.allowable_clock_drift_s:
        raise BlockFutureError(f"timestamp {header.timestamp} is {header.timestamp - now_s:.1f} s in the future")


def validate_block(reader: ChainReader, header: BlockHeader, messages: BlockMessages) -> None:
    """Raise the InvalidBlockError of the first rule that a block breaks; its parent must be known.

    The answer depends on the block, its messages and the chain below alone.
    """
    profile = reader.genesis.profile
    if not header.parents:
        raise BlockParentsError("a block other than genesis has parents")
    parent = reader.tipset(header.parents)
    validate_header(header, header_context(reader, parent, header), profile)
    if profile.proofs is ProofPolicy.VANILLA:
        _check_storage(reader, parent, header)
    state = reader.state_after(parent)
    version = profile.network_version(header.height)
    _check_accounts(state, messages, version)
    check_block_messages(header, messages.bls, messages.secpk, lambda sender: _signer(reader, state, sender))


def _check_storage(reader: ChainReader, parent: Tipset, header: BlockHeader) -> None:
    from thespis.protocols.consensus.winning_post import check_winning_post, winning_challenge  # compiled code

    newest = header.beacon_entries[-1] if header.beacon_entries else reader.beacon_before(parent)
    sectors = reader.provable_sectors(parent, header.height, header.miner)
    check_winning_post(header.win_post_proof, winning_challenge(newest.data, header.height, header.miner, sectors))


def _signer(reader: ChainReader, state: StateTree, sender: Address) -> Address:
    try:
        return key_address(reader.blocks, state, sender)
    except ChainError as error:
        raise BlockMessagesError(str(error)) from None


def _check_accounts(state: StateTree, messages: BlockMessages, version: int) -> None:
    """Each message fits a block, each sender's nonces follow on, and the limits together fit the block."""
    nonces: dict[Address, int] = {}
    gas = 0
    items: tuple[Message | SignedMessage, ...] = (*messages.bls, *messages.secpk)
    for item in items:
        message = item.message if isinstance(item, SignedMessage) else item
        try:
            check_for_inclusion(message, PRICES_V0.on_chain_message(_length(item)), version)
        except InvalidMessageError as error:
            raise BlockMessagesError(f"message {item.cid()}: {error}") from None
        gas += message.gas_limit
        if gas > BLOCK_GAS_LIMIT:
            raise BlockMessagesError(f"the messages' gas limits sum to more than {BLOCK_GAS_LIMIT}")
        sender = state.resolve(message.sender)
        if sender not in nonces or sender is None:
            actor = state.get(message.sender)
            if actor is None or sender is None or name_of(actor.code) != "account":
                raise BlockMessagesError(f"message {item.cid()}: the sender {message.sender} is no account")
            nonces[sender] = actor.nonce
        if message.nonce != nonces[sender]:
            raise BlockMessagesError(f"message {item.cid()}: nonce {message.nonce}, {nonces[sender]} is due")
        nonces[sender] += 1


def _length(item: Message | SignedMessage) -> int:
    return item.chain_length() if isinstance(item, SignedMessage) else len(item.encode())
