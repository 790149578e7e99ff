"""The chain over a store: adding, widening, forks, reorganisations, restarts (seed-node, behaviours 28-60)."""

import dataclasses

import pytest
from thespis.actors.chain.world import run_tipset
from thespis.actors.chain.writer import ChainWriter
from thespis.protocols.chain.block import BlockMessages, PoStProof
from thespis.protocols.chain.message import BLOCK_GAS_LIMIT
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import (
    BlockFutureError,
    BlockMessagesError,
    BlockNotFoundError,
    BlockProofError,
    BlockSignatureError,
    BlockWeightError,
    ChainError,
    GenesisError,
    InvalidBlockError,
    InvalidTipsetError,
)
from thespis.protocols.proofs.vanilla import PostVanillaProof
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import (
    USERS,
    WORKER_KEYS,
    add,
    extend,
    fork,
    genesis_car,
    make_block,
    new_chain,
    now_at,
    transfer,
)


@pytest.fixture(scope="module")
def grown():
    """A chain of twenty epochs; tests that use it only read."""
    chain = new_chain()
    extend(chain, 20, messages=[transfer()])
    return chain


@pytest.mark.behaviour(28, 43, 48)
def test_a_block_becomes_head_and_coming_again_changes_nothing():
    chain = new_chain()
    [block, *_] = extend(chain, 1)
    head = chain.head()
    assert head.height >= 1
    assert add(chain, block) is None
    assert chain.head().key == head.key


@pytest.mark.behaviour(29, 30, 38, 39)
def test_siblings_widen_the_head():
    chain = new_chain()
    genesis = chain.head()
    found = {}
    height = 0
    while len(found) < 2:
        height += 1
        blocks = [make_block(chain, miner, genesis, height) for miner in range(3)]
        found = [block for block in blocks if block is not None]
    for count, block in enumerate(found, 1):
        change = add(chain, block)
        assert len(chain.head().blocks) == count
        assert change.grown == (count > 1), "a head with another block beside its own is no reorganisation"
    assert chain.widest(found[0][0]).key == chain.head().key


@pytest.mark.behaviour(31, 49)
def test_a_chain_grows_tipset_by_tipset_and_siblings_are_found(grown):
    head = grown.head()
    for tipset in grown.history(head):
        assert grown.knows(tipset.key)
        for header, cid in zip(tipset.blocks, tipset.key, strict=True):
            assert cid in set(grown.index.siblings(header.height, header.parents)) or header.height == 0


@pytest.mark.behaviour(33)
def test_a_lighter_fork_is_kept_and_not_followed():
    chain = new_chain()
    start = chain.head()
    extend(chain, 6)
    head = chain.head()
    branch = fork(chain, start, 2, miner=0)
    assert chain.choose(Tipset.of([branch[-1][0]])) is None
    assert chain.head().key == head.key
    assert chain.index.has_block(branch[-1][0].height, branch[-1][0].cid())


@pytest.mark.behaviour(34, 52, 58)
def test_a_heavier_fork_is_followed_and_the_index_with_it():
    chain = new_chain()
    start = chain.head()
    extend(chain, 3, miners=(1,), messages=[transfer()])
    old = chain.head()
    message = transfer().cid()
    assert chain.index.message_height(message) is not None
    branch = fork(chain, start, 12, miner=0)
    change = chain.choose(Tipset.of([branch[-1][0]]))
    assert change is not None
    assert not change.grown
    assert change.reverted[0] == old.key
    assert change.applied[-1] == chain.head().key
    assert chain.index.message_height(message) is None
    assert chain.index.at_height(old.height) != old.key
    left, joined = chain.path(old, chain.head())
    assert (tuple(left), tuple(joined)) == (change.reverted, change.applied)
    length = len(left) + len(joined)
    assert chain.path(old, chain.head(), length) == (left, joined)
    with pytest.raises(ChainError, match=f"longer than {length - 1} tipsets"):
        chain.path(old, chain.head(), length - 1)


