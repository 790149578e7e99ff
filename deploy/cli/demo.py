"""``demo``: the supervision demonstration."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
from thespis.deploy.cli.parameters import Count


@click.command()
@click.option("--stay", is_flag=True, help="Start the tree and keep it until interrupted, without hurting it.")
@click.option("--rounds", type=Count, default=1, show_default=True, help="How often to kill each of them.")
@click.pass_context
def demo(ctx: click.Context, *, stay: bool, rounds: int) -> None:
    """Start a Node with twelve subsystems, kill and freeze them, and show that nothing acknowledged is lost.

    With --home the ledgers' books stay there; else in a temporary directory that is removed.
    """
    logging.basicConfig(level="CRITICAL", format="%(levelname)s %(message)s")
    given = ctx.find_root().obj
    home = Path(given) if given else Path(tempfile.mkdtemp(prefix="thespis-demo-")) / "home"
    try:
        code = _stay(home) if stay else _run(home, rounds)
    finally:
        if not given:
            shutil.rmtree(home.parent, ignore_errors=True)
    sys.exit(code)


def _stay(home: Path) -> int:
    from thespis.actors.demo import DemoNode
    from thespis.deploy.launcher import RunningNode, owned_home

    started = time.monotonic()
    with owned_home(home) as repo, RunningNode(repo, DemoNode, log_level="CRITICAL") as node:
        click.echo(f"12 subsystems run after {time.monotonic() - started:.1f} s; from another terminal:")
        for command in ("ps --watch", "tell Ledger-1 ReadBook", "restart Ledger-3", "stop"):
            click.echo(f"  thespis --home {home} {command}")
        return node.serve()


def _run(home: Path, rounds: int) -> int:
    from rich.console import Console
    from thespis.actors.demo import LEDGER_ROLES, DemoNode
    from thespis.deploy.cli.node import process_table
    from thespis.deploy.demo.books import audit_books
    from thespis.deploy.demo.chaos import pids_of, run_script
    from thespis.deploy.launcher import RunningNode, owned_home

    console = Console(highlight=False)
    started = time.monotonic()

    def report(what: str, healed: dict[str, float]) -> None:
        console.print(f"  {what}: whole again after [bold]{max(healed.values()):.2f} s[/]")

    with owned_home(home) as repo, RunningNode(repo, DemoNode, log_level="CRITICAL") as node:
        console.print(f"A Node and its 12 subsystems, each a process, ready after {time.monotonic() - started:.1f} s:")
        pids_of(node, ("Auditor", *LEDGER_ROLES))
        console.print(process_table(node.handle.processes(), console.width))
        console.print("\nEleven of them deposit at each other in a ring. Now hurt them:")
        times = sorted(run_script(node, LEDGER_ROLES, report, rounds))
        pids_of(node, ("Auditor", *LEDGER_ROLES))
        console.print(process_table(node.handle.processes(), console.width))
        stopping = time.monotonic()
    console.print(f"\nStopped in order in {time.monotonic() - stopping:.1f} s.")
    audit = audit_books(home)
    console.print(
        f"{len(times)} kills; recovery p50 {times[len(times) // 2]:.2f} s, "
        f"p99 {times[min(len(times) - 1, len(times) * 99 // 100)]:.2f} s, slowest {times[-1]:.2f} s. "
        f"{audit.acknowledged} deposits were acknowledged, {len(audit.lost)} of them lost."
    )
    return 1 if audit.lost else 0
