"""Hostile calls by the million: ``python -m tests.protocols.vm.hostile --calls 1000000``, which `make fuzz` runs.

A seed gives a sequence of calls upon one state. Where the state is out of a recorded trace, the calls are those that
came next there, most of them changed in one thing: who calls, whom, with how much, what, with which parameters, with
how much gas. Between them are calls that a method's types allow. None may break the machine, make or lose money, or end
otherwise when the sequence is executed again from the store.
"""

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from contextlib import contextmanager

import pytest
from thespis.protocols.builtin.codes import CRON, REWARD, SYSTEM, actors_version, name_of
from thespis.protocols.builtin.methods import EPOCH_TICK
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.chain.message import Message
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import Overlay
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree
from thespis.protocols.vm.syscalls import Syscalls

from tests.protocols.builtin.reference import agreeable
from tests.protocols.vm.beginnings import NAMES, StrangeWorld, beginning_of
from tests.protocols.vm.hostile_values import Hostile

OURS = (SYSTEM, REWARD, CRON)
"""Callers whose calls are of this node's own making; they call as the trace has it, and nothing else."""
NOBODY = [Address.id(1 << 62), Address.actor(b"nobody")]
CALLS = 30
"""Calls of one seed."""
AGAIN = 4
"""Of so many seeds, one is executed again."""
TELL = 100
"""Seeds after which is said how far it has come."""
GAS = [0, 10**5, 10**6, 10**7, 10**8, 10**10]


