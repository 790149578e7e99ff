"""Which Go types our records are, and how strictly each is read: what is fuzzed side by side.

Several Go types in a row are alike; then each input is answered by all of them, which must agree.
"""

from dataclasses import dataclass
from typing import Any

from thespis.protocols.builtin import account, cron, smoothing, system, verifreg
from thespis.protocols.builtin.init import methods as init
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.market import calls as market_calls
from thespis.protocols.builtin.market import deals
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.methods import ADDRESS, BIG_INTEGER, CID, Bare
from thespis.protocols.builtin.multisig import state as multisig
from thespis.protocols.builtin.multisig.v2.state import ConstructorParamsV2
from thespis.protocols.builtin.paych import methods as paych
from thespis.protocols.builtin.paych.v2.methods import UpdateParamsV2
from thespis.protocols.builtin.power import methods as power
from thespis.protocols.builtin.power import state as power_state
from thespis.protocols.builtin.power.v2 import state as power_state_v2
from thespis.protocols.builtin.reward import methods as reward
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.reward.v2.state import RewardStateV2
from thespis.protocols.builtin.storage_miner import (
    balance,
    calls,
    compaction,
    confirm,
    consensus_fault,
    deadline,
    declarations,
    expiration_queue,
    extension,
    identity,
    partition,
    prove_commit,
    termination,
    vesting,
    window_post,
)
from thespis.protocols.builtin.storage_miner import state as miner
from thespis.protocols.builtin.storage_miner.v2 import state as miner_v2
from thespis.protocols.builtin.storage_miner.v2.balance import ApplyRewardsParams
from thespis.protocols.builtin.storage_miner.v2.partition import PartitionV2
from thespis.protocols.chain import block, message
from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.dialect import Dialect
from thespis.protocols.vm import state_tree, world
from thespis.protocols.wire import exchange, hello

ACTORS, CHAIN, CANONICAL = Dialect.ACTORS, Dialect.CHAIN, Dialect.CANONICAL
FOLDERS = {"builtin": "", "smoothing": "util/", "proof": "runtime/", "states": ""}


@dataclass(frozen=True)
class Compared:
    """A record of ours, and the Go types that it is; a type is an import path without its host, a dot and a name."""

    dialect: Dialect
    form: Any
    types: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in files and tables: the first Go type, and who reads it."""
        return f"{self.types[0].removeprefix('filecoin-project/')} {self.dialect.value}"


def actors(version: str, kind: str) -> str:
    """A type of the actors of a version: ``builtin/x.T``, or elsewhere where `FOLDERS` says."""
    base = {"v0": "filecoin-project/specs-actors", "v2": "filecoin-project/specs-actors/v2"}[version]
    return f"{base}/actors/{FOLDERS.get(kind.partition('.')[0], 'builtin/')}{kind}"


def v0(form: Any, *kinds: str) -> Compared:
    """Types that version 2 has from version 0."""
    return Compared(ACTORS, form, tuple(actors("v0", kind) for kind in kinds))


def v2(form: Any, *kinds: str) -> Compared:
    """Types that are version 2's own."""
    return Compared(ACTORS, form, tuple(actors("v2", kind) for kind in kinds))


def both(form: Any, *kinds: str) -> Compared:
    """Types that are alike in both versions, each with its own decoder."""
    return Compared(ACTORS, form, tuple(actors(version, kind) for version in ("v0", "v2") for kind in kinds))


def early(form: Any, *types: str) -> Compared:
    """What the machine of Lotus v1.4.0 reads that no actor declares."""
    return Compared(ACTORS, form, types)


def chain(form: Any, kind: str, dialect: Dialect = CHAIN) -> Compared:
    """What a peer of today reads."""
    return Compared(dialect, form, (kind,))


TYPES = "filecoin-project/lotus/chain/types"
STATE_TYPES = "filecoin-project/go-state-types"
EXCHANGED = (
    (exchange.Request, "drive/exchange.Request"),
    (exchange.Response, "drive/exchange.Response"),
    (hello.Hello, "drive/hello.HelloMessage"),
    (hello.HelloReply, "drive/hello.LatencyMessage"),
)

