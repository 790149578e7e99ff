"""What the Syncer does with heads and blocks of peers: follows, waits, fetches, refuses, and whom it blames."""

import dataclasses

import pytest
from thespis.actors.messages.syncer import MarkBad, PeerHead, ReadBad, ReadHead, ReadSync, SetCheckpoint, SubmitBlock
from thespis.actors.syncer.actor import FUTURE_EPOCHS_MAX
from thespis.actors.syncer.fetcher import FetchError
from thespis.protocols.chain.block import BlockMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.errors import BlockWeightError, ChainError, TipsetExecutionError
from thespis.runtime.errors import ActorRestartedError, AskTimeoutError
from thespis.runtime.store.errors import StoreFullError

from tests.actors.chain.builder import (
    WORKER_KEYS,
    add,
    extend,
    fork,
    make_block,
    new_chain,
    transfer,
)
from tests.actors.syncer.alone import Alone, run


@pytest.fixture(scope="module")
def theirs():
    """A peer's chain; its third tipset carries a message, its last is of one block. Tests that use it only read."""
    chain = new_chain()
    extend(chain, 2)
    extend(chain, 1, messages=[transfer()])
    extend(chain, 5)
    extend(chain, 1, miners=(0,))
    return chain


@pytest.fixture
def syncer(theirs):
    return Alone(new_chain(), theirs)


def weight(chain):
    return chain.execution(chain.head().key).weight


def path(chain):
    """The chain's tipsets above genesis, oldest first."""
    return [tipset for tipset in chain.history(chain.head()) if tipset.height][::-1]


def block_of(chain, header):
    return header, chain.block_messages(header)


def resigned(header, key=WORKER_KEYS[0], **changes):
    changed = dataclasses.replace(header, **changes)
    return dataclasses.replace(changed, block_sig=sign(SignatureType.BLS, key, changed.signing_bytes()))


# -- heads of peers ------------------------------------------------------------------------------------------


def test_a_heavier_head_is_synced_to(syncer, theirs):
    head = theirs.head()
    syncer.told_of(head, weight(theirs))
    assert syncer.chain.head().key == head.key
    assert syncer.heads == [tipset.height for tipset in path(theirs)]
    assert [each[0] for each in syncer._fetcher.asked] == ["headers", "batch"]
    assert {each[2] for each in syncer._fetcher.asked} == {"peer"}
    assert syncer.told == []
    status = syncer.read_sync(ReadSync())
    assert (status.stage, status.height, status.target) == ("idle", head.height, head.height)
    assert (status.error, status.bad_blocks, status.remaining_s) == ("", 0, 0.0)
    found = syncer.read_head(ReadHead())
    assert (found.head, found.height, found.weight) == (head.key, head.height, weight(theirs))


def test_headers_come_from_below_our_head_on(syncer, theirs):
    old = path(theirs)[4]
    for tipset in path(theirs)[:5]:
        for header in tipset.blocks:
            syncer.hear(block_of(theirs, header))
    assert syncer.chain.head().key == old.key
    syncer.told_of(theirs.head(), weight(theirs))
    assert ("headers", theirs.head().height - old.height + 3, "peer") in syncer._fetcher.asked
    assert syncer.chain.head().key == theirs.head().key


def test_a_known_or_lighter_head_is_not_asked_about(syncer, theirs):
    syncer.told_of(syncer.chain.head(), 10**9)
    syncer.told_of(theirs.head(), weight(syncer.chain) - 1)
    assert syncer._fetcher.asked == []
    syncer.told_of(theirs.head(), weight(syncer.chain))
    assert syncer.chain.head().key == theirs.head().key, "as heavy as ours is worth a look"


