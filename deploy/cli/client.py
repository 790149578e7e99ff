"""What commands that talk to a running node share: the client, amounts, tables, output for people or scripts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from thespis.deploy.cli.settings import home_of

Command = TypeVar("Command", bound=Callable[..., Any])

upgrade_option = click.option(
    "--upgrade-epoch",
    default=-1,
    show_default=True,
    help="Begin with builtin actors of version 0, and upgrade to version 2 after this epoch; -1: begin with version 2.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Size(click.ParamType[int]):
    """A size such as 2KiB, 8MiB or 2048."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse, or say what is wrong."""
        from thespis.protocols.encoding.units import parse_size
        from thespis.protocols.errors import ProtocolError

        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ProtocolError as error:
            self.fail(str(error), param, ctx)


def call(ctx: click.Context, method: str, *params: Any) -> Any:
    """Call the node of this home, or the one that ``FULLNODE_API_INFO`` names as ``<token>:<multiaddress>``."""
    from thespis.deploy.rpc import RpcClient

    info = os.environ.get("FULLNODE_API_INFO", "")
    if info:
        token, _, address = info.rpartition(":")
        client = RpcClient(address, token)
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


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under headings; nothing is cut in a pipe."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console = Console(highlight=False)
    (console if console.is_terminal else Console(highlight=False, width=400)).print(table)


def print_lines(items: Any) -> None:
    """One item a line."""
    for item in items:
        click.echo(str(item))


def print_fields(fields: Any) -> None:
    """One ``name: value`` a line; what is empty is left out."""
    print_lines(f"{key}: {value}" for key, value in fields.items() if value not in (None, "", []))


def fil(atto: str) -> str:
    """An amount for a person."""
    from thespis.protocols.encoding.bigint import format_fil

    return format_fil(int(atto))


def atto(text: str) -> str:
    """attoFIL, as JSON has it, of an amount that a person wrote; negative amounts are refused."""
    from thespis.protocols.encoding.bigint import parse_fil
    from thespis.protocols.errors import AmountError

    amount = parse_fil(text)
    if amount < 0:
        raise AmountError(f"{text!r} is negative")
    return str(amount)


def default_address(ctx: click.Context) -> str:
    """The setting, else the wallet's own default."""
    from thespis.actors.node.settings import WalletDefaults
    from thespis.deploy.nodes import SETTINGS

    configured = SETTINGS.load(home_of(ctx) / "config.toml").record(WalletDefaults).default_address
    return configured or str(call(ctx, "WalletDefaultAddress"))


def link(cid: str) -> dict[str, str]:
    """A CID as JSON-RPC has it."""
    return {"/": cid}
