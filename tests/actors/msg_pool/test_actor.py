"""The MsgPool over a chain that moves: what it takes and refuses, keeps, announces, gives out and brings back."""

import contextlib
import dataclasses

import pytest
from thespis.actors.chain.search import asks_the_same
from thespis.actors.messages.msg_pool import (
    AddMessage,
    EstimateGas,
    GetMessages,
    ListMessages,
    NextNonce,
    RemoveMessage,
    ReplaceMessage,
    SelectMessages,
    SendMessage,
    WhyWaiting,
)
from thespis.actors.messages.wallet import SignBytes
from thespis.actors.msg_pool import actor as module
from thespis.actors.msg_pool import pending as pending_module
from thespis.actors.msg_pool.actor import MsgPool
from thespis.actors.msg_pool.pending import SENDER_MESSAGES_MAX, ReplaceFeeError
from thespis.actors.msg_pool.settings import MsgPoolSettings
from thespis.protocols.chain.base_fee import MINIMUM_BASE_FEE
from thespis.protocols.chain.message import MESSAGE_BYTES_MAX, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import InvalidMessageError, PoolError, SignatureError
from thespis.runtime.actor import pages
from thespis.runtime.actor.tasks import Pending, Task
from thespis.runtime.store.interface import METADATA
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import (
    BALANCE,
    USER_KEYS,
    USERS,
    WORKERS,
    add,
    extend,
    fork,
    make_block,
    new_chain,
    transfer,
)
from tests.actors.msg_pool.alone import Alone
from tests.actors.syncer.alone import run

GAP = 10


@pytest.fixture
def disk():
    return MemoryDisk()


@pytest.fixture
def chain(disk):
    return new_chain(disk=disk)


@pytest.fixture
def pool(disk, chain):
    return Alone(disk, gap_max=GAP)


def take(pool, signed, *, local=True):
    return run(pool.add_message(AddMessage(signed, local)))


def changed(signed, **changes):
    """The message with other fields, signed anew."""
    message = dataclasses.replace(signed.message, **changes)
    return SignedMessage(message, sign(SignatureType.SECP256K1, USER_KEYS[0], message.signing_bytes()))


def mine(chain, *messages):
    """One tipset with messages, in every block of it; returns the change of head."""
    parent = chain.head()
    for height in range(parent.height + 1, parent.height + 50):
        made = [make_block(chain, miner, parent, height, messages) for miner in range(3)]
        if any(made):
            changes = [add(chain, block) for block in made if block is not None]
            return dataclasses.replace(changes[-1], applied=(chain.head().key,), reverted=())
    raise AssertionError("nobody won")


# -- what is taken -------------------------------------------------------------------------------------------


def test_a_message_is_kept_announced_and_taken_once(pool):
    added = take(pool, transfer())
    assert (added.cid, added.published) == (transfer().chain_cid(), True)
    take(pool, transfer())
    assert pool.nonces == [0]
    assert pool.seen("ADDED") == [0]
    assert pool.gossip[0] == transfer().encode()
    assert pool.list_messages(ListMessages()) == ((transfer(),), b"")
    assert pool.get_messages(GetMessages((transfer().chain_cid(), Cid.of(b"nothing")))) == ((transfer(),), b"")


def test_a_message_waits_while_the_network_is_away(pool):
    pool.is_away = True
    assert not take(pool, transfer()).published
    assert pool.nonces == [0]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"nonce": Unsigned(SENDER_MESSAGES_MAX + 1)}, PoolError, f"the gap may be {SENDER_MESSAGES_MAX}"),
        ({"gas_fee_cap": TokenAmount(MINIMUM_BASE_FEE - 1), "gas_premium": TokenAmount(0)}, PoolError, "fee cap 99"),
        ({"value": TokenAmount(BALANCE - 10**15 + 1)}, PoolError, "may cost"),
        ({"gas_limit": 10}, InvalidMessageError, "gas limit"),
        ({"version": 1}, InvalidMessageError, "version"),
        ({"sender": Address.id(1000)}, PoolError, "no account"),
        ({"sender": Address.id(77_777)}, PoolError, "no account"),
    ],
)
def test_what_cannot_be_mined_is_refused_by_name(pool, changes, error, words):
    with pytest.raises(error, match=words):
        take(pool, changed(transfer(), **changes))
    assert (pool.nonces, pool.events, pool.gossip) == ([], [], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": Unsigned(SENDER_MESSAGES_MAX)},
        {"gas_fee_cap": TokenAmount(MINIMUM_BASE_FEE), "gas_premium": TokenAmount(0)},
        {"value": TokenAmount(BALANCE - 10**15)},
    ],
)
def test_what_is_just_within_a_bound_is_taken(pool, changes):
    take(pool, changed(transfer(), **changes))
    assert len(pool.nonces) == 1