@pytest.mark.behaviour(35, 99)
def test_blocks_that_form_no_tipset_are_refused(grown):
    first, second = grown.head(), grown.parent(grown.head())
    with pytest.raises(InvalidTipsetError, match="different height"):
        Tipset.of([first.blocks[0], second.blocks[0]])


@pytest.mark.behaviour(36, 56)
def test_a_reload_finds_the_chain_and_forks_stay_usable():
    disk = MemoryDisk()
    chain = new_chain(disk=disk)
    start = chain.head()
    branch = fork(chain, start, 9, miner=0)
    extend(chain, 3, miners=(1,))
    head = chain.head()
    chain.store.close()
    again = ChainWriter(disk.open("chain"))
    again.begin(genesis_car())
    assert again.head().key == head.key
    assert [tipset.key for tipset in again.history(again.head())][-1] == start.key
    assert again.choose(Tipset.of([branch[-1][0]])) is not None


@pytest.mark.behaviour(37)
def test_parents_may_be_a_part_of_a_stored_tipset():
    chain = new_chain()
    while len(chain.head().blocks) < 2:
        extend(chain, 1)
    wide = chain.head()
    part = Tipset.of([wide.blocks[0]])
    chain.execute(part)
    block = None
    height = part.height
    while block is None:
        height += 1
        block = make_block(chain, 0, part, height)
    add(chain, block)
    assert chain.knows((block[0].cid(),))


@pytest.mark.behaviour(40)
def test_weights_follow_power_and_wins(grown):
    head = grown.head()
    for tipset in grown.history(head):
        if tipset.height:
            assert tipset.parent_weight == grown.execution(tipset.parents).weight
            assert grown.execution(tipset.key).weight > tipset.parent_weight


@pytest.mark.behaviour(44, 50, 51, 53)
def test_what_is_missing_is_named(grown):
    other = Cid.of(b"nothing")
    with pytest.raises(BlockNotFoundError, match="fetch it"):
        grown.header(other)
    with pytest.raises(ChainError, match="not been executed"):
        grown.execution((other,))
    assert not grown.knows((other,))
    assert not grown.index.has_block(3, other)


@pytest.mark.behaviour(55)
def test_history_reaches_genesis_and_stops_at_a_hole(grown):
    heights = [tipset.height for tipset in grown.history(grown.head())]
    assert heights[-1] == 0
    assert heights == sorted(heights, reverse=True)


@pytest.mark.behaviour(57)
def test_another_genesis_is_refused():
    disk = MemoryDisk()
    new_chain(disk=disk).store.close()
    chain = ChainWriter(disk.open("chain"))
    with pytest.raises(GenesisError, match="the store holds the chain of genesis"):
        chain.begin(genesis_car(miners=2))
    with pytest.raises(GenesisError, match="was given no genesis"):
        ChainWriter(MemoryDisk().open("chain")).begin(b"")


@pytest.mark.behaviour(59, 60, 116)
def test_heights_are_found_on_null_rounds_and_forks(grown):
    head = grown.head()
    assert grown.at_height(0, head).height == 0
    for height in range(head.height + 1):
        before, after = grown.at_height(height, head), grown.at_height(height, head, earlier=False)
        assert before.height <= height <= after.height
    with pytest.raises(ChainError, match="not on a chain"):
        grown.at_height(head.height + 1, head)
    with pytest.raises(ChainError):
        grown.at_height(-1, head)


@pytest.mark.behaviour(47)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"parent_weight": 1}, BlockWeightError),
        ({"timestamp": 99}, InvalidBlockError),
        ({"block_sig": None}, BlockSignatureError),
        ({"win_post_proof": ()}, BlockSignatureError),
    ],
)
def test_a_changed_header_is_refused_and_not_kept(change, error):
    chain = new_chain()
    block, height = None, 0
    while block is None:
        height += 1
        block = make_block(chain, 0, chain.head(), height)
    header = dataclasses.replace(block[0], **change)
    with pytest.raises(error):
        add(chain, (header, block[1]))
    assert not chain.index.has_block(header.height, header.cid())
    assert chain.head().height == 0