RECORDS = (
    # what comes by gossip and exchange
    chain(block.BlockHeader, f"{TYPES}.BlockHeader"),
    chain(block.BlockMessage, f"{TYPES}.BlockMsg"),
    chain(message.Message, f"{TYPES}.Message"),
    chain(message.SignedMessage, f"{TYPES}.SignedMessage"),
    chain(block.Ticket, f"{TYPES}.Ticket"),
    chain(block.ElectionProof, f"{TYPES}.ElectionProof"),
    chain(block.BeaconEntry, f"{TYPES}.BeaconEntry"),
    chain(block.PoStProof, f"{STATE_TYPES}/proof.PoStProof"),
    chain(Bare(Signature), f"{STATE_TYPES}/crypto.Signature"),
    chain(ADDRESS, "filecoin-project/go-address.Address"),
    chain(BIG_INTEGER, f"{STATE_TYPES}/big.Int"),
    chain(block.MessageMeta, f"{TYPES}.MsgMeta"),
    *(chain(*each) for each in EXCHANGED),
    chain(exchange.CompactedMessages, "drive/exchange.CompactedMessages"),
    chain(exchange.ExchangedTipset, "drive/exchange.BSTipSet"),
    *(chain(*each, CANONICAL) for each in EXCHANGED),
    chain(block.BlockHeader, f"{TYPES}.BlockHeader", CANONICAL),
    chain(message.Message, f"{TYPES}.Message", CANONICAL),
    chain(message.SignedMessage, f"{TYPES}.SignedMessage", CANONICAL),
    # what is in parameters, and in headers within them
    early(block.BlockHeader, f"{TYPES}.BlockHeader"),
    early(message.Message, f"{TYPES}.Message"),
    early(message.SignedMessage, f"{TYPES}.SignedMessage"),
    early(ADDRESS, "filecoin-project/go-address.Address"),
    early(BIG_INTEGER, f"{STATE_TYPES}/big.Int"),
    early(CID, "whyrusleeping/cbor-gen.CborCid"),
    early(Bare(Bitfield), "filecoin-project/go-bitfield.BitField"),
    early(Bare(Signature), f"{STATE_TYPES}/crypto.Signature"),
    # parameters
    v0(
        verifreg.Allowance,
        *(f"verifreg.{each}Params" for each in ("AddVerifier", "AddVerifiedClient", "UseBytes", "RestoreBytes")),
    ),
    v0(multisig.ConstructorParams, "multisig.ConstructorParams"),
    v2(ConstructorParamsV2, "multisig.ConstructorParams"),
    v0(multisig.ProposeParams, "multisig.ProposeParams"),
    v0(multisig.SignerParams, "multisig.AddSignerParams", "multisig.RemoveSignerParams"),
    v0(multisig.TransactionIdParams, "multisig.TxnIDParams"),
    v0(multisig.ChangeThresholdParams, "multisig.ChangeNumApprovalsThresholdParams"),
    v0(multisig.SwapSignerParams, "multisig.SwapSignerParams"),
    v0(multisig.LockBalanceParams, "multisig.LockBalanceParams"),
    v0(init.ConstructorParams, "init.ConstructorParams"),
    v0(init.ExecParams, "init.ExecParams"),
    v0(paych.ConstructorParams, "paych.ConstructorParams"),
    v0(paych.UpdateParams, "paych.UpdateChannelStateParams"),
    v2(UpdateParamsV2, "paych.UpdateChannelStateParams"),
    v0(paych.SignedVoucher, "paych.SignedVoucher"),
    v0(paych.ModVerifyParams, "paych.ModVerifyParams"),
    v0(paych.PaymentVerifyParams, "paych.PaymentVerifyParams"),
    v0(paych.Merge, "paych.Merge"),
    v0(reward.AwardBlockRewardParams, "reward.AwardBlockRewardParams"),
    v0(power.CreateMinerParams, "power.CreateMinerParams"),
    v0(power.EnrollCronEventParams, "power.EnrollCronEventParams"),
    v0(power.UpdateClaimedPowerParams, "power.UpdateClaimedPowerParams"),
    both(power.MinerConstructorParams, "power.MinerConstructorParams"),
    v0(power.ConfirmedSectors, "builtin.ConfirmSectorProofsParams"),
    v0(world.SealVerifyInfo, "proof.SealVerifyInfo"),
    v0(world.PostProof, "proof.PoStProof"),
    v0(window_post.SubmitPostParams, "miner.SubmitWindowedPoStParams"),
    v0(deadline.PostPartition, "miner.PoStPartition"),
    v0(
        declarations.Declarations,
        *(f"miner.{each}Params" for each in ("TerminateSectors", "DeclareFaults", "DeclareFaultsRecovered")),
    ),
    v0(declarations.Declaration, *(f"miner.{each}Declaration" for each in ("Fault", "Recovery", "Termination"))),
    v0(identity.ChangePeerIdParams, "miner.ChangePeerIDParams"),
    v0(identity.ChangeMultiaddrsParams, "miner.ChangeMultiaddrsParams"),
    v0(identity.ChangeWorkerAddressParams, "miner.ChangeWorkerAddressParams"),
    v0(prove_commit.ProveCommitParams, "miner.ProveCommitSectorParams"),
    both(miner.SectorPreCommitInfo, "miner.SectorPreCommitInfo"),
    v0(extension.ExtendParams, "miner.ExtendSectorExpirationParams"),
    v0(extension.Extension, "miner.ExpirationExtension"),
    v0(consensus_fault.ConsensusFaultParams, "miner.ReportConsensusFaultParams"),
    v0(confirm.SectorNumberParams, "miner.CheckSectorProvenParams"),
    v0(balance.WithdrawBalanceParams, "miner.WithdrawBalanceParams"),
    v0(compaction.CompactPartitionsParams, "miner.CompactPartitionsParams"),
    v0(compaction.CompactNumbersParams, "miner.CompactSectorNumbersParams"),
    v0(calls.CronEventPayload, "miner.CronEventPayload"),
    v2(ApplyRewardsParams, "builtin.ApplyRewardParams"),
    v0(deals.Escrow, "market.WithdrawBalanceParams"),
    v0(deals.PublishDealsParams, "market.PublishStorageDealsParams"),
    v0(deals.ClientDealProposal, "market.ClientDealProposal"),
    v0(deals.DealProposal, "market.DealProposal"),
    v0(market_calls.ActivateDealsParams, "market.ActivateDealsParams"),
    v0(market_calls.VerifyDealsParams, "market.VerifyDealsForActivationParams"),
    v0(market_calls.ComputeDataCommitmentParams, "market.ComputeDataCommitmentParams"),
    v0(calls.SectorsTerminateParams, "market.OnMinerSectorsTerminateParams"),
    # what methods answer
    v0(init.ExecReturn, "init.ExecReturn", "power.CreateMinerReturn"),
    v0(multisig.ProposeReturn, "multisig.ProposeReturn"),
    v0(multisig.ApproveReturn, "multisig.ApproveReturn"),
    v0(reward.ThisEpochRewardV0, "reward.ThisEpochRewardReturn"),
    v2(reward.ThisEpochReward, "reward.ThisEpochRewardReturn"),
    v0(power.CurrentTotalPower, "power.CurrentTotalPowerReturn"),
    v2(power.CurrentTotalPower, "power.CurrentTotalPowerReturn"),
    v0(termination.TerminateSectorsReturn, "miner.TerminateSectorsReturn"),
    both(identity.ControlAddresses, "miner.GetControlAddressesReturn", "builtin.MinerAddrs"),
    v0(market_calls.DealWeights, "market.VerifyDealsForActivationReturn"),
    v2(market_calls.DealWeightsV2, "market.VerifyDealsForActivationReturn"),
    v0(deals.PublishDealsReturn, "market.PublishStorageDealsReturn"),
    # state
    early(state_tree.Actor, f"{TYPES}.Actor", actors("v0", "states.Actor")),
    early(state_tree.StateRoot, f"{TYPES}.StateRoot"),
    early(message.Receipt, f"{TYPES}.MessageReceipt"),
    early(block.MessageMeta, f"{TYPES}.MsgMeta"),
    both(account.AccountState, "account.State"),
    both(system.SystemState, "system.State"),
    both(InitState, "init.State"),
    Compared(
        ACTORS, cron.CronState, (*both(None, "cron.State").types, actors("v0", "cron.ConstructorParams"))
    ),  # it is given its first state
    both(cron.CronEntry, "cron.Entry"),
    both(verifreg.VerifregState, "verifreg.State"),
    both(multisig.MultisigState, "multisig.State"),
    v0(multisig.Transaction, "multisig.Transaction"),
    v0(multisig.ProposalHashData, "multisig.ProposalHashData"),
    both(paych.PaychState, "paych.State"),
    both(paych.LaneState, "paych.LaneState"),
    v0(RewardState, "reward.State"),
    v2(RewardStateV2, "reward.State"),
    both(smoothing.FilterEstimate, "smoothing.FilterEstimate"),
    v0(power_state.PowerState, "power.State"),
    v2(power_state_v2.PowerStateV2, "power.State"),
    v0(power_state.Claim, "power.Claim"),
    v2(power_state_v2.ClaimV2, "power.Claim"),
    both(power_state.CronEvent, "power.CronEvent"),
    both(MarketState, "market.State"),
    both(deals.DealState, "market.DealState"),
    v0(miner.MinerState, "miner.State"),
    v2(miner_v2.MinerStateV2, "miner.State"),
    v0(miner.MinerInfo, "miner.MinerInfo"),
    v2(miner_v2.MinerInfoV2, "miner.MinerInfo"),
    both(miner.WorkerKeyChange, "miner.WorkerKeyChange"),
    both(miner.Deadlines, "miner.Deadlines"),
    both(miner.Deadline, "miner.Deadline"),
    v0(partition.PartitionV0, "miner.Partition"),
    v2(PartitionV2, "miner.Partition"),
    both(expiration_queue.ExpirationSet, "miner.ExpirationSet"),
    both(miner.PowerPair, "miner.PowerPair"),
    both(miner.SectorPreCommitOnChainInfo, "miner.SectorPreCommitOnChainInfo"),
    v0(miner.SectorOnChainInfo, "miner.SectorOnChainInfo"),
    v2(miner_v2.SectorOnChainInfoV2, "miner.SectorOnChainInfo"),
    both(vesting.VestingFunds, "miner.VestingFunds"),
    both(vesting.VestingFund, "miner.VestingFund"),
)
