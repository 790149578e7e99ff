"""What every benchmark prints: a table, or one JSON object a line."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `ratio` is ours divided by the yardstick, both of one run, the median of several."""

    name: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None


def show(title: str, figures: Iterable[Figure], *, as_json: bool) -> None:
    """Print figures: a table when all are there, or each as it comes as one JSON object a line."""
    if as_json:
        for figure in figures:
            print(json.dumps(asdict(figure)), flush=True)
        return
    from thespis.deploy.cli.tables import print_table

    rows = [
        (each.name, _number(each.value), each.unit, each.against, "" if each.ratio is None else _number(each.ratio))
        for each in figures
    ]
    print(title)
    print_table(("NAME", "VALUE", "UNIT", "AGAINST", "RATIO"), rows)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"  # noqa: PLR2004


def rate(amount: float, work: Callable[[], object]) -> float:
    """Units a second, where `work` does `amount` of them."""
    started = time.perf_counter()
    work()
    return amount / (time.perf_counter() - started)


def paired(ours: Callable[[], float], yardstick: Callable[[], float], rounds: int = 5) -> tuple[float, float, float]:
    """Run two measurements in turn; returns the medians of ours, of the yardstick and of their ratios."""
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours())
        theirs.append(yardstick())
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return statistics.median(mine), statistics.median(theirs), statistics.median(ratios)
