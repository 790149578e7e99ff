"""From version 0 of the builtin actors to version 2: every actor's state in its new form (specs-actors v2.3.6 ``nv4``).

Maps get the canonical order of their entries; miners lose what a fault of version 0 left in their queues, know whom
they replaced and what they owe; claims learn how their miners seal; and the reward's baseline is laid anew so that
what is left to be minted stays the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TypeVar

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import BURNT_FUNDS, INIT, POWER, REWARD, VERIFIED_REGISTRY, code_of, name_of
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.multisig.state import MultisigState
from thespis.protocols.builtin.policy import MAINNET, Policy
from thespis.protocols.builtin.power.state import Claim, CronEvent, PowerState, epoch_key
from thespis.protocols.builtin.power.v2.state import ClaimV2, PowerStateV2
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.storage_miner.state import MinerState
from thespis.protocols.builtin.verifreg import VerifregState
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record, TokenAmount, Unsigned
from thespis.protocols.errors import TipsetExecutionError
from thespis.protocols.ipld.blockstore import Blockstore, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricArray
from thespis.protocols.upgrades.actors_v2_miner import Corrections, migrate_miner
from thespis.protocols.upgrades.actors_v2_reward import migrate_reward
from thespis.protocols.vm.state_tree import Actor, StateTree, save_versioned

State = TypeVar("State", bound=Record)


def upgrade_to_actors_v2(store: Blockstore, root: Cid, epoch: int, policy: Policy = MAINNET) -> Cid:
    """The state of network version 4 made from the one that an epoch of version 3 ended with.

    Raises TipsetExecutionError for a state that cannot be migrated: it is not Filecoin's.
    """
    return _Migration(store, root, epoch, policy).run()


class _Migration:
    def __init__(self, store: Blockstore, root: Cid, epoch: int, policy: Policy) -> None:
        self.store, self.epoch = store, epoch
        self.before = StateTree(store, root)
        self.after = StateTree(store, save_versioned(store, Hamt(store, version=HamtVersion.V0).flush()))
        self.corrections = Corrections(epoch, policy)

    def run(self) -> Cid:
        """Migrate every actor; those that depend on others come last."""
        from_burnt, late = 0, {}
        for address, actor in self._actors():
            if address in (POWER, REWARD, VERIFIED_REGISTRY):
                late[address] = actor
                continue
            head, debt = self._head(address, actor)
            from_burnt += debt
            self._put(address, actor, head, actor.balance + debt)
        power = self._power(self._state(late[POWER], PowerState))
        self._put(POWER, late[POWER], save(self.store, power.to_wire()))
        reward = migrate_reward(self._state(late[REWARD], RewardState), power.this_epoch_raw_byte_power, self.epoch)
        self._put(REWARD, late[REWARD], save(self.store, reward.to_wire()))
        if VERIFIED_REGISTRY in late:  # networks that never had verified clients have no registry
            registry = self._registry(self._state(late[VERIFIED_REGISTRY], VerifregState))
            self._put(VERIFIED_REGISTRY, late[VERIFIED_REGISTRY], save(self.store, registry.to_wire()))
        burnt = self.after.get(BURNT_FUNDS)
        if burnt is None or burnt.balance < from_burnt:
            raise TipsetExecutionError(f"miners in debt need {from_burnt} attoFIL of the burnt funds, which lack them")
        self.after.change(BURNT_FUNDS, balance=TokenAmount(burnt.balance - from_burnt))
        return self.after.flush()

    def _actors(self) -> Iterator[tuple[Address, Actor]]:
        """The init actor first, for addresses are resolved by it."""
        entries = dict(self.before.actors())
        yield INIT, entries.pop(INIT)
        yield from entries.items()

    def _put(self, address: Address, actor: Actor, head: Cid, balance: int | None = None) -> None:
        code = code_of(name_of(actor.code), 2)
        kept = TokenAmount(actor.balance if balance is None else balance)
        self.after.set(address, Actor(code, head, actor.nonce, kept))

    def _state(self, actor: Actor, kind: type[State]) -> State:
        return kind.decode(self.store.get(actor.head))

    def _head(self, address: Address, actor: Actor) -> tuple[Cid, int]:
        """The new state of an actor, and what a miner owes and gets lent; most states stay as they are."""
        name, store = name_of(actor.code), self.store
        if name == "storageminer":
            return migrate_miner(store, self._state(actor, MinerState), address, actor.balance, self.corrections)
        if name == "init":
            init = self._state(actor, InitState)
            return save(store, dataclasses.replace(init, address_map=self._sorted(init.address_map)).to_wire()), 0
        if name == "storagemarket":
            return save(store, self._market(self._state(actor, MarketState)).to_wire()), 0
        if name == "multisig":
            multisig = self._state(actor, MultisigState)
            return save(store, dataclasses.replace(multisig, pending=self._sorted(multisig.pending)).to_wire()), 0
        return actor.head, 0

    def _sorted(self, root: Cid) -> Cid:
        """A map with the entries of another, in canonical order."""
        table = Hamt(self.store, version=HamtVersion.V0)
        for key, wire in self._entries(root):
            table.set(key, wire)
        return table.flush()

    def _entries(self, root: Cid) -> Iterator[tuple[bytes, object]]:
        for entry in Hamt(self.store, root, version=HamtVersion.V0).items():
            yield entry[0], entry[1]

    def _market(self, state: MarketState) -> MarketState:
        by_epoch = Hamt(self.store, version=HamtVersion.V0)
        for key, root in self._entries(state.deal_operations_by_epoch):
            assert isinstance(root, Cid), "a set of deals is linked"
            by_epoch.set(key, self._sorted(root))
        return dataclasses.replace(
            state,
            pending_proposals=self._sorted(state.pending_proposals),
            escrow_table=self._sorted(state.escrow_table),
            locked_table=self._sorted(state.locked_table),
            deal_operations_by_epoch=by_epoch.flush(),
        )

    def _power(self, state: PowerState) -> PowerStateV2:
        queue = Hamt(self.store, version=HamtVersion.V0)
        roots = dict(self._entries(state.cron_event_queue))
        for epoch, miner, payload in self.corrections.events:
            root = roots.get(epoch_key(epoch))
            assert root is None or isinstance(root, Cid), "a queue of events is linked"
            events = HistoricArray(self.store, root)
            events.append(CronEvent(miner, payload).to_wire())
            roots[epoch_key(epoch)] = events.flush()
        for key, root in roots.items():
            queue.set(key, root)
        claims = Hamt(self.store, version=HamtVersion.V0)
        for key, wire in self._entries(state.claims):
            miner = Address.parse(key)
            claim = self.corrections.claims.get(miner) or Claim.from_wire(wire)
            actor = self.before.get(miner)
            if actor is None:
                raise TipsetExecutionError(f"there is a claim of {miner}, and no such actor")
            proof = self._state(actor, MinerState).load_info(self.store).seal_proof_type
            claims.set(key, ClaimV2(proof, claim.raw_byte_power, claim.quality_adjusted_power).to_wire())
        gone = {"last_processed_cron_epoch"}
        fields = {each.name: getattr(state, each.name) for each in dataclasses.fields(state) if each.name not in gone}
        fields |= {"cron_event_queue": queue.flush(), "claims": claims.flush(), "proof_validation_batch": None}
        return PowerStateV2(**fields)

    def _registry(self, state: VerifregState) -> VerifregState:
        if state.root_key.protocol is not AddressProtocol.ID:
            raise TipsetExecutionError(f"the registry's root key {state.root_key} is no id address")
        return dataclasses.replace(
            state, verifiers=self._by_id(state.verifiers), verified_clients=self._by_id(state.verified_clients)
        )

    def _by_id(self, root: Cid) -> Cid:
        """A table of allowances by id instead of by any address; keys without an account get one."""
        table = Hamt(self.store, version=HamtVersion.V0)
        for key, wire in self._entries(root):
            address = Address.parse(key)
            number = self.after.resolve(address)
            if number is None:
                if address.protocol not in (AddressProtocol.SECP256K1, AddressProtocol.BLS):
                    raise TipsetExecutionError(f"the registry knows {address}, which has no id and is no key")
                number = self.after.register(address)
                head = save(self.store, AccountState(address).to_wire())
                self.after.set(number, Actor(code_of("account", 2), head, Unsigned(0), TokenAmount(0)))
            table.set(number.data, wire)
        return table.flush()
