"""States that hostile calls begin at: a genesis of each version of the actors, and those that traces went through."""

import pytest
from thespis.protocols.builtin.codes import INIT, code_of
from thespis.protocols.builtin.init.methods import ExecParams
from thespis.protocols.builtin.multisig.state import ConstructorParams
from thespis.protocols.builtin.multisig.v2.state import ConstructorParamsV2
from thespis.protocols.builtin.paych import methods as paych
from thespis.protocols.builtin.policy import MAINNET
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import ChainEpoch, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import USERS, VERSION_0, WORKERS, template
from tests.protocols.builtin.reference import TRACES, Replayed, agreeable, trace_of

EPOCH = 5000
EVERY = 100
"""Messages of a trace between two states that sequences begin at."""
GENESES = {"genesis-v0": 0, "genesis-v2": 2}
NAMES = [*GENESES, *sorted(path.name.removesuffix(".json.gz") for path in TRACES.glob("*.json.gz"))]


def beginning_of(name, most=None):
    """The states of a name; of a trace, so many at most."""
    return Beginning(GENESES[name]) if name in GENESES else FromTrace(name, most)


class StrangeWorld:
    """A chain that answers alike to everything; it takes every proof or none."""

    def __init__(self, accepts):
        self._accepts = accepts

    def seal_is_valid(self, _info):
        return self._accepts

    def window_post_is_valid(self, _info):
        return self._accepts

    def ticket_randomness(self, _purpose, _epoch, _entropy):
        return b"not really random"

    beacon_randomness = ticket_randomness

    def circulating_supply(self, _epoch, _state):
        return 10**27

    def worker_at(self, _miner, _height):
        return WORKERS[0]


class Beginning:
    """A genesis of a version of the actors, with a multisig and a payment channel."""

    policy = MAINNET

    def __init__(self, actors):
        self.name, self.network, self.store = f"genesis-v{actors}", 5 if actors else 3, MemoryBlockstore()
        root = build_genesis(self.store, template(**({} if actors else VERSION_0))).header.parent_state_root
        state = StateTree(self.store, root)
        signers = (Address.id(100), Address.id(103))
        terms = (signers, Unsigned(1), ChainEpoch(100))
        wanted = ConstructorParamsV2(*terms, ChainEpoch(0)) if actors else ConstructorParams(*terms)
        for name, params in (("multisig", wanted), ("paymentchannel", paych.ConstructorParams(*signers))):
            made = ExecParams(code_of(name, actors), params.encode()).encode()
            applied = Machine(state, self.network, 0, 1).call(USERS[0], INIT, 10**6, 2, made, nonce=len(name))
            assert applied.receipt.exit_code == 0, applied.reason
        self.root = state.flush()
        self.keys = [*USERS, *WORKERS]
        self.messages = []
        self.starts = [(self.root, EPOCH, 0)]


class FromTrace:
    """The states that a trace went through, and the messages that came after each."""

    def __init__(self, name, most=None):
        trace = trace_of(name)
        self.name, self.network, self.starts = name, trace["network_version"], []
        self.keys = [Address.from_text(key) for key in trace["accounts"].values()]
        replayed = Replayed(trace)
        self.store, self.policy, self.messages = replayed.store, replayed.policy, []
        with pytest.MonkeyPatch.context() as patch:
            agreeable(patch, trace)
            for number, (epoch, sender, to, value, method, params, sequence, *_) in enumerate(trace["messages"]):
                if number % EVERY == 0:
                    if len(self.starts) == most:
                        break
                    self.starts.append((replayed.state.flush(), epoch, number))
                replayed.apply(epoch, sender, to, value, method, params, sequence)
                call = (Address.from_text(sender), Address.from_text(to), int(value), method, bytes.fromhex(params))
                self.messages.append((epoch, call))
