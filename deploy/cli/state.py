"""``state``: what is on chain."""

from __future__ import annotations

import base64
from typing import Any

import click
from thespis.deploy.cli.client import call, fil, json_option, link, print_fields, show
from thespis.deploy.cli.parameters import AttoFil, CidText, FilAddress, Hexadecimals, Natural
from thespis.deploy.cli.tables import print_table


@click.group()
def state() -> None:
    """Look at the state of the chain."""


@state.command("get-actor")
@click.argument("address", type=FilAddress)
@json_option
@click.pass_context
def state_get_actor(ctx: click.Context, address: str, *, as_json: bool) -> None:
    """Print an actor's entry."""

    def text(actor: Any) -> None:
        click.echo(f"Address: {address}\nBalance: {fil(actor['Balance'])}\nNonce:   {actor['Nonce']}")
        click.echo(f"Code:    {actor['Code']['/']}\nHead:    {actor['Head']['/']}")

    show(call(ctx, "StateGetActor", address, []), as_json=as_json, text=text)


@state.command("read-state")
@click.argument("address", type=FilAddress)
@click.pass_context
def state_read(ctx: click.Context, address: str) -> None:
    """Print an actor's state as JSON."""
    show(call(ctx, "StateReadState", address, []), as_json=True, text=print)


@state.command("lookup")
@click.argument("address", type=FilAddress)
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
@click.argument("miner", type=FilAddress, default="")
@json_option
@click.pass_context
def state_power(ctx: click.Context, miner: str, *, as_json: bool) -> None:
    """Print a miner's power and the network's."""
    from thespis.protocols.encoding.units import format_size

    chosen = miner or call(ctx, "StateListMiners", [])[0]

    def text(power: Any) -> None:
        own, total = int(power["MinerPower"]["QualityAdjPower"]), int(power["TotalPower"]["QualityAdjPower"])
        if miner:
            click.echo(f"{format_size(own)} / {format_size(total)} ({own / total:.2%})" if total else "no power")
        else:
            click.echo(format_size(total))

    show(call(ctx, "StateMinerPower", chosen, []), as_json=as_json, text=text)


@state.command("miner-info")
@click.argument("miner", type=FilAddress)
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
@click.argument("cid", type=CidText)
@click.option("--confidence", type=Natural, default=1, show_default=True, help="Epochs above it.")
@click.pass_context
def state_wait(ctx: click.Context, cid: str, *, confidence: int) -> None:
    """Wait until a message is on chain and print its receipt as JSON."""
    show(call(ctx, "StateWaitMsg", link(cid), confidence, -1, True), as_json=True, text=print)


@state.command("search-msg")
@click.argument("cid", type=CidText)
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


@state.command("call")
@click.argument("receiver", type=FilAddress)
@click.argument("method", type=Natural)
@click.option("--from", "sender", type=FilAddress, default="", help="Who calls; the wallet's default address.")
@click.option("--value", type=AttoFil, default="0", show_default=True, help="In attoFIL.")
@click.option("--params", type=Hexadecimals, default="", help="CBOR parameters as hex.")
@click.pass_context
def state_call(ctx: click.Context, receiver: str, method: int, sender: str, value: str, params: bytes) -> None:
    """Print what a message would do, as JSON, without sending it."""
    chosen = sender or call(ctx, "WalletDefaultAddress")
    message = {"To": receiver, "From": chosen, "Method": method, "Value": value, "Params": _base64(params)}
    show(call(ctx, "StateCall", message, []), as_json=True, text=print)


def _base64(given: bytes) -> str:
    return base64.b64encode(given).decode()


@state.command("decode-params")
@click.argument("receiver", type=FilAddress)
@click.argument("method", type=Natural)
@click.argument("params", type=Hexadecimals)
@click.pass_context
def state_decode_params(ctx: click.Context, receiver: str, method: int, params: bytes) -> None:
    """Print the parameters of a message, given as hex, as JSON with field names."""
    show(call(ctx, "StateDecodeParams", receiver, method, _base64(params), []), as_json=True, text=print)


@state.command("replay")
@click.argument("cid", type=CidText)
@click.pass_context
def state_replay(ctx: click.Context, cid: str) -> None:
    """Print what a message on chain did, as JSON, found by executing its tipset anew."""
    show(call(ctx, "StateReplay", [], link(cid)), as_json=True, text=print)