def test_a_message_has_a_bounded_size(pool):
    dear = transfer(limit=9 * 10**9, cap=10**5)
    overhead = len(changed(dear, params=bytes(60_000)).encode()) - 60_000
    largest = changed(dear, params=bytes(MESSAGE_BYTES_MAX - overhead))
    assert len(largest.encode()) == MESSAGE_BYTES_MAX
    take(pool, largest)
    with pytest.raises(InvalidMessageError, match=f"bound is {MESSAGE_BYTES_MAX}"):
        take(pool, changed(largest, params=largest.message.params + b"\0"))


def test_a_foreign_signature_is_refused(pool):
    with pytest.raises(SignatureError):
        take(pool, dataclasses.replace(transfer(), signature=transfer(sender=1).signature))


def test_gossip_that_could_never_be_valid_costs_its_author_and_what_may_be_later_does_not(pool):
    pool.hear(transfer())
    assert pool.nonces == [0]
    assert pool.gossip == [], "who gossips passes it on"
    pool.hear(changed(transfer(), nonce=Unsigned(GAP + 2)))
    pool.hear(changed(transfer(), value=TokenAmount(2 * BALANCE)))
    assert pool.blamed == []
    pool.hear(dataclasses.replace(transfer(nonce=1), signature=transfer(sender=1).signature), "forger")
    pool.hear(changed(transfer(), gas_limit=10), "cheap")
    pool.hear(b"\xff", "garbage")
    pool.hear(transfer(to=Address.delegated(10, bytes(20))), "beyond an upgrade")
    assert pool.blamed == ["forger", "cheap", "garbage"]
    assert pool.nonces == [0]


def test_who_pays_more_replaces_and_what_is_replaced_stays_known(pool, disk):
    old, better = transfer(), transfer(premium=200_000)
    take(pool, old)
    take(pool, better)
    assert list(pool.pending) == [better]
    assert pool.seen("REMOVED") == [0]
    assert set(pool.own) == {old, better}, "until the nonce is final, somebody may ask what became of it"
    pool.store.close()
    again = Alone(disk)
    again._bring_back(again.own)
    assert list(again.pending) == [better], "and a restart knows which of them it was"


# -- sending -------------------------------------------------------------------------------------------------


def test_sending_fills_in_nonce_and_gas_and_signs(pool):
    bare = dataclasses.replace(transfer().message, gas_limit=0, gas_fee_cap=TokenAmount(0), gas_premium=TokenAmount(0))
    sent = [run(pool.send_message(SendMessage(bare, 0))) for _ in range(3)]
    assert [signed.message.nonce for signed in sent] == pool.nonces == [0, 1, 2]
    assert all(signed.message.gas_limit > 0 for signed in sent)
    assert len(pool.gossip) == 3
    assert set(pool.own) == set(sent)
    estimated = pool.estimate_gas(EstimateGas(bare, 0))
    assert (estimated.gas_limit, estimated.nonce) == (sent[0].message.gas_limit, bare.nonce)
    assert len(pool.nonces) == 3, "nothing was sent"


def test_the_next_nonce_fills_the_first_gap(pool):
    for nonce in (0, 1, 3):
        take(pool, transfer(nonce=nonce))
    assert pool.next_nonce(NextNonce(USERS[0])) == 2
    assert pool.next_nonce(NextNonce(USERS[1])) == 0
    with pytest.raises(PoolError, match="there is no account"):
        pool.next_nonce(NextNonce(Address.secp256k1(b"nobody")))
    with pytest.raises(InvalidMessageError, match="only accounts send"):
        pool.next_nonce(NextNonce(Address.id(1000)))


def test_a_message_can_be_dropped_by_hand(pool):
    take(pool, transfer())
    pool.remove_message(RemoveMessage(transfer().chain_cid()))
    assert (pool.nonces, list(pool.own), pool.seen("REMOVED")) == ([], [], [0])
    assert list(pool.store.scan(METADATA, b"local/")) == []
    with pytest.raises(PoolError, match="not found in the pool"):
        pool.remove_message(RemoveMessage(transfer().chain_cid()))


