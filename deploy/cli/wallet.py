"""``wallet``, ``send`` and ``mpool``: keys, money, and messages on their way."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click
from thespis.deploy.cli.client import call, default_address, fil, json_option, link, same_address, show
from thespis.deploy.cli.parameters import AttoFil, CidText, Fil, FilAddress, Hexadecimals, Natural, Seconds
from thespis.deploy.cli.tables import print_table


@click.group()
def wallet() -> None:
    """Keep keys."""


@wallet.command("new")
@click.argument("kind", type=click.Choice(["secp256k1", "bls"]), default="secp256k1")
@click.pass_context
def wallet_new(ctx: click.Context, kind: str) -> None:
    """Make a key and print its address."""
    click.echo(call(ctx, "WalletNew", kind))


@wallet.command("list")
@json_option
@click.pass_context
def wallet_list(ctx: click.Context, *, as_json: bool) -> None:
    """List addresses with balances; the default is marked."""
    addresses = call(ctx, "WalletList")
    default = default_address(ctx) if addresses else ""
    rows = [
        {"Address": each, "Balance": call(ctx, "WalletBalance", each), "Default": same_address(each, default)}
        for each in addresses
    ]

    def text(data: list[Any]) -> None:
        print_table(
            ("ADDRESS", "BALANCE", "DEFAULT"),
            [(each["Address"], fil(each["Balance"]), "X" if each["Default"] else "") for each in data],
        )

    show(rows, as_json=as_json, text=text)


@wallet.command("balance")
@click.argument("address", type=FilAddress, default="")
@click.pass_context
def wallet_balance(ctx: click.Context, address: str) -> None:
    """Print a balance (default: of the default address)."""
    click.echo(fil(call(ctx, "WalletBalance", address or default_address(ctx))))


@wallet.command("default")
@click.pass_context
def wallet_default(ctx: click.Context) -> None:
    """Print the default address."""
    click.echo(default_address(ctx))


@wallet.command("set-default")
@click.argument("address", type=FilAddress)
@click.pass_context
def wallet_set_default(ctx: click.Context, address: str) -> None:
    """Choose the default address."""
    call(ctx, "WalletSetDefault", address)


@wallet.command("export")
@click.argument("address", type=FilAddress)
@click.pass_context
def wallet_export(ctx: click.Context, address: str) -> None:
    """Print a private key, as Lotus' hexadecimal JSON. Whoever sees it has the money."""
    click.echo(json.dumps(call(ctx, "WalletExport", address), separators=(",", ":")).encode().hex())


@wallet.command("import")
@click.argument("file", type=click.File("rb"), default="-")
@click.pass_context
def wallet_import(ctx: click.Context, file: Any) -> None:
    """Take a private key from a file or standard input: JSON, or its hexadecimal form."""
    from thespis.protocols.errors import SignatureError

    text = file.read(1 << 16).strip()
    try:
        info = json.loads(text if text[:1] == b"{" else bytes.fromhex(text.decode()))
    except ValueError:
        raise SignatureError("the file holds no key: expected JSON with Type and PrivateKey, or that as hex") from None
    click.echo(f"imported {call(ctx, 'WalletImport', info)}")


@wallet.command("delete")
@click.argument("address", type=FilAddress)
@click.pass_context
def wallet_delete(ctx: click.Context, address: str) -> None:
    """Forget a private key for good."""
    call(ctx, "WalletDelete", address)


@wallet.command("sign")
@click.argument("address", type=FilAddress)
@click.argument("data", type=Hexadecimals)
@click.pass_context
def wallet_sign(ctx: click.Context, address: str, data: bytes) -> None:
    """Sign hexadecimal bytes."""
    import base64

    signature = call(ctx, "WalletSign", address, base64.b64encode(data).decode())
    click.echo(f"{signature['Type']:02x}{base64.b64decode(signature['Data']).hex()}")