# -- sectors -------------------------------------------------------------------------------------------------


@state.command("sectors")
@click.argument("miner", type=FilAddress)
@json_option
@click.pass_context
def state_sectors(ctx: click.Context, miner: str, *, as_json: bool) -> None:
    """List a miner's proven sectors."""

    def text(found: Any) -> None:
        rows = [
            (
                each["SectorNumber"], each["Activation"], each["Expiration"], len(each["DealIDs"]),
                fil(each["InitialPledge"]),
            )
            for each in found
        ]  # fmt: skip
        print_table(("SECTOR", "SINCE", "UNTIL", "DEALS", "PLEDGE"), rows)

    show(call(ctx, "StateMinerSectors", miner, None, []), as_json=as_json, text=text)


@state.command("sector")
@click.argument("miner", type=FilAddress)
@click.argument("number", type=Natural)
@click.pass_context
def state_sector(ctx: click.Context, miner: str, number: int) -> None:
    """Print a sector as JSON: committed to, proven, where and how long it is due."""
    proven = call(ctx, "StateSectorGetInfo", miner, number, [])
    found = {"PreCommit": call(ctx, "StateSectorPreCommitInfo", miner, number, []), "Proven": proven}
    if proven is not None:
        for name in ("Partition", "Expiration"):
            found[name] = call(ctx, f"StateSector{name}", miner, number, [])
    show(found, as_json=True, text=print)


@state.command("deadlines")
@click.argument("miner", type=FilAddress)
@json_option
@click.pass_context
def state_deadlines(ctx: click.Context, miner: str, *, as_json: bool) -> None:
    """List the deadlines of a miner that have sectors, and the one that it is at."""
    now = call(ctx, "StateMinerProvingDeadline", miner, [])
    rows = []
    for index in range(now["WPoStPeriodDeadlines"]):
        found = call(ctx, "StateMinerPartitions", miner, index, [])
        if found or index == now["Index"]:
            counts = [sum(_count(each[name]) for each in found) for name in _COUNTED]
            rows.append((index, len(found), *counts, "open" if index == now["Index"] else ""))
    if as_json:
        show({"Deadline": now, "Rows": rows}, as_json=True, text=print)
        return
    print_table(("DEADLINE", "PARTITIONS", "SECTORS", "ACTIVE", "FAULTY", "RECOVERING", ""), rows)
    click.echo(f"Deadline {now['Index']} is open from epoch {now['Open']} to {now['Close'] - 1}.")


_COUNTED = ("LiveSectors", "ActiveSectors", "FaultySectors", "RecoveringSectors")


def _count(runs: list[int]) -> int:
    """How many numbers a set has that is given as lengths of runs."""
    return sum(runs[1::2])


# -- the market ----------------------------------------------------------------------------------------------


@state.command("market-balance")
@click.argument("address", type=FilAddress)
@json_option
@click.pass_context
def state_market_balance(ctx: click.Context, address: str, *, as_json: bool) -> None:
    """Print what someone has in the market's escrow, and what of it is locked."""
    show(
        call(ctx, "StateMarketBalance", address, []),
        as_json=as_json,
        text=lambda found: print_fields({key: fil(value) for key, value in found.items()}),
    )


@state.command("deals")
@json_option
@click.pass_context
def state_deals(ctx: click.Context, *, as_json: bool) -> None:
    """List every deal on chain."""

    def text(found: Any) -> None:
        rows = []
        for number, each in found.items():
            deal, started = each["Proposal"], each["State"]["SectorStartEpoch"]
            since = started if started >= 0 else "not yet"
            rows.append((number, deal["Client"], deal["Provider"], deal["PieceSize"], since, deal["EndEpoch"]))
        print_table(("DEAL", "CLIENT", "PROVIDER", "BYTES", "SEALED", "UNTIL"), rows)

    show(call(ctx, "StateMarketDeals", []), as_json=as_json, text=text)


@state.command("deal")
@click.argument("number", type=Natural)
@click.pass_context
def state_deal(ctx: click.Context, number: int) -> None:
    """Print a deal on chain as JSON."""
    show(call(ctx, "StateMarketStorageDeal", number, []), as_json=True, text=print)
