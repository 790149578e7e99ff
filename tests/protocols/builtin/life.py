"""A storage miner on a local network's own rules, with real proofs, epoch by epoch; its books are checked all along."""

import numpy as np
from thespis.protocols.builtin.codes import CRON, MARKET, POWER, REWARD, actors_version
from thespis.protocols.builtin.init.methods import ExecReturn
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.builtin.power.methods import POWER_STATES, CreateMinerParams
from thespis.protocols.builtin.reward.methods import AwardBlockRewardParams
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.storage_miner.deadline import PostPartition
from thespis.protocols.builtin.storage_miner.declarations import Declaration, Declarations
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.prove_commit import ProveCommitParams
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitInfo
from thespis.protocols.builtin.storage_miner.window_post import SubmitPostParams
from thespis.protocols.chain.message import Message
from thespis.protocols.consensus import storage_proofs
from thespis.protocols.consensus.randomness import Purpose, draw, miner_entropy
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.piece_cid import sealed_cid
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.proofs.challenges import window_leaves
from thespis.protocols.proofs.memory import data_rows, seal_in_memory
from thespis.protocols.proofs.porep import Replication
from thespis.protocols.proofs.registry import STACKED_DRG_2KIB_V1
from thespis.protocols.proofs.vanilla import PostVanillaProof, prove_leaves, prove_seal
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.world import PostProof

from tests.actors.chain.builder import WORKERS, template

SIZE = 2048
WORKER = WORKERS[3]
ZERO = Unsigned(0)


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


