"""``ps``, ``tell``, ``restart`` and ``stop``: commands to a running node over its admin channel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from thespis.deploy.cli.parameters import Seconds
from thespis.deploy.cli.settings import home_of
from thespis.deploy.cli.tables import fitting, print_table
from thespis.runtime.actor.envelopes import ListProcesses, ProcessRow, ProcessTable, RestartRole
from thespis.runtime.admin import AdminTell, StopNode, admin_ask, to_json

if TYPE_CHECKING:
    from rich.console import RenderableType

MEBI = 1 << 20
STATE_STYLES = {"running": "green", "starting": "yellow", "backoff": "yellow", "stopping": "yellow", "failed": "red"}


COLUMNS = ("ROLE", "PID", "STATE", "INC", "RST", "BOX", "MSG/S", "P50", "P99", "MEMORY", "LAST EXIT")
"""INC: incarnation; RST: restarts; BOX: messages that wait; P50, P99: handler durations."""


def process_table(table: ProcessTable, width: int) -> RenderableType:
    """The process table as rich prints it within a width."""
    return fitting(COLUMNS, process_rows(table), width)


def process_rows(table: ProcessTable) -> list[list[object]]:
    """The cells of the process table."""
    return [_cells(row) for row in table.rows]


def _cells(row: ProcessRow) -> list[object]:
    from rich.text import Text

    state, numbers = row.state.value, row.statistics
    alive = numbers.process_id != 0
    return [
        row.role,
        str(numbers.process_id) if alive else "-",
        Text(state, STATE_STYLES.get(state, "dim")),
        str(row.incarnation),
        str(row.restarts),
        str(numbers.mailbox),
        f"{row.rate:.1f}",
        _duration(numbers.p50_s),
        _duration(numbers.p99_s),
        f"{numbers.memory_bytes / MEBI:.0f}MiB" if alive else "-",
        row.reasons[-1] if row.reasons else "",
    ]


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1e6:.0f}µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f}ms"  # noqa: PLR2004
    return f"{seconds:.1f}s"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--watch", is_flag=True, help="Refresh every second until interrupted.")
@click.pass_context
def ps(ctx: click.Context, *, as_json: bool, watch: bool) -> None:
    """Show the processes of a running node."""
    run = home_of(ctx) / "run"
    table = admin_ask(run, ListProcesses())
    if as_json:
        click.echo(json.dumps(json.loads(to_json(table))["rows"], indent=2))
        return
    if not watch:
        print_table(COLUMNS, process_rows(table))
        return
    import time

    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(process_table(table, console.width), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(1.0)
            live.update(process_table(admin_ask(run, ListProcesses()), console.width), refresh=True)


def complete_role(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Whom a person may speak to."""
    from thespis.deploy.messages import holders, spoken

    roles = dict.fromkeys(entry.role for entry in spoken() if entry.role)
    return [name for role in roles for name in holders(role) if name.startswith(incomplete)]


def complete_message(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What the role that was given may be asked or told."""
    from thespis.deploy.messages import spoken

    return [entry.name for entry in spoken(ctx.params.get("role") or "") if entry.name.startswith(incomplete)]


def complete_field(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The fields of the message that was given."""
    from thespis.deploy.messages import spoken

    found = [entry for entry in spoken() if entry.name == ctx.params.get("message")]
    fields = (field.partition(":")[0] + "=" for entry in found for field in entry.fields)
    return [field for field in fields if field.startswith(incomplete)]


@click.command()
@click.argument("role", required=False, shell_complete=complete_role)
@click.argument("message", required=False, shell_complete=complete_message)
@click.argument("arguments", nargs=-1, shell_complete=complete_field)
@click.option("--deadline", type=Seconds, default=5.0, show_default=True, help="Seconds to wait for the reply.")
@click.option("--list", "listed", is_flag=True, help="List what a node's ROLE, or every role, is asked and told.")
@click.pass_context
def tell(
    ctx: click.Context,
    role: str | None,
    message: str | None,
    arguments: tuple[str, ...],
    deadline: float,
    *,
    listed: bool,
) -> None:
    """Send MESSAGE, with its fields as ARGUMENTS (field=value), to ROLE and print the reply.

    Values are TOML or plain text; addresses and CIDs as one knows them, bytes and chain records as hexadecimals.
    """
    if listed:
        list_messages(role or "")
        return
    if role is None or message is None:
        raise click.UsageError("give ROLE and MESSAGE, or --list to see them", ctx)
    order = AdminTell(role, message, arguments, deadline)
    click.echo(admin_ask(home_of(ctx) / "run", order, deadline + 10))


def list_messages(role: str) -> None:
    """Print what a role, or without a name each role, is asked and told; raises UsageError for one that is not."""
    from itertools import groupby

    from thespis.deploy.messages import Entry, spoken

    def named(entry: Entry) -> str:
        assert entry.role is not None  # what is asked or told has a role
        return entry.role.name

    found = spoken(role)
    if not found:
        raise click.UsageError(
            f"no role {role!r} is spoken to; there are {', '.join(sorted(set(map(named, spoken()))))}"
        )
    for name, messages in groupby(found, named):
        click.secho(name, bold=True)
        for entry in messages:
            click.echo(f"  {entry.signature()}\n      {entry.text}")


@click.command()
@click.argument("role")
@click.pass_context
def restart(ctx: click.Context, role: str) -> None:
    """Restart ROLE and wait until it is ready."""
    admin_ask(home_of(ctx) / "run", RestartRole(role), 40.0)
    click.echo(f"{role} restarted")


@click.command()
@click.pass_context
def stop(ctx: click.Context) -> None:
    """Stop the node in order."""
    admin_ask(home_of(ctx) / "run", StopNode())
    click.echo("stopping")
