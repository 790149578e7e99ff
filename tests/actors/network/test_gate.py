"""What is passed on, what is kept to oneself, and what its forwarder answers for."""

import dataclasses

import pytest
from thespis.actors.chain.first_look import FUTURE_EPOCHS_MAX
from thespis.actors.network import gate as module
from thespis.actors.network.gate import Gate
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.message import ZERO_ADDRESS
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Unsigned
from thespis.runtime.p2p.port import Verdict

from tests.actors.chain.builder import USER_KEYS, WORKER_KEYS, WORKERS, extend, new_chain, now_at, transfer
from tests.actors.syncer.test_evil import signed, won

DELEGATED = Address.delegated(10, bytes(20))


class Judged(Gate):
    """A gate at a height of its chain, that counts how often the store was read anew."""

    def __init__(self, chain):
        self.refreshed = 0
        chain.refresh = self.refresh
        self.height = chain.head().height + 1
        super().__init__(chain, lambda: now_at(chain, self.height))

    def refresh(self):
        self.refreshed += 1

    def of(self, header, bls=(), secpk=()):
        return self.block(BlockMessage(header, bls, secpk).encode())


@pytest.fixture
def chain():
    found = new_chain()
    extend(found, 3)
    return found


@pytest.fixture
def gate(chain):
    return Judged(chain)


@pytest.fixture
def header(chain):
    return won(chain)[0]


def test_a_block_over_a_known_parent_passes_if_its_miner_signed_it(gate, header):
    assert gate.of(header) is Verdict.ACCEPT
    assert gate.of(signed(header, parent_weight=header.parent_weight + 1)) is Verdict.ACCEPT, "that is its author's"


@pytest.mark.parametrize(
    "change",
    [
        lambda header: dataclasses.replace(header, fork_signaling=Unsigned(7)),
        lambda header: signed(header, WORKER_KEYS[3]),
        lambda header: signed(header, miner=Address.id(1999)),
        lambda header: signed(header, miner=WORKERS[0]),
        lambda header: signed(header, timestamp=header.timestamp + 1),
        lambda header: signed(header, height=header.height + 1),
        lambda header: signed(header, ticket=None),
        lambda header: signed(header, parents=()),
        lambda header: signed(header, messages=Cid.of(b"other")),
        lambda header: dataclasses.replace(header, block_sig=None),
        lambda header: signed(header, election_proof=None),
    ],
)
def test_what_could_be_known_to_be_wrong_is_its_forwarders_fault(gate, header, change):
    assert gate.of(change(header)) is Verdict.REJECT


def test_garbage_is_rejected(gate):
    for data in (b"", b"\xff" * 50, b"\x83\xf6\x80\x80"):
        assert gate.block(data) is Verdict.REJECT
        assert gate.message(data) is Verdict.REJECT


def test_what_a_peer_passes_on_that_has_not_seen_the_parents_is_not_held_against_it(chain, header):
    """A miner may sign any height over the newest tipset, and give it to those who do not have that yet."""
    low = chain.head().height
    own = signed(header, height=low, timestamp=now_at(chain, low))
    behind = new_chain()
    assert Judged(behind).of(own) is Verdict.ACCEPT
    assert Judged(chain).of(own) is Verdict.IGNORE


def test_a_node_far_behind_does_not_answer_for_who_signs_a_block(monkeypatch, header):
    """The miner may have another key since, and the node would be let go of for passing on the old one's blocks."""
    behind = Judged(new_chain())
    orphan = signed(header, parents=(Cid.of(b"elsewhere"),))
    monkeypatch.setattr(module, "lookback_height", lambda _height, _profile: 1)
    assert behind.of(orphan) is Verdict.KEEP
    monkeypatch.setattr(module, "lookback_height", lambda _height, _profile: 0)
    assert behind.of(orphan) is Verdict.ACCEPT


def test_over_an_unknown_parent_a_known_miners_block_passes_and_any_other_is_kept(gate, header):
    orphan = signed(header, parents=(Cid.of(b"elsewhere"),))
    assert gate.of(orphan) is Verdict.ACCEPT
    assert gate.of(dataclasses.replace(orphan, fork_signaling=Unsigned(7))) is Verdict.KEEP
    assert gate.of(signed(orphan, miner=Address.id(1999))) is Verdict.KEEP


