"""``chain``, ``sync``, ``show`` and ``dag``: looking at the chain."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click
from thespis.deploy.cli.client import call, fil, json_option, link, show
from thespis.deploy.cli.parameters import CidText, Count, Seconds, WritableFile, whole
from thespis.deploy.cli.tables import print_table


@click.group()
def chain() -> None:
    """Look at the chain."""


def _cids(tipset: Any) -> str:
    return "\n".join(cid["/"] for cid in tipset["Cids"])


@chain.command("head")
@json_option
@click.pass_context
def chain_head(ctx: click.Context, *, as_json: bool) -> None:
    """Print the CIDs of the head."""
    show(call(ctx, "ChainHead"), as_json=as_json, text=lambda head: click.echo(_cids(head)))


@chain.command("ls")
@click.option("--count", type=Count, default=30, show_default=True, help="How many tipsets, from the head down.")
@click.option("--height", type=whole(-1), default=-1, help="Start below the head.")
@click.option("-l", "--long", is_flag=True, help="A line per block.")
@json_option
@click.pass_context
def chain_ls(ctx: click.Context, *, count: int, height: int, long: bool, as_json: bool) -> None:
    """List tipsets, newest first."""
    tipset = call(ctx, "ChainHead") if height < 0 else call(ctx, "ChainGetTipSetByHeight", height, [])
    found: list[Any] = []
    while len(found) < count:
        found.append(tipset)
        if tipset["Height"] == 0:
            break
        tipset = call(ctx, "ChainGetTipSet", tipset["Blocks"][0]["Parents"])

    def text(tipsets: list[Any]) -> None:
        if not long:
            for each in tipsets:
                click.echo(f"{each['Height']}: {' '.join(cid['/'] for cid in each['Cids'])}")
            return
        rows = []
        for each in tipsets:
            for cid, block in zip(each["Cids"], each["Blocks"], strict=True):
                messages = call(ctx, "ChainGetBlockMessages", cid)
                root = block["ParentStateRoot"]["/"]
                rows.append((each["Height"], cid["/"], block["Miner"], root, len(messages["Cids"])))
        print_table(("HEIGHT", "CID", "MINER", "PARENT STATE", "MESSAGES"), rows)

    show(found, as_json=as_json, text=text)


@chain.command("get-block")
@click.argument("cid", type=CidText)
@click.pass_context
def chain_get_block(ctx: click.Context, cid: str) -> None:
    """Print a block header as JSON."""
    show(call(ctx, "ChainGetBlock", link(cid)), as_json=True, text=print)


@chain.command("getmessage")
@click.argument("cid", type=CidText)
@click.pass_context
def chain_get_message(ctx: click.Context, cid: str) -> None:
    """Print a message as JSON."""
    show(call(ctx, "ChainGetMessage", link(cid)), as_json=True, text=print)


@chain.command("export")
@click.argument("file", type=WritableFile())
@click.pass_context
def chain_export(ctx: click.Context, file: Path) -> None:
    """Write the heaviest chain's headers, messages and last states to a CAR, from the stopped node's store."""
    from thespis.deploy.cli.settings import home_of
    from thespis.deploy.snapshot import export_chain

    blocks, size = export_chain(home_of(ctx), file)
    click.echo(f"{blocks} blocks, {size} bytes written to {file}")


BEHIND_EPOCHS = 5
"""Epochs without a block that are nothing unusual; what is further behind the clock is not synced."""


@click.group()
def sync() -> None:
    """See how syncing goes."""


@sync.command("status")
@json_option
@click.pass_context
def sync_status(ctx: click.Context, *, as_json: bool) -> None:
    """Print stage, height, rate and time left."""

    def text(status: Any) -> None:
        behind, left = status["Epoch"] - status["Height"], status["RemainingSeconds"]
        stage = status["Stage"]
        if stage == "idle" and behind > BEHIND_EPOCHS:
            peers = len(call(ctx, "NetPeers"))
            stage += f": no heavier chain is known from {peers} peers" if peers else ": no peer is connected"
            left = -1.0
        click.echo(f"stage   {stage}")
        click.echo(f"height  {status['Height']} of {max(status['Target'], status['Epoch'])}, {max(0, behind)} behind")
        click.echo(f"rate    {status['Rate']:.1f} epochs/s\nleft    {f'{left:.0f} s' if left >= 0 else 'unknown'}")
        if status["Error"]:
            click.echo(f"last error: {status['Error']}")

    show(call(ctx, "Thespis.SyncStatus"), as_json=as_json, text=text)


@sync.command("wait")
@click.option("--timeout", type=Seconds, default=600.0, show_default=True, help="Seconds to wait at most.")
@click.pass_context
def sync_wait(ctx: click.Context, *, timeout: float) -> None:
    """Wait until the head is at the present epoch."""
    end_s = time.monotonic() + timeout
    delay_s = call(ctx, "Version")["BlockDelay"]
    while time.monotonic() < end_s:
        status = call(ctx, "Thespis.SyncStatus")
        behind = max(0, status["Epoch"] - status["Height"])
        click.echo(f"height {status['Height']}, {behind} epochs behind the clock")
        if behind <= BEHIND_EPOCHS:
            return
        time.sleep(min(5.0, delay_s))
    click.echo(f"not synced within {timeout:.0f} s", err=True)
    sys.exit(1)


@sync.command("mark-bad")
@click.argument("cid", type=CidText)
@click.pass_context
def sync_mark_bad(ctx: click.Context, cid: str) -> None:
    """Refuse a block and everything built on it."""
    call(ctx, "SyncMarkBad", link(cid))


@sync.command("unmark-bad")
@click.argument("cid", type=CidText)
@click.pass_context
def sync_unmark_bad(ctx: click.Context, cid: str) -> None:
    """Stop refusing a block."""
    call(ctx, "SyncUnmarkBad", link(cid))


@sync.command("check-bad")
@click.argument("cid", type=CidText)
@click.pass_context
def sync_check_bad(ctx: click.Context, cid: str) -> None:
    """Say whether and why a block is refused."""
    click.echo(call(ctx, "SyncCheckBad", link(cid)) or "not marked bad")


@sync.command("checkpoint")
@click.argument("cids", type=CidText, nargs=-1)
@click.pass_context
def sync_checkpoint(ctx: click.Context, cids: tuple[str, ...]) -> None:
    """Never leave the tipset of these blocks (default: the head)."""
    call(ctx, "SyncCheckpoint", [link(cid) for cid in cids])


@click.group("show")
def show_group() -> None:
    """Show things of the chain."""


@show_group.command("block")
@click.argument("cid", type=CidText)
@json_option
@click.pass_context
def show_block(ctx: click.Context, cid: str, *, as_json: bool) -> None:
    """Print a block."""
    block = call(ctx, "ChainGetBlock", link(cid))
    messages = call(ctx, "ChainGetBlockMessages", link(cid))

    def text(data: Any) -> None:
        click.echo(f"Block Details\nMiner:  {data['Miner']}\nWeight: {data['ParentWeight']}\nHeight: {data['Height']}")
        click.echo(f"Messages:  {len(messages['Cids'])}\nTimestamp: {data['Timestamp']}")
        click.echo(f"Base fee:  {data['ParentBaseFee']} attoFIL per gas")
        for each in messages["BlsMessages"] + [signed["Message"] for signed in messages["SecpkMessages"]]:
            click.echo(f"  {each['From']} -> {each['To']}  {fil(each['Value'])}  nonce {each['Nonce']}")

    show({**block, "Messages": messages} if as_json else block, as_json=as_json, text=text)


@click.group()
def dag() -> None:
    """Look at raw blocks of the store."""


@dag.command("get")
@click.argument("path")
@click.pass_context
def dag_get(ctx: click.Context, path: str) -> None:
    """Print the DAG-CBOR value at CID or CID/field/field as JSON."""
    import base64

    from thespis.actors.api.records import record_form
    from thespis.protocols.encoding import cbor
    from thespis.protocols.encoding.cid import Cid
    from thespis.protocols.errors import ChainError

    text, *fields = path.strip("/").split("/")
    cid = str(CidText.convert(text, None, ctx))
    value = cbor.decode(base64.b64decode(call(ctx, "ChainReadObj", link(cid))))
    for field in fields:
        if isinstance(value, Cid):
            value = cbor.decode(base64.b64decode(call(ctx, "ChainReadObj", link(str(value)))))
        try:
            value = value[int(field)] if isinstance(value, list) else value[field]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ChainError(f"{path}: there is no {field!r} there") from None
    show(record_form(value), as_json=True, text=print)
