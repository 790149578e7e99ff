"""``daemon``: run a node until it is told to stop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from thespis.deploy.cli.settings import home_of
from thespis.deploy.nodes import GENESIS_FILE, SETTINGS, node_settings

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_flags(command: Command) -> Command:
    """An option for each setting whose record names a flag."""
    for key, field in reversed(SETTINGS.fields.items()):
        if field.setting.flag:
            said = f"{field.setting.text[0].upper()}{field.setting.text[1:]} (over the setting {key})."
            command = click.option(field.setting.flag, key.replace(".", "__"), default=None, help=said)(command)
    return command


@click.command()
@click.option("--offline", is_flag=True, help="No network: a chain and an API, and no peers.")
@click.option(
    "--genesis", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Genesis CAR to start from."
)
@setting_flags
@click.pass_context
def daemon(ctx: click.Context, /, *, offline: bool, genesis: Path | None, **flags: str | None) -> None:
    """Run a node: a supervised tree of processes over the home directory.

    The wallet's passphrase comes from THESPIS_PASSPHRASE or from the file `passphrase` in the home (mode 600).
    """
    from thespis.actors.node.actor import FilecoinNode
    from thespis.actors.node.settings import LogSettings
    from thespis.deploy.launcher import RunningNode
    from thespis.runtime.files import write_atomically
    from thespis.runtime.repo import Repo

    home = home_of(ctx)
    started_s = time.monotonic()
    repo = Repo.open(home) if (home / "version").exists() else Repo.init(home, SETTINGS.default_text())
    if genesis is not None:
        write_atomically(home / GENESIS_FILE, genesis.read_bytes())
    texts = {name.replace("__", "."): text for name, text in flags.items() if text is not None}
    given = {key: SETTINGS.field(key).parsed(text) for key, text in texts.items()}
    config = SETTINGS.load(repo.config_path, flags=given)
    settings = node_settings(home, config, offline=offline)
    with RunningNode(home, FilecoinNode, settings=settings, log_level=config.record(LogSettings).level) as node:
        _announce(home, time.monotonic() - started_s)
        code = node.serve()
    sys.exit(code)


def _announce(home: Path, seconds: float) -> None:
    from thespis.deploy.rpc import RpcClient

    with RpcClient.of_home(home) as client:
        version, listen = client.call("Version"), client.call("NetAddrsListen")
    click.echo(f"Thespis {version['Version']} runs at {home} after {seconds:.1f} s")
    if version["Version"].endswith("+vanilla"):
        click.echo("Vanilla proofs: blocks prove storage by Merkle openings, which mainnet's SNARKs would hide.")
    click.echo(f"My peer ID is {listen['ID']}")
    for address in listen["Addrs"]:
        click.echo(f"Swarm listening on: {address}")
    click.echo(f"API on {(home / 'api').read_text(encoding='utf-8')}")
