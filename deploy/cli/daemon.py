"""``daemon``: run a node until it is told to stop."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from thespis.deploy.cli.settings import home_of
from thespis.deploy.nodes import SETTINGS, node_settings, take_genesis

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
@click.option("--launched-by", type=int, hidden=True, help="Stop in order when this process, the parent, is gone.")
@setting_flags
@click.pass_context
def daemon(
    ctx: click.Context, /, *, offline: bool, genesis: Path | None, launched_by: int | None, **flags: str | None
) -> None:
    """Run a node: a supervised tree of processes over the home directory.

    The wallet's passphrase comes from THESPIS_PASSPHRASE or from the file `passphrase` in the home (mode 600).
    """
    from thespis.runtime.bases.life import tie_to_parent

    if launched_by is not None:
        tie_to_parent(launched_by, signal.SIGTERM)
    from thespis.actors.node.actor import FilecoinNode
    from thespis.actors.node.settings import ClockSettings, LogSettings
    from thespis.deploy.launcher import RunningNode, owned_home

    started_s = time.monotonic()
    texts = {name.replace("__", "."): text for name, text in flags.items() if text is not None}
    given = {key: SETTINGS.field(key).parsed(text) for key, text in texts.items()}
    with owned_home(home_of(ctx), SETTINGS.default_text()) as repo:
        config = SETTINGS.load(repo.config_path, flags=given)
        if genesis is not None:
            take_genesis(repo.home, genesis)
        settings = node_settings(repo.home, config, offline=offline)
        level, behind_s = config.record(LogSettings).level, config.record(ClockSettings).behind_s
        with RunningNode(repo, FilecoinNode, settings=settings, log_level=level, clock_behind_s=behind_s) as node:
            _announce(repo.home, time.monotonic() - started_s)
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