def resigned(block, **changes):
    header = dataclasses.replace(block[0], **changes)
    return dataclasses.replace(
        header, block_sig=sign(SignatureType.BLS, WORKER_KEYS[0], header.signing_bytes())
    ), block[1]


def test_storage_is_proven_by_the_block_itself():
    chain = new_chain()
    blocks, height = [], 0
    while len(blocks) < 2:
        height += 1
        if (block := make_block(chain, 0, chain.head(), height)) is not None:
            blocks.append(block)
    [proof], [later] = (block[0].win_post_proof for block in blocks)
    opened = PostVanillaProof.decode(proof.proof_bytes)
    [sector] = opened.sectors
    flipped = dataclasses.replace(sector, siblings=sector.siblings[:-1] + bytes([sector.siblings[-1] ^ 1]))
    for wrong in (
        (),
        (proof, proof),
        (later,),
        (PoStProof(1, proof.proof_bytes),),
        (PoStProof(0, b"x"),),
        (PoStProof(0, proof.proof_bytes + b"\x00"),),
        (PoStProof(0, PostVanillaProof(()).encode()),),
        (PoStProof(0, PostVanillaProof((sector, sector)).encode()),),
        (PoStProof(0, PostVanillaProof((flipped,)).encode()),),
    ):
        with pytest.raises(BlockProofError):
            add(chain, resigned(blocks[0], win_post_proof=wrong))
    add(chain, resigned(blocks[0]))


def test_a_block_from_the_future_waits_and_is_not_bad():
    chain = new_chain()
    block, height = None, 0
    while block is None:
        height += 1
        block = make_block(chain, 0, chain.head(), height)
    with pytest.raises(BlockFutureError):
        chain.add_block(*block, now_at(chain, height) - 2.5)
    add(chain, block)


@pytest.mark.behaviour(105)
def test_messages_must_be_those_of_the_header_and_follow_on():
    chain = new_chain()
    block, height = None, 0
    while block is None:
        height += 1
        block = make_block(chain, 0, chain.head(), height, [transfer(nonce=0), transfer(nonce=1)])
    header, messages = block
    with pytest.raises(BlockMessagesError, match="commits to"):
        add(chain, (header, BlockMessages((), messages.secpk[:1])))
    bad = make_block(chain, 0, chain.head(), height, [transfer(nonce=1)])
    with pytest.raises(BlockMessagesError, match="nonce 1, 0 is due"):
        add(chain, bad)
    stranger = make_block(chain, 0, chain.head(), height, [transfer(nonce=0, limit=10)])
    with pytest.raises(BlockMessagesError, match="gas limit"):
        add(chain, stranger)
    forged = dataclasses.replace(transfer(), signature=transfer(sender=1).signature)
    with pytest.raises(BlockMessagesError, match="not of"):
        add(chain, make_block(chain, 0, chain.head(), height, [forged]))
    add(chain, block)
    state = chain.state_after(chain.head())
    assert state.get(USERS[0]).nonce == 2


@pytest.mark.behaviour(103)
def test_execution_is_a_function_of_the_tipset(grown):
    from thespis.protocols.ipld.blockstore import Overlay
    from thespis.protocols.vm.interpreter import execute_tipset

    for tipset in grown.history(grown.head()):
        if tipset.height == 0:
            continue
        executed = execute_tipset(
            Overlay(grown.blocks),
            tipset.blocks[0].parent_state_root,
            grown.tipset_messages(tipset),
            parent_epoch=grown.parent(tipset).height,
            epoch=tipset.height,
            base_fee=tipset.blocks[0].parent_base_fee,
            rules=grown.genesis.profile.rules,
        )
        assert executed.state_root == grown.execution(tipset.key).state_root
        assert executed.receipts_root == grown.execution(tipset.key).receipts_root


