"""A miner's messages through the machine, under mainnet's policy: commitments and window proofs of many sectors.

Proofs are taken as valid: what is measured is the machine and the actors, not the checking of proofs.
"""

from __future__ import annotations

import time

from thespis.protocols.builtin.codes import CRON, POWER
from thespis.protocols.builtin.init.methods import ExecReturn
from thespis.protocols.builtin.methods import EPOCH_TICK
from thespis.protocols.builtin.policy import MAINNET
from thespis.protocols.builtin.power.methods import CreateMinerParams
from thespis.protocols.builtin.storage_miner.deadline import PostPartition
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.prove_commit import ProveCommitParams
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitInfo
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.builtin.storage_miner.window_post import SubmitPostParams
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.piece_cid import sealed_cid
from thespis.protocols.encoding.tuples import ChainEpoch, Record, Unsigned
from thespis.protocols.ipld.blockstore import Blockstore, Overlay
from thespis.protocols.networks.devnet import NETWORK_VERSION
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.world import PostProof, SealVerifyInfo, WindowPostInfo

SECTORS, POSTS = 200, 20
SEAL_PROOF, WINDOW_PROOF = 3, 8
"""Those of 32 GiB."""
BEGIN = 100
LIFE = 200 * 2880


class TrustingWorld:
    """Takes every proof and draws the same randomness for everything: for measuring alone."""

    def seal_is_valid(self, _info: SealVerifyInfo) -> bool:
        """Every seal holds."""
        return True

    def window_post_is_valid(self, _info: WindowPostInfo) -> bool:
        """Every window proof holds."""
        return True

    def ticket_randomness(self, _purpose: Purpose, _epoch: int, _entropy: bytes) -> bytes:
        """Zeros."""
        return bytes(32)

    beacon_randomness = ticket_randomness

    def circulating_supply(self, _epoch: int, _state: StateTree) -> int:
        """A billion FIL."""
        return 10**27

    def worker_at(self, miner: Address, height: int) -> Address:
        """Nobody reports faults here."""
        raise NotImplementedError(f"the worker of {miner} at {height} is not asked for in a benchmark")


class MinerWorld:
    """A genesis with a new miner, and the messages of its first day."""

    def __init__(self, store: Blockstore, root: Cid, worker: Address) -> None:
        self._store, self._worker = store, worker
        state = StateTree(store, root)
        params = CreateMinerParams(worker, worker, SEAL_PROOF, b"", ())
        self._miner = ExecReturn.decode(self._call(state, POWER, 2, params, BEGIN, 10**22)).id_address
        self._created = state.flush()
        for number in range(SECTORS):
            self._call(state, self._miner, 6, self._commitment(number), BEGIN)
        proven_at = BEGIN + MAINNET.pre_commit_challenge_delay + 1
        for number in range(SECTORS):
            self._call(state, self._miner, 7, ProveCommitParams(Unsigned(number), bytes(1920)), proven_at)
        self._tick(state, proven_at)
        self._due, post = self._first_proof(state, proven_at)
        self._post, self._proven = post, state.flush()

    def _machine(self, state: StateTree, epoch: int) -> Machine:
        return Machine(state, NETWORK_VERSION, 0, epoch, world=TrustingWorld(), policy=MAINNET)

    def _call(self, state: StateTree, to: Address, method: int, params: Record, epoch: int, value: int = 0) -> bytes:
        applied = self._machine(state, epoch).call(self._worker, to, value, method, params.encode(), nonce=epoch)
        if applied.receipt.exit_code:
            raise RuntimeError(f"a message failed, so what was measured is not what is named: {applied.reason}")
        return applied.receipt.return_value

    def _tick(self, state: StateTree, epoch: int) -> None:
        self._machine(state, epoch).apply_implicit(CRON, EPOCH_TICK, b"", epoch)

    @staticmethod
    def _commitment(number: int) -> SectorPreCommitInfo:
        zero = Unsigned(0)
        sealed = sealed_cid(number.to_bytes(32, "little"))
        return SectorPreCommitInfo(
            SEAL_PROOF, Unsigned(number), sealed, ChainEpoch(BEGIN - 1), (), ChainEpoch(BEGIN + LIFE), False,
            zero, zero, zero,
        )  # fmt: skip

    def _first_proof(self, state: StateTree, epoch: int) -> tuple[int, SubmitPostParams]:
        """Go on to the deadline of the sectors, all in one partition; returns the epoch and the message."""
        while True:
            actor = state.get(self._miner)
            assert actor is not None, "the miner was made"
            miner = MinerStateV2.decode(self._store.get(actor.head))
            now = current_deadline(MAINNET, miner, epoch)
            if miner.load_deadlines(self._store).load(self._store, now.index).live_sectors and now.is_open:
                partition = PostPartition(Unsigned(0), Bitfield())
                proof = PostProof(WINDOW_PROOF, bytes(192))
                commit = ChainEpoch(now.open - 1)
                return now.last, SubmitPostParams(Unsigned(now.index), (partition,), (proof,), commit, bytes(32))
            epoch = now.last
            self._tick(state, epoch)
            epoch += 1

    def pre_commit(self) -> float:
        """Commitments a second, to one miner, its state written at the end."""
        state = StateTree(Overlay(self._store), self._created)
        started = time.perf_counter()
        for number in range(SECTORS):
            self._call(state, self._miner, 6, self._commitment(number), BEGIN)
        state.flush()
        return SECTORS / (time.perf_counter() - started)

    def window_post(self) -> float:
        """Window proofs a second, each over a partition of all sectors, each over the same state."""
        started = time.perf_counter()
        for _ in range(POSTS):
            state = StateTree(Overlay(self._store), self._proven)
            self._call(state, self._miner, 5, self._post, self._due)
            state.flush()
        return POSTS / (time.perf_counter() - started)
