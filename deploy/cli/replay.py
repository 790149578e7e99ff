"""``replay``: a chain out of files, validated and executed anew from genesis."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, BinaryIO

import click
from thespis.deploy.cli.client import show


@click.command()
@click.argument("source", type=click.File("rb"), metavar="CAR")
@click.option(
    "--genesis", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True, help="The genesis CAR."
)
@click.option("--diff", is_flag=True, help="Where a state differs, print the first actor and field that do.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(*, source: BinaryIO, genesis: Path, diff: bool, as_json: bool) -> None:
    """Validate and execute a chain from its genesis; ends with 1 at the first header that disagrees.

    Everything is held in memory. The CAR's roots are the head; it has the headers and messages down to genesis. Proofs
    of storage are checked where they are Merkle openings; SNARKs, as on mainnet, are taken as the chain took them.
    """
    from thespis.actors.chain.replay import Replay
    from thespis.actors.chain.writer import ChainWriter
    from thespis.protocols.errors import InvalidBlockError, ProtocolError
    from thespis.runtime.store.memory import MemoryDisk

    try:
        chain = Replay(ChainWriter(MemoryDisk().open("chain")), genesis.read_bytes(), source)
        blocks = messages = gas = 0
        validating_s = executing_s = 0.0
        for tipset in chain.tipsets:
            started_s = time.perf_counter()
            try:
                chain.validate(tipset)
            except InvalidBlockError as error:
                where = f"\n{chain.difference(tipset)}" if diff else ""
                raise click.ClickException(f"height {tipset.height}: {error}{where}") from None
            validated_s = time.perf_counter()
            _outcome, count, used = chain.execute(tipset)
            executing_s += time.perf_counter() - validated_s
            validating_s += validated_s - started_s
            blocks, messages, gas = blocks + len(tipset.blocks), messages + count, gas + used
    except ProtocolError as error:
        raise click.ClickException(f"{source.name}: {error}") from None
    total_s = max(validating_s + executing_s, 1e-9)
    head = chain.tipsets[-1] if chain.tipsets else None
    found = {
        "genesis": str(chain.genesis.cid),
        "head": [str(cid) for cid in head.key] if head else [],
        "height": head.height if head else 0,
        "tipsets": len(chain.tipsets),
        "blocks": blocks,
        "messages": messages,
        "gas": gas,
        "seconds": round(total_s, 3),
        "validating_seconds": round(validating_s, 3),
        "executing_seconds": round(executing_s, 3),
        "epochs_per_s": round((head.height if head else 0) / total_s, 1),
        "messages_per_s": round(messages / total_s, 1),
        "gas_per_s": round(gas / total_s),
    }
    show(found, as_json=as_json, text=_print)


def _print(found: dict[str, Any]) -> None:
    share = found["executing_seconds"] / max(found["seconds"], 1e-9)
    click.echo(f"every header agrees, from genesis {found['genesis']} to height {found['height']}")
    click.echo(f"tipsets   {found['tipsets']}, of {found['blocks']} blocks and {found['messages']} messages")
    click.echo(f"time      {found['seconds']} s, {share:.0%} of it executing, the rest validating blocks")
    rates = (found["epochs_per_s"], "epochs/s"), (found["messages_per_s"], "messages/s"), (found["gas_per_s"], "gas/s")
    click.echo(f"rate      {', '.join(f'{rate} {unit}' for rate, unit in rates)}")
