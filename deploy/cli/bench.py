"""``bench``: measurements against named yardsticks."""

from __future__ import annotations

import click
from thespis.deploy.cli.parameters import Count, Seconds


@click.group()
def bench() -> None:
    """Measure against named yardsticks, both taken in one run."""


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def actors(*, as_json: bool) -> None:
    """The actor bases: latency, throughput, start, stop, memory, simulation rate."""
    from thespis.deploy.bench import actors as measurements
    from thespis.deploy.bench.report import show

    show("Actor bases", measurements.run(), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--entries-max", type=Count, default=1_000_000, show_default=True, help="Largest map and array.")
def ipld(*, as_json: bool, entries_max: int) -> None:
    """HAMT and AMT: gets, sets and flushes per second."""
    from thespis.deploy.bench import ipld as measurements
    from thespis.deploy.bench.report import show

    show("IPLD", measurements.run(entries_max), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--epochs", type=Count, default=2_000, show_default=True, help="Length of the empty chain to sync.")
def chain(*, as_json: bool, epochs: int) -> None:
    """The chain and a whole node: admission, syncing, block to head, start, memory, JSON-RPC."""
    import itertools
    import logging

    from thespis.deploy.bench import chain as measurements
    from thespis.deploy.bench import node
    from thespis.deploy.bench.report import show

    logging.disable(logging.ERROR)
    show("Chain", itertools.chain(measurements.run(epochs), node.run()), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--seconds", type=Seconds, default=10.0, show_default=True, help="How long each flood lasts.")
def hostile(*, as_json: bool, seconds: float) -> None:
    """A real node under attack: an honest peer's latency, memory, and who was dropped."""
    from thespis.deploy.bench import hostile as measurements
    from thespis.deploy.bench.report import show

    show("Under attack", measurements.run(seconds), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def kernels(*, as_json: bool) -> None:
    """Proof hashing: SHA-256, Poseidon, labels, piece commitment."""
    from thespis.deploy.bench import kernels as measurements
    from thespis.deploy.bench.report import show

    show("Kernels", measurements.run_kernels(), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def seal(*, as_json: bool) -> None:
    """Whole sectors: sealing on files, memory, verification."""
    from thespis.deploy.bench import kernels as measurements
    from thespis.deploy.bench.report import show

    show("Sealing", measurements.run_seal(), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def vm(*, as_json: bool) -> None:
    """The machine: transfers, and a tipset of a thousand of them."""
    from thespis.deploy.bench import vm as measurements
    from thespis.deploy.bench.report import show

    show("VM", measurements.run(), as_json=as_json)
