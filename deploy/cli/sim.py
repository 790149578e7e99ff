"""``sim``: one simulated network, or one after another, from a seed to a verdict."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from thespis.deploy.cli.parameters import Count, Natural, WritableFile, upgrade_option
from thespis.deploy.cli.tables import print_table

CAMPAIGN_OPTIONS = ("seeds", "faults", "enemies")


@click.command()
@click.option("--nodes", type=Count, default=5, show_default=True, help="Nodes.")
@click.option("--miners", type=Count, default=3, show_default=True, help="How many of them mine.")
@click.option("--epochs", type=Count, default=300, show_default=True, help="Epochs of virtual time.")
@click.option("--seed", type=Natural, default=1, show_default=True, help="What everything follows from.")
@click.option("--seeds", metavar="FIRST-LAST", help="One network of each seed, which draws its size and shape, too.")
@click.option("--faults", default="all", show_default=True, help="all, none, or a list such as loss,partition.")
@click.option(
    "--enemies",
    default="none",
    show_default=True,
    help="all, none, or a list such as silence,equivocation; docs/simulation.md says what each does.",
)
@click.option(
    "--topology",
    type=click.Choice(["mesh", "line", "star", "clusters"]),
    default="mesh",
    show_default=True,
    help="Who is connected to whom; clusters are two with one bridge.",
)
@click.option("--block-time", type=Count, default=1, show_default=True, help="Seconds of an epoch; mainnet has 30.")
@upgrade_option
@click.option("--report", type=WritableFile(), help="Write what happened as JSON.")
@click.option("--png", type=WritableFile(), help="Draw the chain and its forks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def sim(
    context: click.Context,
    *,
    nodes: int,
    miners: int,
    epochs: int,
    seed: int,
    seeds: str | None,
    faults: str,
    enemies: str,
    topology: str,
    block_time: int,
    upgrade_epoch: int,
    report: Path | None,
    png: Path | None,
    as_json: bool,
) -> None:
    """Simulate a whole network in this process, under virtual time, and check its invariants.

    The same seed gives the same history on every machine.
    """
    from thespis.actors.simulation.enemies.camp import KINDS as ENEMIES
    from thespis.actors.simulation.faults import KINDS
    from thespis.actors.simulation.invariants import InvariantError
    from thespis.actors.simulation.run import check_scenario, simulate

    logging.basicConfig(level="ERROR", format="%(levelname)s %(name)s %(message)s")
    kinds = {"all": KINDS, "none": ()}.get(faults, tuple(faults.split(",")))
    hostile = {"all": ENEMIES, "none": ()}.get(enemies, tuple(enemies.split(",")))
    try:
        check_scenario(nodes, miners, epochs, kinds, hostile)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if seeds is not None:
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        campaign(_range(seeds), kinds, hostile, [name for name in given if name not in CAMPAIGN_OPTIONS])
        return
    world: dict[str, Any] = {
        "enemies": hostile,
        "topology": topology,
        "block_time_s": block_time,
        "upgrade_epoch": upgrade_epoch,
    }
    started_s = time.perf_counter()
    try:
        result, simulation = simulate(seed, nodes=nodes, miners=miners, epochs=epochs, faults=kinds, **world)
    except InvariantError as error:
        click.echo(f"invariant broken: {error}", err=True)
        click.echo(replay_command(seed, nodes, miners, epochs, kinds, **world), err=True)
        sys.exit(1)
    seconds = time.perf_counter() - started_s
    data = {**dataclasses.asdict(result), "seconds": round(seconds, 2), "epochs_per_s": round(epochs / seconds, 1)}
    if png is not None:
        from thespis.deploy.chain_png import draw_chain

        draw_chain(simulation.node(simulation.alive()[0]).disk.open_reader("chain"), png)
    simulation.close()
    if report is not None:
        report.write_text(json.dumps(data, indent=1), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(data))
        return
    print_table(("WHAT", "VALUE"), list(data.items()))


def _range(seeds: str) -> range:
    """Seeds from the first to the last, both of them."""
    first, _, last = seeds.partition("-")
    if not (first.isdigit() and (last or first).isdigit() and int(first) <= int(last or first)):
        raise click.UsageError(f"--seeds {seeds!r}: a first and a last seed are wanted, such as 1-200")
    return range(int(first), int(last or first) + 1)


def campaign(seeds: range, faults: tuple[str, ...], hostile: tuple[str, ...], refused: list[str]) -> None:
    """Run every seed and say how each ended; ends with 1 and the commands of those that broke, if any did."""
    from thespis.actors.simulation.campaign import Verdict, run_campaign

    if refused:
        raise click.UsageError(f"with --seeds every seed draws its own world; leave out {', '.join(refused)}")
    broken: list[Verdict] = []
    started_s = since_s = time.perf_counter()
    for verdict in run_campaign(seeds, faults, hostile):
        draw, result = verdict.draw, verdict.result
        if result is None:
            broken.append(verdict)
            end = f"BROKEN {verdict.broken}"
        else:
            end = (
                f"held: height {result.height}, reorganised {result.deepest_reorg} deep, "
                f"{result.actors_killed} subsystems and {result.nodes_killed} nodes killed, {result.absences} absences"
            )
        now_s = time.perf_counter()
        shape = f"{draw.nodes} nodes {draw.miners} miners {draw.epochs} epochs of {draw.block_time_s} s {draw.topology}"
        click.echo(f"seed {draw.seed}: {shape}: {end}, {now_s - since_s:.0f} s")
        since_s = now_s
    click.echo(f"{len(seeds) - len(broken)} of {len(seeds)} seeds held, {since_s - started_s:.0f} s")
    for verdict in broken:
        draw = verdict.draw
        world: dict[str, Any] = {"topology": draw.topology, "block_time_s": draw.block_time_s}
        command = replay_command(draw.seed, draw.nodes, draw.miners, draw.epochs, faults, enemies=hostile, **world)
        click.echo(command, err=True)
    if broken:
        sys.exit(1)


def replay_command(
    seed: int,
    nodes: int,
    miners: int,
    epochs: int,
    kinds: tuple[str, ...],
    upgrade_epoch: int = -1,
    *,
    enemies: tuple[str, ...] = (),
    topology: str = "mesh",
    block_time_s: int = 1,
) -> str:
    """How to see a failure again."""
    faults, hostile = ",".join(kinds) or "none", ",".join(enemies) or "none"
    shape = f"--nodes {nodes} --miners {miners} --epochs {epochs} --upgrade-epoch {upgrade_epoch}"
    world = f"--enemies {hostile} --topology {topology} --block-time {block_time_s}"
    return f"replay: thespis sim --seed {seed} {shape} --faults {faults} {world}"
