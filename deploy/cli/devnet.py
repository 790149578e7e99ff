"""``devnet``: a local network of whole nodes, and faults to hurt it with."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from thespis.deploy.cli.parameters import Count, Natural, Size, WritableFile, upgrade_option, whole
from thespis.runtime.http.address import PORT_MAX

if TYPE_CHECKING:
    from thespis.deploy.devnet.plan import DevnetPlan


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
@click.option("--nodes", type=Count, default=3, show_default=True, help="Nodes.")
@click.option("--miners", type=Count, default=2, show_default=True, help="How many of them mine.")
@click.option("--block-time", default="2s", show_default=True, type=BlockTime(), help="Length of an epoch.")
@click.option("--sector-size", type=Size, default="2KiB", show_default=True, help="2KiB, 8MiB or 512MiB.")
@upgrade_option
@click.option("--seed", type=Natural, default=1, show_default=True, help="What keys and genesis follow from.")
@click.option(
    "--base-port", type=whole(0, PORT_MAX), default=0, help="First of two ports per node; default: free ones."
)
@click.option(
    "--home", "directory", type=click.Path(path_type=Path, file_okay=False),
    help="Where the homes are (default: a folder of yours, in $XDG_STATE_HOME or ~/.local/state).",
)  # fmt: skip
@click.option("--reset", is_flag=True, help="Begin a new network: chain, wallets, sectors and logs there are deleted.")
@click.option("--traffic", is_flag=True, help="Send transfers between the printed accounts in every epoch.")
@click.option("--until-epoch", type=Natural, default=0, help="End there; exit 0 only if all agree.")
@click.option("--report", type=WritableFile(), help="Write how it went as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON only: the banner, then the outcome.")
@click.pass_context
def devnet(
    ctx: click.Context,
    /,
    *,
    directory: Path | None,
    reset: bool,
    traffic: bool,
    until_epoch: int,
    report: Path | None,
    as_json: bool,
    **shape: int,
) -> None:
    """Run a local Filecoin network of supervised nodes until interrupted.

    A network that was stopped goes on where it was, with its genesis, keys, ports and chain; --reset begins a new one.
    Its miners have really sealed sectors; every block proves one of them.
    """
    from thespis.deploy.devnet.home import default_home, held

    root = ctx.find_root()  # THESPIS_HOME is a node's home, so only what stands in the command is the network's
    named = Path(root.obj) if root.obj and root.get_parameter_source("home") is _IN_COMMAND else None
    ctx.obj = home = (directory or named or default_home()).expanduser().absolute()
    if ctx.invoked_subcommand is not None:
        return
    given = {name: value for name, value in shape.items() if ctx.get_parameter_source(name) is not _BY_DEFAULT}
    with held(home):
        plan, goes_on = _network(home, shape, given, reset=reset)
        run = DevnetShown(plan, goes_on, traffic=traffic, as_json=as_json)
        code = run.run(until_epoch, report)
    sys.exit(code)


_BY_DEFAULT, _IN_COMMAND = click.core.ParameterSource.DEFAULT, click.core.ParameterSource.COMMANDLINE


def _network(home: Path, shape: dict[str, int], given: dict[str, int], *, reset: bool) -> tuple[DevnetPlan, bool]:
    """The network that goes on in a held home, or a new one; and whether it goes on."""
    from thespis.deploy.devnet.home import clear, stopped_network
    from thespis.deploy.devnet.plan import DevnetPlan

    found = None if reset else stopped_network(home, given)
    if found is not None:
        return found, True
    plan = DevnetPlan.make(
        home, seed=shape["seed"], nodes=shape["nodes"], miners=shape["miners"], block_time_s=shape["block_time"],
        base_port=shape["base_port"], sector_bytes=shape["sector_size"], upgrade_epoch=shape["upgrade_epoch"],
        # genesis is now, and a miner begins when it is up: how long that takes nobody can tell, and any margin is too
        # long for one machine and too short for another. Epochs that pass until then have no block
        genesis_time_s=int(time.time()),
    )  # fmt: skip
    clear(home)  # no sooner than it is known that there can be another
    plan.write()
    return plan, False


class DevnetShown:
    """One run, as a person or a script sees it."""

    def __init__(self, plan: DevnetPlan, goes_on: bool, *, traffic: bool, as_json: bool) -> None:
        from rich.console import Console
        from thespis.deploy.devnet.run import DevnetRun

        self._plan = plan
        self._goes_on = goes_on
        self._run = DevnetRun(plan, traffic=traffic)
        self._as_json = as_json
        self._console = Console(highlight=False, stderr=as_json)

    def run(self, until_epoch: int, report: Path | None) -> int:
        """From start to stop; returns the exit code."""
        run, console = self._run, self._console
        started_s = time.monotonic()
        interrupted = False
        if not self._as_json:
            nodes = len(self._plan.nodes)
            click.echo(f"Starting {nodes} node{'s' * (nodes > 1)} at {self._plan.home} …")
        with run.fleet:
            try:
                run.fleet.wait_ready()
                run.outcome.ready_s = time.monotonic() - started_s
                if self._as_json:
                    click.echo(json.dumps(self._plan.state()))
                else:
                    self._banner()
                self._follow(until_epoch)
                run.judge()
            except KeyboardInterrupt:
                interrupted = True
            run.outcome.wall_s = time.monotonic() - started_s
            run.stop()
        data = run.report(report)
        if self._as_json:
            click.echo(json.dumps(data))
            return 1 if run.outcome.problems else 0
        if not interrupted:
            self._summary()
        console.print(
            f"\nstopped in {run.outcome.stop_s:.1f} s; the same command lets the network go on, "
            "with --reset it begins a new one"
        )
        return 1 if run.outcome.problems else 0

    def _follow(self, until_epoch: int) -> None:
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text
        from thespis.deploy.cli.tables import fitting
        from thespis.deploy.devnet.run import STATUS_COLUMNS, NodeStatus, status_lines, status_row

        if self._as_json or not self._console.is_terminal:
            self._run.follow(until_epoch)
            return
        with Live(console=self._console, auto_refresh=False) as live:

            def show(found: list[NodeStatus]) -> None:
                table = fitting(STATUS_COLUMNS, [status_row(each) for each in found], self._console.width)
                lines = Text("\n".join(status_lines(found)), overflow="fold")
                live.update(Group(table, Text(), lines), refresh=True)

            self._run.follow(until_epoch, show)

    def _banner(self) -> None:
        plan, console = self._plan, self._console
        how = "goes on where it was" if self._goes_on else "is new"
        console.print(
            f"[bold]Thespis devnet[/] {how}: seed {plan.seed}, {plan.block_time_s} s epochs, "
            f"ready after {self._run.outcome.ready_s:.1f} s"
        )
        console.print("Vanilla proofs: every block opens a really sealed sector; there are no SNARKs.")
        for node in plan.nodes:
            mines = f", mines for {plan.said(node.miner)}" if node.miner else ""
            console.print(f"\n[bold]{node.name}[/]{mines}")
            for name, said in (
                ("home", node.home), ("api", node.api_address), ("p2p", node.p2p_address),
                ("account", f"{plan.said(node.account.address)} (1000000 FIL at genesis)"),
                ("key", json.dumps(node.account.lotus_form())),
            ):  # fmt: skip
                click.echo(f"  {name:<8}{said}")
        thespis, killed = [_own_name(), "--home"], f"{plan.nodes[-1].name}/Syncer"
        click.echo("\nFrom a second terminal:")
        click.echo(f"  {shlex.join([*thespis, str(plan.nodes[0].home), 'chain', 'head'])}")
        click.echo(f"  {shlex.join([*thespis, str(plan.home), 'devnet', 'kill', killed])}\n")

    def _summary(self) -> None:
        outcome, console = self._run.outcome, self._console
        sent = f"{outcome.messages} transfers sent, {len(outcome.lost)} lost, " if self._run.traffic else ""
        console.print(
            f"\nheight {outcome.height}, {sent}{outcome.restarts} subsystem restarts; {outcome.wall_s:.1f} s in all, "
            f"ready after {outcome.ready_s:.1f} s, first block everywhere after {outcome.first_block_s:.1f} s"
        )
        for problem in outcome.problems:
            console.print(problem, style="red", markup=False)
        if not outcome.problems:
            console.print("[green]all nodes agree on one chain[/]")


def _own_name() -> str:
    """What a person types to have this program: its file where the shell does not know it by its name."""
    return "thespis" if shutil.which("thespis") else os.path.relpath(sys.argv[0])


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
