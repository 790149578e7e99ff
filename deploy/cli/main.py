"""The command ``thespis``: a group whose commands are imported when they are called.

Help must come in a fraction of a second, so this module imports click and nothing else; each command's module is
named here and loaded on demand.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence

import click

COMMANDS = {
    "actor": ("thespis.deploy.cli.actor:actor", "Actors on chain."),
    "bench": ("thespis.deploy.cli.bench:bench", "Measure against named yardsticks."),
    "bootstrap": ("thespis.deploy.cli.net:bootstrap", "Peers that are dialled at start."),
    "chain": ("thespis.deploy.cli.chain:chain", "Look at the chain."),
    "commp": ("thespis.deploy.cli.sector:commp", "Commit to a piece of data."),
    "config": ("thespis.deploy.cli.settings:config", "Read and change settings."),
    "daemon": ("thespis.deploy.cli.daemon:daemon", "Run a node."),
    "dag": ("thespis.deploy.cli.chain:dag", "Look at raw blocks of the store."),
    "deals": ("thespis.deploy.cli.sectors:deals", "Pieces that this node's miner promised to store."),
    "demo": ("thespis.deploy.cli.demo:demo", "Show a supervised tree of processes heal itself."),
    "devnet": ("thespis.deploy.cli.devnet:devnet", "Run a local network of whole nodes."),
    "dht": ("thespis.deploy.cli.net:dht", "Ask the routing table."),
    "genesis": ("thespis.deploy.cli.genesis:genesis", "Make and read genesis files."),
    "faucet": ("thespis.deploy.cli.faucet:faucet", "Give out money on a test network."),
    "id": ("thespis.deploy.cli.net:node_id", "Print the node's identity."),
    "init": ("thespis.deploy.cli.settings:init", "Make a node's home directory."),
    "log": ("thespis.deploy.cli.net:log", "What the node writes to its log."),
    "mining": ("thespis.deploy.cli.mining:mining", "This node's miner."),
    "mpool": ("thespis.deploy.cli.wallet:mpool", "Messages that wait."),
    "net": ("thespis.deploy.cli.net:net", "Who is connected."),
    "ping": ("thespis.deploy.cli.net:ping", "Measure round trips to a peer."),
    "ps": ("thespis.deploy.cli.node:ps", "Show the processes of a running node."),
    "replay": ("thespis.deploy.cli.replay:replay", "Validate and execute a chain out of files."),
    "restart": ("thespis.deploy.cli.node:restart", "Restart one subsystem of a running node."),
    "sector": ("thespis.deploy.cli.sector:sector", "Seal, unseal and verify sectors on files."),
    "sectors": ("thespis.deploy.cli.sectors:sectors", "Sectors of this node's miner."),
    "send": ("thespis.deploy.cli.wallet:send", "Send FIL."),
    "show": ("thespis.deploy.cli.chain:show_group", "Show things of the chain."),
    "sim": ("thespis.deploy.cli.sim:sim", "Simulate a whole network and check its invariants."),
    "state": ("thespis.deploy.cli.state:state", "Look at the state of the chain."),
    "stats": ("thespis.deploy.cli.net:stats", "Statistics."),
    "stop": ("thespis.deploy.cli.node:stop", "Stop a running node in order."),
    "swarm": ("thespis.deploy.cli.net:swarm", "The seed's names for `net`."),
    "sync": ("thespis.deploy.cli.chain:sync", "See how syncing goes."),
    "tell": ("thespis.deploy.cli.node:tell", "Send a message to a subsystem of a running node."),
    "version": ("thespis.deploy.cli.settings:version", "Print the version."),
    "wallet": ("thespis.deploy.cli.wallet:wallet", "Keep keys."),
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


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors of ours, and of files, are one line on standard error."""
    try:
        cli(arguments, standalone_mode=False)
    except click.exceptions.Abort as stop:
        number = getattr(stop.__cause__, "number", signal.SIGINT)  # of the order to stop, where one was given
        return 128 + int(number)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    except BrokenPipeError:  # whoever read our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        click.echo(f"thespis: {error.filename or 'error'}: {error.strerror or error}", err=True)
        return 1
    except Exception as error:
        from thespis.protocols.errors import ProtocolError
        from thespis.runtime.errors import RuntimeFloorError

        if not isinstance(error, RuntimeFloorError | ProtocolError):
            raise
        click.echo(f"thespis: {error}", err=True)
        return 1
    return 0


def main() -> None:
    """Run the command line; signals that say stop unwind it in order."""
    from thespis.runtime.bases.life import take_orders

    take_orders()
    sys.exit(run())


if __name__ == "__main__":
    main()
