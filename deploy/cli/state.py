"""``state``, ``actor`` and ``mining``: what is on chain, and this node's miner."""

from __future__ import annotations

from typing import Any

import click

from deploy.cli.client import call, fil, json_option, link, print_fields, print_table, show


@click.group()
def state() -> None:
    """Look at the state of the chain."""


@state.command("get-actor")
@click.argument("address")
@json_option
@click.pass_context
def state_get_actor(ctx: click.Context, address: str, *, as_json: bool) -> None:
    """Print an actor's entry."""

    def text(actor: Any) -> None:
        click.echo(f"Address: {address}\nBalance: {fil(actor['Balance'])}\nNonce:   {actor['Nonce']}")
        click.echo(f"Code:    {actor['Code']['/']}\nHead:    {actor['Head']['/']}")

    show(call(ctx, "StateGetActor", address, []), as_json=as_json, text=text)


@state.command("read-state")
@click.argument("address")
@click.pass_context
def state_read(ctx: click.Context, address: str) -> None:
    """Print an actor's state as JSON."""
    show(call(ctx, "StateReadState", address, []), as_json=True, text=print)


@state.command("lookup")
@click.argument("address")
@click.option("-r", "--reverse", is_flag=True, help="The key of an id.")
@click.pass_context
def state_lookup(ctx: click.Context, address: str, *, reverse: bool) -> None:
    """Print the id of an address, or with -r the key of an id."""
    click.echo(call(ctx, "StateAccountKey" if reverse else "StateLookupID", address, []))


@state.command("list-actors")
@click.pass_context
def state_list_actors(ctx: click.Context) -> None:
    """List all ids."""
    for address in call(ctx, "StateListActors", []):
        click.echo(address)


@state.command("list-miners")
@click.pass_context
def state_list_miners(ctx: click.Context) -> None:
    """List all miners."""
    for address in call(ctx, "StateListMiners", []):
        click.echo(address)


@state.command("power")
@click.argument("miner", default="")
@json_option
@click.pass_context
def state_power(ctx: click.Context, miner: str, *, as_json: bool) -> None:
    """Print a miner's power and the network's."""
    from protocols.encoding.units import format_size

    chosen = miner or call(ctx, "StateListMiners", [])[0]

    def text(power: Any) -> None:
        own, total = int(power["MinerPower"]["QualityAdjPower"]), int(power["TotalPower"]["QualityAdjPower"])
        if miner:
            click.echo(f"{format_size(own)} / {format_size(total)} ({own / total:.2%})" if total else "no power")
        else:
            click.echo(format_size(total))

    show(call(ctx, "StateMinerPower", chosen, []), as_json=as_json, text=text)


@state.command("miner-info")
@click.argument("miner")
@json_option
@click.pass_context
def state_miner_info(ctx: click.Context, miner: str, *, as_json: bool) -> None:
    """Print who stands behind a miner."""
    show(
        call(ctx, "StateMinerInfo", miner, []),
        as_json=as_json,
        text=print_fields,
    )


@state.command("wait-msg")
@click.argument("cid")
@click.option("--confidence", default=1, show_default=True, help="Epochs above it.")
@click.pass_context
def state_wait(ctx: click.Context, cid: str, *, confidence: int) -> None:
    """Wait until a message is on chain and print its receipt as JSON."""
    show(call(ctx, "StateWaitMsg", link(cid), confidence, -1, True), as_json=True, text=print)


@state.command("search-msg")
@click.argument("cid")
@click.pass_context
def state_search(ctx: click.Context, cid: str) -> None:
    """Print where a message is on chain as JSON, or null."""
    show(call(ctx, "StateSearchMsg", [], link(cid), -1, True), as_json=True, text=print)


@state.command("network-version")
@click.pass_context
def state_version(ctx: click.Context) -> None:
    """Print the network version in force."""
    click.echo(call(ctx, "StateNetworkVersion", []))


@state.command("supply")
@json_option
@click.pass_context
def state_supply(ctx: click.Context, *, as_json: bool) -> None:
    """Print the sum of all balances, and what was mined and burnt."""
    show(
        call(ctx, "Thespis.Supply", []),
        as_json=as_json,
        text=lambda found: print_fields({key: fil(value) for key, value in found.items()}),
    )


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