class Calls:
    """The calls of a seed upon a state; each is (epoch, caller, receiver, value, method, parameters, gas or None)."""

    def __init__(self, beginning, seed):
        self.rng = rng = random.Random(f"{beginning.name} {seed}")
        self.root, self.epoch, self._next = rng.choice(beginning.starts)
        self._messages = beginning.messages
        self.accepts = rng.choice(["nothing", "signatures", "everything"])
        actors = list(StateTree(beginning.store, self.root).actors())
        self.network, self.policy = beginning.network, beginning.policy
        version = actors_version(self.network)
        self._methods = [(name, *each) for name, found in ACTORS[version].items() for each in sorted(found.items())]
        self.by_kind = {name: [a for a, actor in actors if name_of(actor.code) == name] for name in ACTORS[version]}
        self.callers = [address for address, _ in actors if address not in OURS]
        self._values = Hostile(rng, self.epoch, [*self.callers, *OURS, *beginning.keys, *NOBODY])
        self._accounts = {*self.by_kind["account"], *beginning.keys}

    def __iter__(self):
        for _ in range(CALLS):
            likely = self.rng.random()
            if likely < 0.6 and self._next < len(self._messages):
                self.epoch, call = self._messages[self._next]
                self._next += 1
                yield self._gassed(call if likely < 0.2 or call[0] in OURS else self._changed(*call))
            elif likely > 0.95 and not self._messages:
                self.epoch += self.rng.choice([1, 1, 60, 2880])
                yield self.epoch, SYSTEM, CRON, 0, EPOCH_TICK, b"", None
            else:
                yield self._gassed(self._new())

    def _gassed(self, call):
        limited = call[0] in self._accounts and self.rng.random() < 0.5
        return self.epoch, *call, self.rng.randrange(self.rng.choice(GAS) + 1) if limited else None

    def _new(self):
        rng = self.rng
        name, number, method = rng.choice(self._methods)
        receiver = rng.choice(self.by_kind[name] or self.callers)
        kind = rng.random()
        params = rng.randbytes(rng.randrange(64)) if kind > 0.9 else self._values.shaped(method.params)
        if kind > 0.6:
            params = self._values.changed(params)
        return rng.choice(self.callers), receiver, rng.choice([0, 0, 1, 10**6, -1]), number, params

    def _changed(self, sender, to, value, method, params):
        rng = self.rng
        match rng.randrange(10):
            case 0:
                return rng.choice(self.callers), to, value, method, params
            case 1:
                return sender, rng.choice(self._values.addresses), value, method, params
            case 2:
                return sender, to, rng.choice([0, 1, -1, value // 2, value + 1, 10**40]), method, params
            case 3:
                return sender, to, value, rng.choice([method + 1, method - 1, rng.randrange(25), 1 << 63]), params
        return sender, to, value, method, self._values.changed(params)


@contextmanager
def accepting(accepts):
    """Syscalls that take what they are to take."""
    with pytest.MonkeyPatch.context() as patch:
        if accepts == "everything":
            agreeable(patch)
        elif accepts == "signatures":
            patch.setattr(Syscalls, "verify_signature", lambda *_: None)
        yield StrangeWorld(accepts == "everything")


def apply(calls, state, world, number, call):
    """Apply one call: with a limit of gas as a message of an account, else as one that nobody pays for."""
    epoch, sender, to, value, method, params, gas = call
    machine = Machine(state, calls.network, 0, epoch, world=world, policy=calls.policy)
    nonce = state.get(sender).nonce if gas is not None and state.get(sender) else number
    if gas is None:
        return machine.call(sender, to, value, method, params, nonce=nonce)
    message = Message(
        0, to, sender, nonce, TokenAmount(value), gas, TokenAmount(0), TokenAmount(0), Unsigned(method), params
    )
    return machine.apply(message, len(params))


def money(store, root):
    """All that there is, in attoFIL."""
    return sum(actor.balance for _, actor in StateTree(store, root).actors())


def attack(beginning, seed):
    """Make the calls of a seed; returns how each ended. Raises whatever breaks the machine or a promise of it."""
    calls = Calls(beginning, seed)
    store, made, ended = Overlay(beginning.store), [], []
    state = StateTree(store, calls.root)
    with accepting(calls.accepts) as world:
        for call in calls:
            if call[-1] is None and state.get(call[1]) is None:
                continue  # it has deleted itself meanwhile; only who exists can call
            applied = apply(calls, state, world, len(made), call)
            assert not applied.crashes, f"{call}: {applied.crashes}"
            assert applied.receipt.exit_code >= 0, f"{call}: exit code {applied.receipt.exit_code}"
            made.append(call)
            ended.append(applied)
        root = state.flush()
        assert money(store, root) == money(store, calls.root), "money was made or lost"
        if seed % AGAIN == 0:
            store, again = Overlay(beginning.store), calls.root
            for number, call in enumerate(made):
                state = StateTree(store, again)
                assert apply(calls, state, world, number, call) == ended[number], f"{call} ends otherwise now"
                again = state.flush()
            assert again == root, "another state when executed from the store"
    return [(call[4], applied.receipt.exit_code) for call, applied in zip(made, ended, strict=True)]


def main(arguments=None):
    """Attack until so many calls were made; each seed that fails is told with how to repeat it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help="the first; each state is attacked by every seed")
    parser.add_argument("--beginning", choices=NAMES, help="attack this state alone")
    chosen = parser.parse_args(arguments)
    found = [beginning_of(name) for name in NAMES if chosen.beginning in (None, name)]
    made, failed, seed, began, ends = 0, 0, chosen.seed, time.monotonic(), Counter()
    while made < chosen.calls:
        for beginning in found:
            try:
                ended = attack(beginning, seed)
            except Exception:
                failed += 1
                traceback.print_exc(limit=-6)
                again = f"python -m tests.protocols.vm.hostile --calls 1 --beginning {beginning.name} --seed {seed}"
                sys.stderr.write(f"seed {seed} upon {beginning.name} breaks something; repeat: {again}\n")
            else:
                ends.update(code for _, code in ended)
                made += len(ended)
        seed += 1
        if seed % TELL == 0:
            sys.stderr.write(f"{made} calls, {failed} seeds failed, {time.monotonic() - began:.0f} s\n")
    codes = ", ".join(f"{code}: {times}" for code, times in sorted(ends.items()))
    sys.stdout.write(f"{made} calls in {time.monotonic() - began:.0f} s; {failed} seeds failed; exit codes {codes}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
