"""``daemon``: run a node until it is told to stop."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from thespis.deploy.cli.settings import home_of


@click.command()
@click.option("--offline", is_flag=True, help="No network: a chain and an API, and no peers.")
@click.option(
    "--genesis", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Genesis CAR to start from."
)
@click.option("--swarm-listen", default=None, help="Where peers reach the node (over the settings).")
@click.option("--api-listen", default=None, help="Where the API listens (over the settings).")
@click.option("--log-level", default=None, help="Lowest level written (over the settings).")
@click.pass_context
def daemon(
    ctx: click.Context,
    *,
    offline: bool,
    genesis: Path | None,
    swarm_listen: str | None,
    api_listen: str | None,
    log_level: str | None,
) -> None:
    """Run a node: a supervised tree of processes over the home directory.

    The wallet's passphrase comes from THESPIS_PASSPHRASE or from the file `passphrase` in the home (mode 600).
    """
    from thespis.actors.node.actor import FilecoinNode
    from thespis.deploy.launcher import RunningNode
    from thespis.deploy.nodes import GENESIS_FILE, node_settings
    from thespis.runtime.config import load_config
    from thespis.runtime.files import write_atomically
    from thespis.runtime.repo import Repo

    home = home_of(ctx)
    started_s = time.monotonic()
    repo = Repo.open(home) if (home / "version").exists() else Repo.init(home)
    if genesis is not None:
        write_atomically(home / GENESIS_FILE, genesis.read_bytes())
    flags = {"swarm.address": swarm_listen, "api.address": api_listen, "log.level": log_level}
    config = load_config(repo.config_path, flags={key: value for key, value in flags.items() if value is not None})
    settings = node_settings(home, config, offline=offline)
    with RunningNode(home, FilecoinNode, settings=settings, log_level=config.log.level) as node:
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
