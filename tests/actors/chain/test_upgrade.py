"""A chain that begins with the actors of version 0 and goes on with those of version 2."""

import pytest
from thespis.actors.chain.world import run_tipset
from thespis.actors.msg_pool.gas import try_message
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.builtin.invariants.state import violations
from thespis.protocols.builtin.power.state import PowerState
from thespis.protocols.builtin.power.v2.state import PowerStateV2
from thespis.protocols.builtin.queries.miner import miner_state
from thespis.protocols.builtin.queries.power import miner_standing, power_state
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.consensus.eligibility import may_mine
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import ChainEpoch, TokenAmount
from thespis.protocols.errors import GenesisError
from thespis.protocols.networks import mainnet_2020
from thespis.protocols.upgrades.mainnet import ASSEMBLY, BREEZE, UPGRADES

from tests.actors.chain.builder import VERSION_0, extend, new_chain, template, transfer

LAST_OLD = 6


@pytest.fixture(scope="module")
def chain():
    chain = new_chain(upgrade_epoch=LAST_OLD)
    extend(chain, 14, messages=[transfer()])
    return chain


def after(chain, height):
    return chain.state_after(chain.at_height(height, chain.head()))


def test_the_state_is_another_from_the_epoch_after_the_upgrade_on(chain):
    old, new = after(chain, LAST_OLD), after(chain, 14)
    assert isinstance(power_state(chain.blocks, old), PowerState)
    assert isinstance(power_state(chain.blocks, new), PowerStateV2)
    assert {actor.code for _, actor in new.actors()} <= {
        code_of(name, 2)
        for name in (
            "system", "init", "reward", "cron", "storagepower", "storagemarket", "verifiedregistry", "account",
            "storageminer",
        )
    }  # fmt: skip
    assert [chain.genesis.profile.network_version(height) for height in (1, LAST_OLD, LAST_OLD + 1)] == [3, 3, 5]


def test_books_add_up_before_and_after(chain):
    supply = sum(actor.balance for _, actor in after(chain, 1).actors())
    for height in (1, LAST_OLD, LAST_OLD + 1, 14):
        assert list(violations(chain.blocks, after(chain, height), supply)) == []


def test_every_tipset_gives_its_state_when_executed_anew(chain):
    for tipset in chain.history(chain.head()):
        if tipset.height:
            executed, _ = run_tipset(chain, tipset)
            assert executed.state_root == chain.execution(tipset.key).state_root


def test_a_message_is_tried_on_the_state_that_it_will_meet(chain):
    """Over the last tipset of version 0, too, where that is the migrated one."""
    for height in (LAST_OLD - 1, LAST_OLD, LAST_OLD + 1):
        tipset = chain.at_height(height, chain.head())
        assert try_message(chain, tipset, transfer().message).receipt.exit_code == 0


def test_who_owes_or_was_reported_may_not_mine(chain, monkeypatch):
    miner, head = Address.id(1000), chain.head()
    state = chain.state_after(head)
    version = chain.genesis.profile.network_version(head.height)

    def is_eligible(miner):
        standing = miner_standing(chain.blocks, state, miner)
        return may_mine(has_minimum_power=True, standing=standing, network_version=version, parent_height=head.height)

    assert is_eligible(miner)
    assert not is_eligible(Address.id(1999))
    actor, found = miner_state(chain.blocks, state, miner)
    for changed in (found.with_(fee_debt=TokenAmount(1)), found):
        info = found.load_info(chain.blocks)
        reported = info.with_(consensus_fault_elapsed=ChainEpoch(head.height if changed is found else -1))
        monkeypatch.setattr("thespis.protocols.builtin.queries.power.miner_state", lambda *_, of=changed: (actor, of))
        monkeypatch.setattr(MinerStateV2, "load_info", lambda *_, of=reported: of)
        assert not is_eligible(miner)


def test_a_network_that_keeps_version_0():
    chain = new_chain(**VERSION_0)
    extend(chain, 3)
    assert isinstance(power_state(chain.blocks, chain.state_after(chain.head())), PowerState)


def test_upgrades_that_make_no_sense():
    with pytest.raises(GenesisError, match="upgrade epoch 0"):
        template(upgrade_epoch=0).parameters.profile()


def test_mainnets_schedule():
    versions = {41_280: 0, 41_281: 1, 51_001: 2, 94_001: 3, 138_720: 3, 138_721: 4, 140_761: 5, 170_001: 6}
    for height, version in versions.items():
        assert mainnet_2020.network_version(height) == version
    assert ASSEMBLY in mainnet_2020.MAINNET_2020.rules.upgrades
    with pytest.raises(NotImplementedError, match="upgrade Breeze at epoch 41280"):
        UPGRADES[BREEZE](None, None, BREEZE)