def test_only_this_nodes_own_messages_are_announced_again(pool):
    take(pool, transfer(nonce=0))
    pool.hear(transfer(sender=1))
    pool.gossip.clear()
    periods = []

    async def sleep(seconds):
        periods.append(seconds)
        if len(periods) > 2:
            raise StopAsyncIteration

    pool.sleep = sleep
    with pytest.raises(StopAsyncIteration):
        run(pool._announce_for_ever(30.0))
    assert periods == [30.0] * 3
    assert pool.gossip == [transfer(nonce=0).encode()] * 2


# -- the chain moves -----------------------------------------------------------------------------------------


def test_what_was_mined_leaves_and_what_follows_stays(pool, chain):
    for nonce in range(3):
        take(pool, transfer(nonce=nonce))
    assert [each.message.nonce for each in pool.select_messages(SelectMessages(chain.head().key, 100))] == [0, 1, 2]
    change = mine(chain, transfer(nonce=0), transfer(nonce=1))
    pool.follow(change)
    assert pool.nonces == [2]
    assert sorted(pool.seen("REMOVED")) == [0, 1]
    assert [each.message.nonce for each in pool.select_messages(SelectMessages(chain.head().key, 100))] == [2]
    with pytest.raises(PoolError, match="nonce 1 is used"):
        take(pool, transfer(nonce=1, premium=10**6))
    take(pool, transfer(nonce=3 + GAP), local=False)
    with pytest.raises(PoolError, match=f"the next of .* is 3, the gap may be {GAP}"):
        take(pool, transfer(nonce=4 + GAP), local=False)


def test_a_nonce_that_another_message_used_leaves(pool, chain):
    take(pool, transfer(nonce=0, value=5))
    pool.follow(mine(chain, transfer(nonce=0, value=6)))
    assert pool.nonces == []
    assert pool.seen("REMOVED") == [0]


def test_why_a_message_waits_or_does_not(pool, chain):
    take(pool, transfer(nonce=0))
    take(pool, transfer(nonce=2))

    def why(signed):
        return run(pool.why_waiting(WhyWaiting(signed.chain_cid()))).reason

    assert "nothing holds it back" in why(transfer(nonce=0))
    assert "nonce 1 is missing" in why(transfer(nonce=2))
    assert "neither the chain nor the pool" in why(transfer(nonce=9))
    pool.fault = "cannot execute the tipset at height 9"
    assert why(transfer(nonce=0)) == "this node cannot execute the tipset at height 9"
    pool.is_away = True
    assert "no Syncer that answers" in why(transfer(nonce=0))
    pool.is_away = False
    pool.follow(mine(chain, transfer(nonce=0)))
    assert f"at height {chain.head().height}" in why(transfer(nonce=0))


def test_messages_over_a_base_that_was_not_seen_yet_are_given(pool, chain):
    take(pool, transfer(nonce=1))
    mine(chain, transfer(nonce=0))
    assert [each.message.nonce for each in pool.select_messages(SelectMessages(chain.head().key, 100))] == [1]


def test_messages_over_a_base_that_is_executed_meanwhile_are_given(pool, chain):
    """Its block was seen before its state was there."""
    take(pool, transfer(nonce=0))
    parent = chain.head()
    block = next(made for height in range(1, 50) if (made := make_block(chain, 0, parent, height)) is not None)
    chain.add_block(*block, 2 * 10**9)
    pool._look()
    base = Tipset.of([block[0]])
    assert pool.chain.blocks.has(base.key[0])
    chain.execute(base)
    assert pool.select_messages(SelectMessages(base.key, 100)) == (transfer(nonce=0),)


def test_the_bounds_of_a_pool_by_default():
    assert MsgPoolSettings() == MsgPoolSettings(messages_max=10_000, nonce_gap_max=4, bytes_max=18 << 20)


def test_what_is_final_is_forgotten(pool, chain, monkeypatch):
    monkeypatch.setattr(module, "FORGET_EVERY_EPOCHS", 1)
    take(pool, transfer(nonce=0))
    pool.follow(mine(chain, transfer(nonce=0)))
    mined = chain.head().height
    profile = dataclasses.replace(pool.chain.genesis.profile, finality_epochs=2)
    pool.chain._genesis = dataclasses.replace(pool.chain.genesis, profile=profile)
    while chain.head().height <= mined + 2:
        assert list(pool.own) == [transfer()], "a reorganisation may still drop it"
        pool.follow(mine(chain))
    assert list(pool.own) == []
    assert list(pool.store.scan(METADATA, b"local/")) == []


