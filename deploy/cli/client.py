"""What commands that talk to a running node share: the client, amounts, tables, output for people or scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click
from thespis.deploy.cli.settings import home_of

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def call(ctx: click.Context, method: str, *params: Any) -> Any:
    """Call the node of this home, or the one that ``FULLNODE_API_INFO`` names as ``[<token>:]<address>``."""
    from thespis.deploy.rpc import RpcClient
    from thespis.runtime.http.address import HttpAddressError, api_info

    info = os.environ.get("FULLNODE_API_INFO", "")
    if info:
        token, address = api_info(info)
        try:
            client = RpcClient(address, token)
        except HttpAddressError as error:
            raise HttpAddressError(f"FULLNODE_API_INFO: {error}") from None
    else:
        client = RpcClient.of_home(home_of(ctx))
    with client:
        return client.call(method, *params)


def show(data: Any, *, as_json: bool, text: Callable[[Any], None]) -> None:
    """Print for a script or for a person."""
    if as_json:
        click.echo(json.dumps(data, indent=2))
    else:
        text(data)


def print_lines(items: Any) -> None:
    """One item a line."""
    for item in items:
        click.echo(str(item))


def print_fields(fields: Any) -> None:
    """One ``name: value`` a line, and one for each of several values; what is empty is left out."""
    for key, value in fields.items():
        for each in value if isinstance(value, list | tuple) else (value,):
            if each not in (None, ""):
                click.echo(f"{key}: {each}")


def fil(atto: str) -> str:
    """An amount for a person."""
    from thespis.protocols.encoding.bigint import format_fil

    return format_fil(int(atto))


def default_address(ctx: click.Context) -> str:
    """The setting, else the wallet's own default."""
    from thespis.actors.node.settings import WalletDefaults
    from thespis.deploy.nodes import SETTINGS

    configured = SETTINGS.load(home_of(ctx) / "config.toml").record(WalletDefaults).default_address
    return configured or str(call(ctx, "WalletDefaultAddress"))


def same_address(one: str, other: str) -> bool:
    """Whether two texts are one address, whichever network's letter each begins with."""
    return one[1:] == other[1:]


def link(cid: str) -> dict[str, str]:
    """A CID as JSON-RPC has it."""
    return {"/": cid}
