"""Filecoin mainnet as it went live, for replay and conformance (reference: formats, section 6)."""

from __future__ import annotations

from bisect import bisect_right

from thespis.protocols.consensus.beacon import ChainedDrand
from thespis.protocols.networks.profile import NetworkProfile, ProofPolicy
from thespis.protocols.upgrades.mainnet import ASSEMBLY, BREEZE, CALICO, IGNITION, KUMQUAT, SMOKE, TAPE, UPGRADES

GENESIS_TIME_S = 1_598_306_400
BLOCK_DELAY_S = 30
UPGRADE_HEIGHTS = (BREEZE, SMOKE, IGNITION, ASSEMBLY, TAPE, KUMQUAT, CALICO)
"""After each of these, the network version is one higher; Refuel and Liftoff changed the state and not the version."""

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


def network_version(height: int) -> int:
    """The version in force when the tipset of a height is executed: an upgrade's own height is still the old one."""
    return bisect_right(UPGRADE_HEIGHTS, height - 1)


MAINNET_2020 = NetworkProfile(
    name="mainnet-2020",
    genesis_time_s=GENESIS_TIME_S,
    block_delay_s=BLOCK_DELAY_S,
    beacon=INCENTINET,
    network_version=network_version,
    upgrade_smoke_height=SMOKE,
    proofs=ProofPolicy.RECORDED,
    upgrades=UPGRADES,
    address_network="f",
)