def reorganise(disk, chain, messages_max, messages, own=()):
    """Mine messages, a tipset each, and leave that chain for a heavier one without them; returns the pool then."""
    start = chain.head()
    for signed in messages:
        extend(chain, 1, miners=(1,), messages=[signed])
    pool = Alone(disk, messages_max)
    for signed in own:
        pool.own.keep(signed, pool.pending.__contains__)
    branch = fork(chain, start, 3 * len(messages) + 6, miner=0)
    change = chain.choose(Tipset.of([branch[-1][0]]))
    assert len(change.reverted) == len(messages)
    pool.follow(change)
    return pool


@pytest.mark.behaviour(65)
def test_a_reorganisation_brings_every_message_back(disk, chain):
    own = transfer(sender=2)
    pool = reorganise(disk, chain, 10, [transfer(nonce=nonce) for nonce in range(3)], [own])
    assert sorted(pool.nonces) == [0, 0, 1, 2]
    assert own in list(pool.pending), "what this node's users sent comes back, too"


@pytest.mark.behaviour(65)
def test_messages_come_back_in_nonce_order_so_that_what_has_no_room_leaves_no_gap(disk, chain):
    """Tipsets are left newest first; a pool that took messages in that order would keep the one nobody can mine."""
    pool = reorganise(disk, chain, 2, [transfer(nonce=nonce) for nonce in range(3)])
    assert pool.nonces == [0, 1]


def test_messages_of_an_aggregate_come_back_while_their_signatures_are_known(disk, chain):
    signed = transfer(bls_sender=True, sender=3, to=USERS[1])
    pool = Alone(disk)
    take(pool, signed, local=False)
    assert pool._remembered.get(signed.chain_cid()) == signed
    start = chain.head()
    extend(chain, 1, miners=(1,), messages=[signed])
    pool._look()
    pool._remove(signed.chain_cid())
    assert pool.get_messages(GetMessages((signed.chain_cid(),)))[0] == (signed,), "for whoever has a block without it"
    branch = fork(chain, start, 9, miner=0)
    pool.follow(chain.choose(Tipset.of([branch[-1][0]])))
    assert list(pool.pending) == [signed]


def test_senders_are_looked_up_once_a_head_and_in_bounded_number(pool, monkeypatch):
    monkeypatch.setattr(module, "SENDERS_KEPT", 2)
    for sender in range(3):
        take(pool, transfer(sender=sender))
        assert len(pool._senders) == (sender % 2) + 1
    assert pool._senders[USERS[2]].key == USERS[2]
    assert WORKERS[0] not in pool._senders


# -- strangers -----------------------------------------------------------------------------------------------


def test_no_stranger_has_a_users_message_leave_pool_or_store(disk, chain):
    """Whatever others pay: what was accepted of a user stays, also over a restart."""
    pool = Alone(disk, messages_max=5, gap_max=GAP)
    mine_ = transfer(0, premium=1)
    take(pool, mine_)
    for nonce in range(10):
        with contextlib.suppress(PoolError):
            take(pool, transfer(1, nonce=nonce, premium=10**8), local=False)
    assert mine_ in list(pool.pending)
    assert len(pool.pending) == 5
    pool.store.close()
    again = Alone(disk, messages_max=5)
    again._bring_back(again.own)
    assert list(again.pending) == [mine_]


def test_a_stranger_has_no_more_waiting_than_it_can_pay(pool):
    each = BALANCE // 3
    for nonce in range(2):
        take(pool, transfer(0, nonce=nonce, value=each), local=False)
    with pytest.raises(PoolError, match="may cost"):
        take(pool, transfer(0, nonce=2, value=each), local=False)
    assert pool.nonces == [0, 1]


def test_a_users_message_that_came_by_gossip_first_is_kept_as_well(pool):
    pool.hear(transfer())
    assert list(pool.own) == []
    take(pool, transfer())
    assert list(pool.own) == [transfer()]
    assert pool.seen("ADDED") == [0]


def test_an_untrusted_pusher_has_few_messages_and_in_order(pool, monkeypatch):
    monkeypatch.setattr(pending_module, "UNTRUSTED_MESSAGES_MAX", 2)
    for nonce in range(2):
        run(pool.add_message(AddMessage(transfer(nonce=nonce), False, True)))
    with pytest.raises(PoolError, match="has 2 messages waiting"):
        run(pool.add_message(AddMessage(transfer(nonce=2), False, True)))
    assert list(pool.own) == []


