"""``sectors`` and ``deals``: what a running node's miner stores, and how far each sector is."""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from thespis.deploy.cli.client import call, json_option, show
from thespis.deploy.cli.parameters import Natural
from thespis.deploy.cli.tables import fitting, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType

WATCH_EVERY_S = 0.5


@click.group()
def sectors() -> None:
    """Sectors of this node's miner."""


@sectors.command("list")
@json_option
@click.option("--watch", is_flag=True, help="Refresh until interrupted.")
@click.pass_context
def sectors_list(ctx: click.Context, *, as_json: bool, watch: bool) -> None:
    """List every sector, how far it is, and why it failed if it did."""
    if watch and not as_json and sys.stdout.isatty():
        _watch(ctx)
    show(call(ctx, "Thespis.SectorsList"), as_json=as_json, text=lambda found: print_table(COLUMNS, _rows(found)))


COLUMNS = ("SECTOR", "STATE", "PIECES", "USED", "PHASE", "DONE", "RATE", "LEFT", "COMM_R / REASON")


def _rows(found: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [_row(sector) for sector in found]


def _row(sector: dict[str, Any]) -> tuple[str, ...]:
    from thespis.protocols.encoding.units import format_size

    pieces, left = sector["Pieces"], sector["SecondsLeft"]
    sealing = bool(sector["Phase"])
    return (
        str(sector["SectorNumber"]),
        sector["State"],
        str(len(pieces)),
        format_size(sum(piece["PaddedBytes"] for piece in pieces)),
        sector["Phase"],
        f"{sector['Share']:.0%}" if sealing else "",
        f"{format_size(int(sector['BytesPerSecond']))}/s" if sealing else "",
        f"{left:.0f} s" if sealing and left is not None else "",
        sector["Reason"] or (sector["CommR"] or {}).get("/", ""),
    )


def _watch(ctx: click.Context) -> None:

    from rich.console import Console
    from rich.live import Live

    console = Console()

    def table() -> RenderableType:
        return fitting(COLUMNS, _rows(call(ctx, "Thespis.SectorsList")), console.width)

    with Live(table(), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_EVERY_S)
            live.update(table(), refresh=True)


@sectors.command("pledge")
@click.pass_context
def sectors_pledge(ctx: click.Context) -> None:
    """Seal a sector without pieces, and print its number."""
    click.echo(call(ctx, "Thespis.SectorsPledge"))


@sectors.command("seal")
@click.argument("number", type=Natural, required=False)
@click.pass_context
def sectors_seal(ctx: click.Context, number: int | None) -> None:
    """Seal all that is staged, or one sector, also one that failed; print the numbers."""
    for each in call(ctx, "Thespis.SectorsSeal", number):
        click.echo(each)


@sectors.command("finish")
@click.argument("number", type=Natural)
@click.pass_context
def sectors_finish(ctx: click.Context, number: int) -> None:
    """Remove a sealed sector's layers, which only proofs of its sealing need."""
    call(ctx, "Thespis.SectorsFinish", number)


@sectors.command("prove")
@click.argument("numbers", type=Natural, nargs=-1, required=True)
@json_option
@click.pass_context
def sectors_prove(ctx: click.Context, numbers: tuple[int, ...], *, as_json: bool) -> None:
    """Prove that sectors are still stored, to random challenges; ends with 1 where one is not."""
    import secrets

    randomness = base64.b64encode(secrets.token_bytes(32)).decode()
    found = call(ctx, "Thespis.SectorsProve", list(numbers), randomness)
    faulty = {fault["SectorNumber"]: fault["Reason"] for fault in found["Faults"]}

    def text(_found: Any) -> None:
        click.echo(f"a proof of {len(base64.b64decode(found['Proof']))} bytes")
        print_table(("SECTOR", "STORED"), [(number, faulty.get(number, "yes")) for number in numbers])

    show({"Randomness": randomness, **found}, as_json=as_json, text=text)
    sys.exit(1 if faulty else 0)


@sectors.command("read")
@click.argument("key")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def sectors_read(ctx: click.Context, key: str, target: Path) -> None:
    """Write the sealed piece of KEY to TARGET, a file of the node's machine."""
    call(ctx, "Thespis.PieceRead", key, str(target.absolute()))


@click.group()
def deals() -> None:
    """Pieces that this node's miner promised to store."""


@deals.command("store")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", help="What to call the piece; the file's path by default.")
@json_option
@click.pass_context
def deals_store(ctx: click.Context, source: Path, *, key: str | None, as_json: bool) -> None:
    """Promise to store SOURCE, a file of the node's machine; giving the same promise again changes nothing."""
    path = source.absolute()
    found = call(ctx, "Thespis.DealsStore", key or str(path), str(path), path.stat().st_size)
    show(found, as_json=as_json, text=lambda deal: print_table(DEAL_COLUMNS, [_deal_row(deal)]))


@deals.command("list")
@json_option
@click.pass_context
def deals_list(ctx: click.Context, *, as_json: bool) -> None:
    """List every promise and how far it is kept."""
    found = call(ctx, "Thespis.DealsList")
    show(found, as_json=as_json, text=lambda all_: print_table(DEAL_COLUMNS, [_deal_row(deal) for deal in all_]))


DEAL_COLUMNS = ("KEY", "STATE", "SECTOR", "BYTES", "PIECE CID / REASON")


def _deal_row(deal: dict[str, Any]) -> tuple[str, ...]:
    number = deal["SectorNumber"]
    return (
        deal["Key"],
        deal["State"],
        "" if number is None else str(number),
        str(deal["PayloadBytes"]),
        deal["Reason"] or (deal["PieceCID"] or {}).get("/", ""),
    )
