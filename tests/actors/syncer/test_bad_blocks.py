"""The cache of bad blocks: the first reason stands, and both its size and its texts are bounded."""

from thespis.actors.syncer import bad_blocks
from thespis.actors.syncer.bad_blocks import REASON_CHARACTERS_MAX, BadBlocks
from thespis.protocols.encoding.cid import Cid


def cid(number):
    return Cid.of(b"block %d" % number)


def test_the_first_reason_stands_until_the_block_is_forgiven():
    bad = BadBlocks()
    bad.add(cid(1), "a weight that is not its parents'")
    bad.add(cid(1), "something else")
    assert cid(1) in bad
    assert bad.reason(cid(1)) == "a weight that is not its parents'"
    bad.remove(cid(1))
    bad.remove(cid(1))
    assert cid(1) not in bad
    assert bad.reason(cid(1)) == ""


def test_beyond_the_bound_the_oldest_block_is_forgotten(monkeypatch):
    assert bad_blocks.BLOCKS_MAX == 8192
    monkeypatch.setattr(bad_blocks, "BLOCKS_MAX", 3)
    bad = BadBlocks()
    for number in range(3):
        bad.add(cid(number), f"reason {number}")
    assert len(bad) == 3
    bad.add(cid(0), "known already, so nobody goes")
    assert len(bad) == 3
    bad.add(cid(3), "reason 3")
    assert [number for number in range(4) if cid(number) in bad] == [1, 2, 3]


def test_a_reason_is_cut_at_its_bound():
    assert REASON_CHARACTERS_MAX == 500
    bad = BadBlocks()
    bad.add(cid(1), "x" * REASON_CHARACTERS_MAX)
    bad.add(cid(2), "x" * (REASON_CHARACTERS_MAX + 1))
    assert bad.reason(cid(1)) == bad.reason(cid(2)) == "x" * REASON_CHARACTERS_MAX
