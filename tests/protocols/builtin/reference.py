"""The recorded traces of specs-actors' own test machine, and a machine of ours that begins where they begin.

Proofs and signatures hold there, so they do here.
"""

import dataclasses
import gzip
import hashlib
import json
from pathlib import Path

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import (
    BURNT_FUNDS,
    CRON,
    INIT,
    MARKET,
    POWER,
    REWARD,
    SYSTEM,
    VERIFIED_REGISTRY,
    actors_version,
    code_of,
)
from thespis.protocols.builtin.cron import CronEntry, CronState
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.policy import EPOCHS_IN_DAY, Policy
from thespis.protocols.builtin.power.state import PowerState
from thespis.protocols.builtin.power.v2.state import PowerStateV2
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.reward.v2.state import RewardStateV2
from thespis.protocols.builtin.storage_miner import declarations, extension, layouts, termination
from thespis.protocols.builtin.system import SystemState
from thespis.protocols.builtin.verifreg import VerifregState
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.ipld.blockstore import MemoryBlockstore, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricMap
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import Actor, StateTree
from thespis.protocols.vm.syscalls import Syscalls
from thespis.protocols.vm.world import ConsensusFaultFound

TRACES = Path(__file__).parent / "traces"
POLICY = Policy(sector_expiration_min=2 * EPOCHS_IN_DAY, fault_max_age_periods=2, deal_duration_min=EPOCHS_IN_DAY)
ROOT_KEY = Address.id(80)
UNSEALED = Cid.from_text("bafy2bzaceazuc7degrg2wtjwqm7qs4b3v2xeejxror4ct26urlh5gdmfdptmw")


class AgreeableWorld:
    """The test machine's: every proof holds, and randomness is none."""

    def seal_is_valid(self, _info):
        return True

    def window_post_is_valid(self, _info):
        return True

    def ticket_randomness(self, _purpose, _epoch, _entropy):
        return b"not really random"

    beacon_randomness = ticket_randomness

    def circulating_supply(self, _epoch, _state):
        return 10**27


def trace_of(name):
    return json.loads(gzip.decompress((TRACES / f"{name}.json.gz").read_bytes()))


def policy_of(trace):
    """The constants that a trace was made with: those of all, but for what it says itself."""
    changes = trace.get("policy", {})
    if "seal_proofs" in changes:
        changes = changes | {"seal_proofs": frozenset(changes["seal_proofs"])}
    return dataclasses.replace(POLICY, **changes)


def agreeable(monkeypatch, trace=None):
    """Syscalls as the reference's test machine fakes them, and how many sectors a message may be about in a trace."""
    if trace and "sectors_max" in trace:
        for module in (layouts, declarations, termination, extension):
            monkeypatch.setattr(module, "ADDRESSED_SECTORS_MAX", trace["sectors_max"])
    monkeypatch.setattr(Syscalls, "verify_signature", lambda *_: None)
    monkeypatch.setattr(Syscalls, "unsealed_sector_cid", lambda *_: UNSEALED)
    monkeypatch.setattr(
        Syscalls,
        "verify_consensus_fault",
        lambda self, *_: ConsensusFaultFound(Address.id(0), self._machine.epoch - 1, 1),
    )


class Replayed:
    """A state that begins as a trace does; with actors of version 0 the first states are others."""

    def __init__(self, trace, network_version=None):
        self.version = trace["network_version"] if network_version is None else network_version
        actors = actors_version(self.version)
        self.policy = policy_of(trace)
        self.store = MemoryBlockstore()
        self.state = StateTree(self.store, Hamt(self.store, version=HamtVersion.V0).flush())
        addresses = HistoricMap(self.store)
        for number, key in trace["accounts"].items():
            addresses.set(Address.from_text(key).data, int(number))
        accounts = {Address.id(int(number)): Address.from_text(key) for number, key in trace["accounts"].items()}
        accounts |= {ROOT_KEY: ROOT_KEY, BURNT_FUNDS: BURNT_FUNDS}
        next_id = Unsigned(max(address.actor_id for address in accounts) + 1)
        empty = HistoricMap(self.store).flush()
        entries = {
            SYSTEM: ("system", SystemState()),
            INIT: ("init", InitState(addresses.flush(), next_id, "scenarios")),
            REWARD: ("reward", (RewardStateV2 if actors else RewardState).initial(0)),
            CRON: ("cron", CronState((CronEntry(POWER, Unsigned(5)), CronEntry(MARKET, Unsigned(9))))),
            POWER: ("storagepower", (PowerStateV2 if actors else PowerState).initial(self.store)),
            MARKET: ("storagemarket", MarketState.initial(self.store)),
            VERIFIED_REGISTRY: ("verifiedregistry", VerifregState(ROOT_KEY, empty, empty)),
        } | {address: ("account", AccountState(key)) for address, key in accounts.items()}
        for address, (name, state) in entries.items():
            head, balance = trace["initial"][str(address)]
            ours = save(self.store, state.to_wire())
            assert not actors or str(ours) == head, f"the first state of {name}"
            self.state.set(address, Actor(code_of(name, actors), ours, Unsigned(0), TokenAmount(int(balance))))
        self.entries = {address: self.state.get(address) for address in entries}
        self.supply, self.books = sum(actor.balance for actor in self.entries.values()), {}

    def violations(self):
        self.state.flush()
        return list(violations(self.store, self.state, self.supply, self.books))

    def apply(self, epoch, sender, to, value, method, params, sequence):
        machine = Machine(self.state, self.version, 0, epoch, world=AgreeableWorld(), policy=self.policy)
        before = self.entries
        applied = machine.call(
            Address.from_text(sender), Address.from_text(to), int(value), method, bytes.fromhex(params), nonce=sequence
        )
        last = self.state.get(INIT)
        count = InitState.decode(self.store.get(last.head)).next_id
        everybody = set(before) | {Address.id(number) for number in range(100, count)}
        self.entries = {address: self.state.get(address) for address in everybody}
        changed = "\n".join(
            f"{address} {actor.head} {actor.balance}"
            for address, actor in sorted(self.entries.items(), key=lambda entry: entry[0].actor_id)
            if actor is not None and actor != before.get(address)
        )
        return applied, hashlib.sha256(changed.encode()).hexdigest()[:16]
