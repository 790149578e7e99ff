"""``bench``: measurements against named yardsticks."""

from __future__ import annotations

import click


@click.group()
def bench() -> None:
    """Measure against named yardsticks, both taken in one run."""


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def actors(*, as_json: bool) -> None:
    """The actor bases: latency, throughput, start, stop, memory, simulation rate."""
    from deploy.bench import actors as measurements
    from deploy.bench.report import show

    show("Actor bases", measurements.run(), as_json=as_json)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--entries-max", default=1_000_000, show_default=True, help="Largest map and array.")
def ipld(*, as_json: bool, entries_max: int) -> None:
    """HAMT and AMT: gets, sets and flushes per second."""
    from deploy.bench import ipld as measurements
    from deploy.bench.report import show

    show("IPLD", measurements.run(entries_max), as_json=as_json)
