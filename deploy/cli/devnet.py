"""``devnet``: a local network of whole nodes, and faults to hurt it with."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from thespis.deploy.cli.client import Size, upgrade_option

if TYPE_CHECKING:
    from thespis.deploy.devnet.plan import DevnetPlan
    from thespis.deploy.devnet.run import DevnetRun

DEFAULT_HOME = Path(tempfile.gettempdir()) / "thespis-devnet"


class BlockTime(click.ParamType[int]):
    """Whole seconds, such as ``2s`` or ``2``."""

    name = "seconds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds; parts of one are refused, for timestamps of blocks count whole ones."""
        match = re.fullmatch(r"(\d+)s?", str(value))
        if match is None or int(match[1]) < 1:
            self.fail(f"{value!r} is no block time; write whole seconds such as 2s, at least 1s", param, ctx)
        return int(match[1])


@click.group(invoke_without_command=True)
@click.option("--nodes", default=3, show_default=True, help="Nodes.")
@click.option("--miners", default=2, show_default=True, help="How many of them mine.")
@click.option("--block-time", default="2s", show_default=True, type=BlockTime(), help="Length of an epoch.")
@click.option("--sector-size", type=Size(), default="2KiB", show_default=True, help="2KiB, 8MiB or 512MiB.")
@upgrade_option
@click.option("--seed", default=1, show_default=True, help="What keys and genesis follow from.")
@click.option("--base-port", default=0, help="First of two ports per node; without it the system chooses.")
@click.option("--home", "directory", type=click.Path(path_type=Path, file_okay=False), help="Where the homes are.")
@click.option("--until-epoch", default=0, help="End there, but let transfers settle; exit 0 only if all agree.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write how it went as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only: the banner, then the outcome.")
@click.pass_context
def devnet(
    ctx: click.Context,
    *,
    nodes: int,
    miners: int,
    block_time: int,
    sector_size: int,
    upgrade_epoch: int,
    seed: int,
    base_port: int,
    directory: Path | None,
    until_epoch: int,
    report: Path | None,
    as_json: bool,
) -> None:
    """Run a local Filecoin network of supervised nodes until interrupted.

    Each run starts from a fresh genesis, whose miners have really sealed sectors; every block proves one of them.
    """
    home = directory or (Path(ctx.find_root().obj) if ctx.find_root().obj else DEFAULT_HOME)
    ctx.obj = home
    if ctx.invoked_subcommand is not None:
        return
    from thespis.deploy.devnet.plan import STATE_FILE, DevnetError, DevnetPlan
    from thespis.deploy.devnet.run import DevnetRun

    if home.exists() and any(home.iterdir()) and not (home / STATE_FILE).exists():
        raise DevnetError(f"{home} holds something other than a devnet; choose another --home")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    plan = DevnetPlan.make(
        home, seed=seed, nodes=nodes, miners=miners, block_time_s=block_time, base_port=base_port,
        # genesis is now, and a miner begins when it is up: how long that takes nobody can tell, and any margin is too
        # long for one machine and too short for another. Epochs that pass until then have no block
        genesis_time_s=int(time.time()), sector_bytes=sector_size, upgrade_epoch=upgrade_epoch,
    )  # fmt: skip
    plan.write()
    sys.exit(_run(DevnetRun(plan), plan, until_epoch, report, as_json=as_json))


def _run(run: DevnetRun, plan: DevnetPlan, until_epoch: int, report: Path | None, *, as_json: bool) -> int:
    from rich.console import Console
    from rich.live import Live
    from thespis.deploy.devnet.run import status_table

    console = Console(highlight=False, stderr=as_json)
    started_s = time.monotonic()
    interrupted = False
    with run.fleet:
        try:
            run.fleet.wait_ready()
            run.outcome.ready_s = time.monotonic() - started_s
            if as_json:
                click.echo(json.dumps(plan.state()))
            else:
                _banner(console, plan, run.outcome.ready_s)
            if console.is_terminal and not as_json:
                with Live(console=console, auto_refresh=False) as live:
                    run.follow(until_epoch, lambda rows: live.update(status_table(rows), refresh=True))
            else:
                run.follow(until_epoch)
            run.judge()
        except KeyboardInterrupt:
            interrupted = True
        run.outcome.wall_s = time.monotonic() - started_s
        run.outcome.stop_s = run.fleet.stop()
    data = run.report(report)
    if as_json:
        click.echo(json.dumps(data))
    elif interrupted:
        console.print(f"\nstopped in {run.outcome.stop_s:.1f} s")
    else:
        _summary(console, run)
    return 1 if run.outcome.problems else 0


def _banner(console: object, plan: DevnetPlan, ready_s: float) -> None:
    from rich.console import Console

    assert isinstance(console, Console)
    console.print(
        f"[bold]Thespis devnet[/] seed {plan.seed}, {plan.block_time_s} s epochs, ready after {ready_s:.1f} s"
    )
    console.print("Vanilla proofs: every block opens a really sealed sector; there are no SNARKs.")
    for node in plan.nodes:
        mines = f", mines for {node.miner}" if node.miner else ""
        console.print(f"\n[bold]{node.name}[/]{mines}\n  home    {node.home}\n  api     {node.api_address}")
        console.print(f"  p2p     {node.p2p_address}\n  account {node.account.address} (1000000 FIL)", soft_wrap=True)
        console.print(f"  key     {json.dumps(node.account.lotus_form())}", soft_wrap=True)
    console.print(f"\nFrom a second terminal: thespis --home {plan.nodes[0].home} chain head")
    console.print(f"                        thespis --home {plan.home} devnet kill node-2/Syncer\n")


def _summary(console: object, run: DevnetRun) -> None:
    from rich.console import Console

    assert isinstance(console, Console)
    outcome = run.outcome
    console.print(
        f"\nheight {outcome.height}, {outcome.messages} transfers sent, {len(outcome.lost)} lost, "
        f"{outcome.restarts} subsystem restarts; {outcome.wall_s:.1f} s in all, ready after {outcome.ready_s:.1f} s, "
        f"first block everywhere after {outcome.first_block_s:.1f} s, stopped in {outcome.stop_s:.1f} s"
    )
    for problem in outcome.problems:
        console.print(f"[red]{problem}[/]")
    if not outcome.problems:
        console.print("[green]all nodes agree on one chain[/]")


@devnet.command()
@click.argument("target")
@click.pass_context
def kill(ctx: click.Context, target: str) -> None:
    """SIGKILL a node (NODE), or one subsystem of it (NODE/ROLE); it comes back."""
    from thespis.deploy.devnet import faults

    click.echo(faults.kill(ctx.obj, target))


@devnet.command()
@click.argument("node")
@click.pass_context
def stop(ctx: click.Context, node: str) -> None:
    """Stop a node in order; it stays down until `devnet start`."""
    from thespis.deploy.devnet import faults

    click.echo(faults.stop(ctx.obj, node))


@devnet.command()
@click.argument("node")
@click.pass_context
def start(ctx: click.Context, node: str) -> None:
    """Let a stopped node come back."""
    from thespis.deploy.devnet import faults

    click.echo(faults.start(ctx.obj, node))


@devnet.command()
@click.argument("node")
@click.pass_context
def partition(ctx: click.Context, node: str) -> None:
    """Cut a node off from all others."""
    from thespis.deploy.devnet import faults

    click.echo(faults.partition(ctx.obj, node))


@devnet.command()
@click.pass_context
def heal(ctx: click.Context) -> None:
    """End every partition."""
    from thespis.deploy.devnet import faults

    click.echo(faults.heal(ctx.obj))
