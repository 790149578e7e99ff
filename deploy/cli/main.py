"""The command ``thespis``: a group whose commands are imported when they are called.

Help must come in a fraction of a second, so this module imports click and nothing else; each command's module is
named here and loaded on demand.
"""

from __future__ import annotations

import importlib
import sys

import click

COMMANDS = {
    "actor": ("deploy.cli.actor:actor", "Actors on chain."),
    "bench": ("deploy.cli.bench:bench", "Measure against named yardsticks."),
    "bootstrap": ("deploy.cli.net:bootstrap", "Peers that are dialled at start."),
    "chain": ("deploy.cli.chain:chain", "Look at the chain."),
    "commp": ("deploy.cli.sector:commp", "Commit to a piece of data."),
    "config": ("deploy.cli.settings:config", "Read and change settings."),
    "daemon": ("deploy.cli.daemon:daemon", "Run a node."),
    "dag": ("deploy.cli.chain:dag", "Look at raw blocks of the store."),
    "deals": ("deploy.cli.sectors:deals", "Pieces that this node's miner promised to store."),
    "demo": ("deploy.cli.demo:demo", "Show a supervised tree of processes heal itself."),
    "devnet": ("deploy.cli.devnet:devnet", "Run a local network of whole nodes."),
    "dht": ("deploy.cli.net:dht", "Ask the routing table."),
    "genesis": ("deploy.cli.genesis:genesis", "Make and read genesis files."),
    "faucet": ("deploy.cli.faucet:faucet", "Give out money on a test network."),
    "id": ("deploy.cli.net:node_id", "Print the node's identity."),
    "init": ("deploy.cli.settings:init", "Make a node's home directory."),
    "log": ("deploy.cli.net:log", "What the node writes to its log."),
    "mining": ("deploy.cli.mining:mining", "This node's miner."),
    "mpool": ("deploy.cli.wallet:mpool", "Messages that wait."),
    "net": ("deploy.cli.net:net", "Who is connected."),
    "ping": ("deploy.cli.net:ping", "Measure round trips to a peer."),
    "ps": ("deploy.cli.node:ps", "Show the processes of a running node."),
    "replay": ("deploy.cli.replay:replay", "Validate and execute a chain out of files."),
    "restart": ("deploy.cli.node:restart", "Restart one subsystem of a running node."),
    "sector": ("deploy.cli.sector:sector", "Seal, unseal and verify sectors on files."),
    "sectors": ("deploy.cli.sectors:sectors", "Sectors of this node's miner."),
    "send": ("deploy.cli.wallet:send", "Send FIL."),
    "show": ("deploy.cli.chain:show_group", "Show things of the chain."),
    "sim": ("deploy.cli.sim:sim", "Simulate a whole network and check its invariants."),
    "state": ("deploy.cli.state:state", "Look at the state of the chain."),
    "stats": ("deploy.cli.net:stats", "Statistics."),
    "stop": ("deploy.cli.node:stop", "Stop a running node in order."),
    "swarm": ("deploy.cli.net:swarm", "The seed's names for `net`."),
    "sync": ("deploy.cli.chain:sync", "See how syncing goes."),
    "tell": ("deploy.cli.node:tell", "Send a message to a subsystem of a running node."),
    "version": ("deploy.cli.settings:version", "Print the version."),
    "wallet": ("deploy.cli.wallet:wallet", "Keep keys."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports a command when it is used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every command, sorted."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_target, help_text) in sorted(COMMANDS.items())])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(file_okay=False), envvar="THESPIS_HOME", help="The node's home directory.")
@click.pass_context
def cli(ctx: click.Context, home: str | None) -> None:
    """Thespis: a Filecoin node in Python on the actor model."""
    ctx.obj = home


def main() -> None:
    """Run the command line; errors of ours are one line on standard error and exit code 1."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except Exception as error:
        from protocols.errors import ProtocolError
        from runtime.errors import RuntimeFloorError

        if not isinstance(error, RuntimeFloorError | ProtocolError):
            raise
        click.echo(f"thespis: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