def test_what_nobody_gives_can_be_tried_again_and_is_not_bad(syncer, theirs):
    syncer._fetcher.failing = True
    syncer.told_of(theirs.head(), weight(theirs))
    status = syncer.read_sync(ReadSync())
    assert (status.stage, status.error, status.bad_blocks) == ("idle", "no peer is connected", 0)
    assert syncer.told == []
    assert syncer._targets.take(syncer.now_s()) is None, "nobody is asked again at once"
    syncer._fetcher.failing = False
    syncer.told_of(theirs.head(), weight(theirs))
    syncer.pass_time(2.0)
    assert syncer.chain.head().key == theirs.head().key
    assert syncer.read_sync(ReadSync()).error == ""


def test_a_chain_with_a_bad_block_is_bad_from_there_on(syncer, theirs):
    """Who named it is blamed, what lies below the block is kept, and the head is not looked at again."""
    tipsets = path(theirs)
    middle, top = tipsets[4], tipsets[5]
    bad = Tipset.of([resigned(middle.blocks[0], parent_weight=middle.parent_weight + 1)])
    over = Tipset.of([dataclasses.replace(top.blocks[0], parents=bad.key)])
    told = {bad.key: bad, over.key: over}
    syncer._fetcher.tipset = lambda key: told.get(key) or theirs.tipset(key)
    syncer.told_of(over, 10**9)
    assert syncer.chain.head().key == tipsets[3].key
    assert "BlockWeightError" in syncer.read_bad(ReadBad(bad.key[0]))
    assert "its chain is bad" in syncer.read_bad(ReadBad(over.key[0]))
    assert syncer.blamed == ["peer", "peer"]
    assert syncer.read_sync(ReadSync()).bad_blocks == 2
    asked = len(syncer._fetcher.asked)
    syncer.told_of(over, 10**9)
    assert len(syncer._fetcher.asked) == asked, "a head that is bad is no target"


@pytest.mark.behaviour(42)
def test_all_above_a_bad_block_amid_a_chain_is_bad_and_nothing_below_it(syncer, theirs):
    tipsets = path(theirs)
    bad = Tipset.of([resigned(tipsets[3].blocks[0], parent_weight=tipsets[3].parent_weight + 1)])
    above = [bad]
    for tipset in tipsets[4:7]:
        above.append(Tipset.of([dataclasses.replace(tipset.blocks[0], parents=above[-1].key)]))
    told = {tipset.key: tipset for tipset in above}
    syncer._fetcher.tipset = lambda key: told.get(key) or theirs.tipset(key)
    syncer.told_of(above[-1], 10**9)
    assert syncer.chain.head().key == tipsets[2].key
    for tipset in tipsets[:3]:
        assert syncer.chain.knows(tipset.key)
        assert [syncer.read_bad(ReadBad(cid)) for cid in tipset.key] == [""] * len(tipset.key)
    reasons = [syncer.read_bad(ReadBad(tipset.key[0])) for tipset in above]
    assert "BlockWeightError" in reasons[0]
    for tipset in above[1:]:
        syncer.told_of(tipset, 10**9)
    reasons = [syncer.read_bad(ReadBad(tipset.key[0])) for tipset in above]
    assert all(reasons), "whichever of them is named"
    assert not any(syncer.chain.knows(tipset.key) for tipset in above)
    syncer.told_of(theirs.head(), weight(theirs))
    assert syncer.chain.head().key == theirs.head().key, "and the good chain beside it is followed"


@pytest.mark.behaviour(26)
@pytest.mark.parametrize("error", [FetchError("gone"), AskTimeoutError("hangs"), ActorRestartedError("died")])
def test_work_that_is_broken_off_amid_a_chain_marks_nothing_bad(syncer, theirs, error):
    """Whoever goes away while a chain is fetched has shown nothing against its blocks."""
    whole, given = syncer._fetcher.batch_messages, []

    async def batch(tipsets, peer):
        if given:
            raise error
        given.append(tipsets[:3])
        return await whole(tipsets[:3], peer)

    syncer._fetcher.batch_messages = batch
    syncer.told_of(theirs.head(), weight(theirs))
    assert syncer.read_sync(ReadSync()).bad_blocks == 0
    assert syncer.chain.head().key != theirs.head().key
    assert syncer.told == []
    syncer._fetcher.batch_messages = whole
    syncer.told_of(theirs.head(), weight(theirs))
    syncer.pass_time(2.0)
    assert syncer.chain.head().key == theirs.head().key


