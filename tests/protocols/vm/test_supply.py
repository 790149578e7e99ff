"""The circulating supply that messages are told."""

from types import SimpleNamespace

from thespis.protocols.chain.message import TOTAL_FILECOIN
from thespis.protocols.vm.supply import circulating_supply

MARKET = SimpleNamespace(
    total_client_locked_collateral=1, total_provider_locked_collateral=20, total_client_storage_fee=300
)


def test_what_is_locked_pledged_burnt_or_to_be_mined_does_not_circulate():
    supply = circulating_supply(MARKET, pledged=4000, to_be_mined=50_000, burnt=600_000)
    assert TOTAL_FILECOIN - supply == 654_321
    assert circulating_supply(MARKET, pledged=TOTAL_FILECOIN, to_be_mined=0, burnt=0) == 0
