"""One simulation from start to verdict: epochs with faults and transfers, a calm end, the invariants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from thespis.actors.chain.reader import ChainReader
from thespis.actors.msg_pool.actor import REPUBLISH_EPOCHS
from thespis.actors.simulation.enemies.camp import Camp, check_kinds, miners_needed, pool_messages
from thespis.actors.simulation.faults import FaultSchedule, check_faults
from thespis.actors.simulation.invariants import LIVENESS_EPOCHS, Checker
from thespis.actors.simulation.network import BLOCK_TIME_S, RpcFailedError, SimulatedFilecoin
from thespis.actors.simulation.topology import FULL_MESH
from thespis.protocols.networks.devnet import NEVER
from thespis.runtime.errors import AskError

RECOMPUTE_EVERY = 25
NODES_MAX = 1000
QUIET_EPOCHS = REPUBLISH_EPOCHS + 6
"""Epochs without faults and new messages at the end: heads agree within ten, and messages get on chain.

A message that was announced just before its miner came back is announced again after so many epochs; then it crosses
the network and is mined, perhaps after a null round or two.
"""


@dataclass
class SimulationResult:
    """What happened."""

    seed: int
    nodes: int
    miners: int
    epochs: int
    faults: tuple[str, ...]
    enemies: tuple[str, ...] = ()
    topology: str = FULL_MESH
    block_time_s: int = BLOCK_TIME_S
    height: int = 0
    head: str = ""
    trace: str = ""
    blocks: int = 0
    null_rounds: int = 0
    reorgs: int = 0
    deepest_reorg: int = 0
    partitions: int = 0
    actors_killed: int = 0
    nodes_killed: int = 0
    absences: int = 0
    visits: int = 0
    bans: int = 0
    messages: int = 0
    refused: int = 0
    delivered: int = 0
    recomputed: int = 0
    states: int = 0
    win_share: dict[str, float] = field(default_factory=dict)


def check_scenario(
    nodes: int, miners: int, epochs: int, faults: tuple[str, ...] = (), enemies: tuple[str, ...] = ()
) -> None:
    """Raise ValueError for what would not be simulated as it is said."""
    if not 1 <= miners <= nodes <= NODES_MAX:
        raise ValueError(f"{nodes} nodes with {miners} miners; 1 to {NODES_MAX} nodes, and each miner needs one")
    if epochs <= QUIET_EPOCHS:
        raise ValueError(
            f"{epochs} epochs; a simulation has more than {QUIET_EPOCHS}, for its last {QUIET_EPOCHS} are calm"
        )
    check_faults(faults)
    check_kinds(enemies)


def simulate(
    seed: int,
    *,
    nodes: int = 5,
    miners: int = 3,
    epochs: int = 300,
    faults: tuple[str, ...] = (),
    upgrade_epoch: int = NEVER,
    enemies: tuple[str, ...] = (),
    topology: str = FULL_MESH,
    block_time_s: int = BLOCK_TIME_S,
) -> tuple[SimulationResult, SimulatedFilecoin]:
    """Run it; raises InvariantError when an invariant breaks. The caller closes the simulation.

    Raises ValueError for what `check_scenario` refuses, and for topologies that there are not.
    """
    check_scenario(nodes, miners, epochs, faults, enemies)
    simulation = SimulatedFilecoin(
        seed,
        nodes,
        miners,
        upgrade_epoch=upgrade_epoch,
        topology=topology,
        block_time_s=block_time_s,
        enemy_miners=miners_needed(enemies),
        pool_messages_max=pool_messages(enemies),
    )
    result = SimulationResult(seed, nodes, miners, epochs, faults, enemies, topology, block_time_s)
    schedule, camp = FaultSchedule(simulation, faults, seed), Camp(simulation, enemies, seed)
    checker = Checker(simulation, keeps_up=bool(enemies))
    accepted: dict[str, int] = {}
    simulation.run_to_genesis()
    schedule.begin()
    for epoch in range(epochs - QUIET_EPOCHS):
        simulation.run_epochs(1)
        schedule.epoch()
        camp.epoch()
        if epoch % 3 == 0:
            _transfer(simulation, result, accepted, epoch)
        checker.after_epoch()
    schedule.end()
    camp.end()
    simulation.run_epochs(LIVENESS_EPOCHS)
    checker.after_epoch()
    result.head = checker.agreement()
    simulation.run_epochs(QUIET_EPOCHS - LIVENESS_EPOCHS)
    number = simulation.alive()[0]
    checker.messages_are_kept(number, accepted)
    checker.one_block_per_height(number)
    result.recomputed = checker.states_recompute(number, RECOMPUTE_EVERY)
    result.states = checker.states
    result.reorgs, result.deepest_reorg = checker.reorgs, checker.deepest_reorg
    counts = schedule.counts
    result.partitions, result.actors_killed = counts.partitions, counts.actors_killed
    result.nodes_killed, result.absences, result.messages = counts.nodes_killed, counts.absences, len(accepted)
    result.visits, result.bans = camp.visits, len(simulation.network.base.world.swarm.bans)
    result.trace, result.delivered = simulation.network.trace_hash, simulation.network.base.delivered
    _describe(simulation, result, number)
    return result, simulation


def _transfer(simulation: SimulatedFilecoin, result: SimulationResult, accepted: dict[str, int], epoch: int) -> None:
    """One account sends to the next; what a node takes it must bring onto the chain."""
    alive = simulation.alive()
    number = alive[epoch % len(alive)]
    target = simulation.identities[(number + 1) % len(simulation.identities)].account
    message = {"From": str(simulation.identities[number].account), "To": str(target), "Value": "1000"}
    try:
        signed: dict[str, Any] = simulation.rpc(number, "MpoolPushMessage", message, {})
    except (AskError, RpcFailedError):
        result.refused += 1
    else:
        accepted[signed["CID"]["/"]] = epoch


def _describe(simulation: SimulatedFilecoin, result: SimulationResult, number: int) -> None:
    reader = ChainReader(simulation.node(number).disk.open_reader("chain"))
    wins: dict[str, int] = {}
    head = reader.head()
    tipsets = 0
    for tipset in reader.history(head):
        if tipset.height:
            tipsets += 1
        for block in tipset.blocks:
            if tipset.height:
                result.blocks += 1
                count = block.election_proof.win_count if block.election_proof else 0
                wins[str(block.miner)] = wins.get(str(block.miner), 0) + count
    result.height = head.height
    result.null_rounds = head.height - tipsets
    total = sum(wins.values()) or 1
    result.win_share = {miner: round(count / total, 3) for miner, count in sorted(wins.items())}
