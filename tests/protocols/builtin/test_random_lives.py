"""Random lives of a miner: no sequence of messages breaks an invariant, and each gives the same state again.

Proofs and signatures hold here whatever they are, so that sequences go far; that real ones are asked for, the test of
a sector's life shows. Values are mostly such as an honest miner would send, and often just beside that.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from thespis.protocols.builtin.codes import CRON, MARKET, POWER, REWARD, SYSTEM
from thespis.protocols.builtin.init.methods import ExecReturn
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.builtin.market.deals import ClientDealProposal, DealProposal, Escrow, PublishDealsParams
from thespis.protocols.builtin.power.methods import CreateMinerParams
from thespis.protocols.builtin.reward.methods import AwardBlockRewardParams
from thespis.protocols.builtin.states import state_of
from thespis.protocols.builtin.storage_miner.balance import WithdrawBalanceParams
from thespis.protocols.builtin.storage_miner.compaction import CompactPartitionsParams
from thespis.protocols.builtin.storage_miner.deadline import PostPartition
from thespis.protocols.builtin.storage_miner.declarations import Declaration, Declarations
from thespis.protocols.builtin.storage_miner.extension import ExtendParams, Extension
from thespis.protocols.builtin.storage_miner.periods import current_deadline
from thespis.protocols.builtin.storage_miner.prove_commit import ProveCommitParams
from thespis.protocols.builtin.storage_miner.state import SectorPreCommitInfo
from thespis.protocols.builtin.storage_miner.window_post import SubmitPostParams
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.piece_cid import piece_cid_v1, sealed_cid
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore, Overlay
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.world import PostProof

from tests.actors.chain.builder import USERS, VERSION_0, WORKERS, template
from tests.properties import examples
from tests.protocols.builtin.reference import AgreeableWorld, agreeable

WORKER, CLIENT, FIL = WORKERS[3], USERS[0], 10**18
NUMBERS = st.integers(0, 5)
SETS = st.lists(NUMBERS, max_size=3, unique=True)
SIGNED = Signature(SignatureType.BLS, bytes(96))


class RandomLife(RuleBasedStateMachine):
    """One miner, one client, any message, and time."""

    CHANGES = {}

    @initialize()
    def begin(self):
        """Begin where two sectors have been proven; getting there once is enough."""
        kind = type(self)
        if "BEGINNING" not in vars(kind):
            self.get_there()
            kind.BEGINNING = (self.store, self.state.flush(), self.epoch, self.miner, self.supply)
        below, self.first, self.epoch, self.miner, self.supply = kind.BEGINNING
        self.store = Overlay(below)
        self.state, self.next, self.known = StateTree(self.store, self.first), 2, {}
        self.calls, self.deals = [], 0

    def get_there(self):
        self.store = MemoryBlockstore()
        genesis = build_genesis(self.store, template(**self.CHANGES))
        kind = type(self)
        kind.policy, kind.network = genesis.profile.policy, genesis.profile.network_version(1)
        self.state = StateTree(self.store, genesis.header.parent_state_root)
        self.supply = sum(actor.balance for _, actor in self.state.actors())
        self.epoch, self.next, self.calls = 10, 0, []
        made = self.call(WORKER, POWER, 1000 * FIL, 2, CreateMinerParams(WORKER, WORKER, 0, b"", ()))
        self.miner = ExecReturn.decode(made.receipt.return_value).id_address
        for sender, owner in ((CLIENT, CLIENT), (WORKER, self.miner)):
            self.call(sender, MARKET, 100 * FIL, 2, cbor.encode(owner.data))
        for _ in range(2):
            self.commit(True, 2500, (), None)
        self.let_time_pass(12, False)
        self.prove([0, 1])
        self.let_time_pass(250, True)

    def machine(self, state, epoch):
        return Machine(state, self.network, 0, epoch, world=AgreeableWorld(), policy=self.policy)

    def call(self, sender, to, value, method, params):
        call = (self.epoch, sender, to, value, method, params if isinstance(params, bytes) else params.encode())
        self.calls.append(call)
        return self.run(self.state, call)

    def run(self, state, call):
        epoch, sender, to, value, method, params = call
        return self.machine(state, epoch).call(sender, to, value, method, params, nonce=epoch)

    def to_miner(self, method, params, value=0):
        return self.call(WORKER, self.miner, value, method, params)

    # -- what may happen -------------------------------------------------------------------------------------

    @rule(
        fresh=st.sampled_from([True, True, True, False]),
        life=st.sampled_from([1900, 1970, 2500, 6000]),
        deals=st.sampled_from([(), (), (0,), (1,), (2, 3), (0, 0)]),
        replaced=st.sampled_from([None, None, None, 0, 1, 2]),
    )
    def commit(self, fresh, life, deals, replaced):
        number, self.next = (self.next, self.next + 1) if fresh else (0, self.next)
        place = self.place(replaced or 0)
        info = SectorPreCommitInfo(
            0, Unsigned(number), sealed_cid(bytes([number] * 32)), ChainEpoch(self.epoch - 1),
            tuple(map(Unsigned, deals)), ChainEpoch(self.epoch + life), replaced is not None,
            Unsigned(place), Unsigned(0), Unsigned(replaced or 0),
        )  # fmt: skip
        self.to_miner(6, info, value=FIL)

    @rule(numbers=st.sampled_from([(0, 1), (2, 3, 4, 5), (2,), (6, 7, 8)]))
    def prove(self, numbers):
        for number in numbers:
            self.to_miner(7, ProveCommitParams(Unsigned(number), bytes(100)))

    @rule(epochs=st.sampled_from([1, 2, 5, 12, 60]), diligent=st.booleans())
    def let_time_pass(self, epochs, diligent):
        for _ in range(epochs):
            self.call(SYSTEM, CRON, 0, 2, b"")
            self.epoch += 1
            if diligent and self.is_due():
                self.post(())

    @rule(skipped=st.sampled_from([(), (), (0,), (1, 2)]))
    def post(self, skipped):
        now = self.deadline()
        params = SubmitPostParams(
            Unsigned(now.index), (PostPartition(Unsigned(0), Bitfield.of(skipped)),),
            (PostProof(5, b""),), ChainEpoch(self.epoch - 1), b"not really random",
        )  # fmt: skip
        self.to_miner(5, params)

    @rule(method=st.sampled_from([9, 10, 10, 11, 11, 11]), numbers=SETS)
    def declare(self, method, numbers):
        for number in numbers:
            declared = Declaration(Unsigned(self.place(number)), Unsigned(0), Bitfield.of([number]))
            self.to_miner(method, Declarations((declared,)))

    @rule(number=NUMBERS, more=st.integers(-10, 3000))
    def extend(self, number, more):
        extension = Extension(
            Unsigned(self.place(number)), Unsigned(0), Bitfield.of([number]), ChainEpoch(self.epoch + 1900 + more)
        )
        self.to_miner(8, ExtendParams((extension,)))

    @rule(number=NUMBERS)
    def compact(self, number):
        self.to_miner(19, CompactPartitionsParams(Unsigned(self.place(number)), Bitfield.of([0])))

    @rule(amount=st.sampled_from([0, 1, FIL]), wins=st.integers(1, 3), penalty=st.sampled_from([0, 0, FIL, 10**21]))
    def money(self, amount, wins, penalty):
        self.to_miner(16, WithdrawBalanceParams(TokenAmount(amount)))
        award = AwardBlockRewardParams(self.miner, TokenAmount(penalty), TokenAmount(0), wins)
        self.call(SYSTEM, REWARD, 0, 2, award)
        self.to_miner(22, b"")

    @rule(method=st.sampled_from([2, 3]), owner=st.booleans(), amount=st.sampled_from([1, FIL, 10**24]))
    def escrow(self, method, owner, amount):
        whose = self.miner if owner else CLIENT
        sender = WORKER if owner else CLIENT
        params = cbor.encode(whose.data) if method == 2 else Escrow(whose, TokenAmount(amount))
        self.call(sender, MARKET, FIL if method == 2 else 0, method, params)

    @precondition(lambda self: self.deals < 6)
    @rule(ahead=st.integers(0, 300), verified=st.booleans(), power=st.integers(7, 10))
    def publish(self, ahead, verified, power):
        self.deals += 1
        start = self.epoch + ahead
        deal = DealProposal(
            piece_cid_v1(bytes([self.deals] * 32)), Unsigned(1 << power), verified, CLIENT, self.miner, str(self.deals),
            ChainEpoch(start), ChainEpoch(start + 400), TokenAmount(10**6), TokenAmount(FIL), TokenAmount(FIL),
        )  # fmt: skip
        self.call(WORKER, MARKET, 0, 4, PublishDealsParams((ClientDealProposal(deal, SIGNED),)))

    # -- what holds ------------------------------------------------------------------------------------------

    def miner_state(self):
        actor = self.state.get(self.miner)
        return state_of(actor.code, self.store.get(actor.head))

    def deadline(self):
        return current_deadline(self.policy, self.miner_state(), self.epoch)

    def is_due(self):
        """Whether a proof of the open deadline is missing."""
        now, state = self.deadline(), self.miner_state()
        found = state.load_deadlines(self.store).load(self.store, now.index)
        return now.is_open and found.live_sectors and not found.post_submissions.runs

    def place(self, number):
        """Where a sector is, or deadline 0."""
        deadlines = self.miner_state().load_deadlines(self.store)
        for index in range(len(deadlines.due)):
            for _, (sectors, *_rest) in HistoricArray(self.store, deadlines.load(self.store, index).partitions).items():
                if number in Bitfield.decode(sectors):
                    return index
        return 0

    @invariant()
    def books_add_up(self):
        if hasattr(self, "miner"):
            self.state.flush()
            assert list(violations(self.store, self.state, self.supply, self.known)) == []

    def teardown(self):
        """The same calls give the same state, also by way of the store after each."""
        if not hasattr(self, "miner"):
            return
        store, root = Overlay(self.BEGINNING[0]), self.first
        for call in self.calls:
            state = StateTree(store, root)
            self.run(state, call)
            root = state.flush()
        assert root == self.state.flush()


class RandomLifeV0(RandomLife):
    """The same on the actors of version 0."""

    CHANGES = VERSION_0


@pytest.mark.slow
@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", [RandomLife, RandomLifeV0])
def test_random_lives(kind, monkeypatch):
    agreeable(monkeypatch)
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        kind, settings=settings(max_examples=examples(20), stateful_step_count=40, suppress_health_check=checks)
    )