@pytest.mark.behaviour(45)
def test_a_chain_of_the_far_future_is_for_who_is_behind_and_for_nobody_else(syncer, theirs):
    """Far is what is ahead of the clock, not what is ahead of our head: who catches up takes it at once."""
    top, far = theirs.head(), FUTURE_EPOCHS_MAX + 1
    syncer.epoch = top.height - far
    syncer.told_of(top, weight(theirs))
    syncer.hear(block_of(theirs, top.blocks[0]))
    assert syncer.chain.head().height == 0
    assert syncer._fetcher.asked == [], "it is not even asked for"
    assert (syncer.blamed, syncer.read_bad(ReadBad(top.key[0]))) == ([], "")
    behind = Alone(new_chain(), theirs)
    assert top.height - behind.chain.head().height > FUTURE_EPOCHS_MAX
    behind.epoch = top.height
    behind.told_of(top, weight(theirs))
    assert behind.chain.head().key == top.key


def test_a_chain_over_a_block_that_is_bad_already_is_bad(syncer, theirs):
    below = path(theirs)[5]
    syncer.mark_bad(MarkBad(below.key[0], "by hand"))
    syncer.told_of(theirs.head(), weight(theirs))
    assert syncer.chain.head().height == 0
    assert f"a bad block at height {below.height}" in syncer.read_bad(ReadBad(theirs.head().key[0]))
    syncer.mark_bad(MarkBad(below.key[0], ""))
    syncer.mark_bad(MarkBad(theirs.head().key[0], ""))
    assert syncer.read_bad(ReadBad(below.key[0])) == ""
    syncer.told_of(theirs.head(), weight(theirs))
    assert syncer.chain.head().key == theirs.head().key


def test_headers_that_do_not_fall_are_bad(syncer, theirs):
    top, below = path(theirs)[-1], path(theirs)[-2]
    risen = Tipset.of([dataclasses.replace(below.blocks[0], height=top.height)])
    over = Tipset.of([dataclasses.replace(top.blocks[0], parents=risen.key)])
    syncer._fetcher.tipset = lambda key: {risen.key: risen, over.key: over}.get(key) or theirs.tipset(key)
    syncer.told_of(over, 10**9)
    assert f"height {top.height} is not below {top.height}" in syncer.read_bad(ReadBad(over.key[0]))


def test_another_genesis_is_bad_and_not_followed(theirs):
    syncer = Alone(new_chain(miners=2), theirs)
    syncer.told_of(theirs.head(), 10**9)
    assert syncer.chain.head().height == 0
    assert "at or below height 0" in syncer.read_bad(ReadBad(theirs.head().key[0]))


def test_a_head_that_is_said_to_be_at_genesis_is_asked_for_alone_at_first(syncer, theirs):
    block = dataclasses.replace(theirs.head().blocks[0], height=0)
    syncer.told_of(dataclasses.replace(theirs.head(), blocks=(block,)), 10**9)
    assert syncer._fetcher.asked[0] == ("headers", 1, "peer")


def test_a_lie_about_a_head_costs_the_liar_and_not_who_names_it_too(syncer, theirs):
    head = theirs.head()
    syncer._fetcher.failing = True
    syncer.told_of(head, weight(theirs), peer="honest")
    syncer._fetcher.failing = False
    syncer.peer_head(PeerHead("liar", head.key, head.height - 1, 10**9))
    assert syncer.blamed == ["liar"]
    assert syncer.read_bad(ReadBad(head.key[0])) == ""
    syncer.pass_time(2.0)
    assert syncer.chain.head().key == head.key


# -- blocks by gossip ----------------------------------------------------------------------------------------


