"""A sector's life on the chain, with real proofs: committed to, proven, due, missed, recovered."""

import numpy as np
import pytest

from protocols.builtin.codes import BURNT_FUNDS, CRON, MARKET, POWER
from protocols.builtin.init import ExecReturn
from protocols.builtin.market_state import MarketState
from protocols.builtin.miner_state import MinerState, SectorPreCommitInfo
from protocols.builtin.policy import Policy
from protocols.builtin.power import CreateMinerParams
from protocols.builtin.power_state import PowerState
from protocols.builtin.storage_miner.commit import ProveCommitParams
from protocols.builtin.storage_miner.deadline import PostPartition
from protocols.builtin.storage_miner.periods import current_deadline
from protocols.builtin.storage_miner.proving import Declaration, Declarations, SubmitPostParams
from protocols.chain.message import Message
from protocols.consensus import storage_proofs
from protocols.consensus.randomness import Purpose, draw, miner_entropy
from protocols.encoding.bitfield import Bitfield
from protocols.encoding.piece_cid import sealed_cid
from protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from protocols.ipld.blockstore import MemoryBlockstore
from protocols.networks.genesis import build_genesis
from protocols.proofs.challenges import window_leaves
from protocols.proofs.memory import data_rows, seal_in_memory
from protocols.proofs.porep import Replication
from protocols.proofs.registry import STACKED_DRG_2KIB_V1
from protocols.proofs.vanilla import PostVanillaProof, prove_leaves, prove_seal
from protocols.vm.machine import Machine
from protocols.vm.state_tree import StateTree
from protocols.vm.world import PostProof
from tests.actors.chain.builder import VERSION_0, WORKERS, template

SIZE = 2048
WORKER = WORKERS[3]


class ProofWorld:
    """A chain with randomness by epoch alone, and the node's own verifier."""

    seal_is_valid = staticmethod(storage_proofs.seal_is_valid)
    window_post_is_valid = staticmethod(storage_proofs.window_post_is_valid)

    def ticket_randomness(self, purpose, epoch, entropy):
        return draw(b"ticket", purpose, epoch, entropy)

    def beacon_randomness(self, purpose, epoch, entropy):
        return draw(b"beacon", purpose, epoch, entropy)

    def circulating_supply(self, _epoch, _state):
        return 10**26


