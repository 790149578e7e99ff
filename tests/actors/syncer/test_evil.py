"""What costs a liar nothing must cost the Syncer little: equivocation, invented blocks, lists of what is no message."""

import dataclasses

import pytest
from thespis.actors.messages.syncer import ReadBad
from thespis.actors.syncer import early as early_module
from thespis.actors.syncer import equivocations as module
from thespis.actors.syncer.equivocations import PLACES_MAX, VARIANTS_MAX, Equivocations
from thespis.protocols.chain.block import save_message_meta
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.ipld.blockstore import MemoryBlockstore

from tests.actors.chain.builder import WORKER_KEYS, add, extend, make_block, new_chain, now_at
from tests.actors.syncer.alone import Alone, run


@pytest.fixture(scope="module")
def theirs():
    chain = new_chain()
    extend(chain, 6)
    return chain


@pytest.fixture
def syncer(theirs):
    return Alone(new_chain(), theirs)


def signed(header, key=WORKER_KEYS[0], **changes):
    changed = dataclasses.replace(header, **changes)
    return dataclasses.replace(changed, block_sig=sign(SignatureType.BLS, key, changed.signing_bytes()))


def won(chain, miner=0):
    height = chain.head().height
    while True:
        height += 1
        block = make_block(chain, miner, chain.head(), height)
        if block is not None:
            return block


def variants(block, count):
    """Valid blocks of one miner, height and win, each with its own name: the header has a field that nobody checks."""
    header, messages = block
    return [(signed(header, fork_signaling=number), messages) for number in range(1, count + 1)]


def kept(chain, height, parents):
    return set(chain.index.siblings(height, parents))


# -- equivocation --------------------------------------------------------------------------------------------


def test_of_hundreds_of_variants_of_a_block_the_first_count_and_no_other_is_executed(syncer):
    header, _messages = block = won(syncer.chain)
    found = variants(block, 60)
    for each in found:
        syncer.hear(each)
    assert kept(syncer.chain, header.height, header.parents) == {each.cid() for each, _ in found[:VARIANTS_MAX]}
    assert syncer._equivocations.refused == 60 - VARIANTS_MAX
    assert syncer.read_bad(ReadBad(found[-1][0].cid())) == "", "it is not bad"
    assert syncer.blamed == []


def test_heads_of_hundreds_of_variants_are_not_executed_either(syncer):
    chain = new_chain()
    header, messages = won(chain)
    tipsets = []
    for each in variants((header, messages), 20):
        add(chain, each)
        tipsets.append(Tipset.of([each[0]]))
    syncer._fetcher.chain = chain
    for number, tipset in enumerate(tipsets):
        syncer.told_of(tipset, 10**9 + number, peer=f"peer {number}")
    syncer.pass_time(30.0)
    assert len(kept(syncer.chain, header.height, header.parents)) == VARIANTS_MAX
    assert syncer.blamed == []


def test_a_variant_that_a_miner_has_built_on_is_followed(syncer):
    """A part of the network saw another variant first; its chain must stay one that we can follow."""
    first, *others, last = variants(won(syncer.chain), 8)
    for block in (first, *others):
        syncer.hear(block)
    chain = new_chain()
    add(chain, last)
    over = won(chain, 1)
    add(chain, over)
    syncer._fetcher.chain = chain
    syncer.hear(over)
    syncer.pass_time(30.0)
    assert syncer.chain.head().key == (over[0].cid(),)


def test_nobody_can_sign_an_honest_miners_place_away(syncer):
    header, messages = block = won(syncer.chain)
    for number in range(5):
        forged = signed(header, WORKER_KEYS[2], fork_signaling=100 + number)
        syncer.hear((forged, messages))
        orphan = signed(header, WORKER_KEYS[2], parents=(forged.cid(),), fork_signaling=number)
        syncer.hear((orphan, messages))
    syncer.hear(block)
    assert syncer.chain.head().key == (header.cid(),)


def test_a_bounded_number_of_places_is_remembered(theirs, monkeypatch):
    assert (PLACES_MAX, VARIANTS_MAX) == (8192, 2)
    monkeypatch.setattr(module, "PLACES_MAX", 3)
    header = theirs.head().blocks[0]
    found = Equivocations()
    for height in range(1, 4):
        for number in range(2):
            found.note(dataclasses.replace(header, height=height, fork_signaling=number))
    third = dataclasses.replace(header, fork_signaling=2)
    assert all(found.one_too_many(dataclasses.replace(third, height=height)) for height in range(1, 4))
    assert not found.one_too_many(dataclasses.replace(third, height=1, miner=Address.id(1)))
    found.note(dataclasses.replace(header, height=4))
    assert not found.one_too_many(dataclasses.replace(third, height=1)), "the oldest is forgotten"


