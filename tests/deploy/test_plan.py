"""Laying out a local network, without starting it."""

import pytest
from thespis.deploy.devnet.plan import NODES_MAX, DevnetError, DevnetPlan


def plan(home, nodes, miners=1):
    return DevnetPlan.make(
        home, seed=1, nodes=nodes, miners=miners, block_time_s=1, base_port=20_000, genesis_time_s=1_600_000_000
    )


def test_a_local_network_has_a_bounded_number_of_nodes(tmp_path):
    largest = plan(tmp_path, NODES_MAX, NODES_MAX)
    assert len({node.name for node in largest.nodes}) == NODES_MAX
    ports = [port for node in largest.nodes for port in (node.p2p_port, node.api_port)]
    assert len(set(ports)) == 2 * NODES_MAX
    for nodes, miners in ((NODES_MAX + 1, 1), (0, 1), (3, 0), (3, 4)):
        with pytest.raises(DevnetError, match=f"1 to {NODES_MAX} nodes"):
            plan(tmp_path, nodes, miners)