class Life:
    """A miner with one sector, epoch by epoch."""

    def __init__(self):
        self.store = MemoryBlockstore()
        self.state = StateTree(self.store, build_genesis(self.store, template(**VERSION_0)).header.parent_state_root)
        self.world, self.policy, self.epoch = ProofWorld(), Policy(seal_proofs=frozenset({0})), 10
        self.supply = self.total()
        made = self.send(POWER, 2, CreateMinerParams(WORKER, WORKER, 0, b"peer", ()), 10**21)
        self.miner = ExecReturn.decode(made.return_value).id_address

    def machine(self):
        return Machine(self.state, 3, 0, self.epoch, world=self.world, policy=self.policy)

    def send(self, to, method, params, value=0):
        nonce = self.state.get(WORKER).nonce
        message = Message(
            0, to, WORKER, Unsigned(nonce), TokenAmount(value), 10_000_000_000, TokenAmount(0), TokenAmount(0),
            Unsigned(method), params.encode(),
        )  # fmt: skip
        return self.machine().apply(message, 1000).receipt

    def tick(self, until):
        """Cron of every epoch before `until`; money, power and escrow must add up after each."""
        while self.epoch < until:
            assert self.machine().apply_implicit(CRON, 2, b"", self.epoch).receipt.exit_code == 0
            self.epoch += 1
        assert self.total() == self.supply
        power = self.read(POWER, PowerState)
        claims = [claim for _, claim in power.miners(self.store)]
        assert power.total_bytes_committed == sum(claim.raw_byte_power for claim in claims)
        assert self.read(MARKET, MarketState).next_id == 0

    def total(self):
        self.state.flush()
        return sum(actor.balance for _, actor in self.state.actors())

    def read(self, address, kind):
        return kind.decode(self.store.get(self.state.get(address).head))

    def power(self):
        return self.read(POWER, PowerState).claim_of(self.store, self.miner).raw_byte_power

    def deadline(self):
        return current_deadline(self.policy, self.read(self.miner, MinerState), self.epoch)

    def commit(self, number):
        """Seal zeros, commit to them, wait for the seed, prove; returns the receipt of the proof."""
        ticket_epoch = self.epoch - 1
        ticket = self.world.ticket_randomness(Purpose.SEAL_RANDOMNESS, ticket_epoch, self.entropy())
        data = np.zeros((SIZE // 32, 4), np.uint64)
        replication = Replication(
            STACKED_DRG_2KIB_V1, self.miner.actor_id, number, ticket, data_rows(data)[-1].tobytes()
        )
        self.sector, comm_r = seal_in_memory(replication, data)
        zero = Unsigned(0)
        info = SectorPreCommitInfo(
            0, Unsigned(number), sealed_cid(comm_r), ChainEpoch(ticket_epoch), (), ChainEpoch(self.epoch + 600_000),
            False, zero, zero, zero,
        )  # fmt: skip
        assert self.send(self.miner, 6, info).exit_code == 0
        seed_epoch = self.epoch + self.policy.pre_commit_challenge_delay
        self.tick(seed_epoch + 1)
        seed = self.world.beacon_randomness(Purpose.INTERACTIVE_SEAL_CHALLENGE_SEED, seed_epoch, self.entropy())
        return prove_seal(self.sector, seed).encode()

    def entropy(self):
        return miner_entropy(self.miner)

    def place(self):
        """The deadline that the sector is due at."""
        deadlines = self.read(self.miner, MinerState).load_deadlines(self.store)
        return next(i for i in range(len(deadlines.due)) if deadlines.load(self.store, i).live_sectors)

    def until_due(self):
        """Go on to the epoch after the sector's deadline opens."""
        index = self.place()
        self.tick(self.epoch + 1)
        while not (self.deadline().is_open and self.deadline().index == index):
            self.tick(self.epoch + 1)
        self.tick(self.epoch + 1)
        return self.deadline()

    def window_proof(self, due, number):
        seed = self.world.beacon_randomness(Purpose.WINDOWED_POST_CHALLENGE_SEED, due.challenge, self.entropy())
        proof = STACKED_DRG_2KIB_V1
        opened = prove_leaves(
            self.sector.replica, self.sector.column_rows[-1].tobytes(),
            window_leaves(seed, number, 0, proof.shape.nodes, proof.api),
        )  # fmt: skip
        return PostVanillaProof((opened,)).encode()

    def submit(self, due, proof):
        epoch = self.epoch - 1
        seen = self.world.ticket_randomness(Purpose.POST_CHAIN_COMMIT, epoch, b"")
        partition = PostPartition(Unsigned(0), Bitfield())
        params = SubmitPostParams(
            Unsigned(due.index), (partition,), (PostProof(5, proof),), ChainEpoch(epoch), seen
        )
        return self.send(self.miner, 5, params).exit_code


@pytest.fixture(scope="module")
def proven():
    """A miner whose sector was proven and has power."""
    life = Life()
    proof = life.commit(7)
    broken = bytearray(proof)
    broken[len(broken) // 2] ^= 1
    assert life.send(life.miner, 7, ProveCommitParams(Unsigned(7), bytes(broken))).exit_code == 0
    life.tick(life.epoch + 1)
    assert life.power() == 0, "a proof that does not hold gives no power"
    assert life.send(life.miner, 7, ProveCommitParams(Unsigned(7), proof)).exit_code == 0
    life.tick(life.epoch + 1)
    assert life.power() == SIZE
    assert life.read(life.miner, MinerState).initial_pledge_requirement > 0
    return life


def test_a_sectors_life(proven):
    life = proven
    due = life.until_due()
    proof = life.window_proof(due, 7)
    broken = bytearray(proof)
    broken[-1] ^= 1
    assert life.submit(due, bytes(broken)) == 16
    assert life.submit(due, proof) == 0
    life.tick(due.close + 1)
    assert life.power() == SIZE, "proven in time"

    due = life.until_due()
    burnt = life.state.get(BURNT_FUNDS).balance
    life.tick(due.close + 1)
    assert life.power() == 0, "missed: faulty from the deadline's end on"
    assert life.state.get(BURNT_FUNDS).balance >= burnt

    declared = Declarations((Declaration(Unsigned(due.index), Unsigned(0), Bitfield.of([7])),))
    life.tick(due.close + 5)
    assert life.send(life.miner, 11, declared).exit_code == 0
    assert life.power() == 0, "declared recovered, not proven yet"
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, 7)) == 0
    assert life.power() == SIZE, "recovered by the proof"