def test_choices_of_known_blocks_are_not_each_executed(syncer):
    """Any of the 2^n choices of a tipset's blocks can be said to be a head."""
    chain = new_chain()
    height, blocks = 0, []
    while len(blocks) < 3:
        height += 1
        blocks = [block for miner in range(3) if (block := make_block(chain, miner, chain.head(), height)) is not None]
    for block in blocks:
        add(chain, block)
        syncer.hear(block)
    before = len(syncer.heads)
    syncer._fetcher.chain = chain
    executed = []
    original = syncer.chain.execute
    syncer.chain.execute = lambda tipset: (executed.append(tipset.key), original(tipset))[1]
    choice = Tipset.of([blocks[0][0], blocks[2][0]])
    assert not syncer.chain.knows(choice.key)
    syncer.told_of(choice, 10**9)
    assert not syncer.chain.knows(choice.key)
    assert set(executed) <= {syncer.chain.head().key}
    assert len(syncer.heads) == before


# -- messages ------------------------------------------------------------------------------------------------


def test_a_block_that_lists_a_state_node_as_a_message_is_bad_and_its_author_answers(syncer):
    """It raised past the handler: nothing was remembered, and the author was kept."""
    root = syncer.chain.execution(syncer.chain.head().key).state_root
    header, _messages = won(syncer.chain)
    for bls, secpk in (((root,), ()), ((), (root,))):
        meta = save_message_meta(MemoryBlockstore(), list(bls), list(secpk))
        bad = signed(header, messages=meta)
        syncer.told.clear()
        syncer._equivocations = Equivocations()
        from thespis.actors.messages.syncer import BlockGossiped
        from thespis.protocols.chain.block import BlockMessage

        run(syncer.block_gossiped(BlockGossiped("carrier", "liar", BlockMessage(bad, bls, secpk).encode())))
        assert "BlockMessagesError: item 1 of the block's messages is no message" in syncer.read_bad(ReadBad(bad.cid()))
        assert syncer.blamed == ["liar"]
    syncer._equivocations = Equivocations()
    syncer.hear((header, _messages))
    assert syncer.chain.head().key == (header.cid(),), "nothing else is harmed"


def test_no_message_of_an_invented_chain_is_asked_for(syncer, theirs):
    """Its first header breaks a rule, and that is seen before megabytes are fetched and decoded."""
    path = [tipset for tipset in theirs.history(theirs.head()) if tipset.height][::-1]
    invented = Tipset.of([dataclasses.replace(path[0].blocks[0], parent_weight=path[0].blocks[0].parent_weight + 1)])
    syncer._fetcher.tipset = lambda key: {invented.key: invented}.get(key) or theirs.tipset(key)
    syncer.told_of(invented, 10**9)
    assert {kind for kind, *_rest in syncer._fetcher.asked} == {"headers"}
    assert "BlockWeightError" in syncer.read_bad(ReadBad(invented.key[0]))
    assert set(syncer.blamed) == {"peer"}


# -- what is early -------------------------------------------------------------------------------------------


def test_an_early_block_is_taken_when_its_time_has_come(syncer):
    header, messages = block = won(syncer.chain)
    syncer.epoch = header.height - 3
    syncer.hear(block)
    syncer.hear(block)
    assert (syncer.chain.head().height, len(syncer._early)) == (0, 1)
    forged = signed(header, WORKER_KEYS[2])
    syncer.hear((forged, messages))
    assert len(syncer._early) == 1, "what nobody signed does not wait"
    drift_s = syncer.chain.genesis.profile.allowable_clock_drift_s
    delay_s = now_at(syncer.chain, 1) - now_at(syncer.chain, 0)
    syncer.pass_time(3 * delay_s - drift_s - 0.1)
    assert syncer.chain.head().height == 0
    syncer.pass_time(0.3)
    assert syncer.chain.head().key == (header.cid(),)
    assert (len(syncer._early), syncer.blamed) == (0, [])