def test_blocks_that_come_in_order_are_followed_at_once(syncer, theirs):
    for tipset in path(theirs):
        for header in tipset.blocks:
            syncer.hear(block_of(theirs, header))
    assert syncer.chain.head().key == theirs.head().key
    assert {kind for kind, *_rest in syncer._fetcher.asked} <= {"messages"}
    heads = len(syncer.heads)
    for header in theirs.head().blocks:
        syncer.hear(block_of(theirs, header))
    assert len(syncer.heads) == heads, "known already"


def test_a_block_waits_for_its_parents_while_they_are_fetched(syncer, theirs):
    header = theirs.head().blocks[0]
    syncer.hear(block_of(theirs, header), source="source")
    assert syncer.chain.head().key == theirs.head().key
    assert syncer._fetcher.asked[0] == ("headers", header.height - 1, "source"), "down to genesis"
    assert {each[2] for each in syncer._fetcher.asked} == {"source"}
    assert syncer._orphans.take(header.parents) == []
    assert syncer.told == []


def test_messages_come_from_the_pool_the_store_or_the_peer(syncer, theirs):
    tipset = path(theirs)[2]
    for each in path(theirs)[:2]:
        for header in each.blocks:
            syncer.hear(block_of(theirs, header))
    syncer._fetcher.asked.clear()
    first, *others = tipset.blocks
    assert theirs.block_messages(first).secpk == (transfer(),)
    syncer.pool = [transfer()]
    syncer.hear(block_of(theirs, first))
    assert syncer._fetcher.asked == [], "the pool had it"
    syncer.pool = []
    for header in others:
        syncer.hear(block_of(theirs, header))
    assert syncer._fetcher.asked == [], "the store has it"
    assert syncer.chain.head().key == tipset.key


def test_messages_that_nobody_here_has_are_fetched_from_who_has_the_block(syncer, theirs):
    tipset = path(theirs)[2]
    for each in path(theirs)[:2]:
        for header in each.blocks:
            syncer.hear(block_of(theirs, header))
    syncer.hear(block_of(theirs, tipset.blocks[0]), source="carrier")
    assert ("messages", tipset.height, "carrier") in syncer._fetcher.asked
    assert syncer.chain.knows((tipset.blocks[0].cid(),))


def test_a_bad_block_costs_its_author_and_so_do_blocks_over_it(syncer, theirs):
    header, messages = block_of(theirs, path(theirs)[0].blocks[0])
    bad = resigned(header, parent_weight=header.parent_weight + 1)
    syncer.hear((bad, messages), source="carrier", author="liar")
    assert syncer.blamed == ["liar"]
    assert BlockWeightError.__name__ in syncer.read_bad(ReadBad(bad.cid()))
    child = dataclasses.replace(path(theirs)[1].blocks[0], parents=(bad.cid(),))
    syncer.hear((child, messages))
    assert syncer.read_bad(ReadBad(child.cid())) == "a parent is bad"
    assert syncer.blamed == ["liar"]
    syncer.hear((bad, messages), author="another")
    assert syncer.blamed == ["liar"], "what is known to be bad is not looked at again"
    assert syncer.chain.head().height == 0


def test_a_block_whose_time_has_not_come_is_neither_taken_nor_bad(syncer, theirs):
    block = block_of(theirs, path(theirs)[0].blocks[0])
    syncer.epoch = block[0].height - 3
    syncer.hear(block)
    assert syncer.chain.head().height == 0
    assert (syncer.blamed, syncer.read_bad(ReadBad(block[0].cid()))) == ([], "")
    syncer.epoch = block[0].height
    syncer.hear(block)
    assert syncer.chain.head().key == (block[0].cid(),)


def test_garbage_costs_its_author(syncer):
    from thespis.actors.messages.syncer import BlockGossiped

    run(syncer.block_gossiped(BlockGossiped("carrier", "liar", b"\xff")))
    assert syncer.blamed == ["liar"]