def test_blocks_out_of_time_are_ignored(gate, chain, header):
    gate.height = header.height - FUTURE_EPOCHS_MAX
    assert gate.of(header) is Verdict.ACCEPT
    gate.height -= 1
    assert gate.of(header) is Verdict.IGNORE
    profile = dataclasses.replace(chain.genesis.profile, finality_epochs=0)
    chain._genesis = dataclasses.replace(chain.genesis, profile=profile)
    gate.height = chain.head().height
    assert gate.of(chain.tipset(chain.head().parents).blocks[0]) is Verdict.IGNORE


def test_a_new_head_is_read_once_and_not_before_something_comes(gate, header):
    gate.of(header)
    gate.of(header)
    assert gate.refreshed == 1
    gate.moved()
    gate.moved()
    assert gate.refreshed == 1
    gate.of(header)
    assert gate.refreshed == 2


def test_a_message_passes_if_it_is_signed_and_can_be_paid_for(gate):
    assert gate.message(transfer().encode()) is Verdict.ACCEPT
    assert gate.message(transfer(bls_sender=True).encode()) is Verdict.ACCEPT
    for other in (transfer(value=10**25), transfer(nonce=module.NONCE_GAP_MAX + 1), transfer(cap=50, premium=1)):
        assert gate.message(other.encode()) is Verdict.IGNORE
    assert gate.message(transfer(nonce=module.NONCE_GAP_MAX).encode()) is Verdict.ACCEPT


def test_a_forged_or_impossible_message_is_its_forwarders_fault(gate):
    good = transfer()
    for bad in (
        dataclasses.replace(good, signature=transfer(value=2).signature),
        dataclasses.replace(transfer(bls_sender=True), signature=transfer(value=2, bls_sender=True).signature),
        dataclasses.replace(transfer(bls_sender=True), signature=good.signature),
        transfer(limit=1),
        transfer(value=-1),
    ):
        assert gate.message(bad.encode()) is Verdict.REJECT


@pytest.mark.parametrize(("version", "to"), [(7, ZERO_ADDRESS), (5, DELEGATED), (17, DELEGATED)])
def test_what_another_network_version_allows_is_nobodys_fault(gate, chain, version, to):
    """An honest peer may stand on the other side of an upgrade, behind it, or on another fork."""
    profile = dataclasses.replace(chain.genesis.profile, network_version=lambda _height: version)
    chain._genesis = dataclasses.replace(chain.genesis, profile=profile)
    assert gate.message(transfer(to=to).encode()) is Verdict.IGNORE
    assert gate.message(transfer(to=to, limit=1).encode()) is Verdict.REJECT, "that no version allows"


def test_accounts_that_this_chain_does_not_have_are_nobodys_fault(gate, chain, monkeypatch):
    from thespis.protocols.crypto.signature import SignatureType, address_of, sign

    key = bytes(31) + b"\x77"
    stranger = address_of(SignatureType.SECP256K1, key)
    message = dataclasses.replace(transfer().message, sender=stranger)
    signed_by_it = dataclasses.replace(
        transfer(), message=message, signature=sign(SignatureType.SECP256K1, key, message.signing_bytes())
    )
    assert gate.message(signed_by_it.encode()) is Verdict.IGNORE
    state = chain.state_after(chain.head())
    number = state.resolve(transfer().message.sender)
    message = dataclasses.replace(transfer().message, sender=number)
    by_id = dataclasses.replace(
        transfer(), message=message, signature=sign(SignatureType.SECP256K1, USER_KEYS[0], message.signing_bytes())
    )
    assert gate.message(by_id.encode()) is Verdict.ACCEPT
    forged = dataclasses.replace(by_id, signature=transfer().signature)
    assert gate.message(forged.encode()) is Verdict.IGNORE, "on another fork the number may be another's"
    nobody = dataclasses.replace(by_id, message=dataclasses.replace(message, sender=Address.id(10**6)))
    assert gate.message(nobody.encode()) is Verdict.IGNORE


def test_a_bounded_number_of_senders_is_remembered(gate, monkeypatch):
    assert module.SENDERS_MAX == 10_000
    monkeypatch.setattr(module, "SENDERS_MAX", 2)
    for sender in range(4):
        assert gate.message(transfer(sender=sender).encode()) is Verdict.ACCEPT
        assert len(gate._senders) <= 2
