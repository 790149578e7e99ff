"""Questions to the chain whose answers change at an epoch, and how far back they look."""

import dataclasses

import pytest
from thespis.actors.chain import reader as module
from thespis.actors.chain.reader import BEACON_LOOKBACK_MAX
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ChainError

from tests.actors.chain.builder import extend, new_chain

MINER = Address.id(1000)
UPGRADE = 4


@pytest.fixture(scope="module")
def upgraded():
    """A chain past its upgrade from network version 3; tests that use it only read."""
    chain = new_chain(upgrade_epoch=UPGRADE)
    extend(chain, 2 * UPGRADE)
    return chain


def test_a_miner_needs_standing_over_parents_after_network_version_3(upgraded, monkeypatch):
    """The parent's version decides, not the block's: Lotus chain/stmgr, MinerEligibleToMine."""
    asked = []
    monkeypatch.setattr(module, "miner_standing", lambda *_args: asked.append(True))
    parents = [tipset for tipset in upgraded.history(upgraded.head()) if tipset.height]
    for parent in parents:
        context = upgraded.epoch_context(parent, parent.height + 1, MINER)
        assert context.eligible is (parent.height <= UPGRADE), parent.height
    heights = {parent.height for parent in parents}
    assert {UPGRADE, UPGRADE + 1} & heights, "both sides of the upgrade are asked about"
    assert min(heights) <= UPGRADE < max(heights)
    assert len(asked) == len(parents), "the state below each parent is asked about"


class Tipsets:
    """Tipsets of one block each, of which only some have beacon entries."""

    beacon_before = module.ChainReader.beacon_before

    def __init__(self, upgraded, with_entries):
        self.block = upgraded.head().blocks[0]
        self.entries = with_entries

    def at(self, height):
        entries = self.block.beacon_entries if height in self.entries else ()
        block = dataclasses.replace(self.block, height=height, beacon_entries=entries)
        return module.Tipset.of([block])

    def parent(self, tipset):
        return self.at(tipset.height - 1)


def test_the_newest_beacon_entry_is_looked_for_in_a_bounded_number_of_tipsets(upgraded):
    top = 2 * BEACON_LOOKBACK_MAX
    last = top - BEACON_LOOKBACK_MAX + 1
    entry = upgraded.head().blocks[0].beacon_entries[-1]
    assert Tipsets(upgraded, {top}).beacon_before(Tipsets(upgraded, {top}).at(top)) == entry
    chain = Tipsets(upgraded, {last})
    assert chain.beacon_before(chain.at(top)) == entry
    chain = Tipsets(upgraded, {last - 1})
    with pytest.raises(ChainError, match=f"in {BEACON_LOOKBACK_MAX} tipsets"):
        chain.beacon_before(chain.at(top))


def test_genesis_is_the_last_tipset_that_is_looked_at(upgraded):
    chain = Tipsets(upgraded, set())
    with pytest.raises(ChainError, match="no beacon entry"):
        chain.beacon_before(chain.at(3))