@click.command()
@click.argument("target", type=FilAddress)
@click.argument("amount", type=Fil)
@click.option("--from", "sender", type=FilAddress, default="", help="Sender (default: the default address).")
@click.option("--method", type=Natural, default=0, show_default=True, help="Method of the receiving actor.")
@click.option("--params-hex", type=Hexadecimals, default="", help="Parameters as hexadecimal CBOR.")
@click.option("--gas-limit", type=Natural, default=0, help="Gas limit (default: estimated).")
@click.option("--gas-feecap", type=AttoFil, default="0", help="attoFIL per gas at most (default: estimated).")
@click.option("--gas-premium", type=AttoFil, default="0", help="attoFIL per gas for the miner (default: estimated).")
@click.option("--wait", is_flag=True, help="Wait until it is on chain.")
@json_option
@click.pass_context
def send(
    ctx: click.Context,
    target: str,
    amount: str,
    *,
    sender: str,
    method: int,
    params_hex: bytes,
    gas_limit: int,
    gas_feecap: str,
    gas_premium: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Send AMOUNT (in FIL, or for example '300 attofil') to TARGET."""
    import base64

    message = {
        "From": sender or default_address(ctx),
        "To": target,
        "Value": amount,
        "Method": method,
        "Params": base64.b64encode(params_hex).decode(),
        "GasLimit": gas_limit,
        "GasFeeCap": gas_feecap,
        "GasPremium": gas_premium,
    }
    signed = call(ctx, "MpoolPushMessage", message, {"MaxFee": "0"})
    if not wait:
        show(signed, as_json=as_json, text=lambda each: click.echo(each["CID"]["/"]))
        return
    found = call(ctx, "StateWaitMsg", signed["CID"], 1, -1, True)

    def text(lookup: Any) -> None:
        receipt = lookup["Receipt"]
        click.echo(f"{signed['CID']['/']} at height {lookup['Height']}: exit code {receipt['ExitCode']}")

    show(found, as_json=as_json, text=text)
    sys.exit(1 if found["Receipt"]["ExitCode"] else 0)


@click.group()
def mpool() -> None:
    """Look at messages that wait."""


@mpool.command("ls")
@click.option("--wait-for-count", type=Natural, default=0, help="Wait until this many messages are there.")
@click.option("--timeout", type=Seconds, default=60.0, show_default=True, help="Seconds to wait at most.")
@json_option
@click.pass_context
def mpool_ls(ctx: click.Context, *, wait_for_count: int, timeout: float, as_json: bool) -> None:
    """List messages that wait."""
    end_s = time.monotonic() + timeout
    while True:
        waiting = call(ctx, "MpoolPending", [])
        if len(waiting) >= wait_for_count:
            break
        if time.monotonic() > end_s:
            click.echo(f"{len(waiting)} of {wait_for_count} messages came within {timeout:.0f} s", err=True)
            sys.exit(1)
        time.sleep(0.2)

    def text(messages: list[Any]) -> None:
        rows = [
            (each["CID"]["/"], each["Message"]["From"], each["Message"]["Nonce"], fil(each["Message"]["Value"]))
            for each in messages
        ]
        print_table(("CID", "FROM", "NONCE", "VALUE"), rows)

    show(waiting, as_json=as_json, text=text)


@mpool.command("show")
@click.argument("cid", type=CidText)
@click.pass_context
def mpool_show(ctx: click.Context, cid: str) -> None:
    """Print a waiting message as JSON."""
    for each in call(ctx, "MpoolPending", []):
        if each["CID"]["/"] == cid:
            show(each, as_json=True, text=print)
            return
    click.echo(f"message {cid} not found in the pool", err=True)
    sys.exit(1)


@mpool.command("rm")
@click.argument("cid", type=CidText)
@click.pass_context
def mpool_rm(ctx: click.Context, cid: str) -> None:
    """Drop a message from this node's pool."""
    call(ctx, "Thespis.MpoolRemove", link(cid))


@mpool.command("why")
@click.argument("cid", type=CidText)
@json_option
@click.pass_context
def mpool_why(ctx: click.Context, cid: str, *, as_json: bool) -> None:
    """Say why a message waits, and what to do."""
    show(
        call(ctx, "Thespis.MpoolWhy", link(cid)),
        as_json=as_json,
        text=lambda each: click.echo(f"{each['Reason']}\n{each['Remedy']}"),
    )


@mpool.command("replace")
@click.argument("cid", type=CidText)
@click.option("--gas-premium", type=AttoFil, default="0", help="New premium (default: what it takes to be chosen).")
@click.option("--gas-feecap", type=AttoFil, default="0", help="New fee cap (default: well above the base fee).")
@click.pass_context
def mpool_replace(ctx: click.Context, cid: str, *, gas_premium: str, gas_feecap: str) -> None:
    """Send a waiting message again for better pay, with its nonce, so that only one of the two can be mined."""
    signed = call(ctx, "Thespis.MpoolReplace", link(cid), gas_premium, gas_feecap)
    click.echo(signed["CID"]["/"])
