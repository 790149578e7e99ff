"""What a network with openable proofs takes for a proof of storage, and that anything else is merely not one."""

import dataclasses

import pytest
from thespis.protocols.consensus.storage_proofs import seal_is_valid, window_post_is_valid
from thespis.protocols.encoding.cid import Cid

from tests.protocols.builtin.life import Life


@pytest.fixture(scope="module")
def handed_in():
    """What the chain asks about a sector that was sealed, and about its first window proof."""
    life, seals, posts = Life(), [], []
    life.world.seal_is_valid = lambda info: seals.append(info) or seal_is_valid(info)
    life.world.window_post_is_valid = lambda info: posts.append(info) or window_post_is_valid(info)
    assert life.commit(1, 5000).exit_code == 0
    life.ok(life.miner, 7, life.seal_proof(1))
    life.tick(life.epoch + 1)
    due = life.until_due()
    assert life.submit(due, life.window_proof(due, [1])) == 0
    return seals[0], posts[0]


def flipped(data, place=-1):
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def test_a_seal_is_proven_by_openings_of_its_trees(handed_in):
    seal, _post = handed_in
    assert seal_is_valid(seal)
    for changes in (
        {"proof": b""},
        {"proof": flipped(seal.proof)},
        {"proof": flipped(seal.proof, len(seal.proof) // 2)},
        {"randomness": flipped(seal.randomness)},
        {"interactive_randomness": flipped(seal.interactive_randomness)},
        {"sealed_cid": Cid.of(b"another")},
        {"unsealed_cid": Cid.of(b"another")},
    ):
        assert not seal_is_valid(dataclasses.replace(seal, **changes)), list(changes)


def test_a_window_proof_is_one_proof_of_all_its_sectors(handed_in):
    _seal, post = handed_in
    assert window_post_is_valid(post)
    [proof], [sector] = post.proofs, post.sectors
    for changes in (
        {"proofs": ()},
        {"proofs": (proof, proof)},
        {"sectors": ()},
        {"sectors": (sector, sector)},
        {"sectors": (dataclasses.replace(sector, sealed_cid=Cid.of(b"another")),)},
        {"randomness": flipped(post.randomness)},
        {"proofs": (dataclasses.replace(proof, proof_bytes=b""),)},
        {"proofs": (dataclasses.replace(proof, proof_bytes=flipped(proof.proof_bytes)),)},
    ):
        assert not window_post_is_valid(dataclasses.replace(post, **changes)), list(changes)
