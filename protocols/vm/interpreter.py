"""Executing a tipset: the messages of its blocks once each, a reward per block, cron at the end.

The result is a function of the parent state and the tipset alone, whoever computes it (Lotus
``chain/consensus/compute_state.go``; reference: formats, section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from thespis.protocols.builtin.codes import CRON, REWARD
from thespis.protocols.builtin.methods import AWARD_BLOCK_REWARD, EPOCH_TICK
from thespis.protocols.builtin.policy import MAINNET, Policy
from thespis.protocols.builtin.reward.methods import AwardBlockRewardParams
from thespis.protocols.chain.message import Message, Receipt, SignedMessage
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount
from thespis.protocols.errors import TipsetExecutionError
from thespis.protocols.ipld.amt import Amt, AmtVersion
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.steps import Steps, at_once
from thespis.protocols.vm.exit_codes import ExitCode
from thespis.protocols.vm.machine import UNKNOWN_WORLD, Applied, Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.world import World


@dataclass(frozen=True, slots=True)
class BlockToApply:
    """What of a block changes the state."""

    miner: Address
    win_count: int
    bls_messages: Sequence[Message]
    secpk_messages: Sequence[SignedMessage]


Upgrade = Callable[[Blockstore, Cid, int], Cid]
"""Makes another state of the one that an epoch ended with; takes the store, its root and the epoch."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What of a network's profile execution depends on."""

    network_version: Callable[[int], int]
    policy: Policy = MAINNET
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    """What happens to the state after an epoch was executed, by epoch."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A tipset's outcome; `messages` are the CIDs that the receipts belong to, in order."""

    state_root: Cid
    receipts_root: Cid
    applied: tuple[Applied, ...]
    messages: tuple[Cid, ...]
    crashes: tuple[str, ...] = ()
    """What methods raised that no rule foresaw, each with its message; whoever has a log should say it loudly."""

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts alone."""
        return tuple(each.receipt for each in self.applied)


def execute_tipset(
    store: Blockstore,
    parent_state: Cid,
    blocks: Sequence[BlockToApply],
    *,
    parent_epoch: int,
    epoch: int,
    base_fee: int,
    rules: Rules,
    world: World = UNKNOWN_WORLD,
) -> Executed:
    """As `executing_tipset`, without its pauses."""
    return at_once(
        executing_tipset(
            store,
            parent_state,
            blocks,
            parent_epoch=parent_epoch,
            epoch=epoch,
            base_fee=base_fee,
            rules=rules,
            world=world,
        )
    )


def executing_tipset(
    store: Blockstore,
    parent_state: Cid,
    blocks: Sequence[BlockToApply],
    *,
    parent_epoch: int,
    epoch: int,
    base_fee: int,
    rules: Rules,
    world: World = UNKNOWN_WORLD,
) -> Steps[Executed]:
    """Apply a tipset to its parent state; every written block goes to `store`, what is asked of the chain to `world`.

    Raises TipsetExecutionError when a message of the system itself fails, for then the state is not Filecoin's.
    """
    state = state_for(store, parent_state, parent_epoch=parent_epoch, epoch=epoch, rules=rules, world=world)
    machine = Machine(state, rules.network_version(epoch), base_fee, epoch, world=world, policy=rules.policy)
    outcomes: list[Applied] = []
    applied_messages: dict[Cid, Cid] = {}
    crashes: list[str] = []
    for block in blocks:
        penalty = tips = 0
        for message, chain_cid, length in _messages(block):
            yield
            identity = message.cid()
            if identity in applied_messages:
                continue
            applied_messages[identity] = chain_cid
            applied = machine.apply(message, length)
            outcomes.append(applied)
            crashes += (f"message {chain_cid}: {crash}" for crash in applied.crashes)
            penalty += applied.miner_penalty
            tips += applied.miner_tip
        crashes += _award(machine, block, penalty, tips)
    crashes += _tick(machine)
    root = state.flush()
    receipts_root = save_receipts(store, [each.receipt for each in outcomes])
    return Executed(root, receipts_root, tuple(outcomes), tuple(applied_messages.values()), tuple(crashes))


def state_for(
    store: Blockstore, parent_state: Cid, *, parent_epoch: int, epoch: int, rules: Rules, world: World = UNKNOWN_WORLD
) -> StateTree:
    """The state that messages of an epoch meet: after the cron of null rounds since the parent, and after upgrades.

    An upgrade changes the state when the epoch that it is named by has ended (Lotus ``chain/stmgr/stmgr.go``).
    """
    state = StateTree(store, parent_state)
    for done in range(parent_epoch, epoch):
        if done > parent_epoch:
            _tick(Machine(state, rules.network_version(done), 0, done, world=world, policy=rules.policy))
        upgrade = rules.upgrades.get(done)
        if upgrade is not None:
            state = StateTree(store, upgrade(store, state.flush(), done))
    return state


def save_receipts(store: Blockstore, receipts: Sequence[Receipt]) -> Cid:
    """Write receipts as the array that headers link to."""
    array = Amt(store, version=AmtVersion.V0)
    for receipt in receipts:
        array.append(receipt.to_wire())
    return array.flush()


def load_receipts(store: Blockstore, root: Cid) -> list[Receipt]:
    """The receipts of an array."""
    return [Receipt.from_wire(wire) for _, wire in Amt(store, root, version=AmtVersion.V0).items()]


def _messages(block: BlockToApply) -> list[tuple[Message, Cid, int]]:
    bls = [(message, message.cid(), len(message.encode())) for message in block.bls_messages]
    return bls + [(signed.message, signed.chain_cid(), signed.chain_length()) for signed in block.secpk_messages]


def _award(machine: Machine, block: BlockToApply, penalty: int, tips: int) -> list[str]:
    params = AwardBlockRewardParams(block.miner, TokenAmount(penalty), TokenAmount(tips), block.win_count)
    applied = machine.apply_implicit(REWARD, AWARD_BLOCK_REWARD, params.encode(), machine.epoch)
    return _required(applied, f"the reward of {block.miner}")


def _tick(machine: Machine) -> list[str]:
    return _required(machine.apply_implicit(CRON, EPOCH_TICK, b"", machine.epoch), f"cron of epoch {machine.epoch}")


def _required(applied: Applied, what: str) -> list[str]:
    """What crashed within a message of the system itself, which must not fail."""
    if applied.receipt.exit_code != ExitCode.OK:
        raise TipsetExecutionError(f"{what} failed with exit code {applied.receipt.exit_code}: {applied.reason}")
    return [f"{what}: {crash}" for crash in applied.crashes]
