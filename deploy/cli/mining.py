"""``mining``: this node's miner."""

from __future__ import annotations

import click
from thespis.deploy.cli.client import call, json_option, print_fields, show


@click.group()
def mining() -> None:
    """This node's miner."""


@mining.command("start")
@click.pass_context
def mining_start(ctx: click.Context) -> None:
    """Mine every epoch that is won."""
    call(ctx, "Thespis.MiningStart")
    click.echo("Started mining")


@mining.command("stop")
@click.pass_context
def mining_stop(ctx: click.Context) -> None:
    """Stop mining."""
    call(ctx, "Thespis.MiningStop")
    click.echo("Stopped mining")


@mining.command("once")
@click.pass_context
def mining_once(ctx: click.Context) -> None:
    """Mine one block at the next epoch that is won, and print its CID."""
    click.echo(call(ctx, "MineOne")["/"])


@mining.command("status")
@json_option
@click.pass_context
def mining_status(ctx: click.Context, *, as_json: bool) -> None:
    """Print how mining goes."""
    show(
        call(ctx, "Thespis.MiningStatus"),
        as_json=as_json,
        text=print_fields,
    )
