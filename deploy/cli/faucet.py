"""``faucet``: an HTTP server that gives out test money from this node's wallet."""

from __future__ import annotations

import click
from thespis.deploy.cli.client import call, default_address, fil
from thespis.deploy.cli.parameters import Fil, FilAddress, Seconds


@click.command()
@click.option("--bind", default="127.0.0.1:9797", show_default=True, help="Where to listen.")
@click.option("--amount", type=Fil, default="500", show_default=True, help="FIL per request.")
@click.option("--every", type=Seconds, default=3600.0, show_default=True, help="Seconds between an address' requests.")
@click.option("--from", "sender", type=FilAddress, default="", help="Account that pays (default: the default address).")
@click.pass_context
def faucet(ctx: click.Context, *, bind: str, amount: str, every: float, sender: str) -> None:
    """Serve `/` and `POST /tap?target=ADDRESS`, with a limit per address and per host."""
    from thespis.deploy.faucet import Faucet, serve

    account = sender or default_address(ctx)

    def send(target: str) -> str:
        message = {"From": account, "To": target, "Value": amount}
        return str(call(ctx, "MpoolPushMessage", message, {"MaxFee": "0"})["CID"]["/"])

    click.echo(f"faucet on http://{bind}/, {fil(amount)} per request from {account}")
    serve(Faucet(send, fil(amount), every), bind)
