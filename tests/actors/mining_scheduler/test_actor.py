"""Orders to the MiningScheduler."""

import pytest
from thespis.actors.messages.mining_scheduler import MineOnce
from thespis.actors.mining_scheduler import actor as module
from thespis.actors.mining_scheduler.actor import MiningError, MiningScheduler
from thespis.protocols.encoding.address import Address


@pytest.mark.parametrize(("wanted", "tried"), [(2, 2), (3, 3), (4, 3), (10**12, 3)])
def test_mining_once_tries_a_bounded_number_of_epochs(monkeypatch, wanted, tried):
    assert module.ROUNDS_MAX == 10_000
    monkeypatch.setattr(module, "ROUNDS_MAX", 3)
    rounds = []

    async def lost(_scheduler, miner):
        rounds.append(miner)

    monkeypatch.setattr(MiningScheduler, "_round", lost)
    monkeypatch.setattr(MiningScheduler, "now_s", lambda _scheduler: 0.0)
    scheduler = MiningScheduler()
    scheduler._miner = Address.id(1000)
    with pytest.raises(MiningError, match="lost elections"):
        scheduler.mine_once(MineOnce(wanted)).send(None)
    assert rounds == [Address.id(1000)] * tried
