"""``actor``: the actors on chain."""

from __future__ import annotations

import click
from thespis.deploy.cli.client import call, fil, json_option
from thespis.deploy.cli.tables import print_table


@click.group()
def actor() -> None:
    """Actors on chain."""


@actor.command("ls")
@json_option
@click.pass_context
def actor_ls(ctx: click.Context, *, as_json: bool) -> None:
    """List every actor with its kind; with --json one object a line."""
    import json

    found = call(ctx, "Thespis.Actors", [])
    if as_json:
        for each in found:
            click.echo(json.dumps(each))
        return
    rows = [(each["Address"], each["ActorType"], each["Nonce"], fil(each["Balance"])) for each in found]
    print_table(("ADDRESS", "KIND", "NONCE", "BALANCE"), rows)
