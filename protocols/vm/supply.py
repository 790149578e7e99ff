"""The circulating supply, as messages see it: pledges of new sectors are a share of it."""

from __future__ import annotations

from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.chain.message import TOTAL_FILECOIN


def circulating_supply(market: MarketState, *, pledged: int, to_be_mined: int, burnt: int) -> int:
    """AttoFIL that are neither still to be mined nor burnt, pledged, or locked by the market.

    That is for local networks, which lock nothing at genesis: what vests there comes on top elsewhere (Lotus v1.4.0
    ``chain/stmgr/stmgr.go``, StateManager.GetVMCirculatingSupply).
    """
    locked = (
        market.total_client_locked_collateral
        + market.total_provider_locked_collateral
        + market.total_client_storage_fee
        + pledged
    )
    return max(0, TOTAL_FILECOIN - locked - to_be_mined - burnt)