def test_a_bounded_number_of_blocks_waits_for_its_time_and_the_latest_go(syncer, monkeypatch):
    assert early_module.EARLY_MAX == 256
    monkeypatch.setattr(early_module, "EARLY_MAX", 3)
    header, messages = won(syncer.chain)
    syncer.epoch = header.height - 4
    first = header.timestamp
    for later in (3, 2, 1, 0):
        syncer.hear((signed(header, timestamp=first + later), messages))
    assert [due_s + 1 for due_s, *_rest in syncer._early._waiting] == [first, first + 1, first + 2]


def test_an_early_head_is_synced_to_when_its_time_has_come(syncer, theirs):
    top = theirs.head()
    syncer.epoch = top.height - 2
    syncer.told_of(top, theirs.execution(top.key).weight)
    assert syncer.chain.head().height < top.height
    assert syncer.blamed == []
    syncer.pass_time(10 * (now_at(syncer.chain, 1) - now_at(syncer.chain, 0)))
    assert syncer.chain.head().key == top.key
    assert (syncer.blamed, syncer.read_bad(ReadBad(top.key[0]))) == ([], "")


def test_a_clock_that_goes_back_while_a_block_is_looked_at_makes_nobody_guilty(syncer, monkeypatch):
    header, _messages = block = won(syncer.chain)
    monkeypatch.setattr(syncer._equivocations, "note", lambda header: setattr(syncer, "epoch", header.height - 3))
    syncer.hear(block)
    assert (syncer.chain.head().height, len(syncer._early), syncer.blamed) == (0, 1, [])
    syncer.pass_time(4 * (now_at(syncer.chain, 1) - now_at(syncer.chain, 0)))
    assert syncer.chain.head().key == (header.cid(),)


def test_a_clock_that_goes_back_while_messages_come_makes_nobody_guilty(syncer, theirs, monkeypatch):
    top, fetch = theirs.head(), syncer._fetcher.batch_messages

    async def later(tipsets, peer):
        syncer.epoch = -10
        return await fetch(tipsets, peer)

    monkeypatch.setattr(
        syncer, "_check_due", lambda header: syncer.chain.check_header(header, now_at(syncer.chain, syncer.epoch))
    )
    monkeypatch.setattr(syncer._fetcher, "batch_messages", later)
    syncer.told_of(top, theirs.execution(top.key).weight)
    assert (syncer.chain.head().height, syncer.blamed) == (0, [])
    monkeypatch.undo()
    syncer.epoch = 200
    syncer.pass_time(200 * (now_at(syncer.chain, 1) - now_at(syncer.chain, 0)))
    assert (syncer.chain.head().key, syncer.blamed) == (top.key, [])


def test_a_clock_that_was_set_right_is_noticed(syncer, theirs):
    """Hours of waiting were reckoned by a clock that was wrong; who waits looks at it each epoch."""
    top = theirs.head()
    syncer.epoch = -5000
    syncer.told_of(top, theirs.execution(top.key).weight)
    syncer.pass_time(10.0)
    assert syncer.chain.head().height == 0
    syncer.epoch = 200
    syncer.pass_time(5.0)
    assert syncer.chain.head().key == top.key


# -- after a crash -------------------------------------------------------------------------------------------


def test_a_block_that_was_kept_and_not_executed_is_so_after_a_restart(syncer):
    """The process died between the two: the miner's only block was known, never executed, never given out again."""
    extend(syncer.chain, 2)
    block = won(syncer.chain)
    add(syncer.chain, block, settle=False)
    head = syncer.chain.head()
    assert not syncer.chain.knows((block[0].cid(),))
    run(syncer._resume())
    assert syncer.chain.head().key == (block[0].cid(),)
    assert syncer.chain.head().parents == head.key


def test_a_block_whose_execution_failed_is_executed_when_it_comes_again(syncer, monkeypatch):
    block = won(syncer.chain)

    def full(_tipset):
        raise OSError("no space left on the device")

    with monkeypatch.context() as patched:
        patched.setattr(syncer.chain, "execute", full)
        with pytest.raises(OSError, match="no space"):
            syncer.hear(block)
    assert syncer.chain.head().height == 0
    syncer.hear(block)
    assert syncer.chain.head().key == (block[0].cid(),)


def test_a_fault_of_ours_while_syncing_does_not_end_syncing(syncer, theirs, monkeypatch):
    def broken(_tipset):
        raise OSError("no space left on the device")

    top = theirs.head()
    with monkeypatch.context() as patched:
        patched.setattr(syncer.chain, "execute", broken)
        syncer.told_of(top, theirs.execution(top.key).weight)
    syncer.pass_time(3.0)
    assert syncer.chain.head().key == top.key
    assert syncer.blamed == []