def test_what_the_account_can_no_longer_pay_leaves_but_not_a_users(pool, chain):
    rest = BALANCE - 10**16
    take(pool, transfer(0, nonce=1, value=rest - 10**16), local=False)
    take(pool, transfer(2, nonce=1, value=rest - 10**16))
    pool.follow(mine(chain, transfer(0, nonce=0, value=10**17), transfer(2, nonce=0, value=10**17)))
    assert [signed.message.sender for signed in pool.pending] == [USERS[2]]
    assert list(pool.own) == [transfer(2, nonce=1, value=rest - 10**16)]


@pytest.mark.parametrize("kept", ["own", "peer"])
def test_a_nonce_that_another_message_used_is_not_kept_for_ever(pool, chain, monkeypatch, kept):
    monkeypatch.setattr(module, "FORGET_EVERY_EPOCHS", 1)
    profile = dataclasses.replace(pool.chain.genesis.profile, finality_epochs=2)
    pool.chain._genesis = dataclasses.replace(pool.chain.genesis, profile=profile)
    take(pool, transfer(nonce=0, value=5), local=kept == "own")
    pool.follow(mine(chain, transfer(nonce=0, value=6)))
    used = chain.head().height
    while chain.head().height <= used + 3:
        pool.follow(mine(chain))
    assert list(pool.own) == []
    assert list(pool.store.scan(METADATA, b"local/")) == []


def test_an_id_that_another_chain_gives_to_somebody_else_costs_nobody_the_connection(pool, chain):
    """After a partition an honest peer announces what its users sent by an id, which here is another's, or nobody's."""
    by_id = pool.state.resolve(USERS[0])
    message = dataclasses.replace(transfer().message, sender=by_id)
    forged = SignedMessage(message, sign(SignatureType.SECP256K1, USER_KEYS[1], message.signing_bytes()))
    pool.hear(forged, "forger")
    assert pool.blamed == ["forger"], "genesis gave this id, on every chain"
    profile = dataclasses.replace(pool.chain.genesis.profile, finality_epochs=1)
    pool.chain._genesis = dataclasses.replace(pool.chain.genesis, profile=profile)
    while chain.head().height < 4:
        pool.follow(mine(chain))
    pool.state._layers[0][by_id] = pool.state.get(USERS[2])
    pool._senders.clear()
    pool.hear(dataclasses.replace(forged, message=dataclasses.replace(message, value=TokenAmount(7))), "honest")
    assert pool.blamed == ["forger"]
    message = dataclasses.replace(message, sender=Address.id(99_999))
    pool.hear(SignedMessage(message, forged.signature), "early")
    assert pool.blamed == ["forger"]
    assert pool.nonces == []


# -- signing -------------------------------------------------------------------------------------------------


