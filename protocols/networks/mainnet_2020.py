"""Filecoin mainnet as it went live, for replay and conformance (reference: formats, section 6)."""

from __future__ import annotations

from protocols.consensus.beacon import ChainedDrand
from protocols.networks.profile import NetworkProfile

GENESIS_TIME_S = 1_598_306_400
BLOCK_DELAY_S = 30

INCENTINET = ChainedDrand(
    public_key=bytes.fromhex(
        "8cad0c72c606ab27d36ee06de1d5b2db1faf92e447025ca37575ab3a8aac2eaae83192f846fc9e158bc738423753d000"
    ),
    genesis_s=1_595_873_820,
    period_s=30,
    network_genesis_s=GENESIS_TIME_S,
    block_delay_s=BLOCK_DELAY_S,
)
"""The drand network that mainnet used until upgrade Smoke."""

MAINNET_2020 = NetworkProfile(
    name="mainnet-2020",
    genesis_time_s=GENESIS_TIME_S,
    block_delay_s=BLOCK_DELAY_S,
    beacon=INCENTINET,
    upgrade_smoke_height=51_000,
)