# -- own blocks and orders -----------------------------------------------------------------------------------


def won(chain):
    return next(block for height in range(1, 50) if (block := make_block(chain, 0, chain.head(), height)) is not None)


def test_an_own_block_is_followed_and_given_out(syncer):
    header, messages = won(syncer.chain)
    message = BlockMessage(header, (), ())
    cid = run(syncer.submit_block(SubmitBlock(message, messages.bls, messages.secpk)))
    assert cid == header.cid()
    assert syncer.chain.head().key == (cid,)
    assert syncer.gossip == [message.encode()]
    wrong = dataclasses.replace(header, parent_weight=header.parent_weight + 1)
    with pytest.raises(BlockWeightError):
        run(syncer.submit_block(SubmitBlock(dataclasses.replace(message, header=wrong), messages.bls, messages.secpk)))
    assert len(syncer.gossip) == 1


def test_a_checkpoint_is_kept(syncer):
    start = syncer.chain.head()
    extend(syncer.chain, 2, miners=(1,))
    syncer.set_checkpoint(SetCheckpoint(syncer.chain.head().key))
    branch = fork(syncer.chain, start, 9, miner=0)
    assert syncer.chain.choose(Tipset.of([branch[-1][0]])) is None
    with pytest.raises(ChainError):
        syncer.set_checkpoint(SetCheckpoint((branch[0][0].cid(),)))


def test_a_reorganisation_is_announced_with_what_was_left_and_joined(syncer):
    start = syncer.chain.head()
    extend(syncer.chain, 2, miners=(1,))
    left = [tipset.key for tipset in path(syncer.chain)][::-1]
    other = new_chain()
    branch = fork(other, start, 9, miner=0)
    add(other, branch[-1])
    syncer._fetcher.chain = other
    syncer.told_of(other.head(), weight(other))
    assert syncer.chain.head().key == other.head().key
    reorganised = next(event for event in syncer.published if event.reverted)
    assert list(reorganised.reverted) == left
    assert reorganised.weight == syncer.chain.execution(reorganised.head).weight


def test_what_a_crash_left_between_a_block_and_its_tipset_is_made_up_for(syncer):
    run(syncer._resume())
    assert syncer.chain.head().height == 0
    start = syncer.chain.head()
    blocks = []
    height = 0
    while len(blocks) < 2:
        height += 1
        made = [make_block(syncer.chain, miner, start, height) for miner in range(3)]
        blocks = [block for block in made if block is not None]
    add(syncer.chain, blocks[0])
    add(syncer.chain, blocks[1], settle=False)
    assert len(syncer.chain.head().blocks) == 1
    run(syncer._resume())
    assert len(syncer.chain.head().blocks) == 2


# -- faults of this node -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TipsetExecutionError("cron failed"), StoreFullError("no room"), KeyError("a bug")])
@pytest.mark.parametrize("way", ["gossip", "sync"])
def test_an_execution_that_fails_is_told_until_one_succeeds(theirs, monkeypatch, caplog, error, way):
    """Neither silence nor "idle": the status, the pool's answer and the log say what is wrong with this node."""
    syncer = Alone(new_chain(), theirs)

    def fail(_tipset):
        yield
        raise error

    first = path(theirs)[0]
    monkeypatch.setattr(syncer.chain, "executing", fail)
    with pytest.raises(type(error)):
        if way == "gossip":
            syncer.hear(block_of(theirs, first.blocks[0]))
        else:
            run(syncer._execute(first))
    status = syncer.read_sync(ReadSync())
    assert f"height {first.height}: {type(error).__name__}" in status.fault
    assert "cannot execute" in caplog.text
    assert (status.bad_blocks, syncer.blamed) == (0, [])
    monkeypatch.undo()
    syncer.told_of(theirs.head(), weight(theirs))
    assert syncer.chain.head().key == theirs.head().key
    assert syncer.read_sync(ReadSync()).fault == ""