class Slow(Alone):
    """Its wallet takes its time: each signature waits for the test."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.unsigned = []

    async def ask(self, question):
        if isinstance(question, SignBytes):
            gate = Pending()
            self.unsigned.append(gate)
            await gate
        return await super().ask(question)


def bare(sender=0):
    none = {"gas_limit": 0, "gas_fee_cap": TokenAmount(0), "gas_premium": TokenAmount(0)}
    return dataclasses.replace(transfer(sender).message, **none)


def start(coroutine):
    ended = []
    Task(coroutine, lambda result, error: ended.append(error or result))
    return ended


def test_a_slow_wallet_holds_up_nobody_but_the_sender(disk, chain):
    pool = Slow(disk)
    assert not MsgPool.handlers[SendMessage].exclusive
    first, second = start(pool.send_message(SendMessage(bare(), 0))), start(pool.send_message(SendMessage(bare(), 0)))
    other = start(pool.send_message(SendMessage(bare(2), 0)))
    assert len(pool.unsigned) == 2, "the sender's second message waits, another sender's does not"
    pool.follow(mine(chain))
    assert pool.select_messages(SelectMessages(chain.head().key, 100)) == ()
    for gate in pool.unsigned[:2]:
        gate.resolve(None)
    pool.unsigned[2].resolve(None)
    assert [ended[0].message.nonce for ended in (first, second, other)] == [0, 1, 0]


def test_a_nonce_that_is_taken_while_the_wallet_signs_is_chosen_anew(disk, chain):
    pool = Slow(disk)
    sending = start(pool.send_message(SendMessage(bare(), 0)))
    take(pool, transfer(nonce=0))
    for _ in range(2):
        pool.unsigned.pop().resolve(None)
    assert sending[0].message.nonce == 1
    assert pool.nonces == [0, 1]


def test_a_nonce_that_is_taken_again_and_again_is_an_error(disk, chain):
    pool = Slow(disk)
    sending = start(pool.send_message(SendMessage(bare(), 0)))
    for nonce in range(module.SIGN_TRIES_MAX):
        take(pool, transfer(nonce=nonce, premium=10**6))
        pool.unsigned.pop().resolve(None)
    assert isinstance(sending[0], PoolError)
    assert pool.nonces == [0, 1, 2]


# -- replacing -----------------------------------------------------------------------------------------------


def replace(pool, signed, premium=0, cap=0):
    return run(pool.replace_message(ReplaceMessage(signed.chain_cid(), premium, cap)))


def test_a_replacement_pays_what_a_block_takes_now(pool, chain):
    """Its fee cap rises above the base fee, or what it replaced would go on waiting under another name."""
    base_fee = pool.chain.base_fee(pool.head)
    stuck = transfer(cap=base_fee - 1, premium=1000)
    take(pool, stuck)
    better = replace(pool, stuck)
    assert better.message.gas_fee_cap >= base_fee + better.message.gas_premium
    assert better.message.gas_premium >= 1251
    assert list(pool.pending) == [better]
    assert pool.select_messages(SelectMessages(chain.head().key, base_fee)) == (better,)
    assert asks_the_same(better.message, stuck.message)
    with pytest.raises(PoolError, match="below the base fee"):
        replace(pool, better, cap=base_fee - 1)
    with pytest.raises(ReplaceFeeError, match="at least"):
        replace(pool, better, premium=5)
    dear = replace(pool, better, premium=10**7, cap=2 * 10**9)
    assert (dear.message.gas_premium, dear.message.gas_fee_cap) == (10**7, 2 * 10**9)
    with pytest.raises(PoolError, match="does not wait; thespis mpool why"):
        replace(pool, stuck)


def test_who_sends_by_an_id_is_signed_for_by_its_key(pool):
    by_id = pool.state.resolve(USERS[0])
    sent = run(pool.send_message(SendMessage(dataclasses.replace(bare(), sender=by_id), 0)))
    assert sent.message.sender == by_id
    better = replace(pool, sent)
    assert better.message.sender == by_id
    better.check_signature(USERS[0])


def test_why_does_not_have_anybody_pay_twice(pool, chain):
    """Only a signed message that is pushed again, or one with its nonce, cannot be paid beside it."""
    old = transfer(nonce=0)
    take(pool, old)
    better = replace(pool, old)

    def why(signed):
        return run(pool.why_waiting(WhyWaiting(signed.chain_cid())))

    assert why(old).reason == f"message {better.chain_cid()} has its nonce 0 and waits in its place"
    assert str(better.chain_cid()) in why(old).remedy
    other = changed(old, value=TokenAmount(3))
    pool.follow(mine(chain, other))
    for gone in (old, better):
        assert why(gone).reason == (
            f"message {other.chain_cid()} at height {chain.head().height} used its nonce 0; it can never be mined"
        )
        assert "may have paid already" in why(gone).remedy
    take(pool, transfer(nonce=1))
    pool.remove_message(RemoveMessage(transfer(nonce=1).chain_cid()))
    assert "its nonce is still free" in why(transfer(nonce=1)).reason
    assert "same signed message" in why(transfer(nonce=1)).remedy
    assert "pay twice" in why(transfer(nonce=7)).remedy


# -- pages ---------------------------------------------------------------------------------------------------


def test_a_full_pool_is_told_in_pages_and_no_page_is_beyond_a_frame(disk, chain, monkeypatch):
    pool = Alone(disk)
    signed = [transfer(sender, nonce=nonce) for sender in range(3) for nonce in range(4)]
    for each in signed:
        take(pool, each)
    monkeypatch.setattr(pages, "PAGE_BYTES_MAX", 3 * (len(signed[0].encode()) + 8))
    sizes = []

    async def ask(question):
        answer = getattr(pool, {ListMessages: "list_messages", GetMessages: "get_messages"}[type(question)])(question)
        sizes.append(len(answer[0]))
        return answer

    assert set(run(pages.all_pages(ask, ListMessages()))) == set(signed)
    assert sizes == [3, 3, 3, 3]
    named = tuple(each.chain_cid() for each in signed)
    assert run(pages.all_pages(ask, GetMessages((*named[:5], Cid.of(b"nothing"), *named[5:])))) == signed