def nodes(fill=0):
    """A sector's data: field elements that a seed gives."""
    data = np.random.default_rng(fill).integers(0, 1 << 62, (SIZE // 32, 4), np.uint64)
    return data if fill else np.zeros_like(data)


class Life:
    """A miner and its sectors on a network that begins with some version of the actors."""

    def __init__(self, **changes):
        self.store = MemoryBlockstore()
        genesis = build_genesis(self.store, template(**changes))
        self.state = StateTree(self.store, genesis.header.parent_state_root)
        self.policy, self.network = genesis.profile.policy, genesis.profile.network_version(1)
        self.world, self.epoch, self.sectors, self.known = ProofWorld(), 10, {}, {}
        self.supply = sum(actor.balance for _, actor in self.state.actors())
        made = self.send(POWER, 2, CreateMinerParams(WORKER, WORKER, 0, b"peer", ()), 10**21)
        self.miner = ExecReturn.decode(made.return_value).id_address

    # -- messages --------------------------------------------------------------------------------------------

    def machine(self):
        return Machine(self.state, self.network, 0, self.epoch, world=self.world, policy=self.policy)

    def send(self, to, method, params, value=0, sender=WORKER):
        """Send a message and check the books; returns its receipt."""
        message = Message(
            0, to, sender, Unsigned(self.state.get(sender).nonce), TokenAmount(value), 10_000_000_000, TokenAmount(0),
            TokenAmount(0), Unsigned(method), params if isinstance(params, bytes) else params.encode(),
        )  # fmt: skip
        applied = self.machine().apply(message, 1000)
        self.check()
        self.reason = applied.reason
        return applied.receipt

    def ok(self, *call, **named):
        receipt = self.send(*call, **named)
        assert receipt.exit_code == 0, self.reason
        return receipt

    def tick(self, until):
        """Cron of every epoch before `until`, the books checked after each."""
        while self.epoch < until:
            assert self.machine().apply_implicit(CRON, 2, b"", self.epoch).receipt.exit_code == 0
            self.epoch += 1
            self.check()

    def check(self):
        self.state.flush()
        assert list(violations(self.store, self.state, self.supply, self.known)) == []

    def award(self, penalty=0):
        """A block of the miner, which makes no tips."""
        params = AwardBlockRewardParams(self.miner, TokenAmount(penalty), TokenAmount(0), 1)
        assert self.machine().apply_implicit(REWARD, 2, params.encode(), self.epoch).receipt.exit_code == 0
        self.check()

    # -- what there is ---------------------------------------------------------------------------------------

    def read(self, address):
        actor = self.state.get(address)
        return state_of(actor.code, self.store.get(actor.head))

    def balance(self, address):
        return self.state.get(address).balance

    def power(self):
        kind = POWER_STATES[actors_version(self.network)]
        return kind.decode(self.store.get(self.state.get(POWER).head)).claim_of(self.store, self.miner).raw_byte_power

    def market(self):
        return self.read(MARKET)

    def deadline(self):
        return current_deadline(self.policy, self.read(self.miner), self.epoch)

    def place(self):
        """The deadline that the sectors are due at."""
        deadlines = self.read(self.miner).load_deadlines(self.store)
        return next(i for i in range(len(deadlines.due)) if deadlines.load(self.store, i).live_sectors)

    # -- sectors ---------------------------------------------------------------------------------------------

    def entropy(self):
        return miner_entropy(self.miner)

    def commit(self, number, life, data=None, deals=()):
        """Seal data and commit to it."""
        ticket_epoch = self.epoch - 1
        ticket = self.world.ticket_randomness(Purpose.SEAL_RANDOMNESS, ticket_epoch, self.entropy())
        data = nodes() if data is None else data
        comm_d = data_rows(data)[-1].tobytes()
        replication = Replication(STACKED_DRG_2KIB_V1, self.miner.actor_id, number, ticket, comm_d)
        self.sectors[number], comm_r = seal_in_memory(replication, data)
        self.committed = self.epoch
        info = SectorPreCommitInfo(
            0, Unsigned(number), sealed_cid(comm_r), ChainEpoch(ticket_epoch), tuple(map(Unsigned, deals)),
            ChainEpoch(self.epoch + life), False, ZERO, ZERO, ZERO,
        )  # fmt: skip
        return self.send(self.miner, 6, info)

    def seal_proof(self, number):
        """Wait for the seed and make the proof."""
        seed_epoch = self.committed + self.policy.pre_commit_challenge_delay
        self.tick(seed_epoch + 1)
        seed = self.world.beacon_randomness(Purpose.INTERACTIVE_SEAL_CHALLENGE_SEED, seed_epoch, self.entropy())
        return ProveCommitParams(Unsigned(number), prove_seal(self.sectors[number], seed).encode())

    def until_due(self):
        """Go on to the epoch after the sectors' deadline opens next."""
        index = self.place()
        now = self.deadline()
        self.tick(now.close if now.is_open and now.index == index else self.epoch)
        while not (self.deadline().is_open and self.deadline().index == index):
            self.tick(self.epoch + 1)
        self.tick(self.epoch + 1)
        return self.deadline()

    def window_proof(self, due, numbers):
        """The proof of sectors in their places; one that stands in for another is named twice."""
        seed = self.world.beacon_randomness(Purpose.WINDOWED_POST_CHALLENGE_SEED, due.challenge, self.entropy())
        proof, opened = STACKED_DRG_2KIB_V1, []
        for place, number in enumerate(numbers):
            sector = self.sectors[number]
            leaves = window_leaves(seed, number, place, proof.shape.nodes, proof.api)
            opened.append(prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), leaves))
        return PostVanillaProof(tuple(opened)).encode()

    def submit(self, due, proof, skipped=()):
        epoch = self.epoch - 1
        seen = self.world.ticket_randomness(Purpose.POST_CHAIN_COMMIT, epoch, b"")
        partition = PostPartition(ZERO, Bitfield.of(skipped))
        params = SubmitPostParams(Unsigned(due.index), (partition,), (PostProof(5, proof),), ChainEpoch(epoch), seen)
        return self.send(self.miner, 5, params).exit_code

    def declare(self, method, *numbers):
        """Faults (10), recoveries (11) or terminations (9)."""
        declared = Declaration(Unsigned(self.place()), ZERO, Bitfield.of(numbers))
        return self.send(self.miner, method, Declarations((declared,)))