def test_a_checkpoint_holds_against_a_heavier_fork():
    chain = new_chain()
    start = chain.head()
    extend(chain, 3, miners=(1,))
    chain.set_checkpoint(chain.head().key)
    branch = fork(chain, start, 9, miner=0)
    with pytest.raises(ChainError, match="not on the heaviest chain"):
        chain.set_checkpoint((branch[0][0].cid(),))
    assert chain.choose(Tipset.of([branch[-1][0]])) is None
    chain.set_checkpoint(())
    assert chain.choose(Tipset.of([branch[-1][0]])) is not None


def test_what_is_final_is_never_left(monkeypatch):
    chain = new_chain()
    start = chain.head()
    extend(chain, 5, miners=(1,))
    branch = fork(chain, start, 14, miner=0)
    profile = dataclasses.replace(chain.genesis.profile, finality_epochs=3)
    monkeypatch.setattr(chain, "_genesis", dataclasses.replace(chain.genesis, profile=profile))
    assert chain.choose(Tipset.of([branch[-1][0]])) is None


def test_a_crash_between_block_and_tipset_loses_nothing():
    disk = MemoryDisk()
    chain = new_chain(disk=disk)
    extend(chain, 2)
    block, height = None, chain.head().height
    while block is None:
        height += 1
        block = make_block(chain, 0, chain.head(), height)
    add(chain, block, settle=False)
    disk.crash()
    again = ChainWriter(disk.open("chain"))
    again.begin(b"")
    assert again.index.has_block(height, block[0].cid())
    add(again, block)
    assert again.head().key == again.widest(block[0]).key


def test_the_gas_limits_of_a_blocks_messages_sum_to_at_most_the_blocks_limit():
    """Each message alone is within it; Lotus chain/sync.go, checkBlockMessages (ErrTooMuchGas)."""
    chain = new_chain()
    half = BLOCK_GAS_LIMIT // 2

    def filled(*limits):
        messages = [
            transfer(sender=2, nonce=nonce, limit=limit, cap=200, premium=100) for nonce, limit in enumerate(limits)
        ]
        return next(
            block
            for height in range(1, 50)
            if (block := make_block(chain, 0, chain.head(), height, messages)) is not None
        )

    for limits in ((half, half + 1), (BLOCK_GAS_LIMIT, BLOCK_GAS_LIMIT), (half, half - 10**6, 10**6 + 1)):
        with pytest.raises(BlockMessagesError, match=f"sum to more than {BLOCK_GAS_LIMIT}"):
            add(chain, filled(*limits))
    add(chain, filled(half, half - 10**6, 10**6))
    assert len(chain.block_messages(chain.head().blocks[0]).secpk) == 3


def test_of_two_messages_with_one_nonce_in_a_tipset_the_first_alone_is_executed():
    """The other one costs nobody a penalty, has no receipt, and is not on the chain."""
    chain = new_chain()
    genesis, height, found = chain.head(), 0, []
    while len(found) < 2:
        height += 1
        sent = [[transfer(value=number), transfer(nonce=1, value=number)][: 1 + number] for number in range(2)]
        made = [make_block(chain, number, genesis, height, sent[number]) for number in range(2)]
        found = [block for block in made if block is not None]
    for block in found:
        add(chain, block)
    head = chain.head()
    assert len(head.blocks) == 2
    order = [next(each for each in found if each[0] == header) for header in head.blocks]
    listed = [[signed.chain_cid() for signed in messages.secpk] for _, messages in order]
    expected = [*listed[0], *listed[1][len(listed[0]) :]]
    assert chain.message_cids(head) == expected
    executed, _written = run_tipset(chain, head)
    assert list(executed.messages) == expected
    assert [each.receipt.exit_code for each in executed.applied] == [0] * len(expected)
    assert sum(each.miner_penalty for each in executed.applied) == 0
    assert chain.state_after(head).get(USERS[0]).nonce == len(expected)
    passed_over = set(listed[1]) - set(expected)
    assert passed_over
    assert all(chain.index.message_height(cid) is None for cid in passed_over)
    assert all(chain.index.message_height(cid) == head.height for cid in expected)
