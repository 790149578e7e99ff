"""A tipset's outcome: each message once, a reward per block, cron for every epoch, upgrades between them."""

import dataclasses
from types import SimpleNamespace

import pytest
from thespis.protocols.builtin.codes import POWER, REWARD
from thespis.protocols.builtin.states import state_of
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import TipsetExecutionError
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks.genesis import build_genesis
from thespis.protocols.steps import at_once
from thespis.protocols.vm import interpreter
from thespis.protocols.vm.interpreter import BlockToApply, Rules, execute_tipset, executing_tipset, load_receipts
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import USERS, WORKERS, template

MINERS = [Address.id(1000), Address.id(1001)]
WORLD = SimpleNamespace(circulating_supply=lambda _epoch, _state: 10**27, seal_is_valid=lambda _info: True)
SIGNED = Signature(SignatureType.SECP256K1, bytes(65))


class Chain:
    """A genesis, and tipsets upon it."""

    def __init__(self):
        self.store = MemoryBlockstore()
        genesis = build_genesis(self.store, template())
        self.root, self.profile = genesis.header.parent_state_root, genesis.profile

    def rules(self, **upgrades):
        return Rules(self.profile.network_version, self.profile.policy, upgrades.get("upgrades", {}))

    def execute(self, *blocks, epoch=1, base_fee=0, run=execute_tipset, **upgrades):
        return run(
            self.store, self.root, blocks, parent_epoch=0, epoch=epoch, base_fee=base_fee,
            rules=self.rules(**upgrades), world=WORLD,
        )  # fmt: skip

    def actor(self, executed, address):
        return StateTree(self.store, executed.state_root).get(address)

    def state(self, executed, address):
        found = self.actor(executed, address)
        return state_of(found.code, self.store.get(found.head))


@pytest.fixture
def chain():
    return Chain()


def message(number, nonce=0, **changes):
    terms = {"value": TokenAmount(10 + number), "gas_fee_cap": TokenAmount(0), "gas_premium": TokenAmount(0)}
    plain = Message(
        0,
        USERS[3],
        WORKERS[number],
        Unsigned(nonce),
        TokenAmount(0),
        10**7,
        TokenAmount(0),
        TokenAmount(0),
        Unsigned(0),
        b"",
    )
    return dataclasses.replace(plain, **(terms | changes))


def block(miner=0, bls=(), secpk=(), wins=1):
    return BlockToApply(MINERS[miner], wins, bls, secpk)


def test_messages_apply_once_in_the_order_of_blocks_and_of_kinds(chain):
    signed = SignedMessage(message(0, sender=USERS[0]), SIGNED)
    one, two = message(0), message(1)
    executed = chain.execute(block(0, [two], [signed]), block(1, [two, one]))
    assert executed.messages == (two.cid(), signed.cid(), one.cid())
    assert [receipt.exit_code for receipt in executed.receipts] == [0, 0, 0]
    assert tuple(load_receipts(chain.store, executed.receipts_root)) == executed.receipts
    assert executed.crashes == ()
    before = StateTree(chain.store, chain.root).get(USERS[3]).balance
    assert chain.actor(executed, USERS[3]).balance == before + 10 + 11 + 10


def test_it_is_the_same_with_pauses_as_without(chain):
    blocks = [block(0, [message(0), message(0, 1)]), block(1, [message(1)])]
    assert at_once(chain.execute(*blocks, run=executing_tipset)) == chain.execute(*blocks)
    assert len(list(chain.execute(*blocks, run=executing_tipset))) == 3


def test_each_block_is_paid_what_its_messages_gave_and_pays_for_bad_ones(chain):
    tipping = message(0, gas_fee_cap=TokenAmount(100), gas_premium=TokenAmount(5))
    plain, tipped = chain.execute(block(0)), chain.execute(block(0, [tipping]))
    paid = [chain.actor(each, MINERS[0]).balance for each in (plain, tipped)]
    assert tipped.applied[0].miner_tip == 5 * 10**7
    assert paid[1] - paid[0] == tipped.applied[0].miner_tip
    wrong = message(0, 7)
    fined = chain.execute(block(0, [wrong], wins=1), base_fee=3)
    assert (fined.applied[0].miner_penalty, fined.receipts[0].exit_code) == (3 * 10**7, 2)
    assert chain.actor(fined, MINERS[0]).balance < paid[0]
    twice = chain.execute(block(0, wins=2))
    assert chain.actor(twice, MINERS[0]).balance > paid[0]


def test_cron_runs_in_every_epoch_since_the_parent_and_in_its_own(chain):
    for epoch in (1, 2, 5):
        executed = chain.execute(block(), epoch=epoch)
        assert chain.state(executed, POWER).first_cron_epoch == epoch + 1
        assert chain.state(executed, REWARD).epoch == epoch + 1


def test_an_upgrade_changes_the_state_after_its_epoch(chain):
    seen = []

    def upgrade(store, root, epoch):
        seen.append((StateTree(store, root).get(POWER), epoch))
        return root

    for at, epoch, found in ((0, 1, [0]), (0, 3, [0]), (2, 3, [2]), (3, 3, []), (2, 2, [])):
        seen.clear()
        chain.execute(block(), epoch=epoch, upgrades={at: upgrade})
        assert [number for _, number in seen] == found


def test_a_message_of_the_system_that_fails_ends_all(chain):
    with pytest.raises(TipsetExecutionError, match=r"the reward of f2\w+ failed with exit code \d+"):
        chain.execute(dataclasses.replace(block(), miner=Address.actor(b"nobody")))


@pytest.mark.parametrize("what", ["_award", "_tick"])
def test_what_crashed_is_told_with_whose_it_was(chain, monkeypatch, what):
    apply, crash = Machine.apply_implicit, "method 2 of f02 crashed: planted"
    monkeypatch.setattr(
        Machine,
        "apply_implicit",
        lambda self, to, *call: dataclasses.replace(
            apply(self, to, *call), crashes=(crash,) if (to == REWARD) == (what == "_award") else ()
        ),
    )
    told = chain.execute(block(), epoch=1).crashes
    assert told == (f"the reward of {MINERS[0]}: {crash}" if what == "_award" else f"cron of epoch 1: {crash}",)
    assert interpreter.Executed(chain.root, chain.root, (), ()).crashes == ()
