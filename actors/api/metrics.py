"""The page that Prometheus reads: the chain and the Api as the Api sees them, every process as its supervisor does.

Names follow Prometheus' conventions: base units, ``_total`` for what only grows. Counters begin anew with the process
that they count in; restarts are counted by the supervisor, and go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from thespis import __version__
from thespis.actors.chain.reader import ChainReader
from thespis.runtime.actor.envelopes import ChildState, ProcessRow, ProcessTable

CONTENT_TYPE = "text/plain; version=0.0.4"

Read = Callable[[ProcessRow], float]

GAUGES: tuple[tuple[str, str, Read], ...] = (
    ("up", "Whether the role's process runs and is ready", lambda row: row.state is ChildState.RUNNING),
    ("incarnation", "How often the role's process was started", lambda row: row.incarnation),
    ("mailbox", "Messages that wait", lambda row: row.statistics.mailbox),
    ("memory_bytes", "Resident memory of the process", lambda row: row.statistics.memory_bytes),
)
"""Of each role, after ``thespis_actor_``: what is so now."""
COUNTERS: tuple[tuple[str, str, Read], ...] = (
    ("handled", "Messages handled", lambda row: row.statistics.handled),
    ("failed", "Messages whose handler raised, and background work that did", lambda row: row.statistics.failed),
    (
        "rejected",
        "Messages refused: by the channels, by type, or too many",
        lambda row: row.statistics.rejected,
    ),
    ("dead_letters", "Messages that came back", lambda row: row.statistics.dead_letters),
    ("blocked_seconds", "Time spent on full mailboxes of others", lambda row: row.statistics.blocked_s),
    ("cpu_seconds", "User and system time of the process", lambda row: row.statistics.cpu_s),
)
"""Of each role, after ``thespis_actor_`` and before ``_total``: what was counted since its process started."""


@dataclass(frozen=True, slots=True)
class ApiNumbers:
    """What the Api knows of itself."""

    calls: int
    channels: int


class NodeCollector(Collector):
    """One scrape's numbers; without a process table, which is the supervisor's, those of the Api alone."""

    def __init__(self, chain: ChainReader, api: ApiNumbers, table: ProcessTable | None) -> None:
        self._chain = chain
        self._api = api
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """Every family of the page."""
        build = GaugeMetricFamily("thespis_build_info", "The program and its network", labels=("version", "network"))
        build.add_metric((__version__, self._chain.genesis.profile.name), 1)
        yield build
        yield from self._own()
        yield GaugeMetricFamily(
            "thespis_supervisor_up", "Whether the supervisor told of the processes", value=self._table is not None
        )
        if self._table is not None:
            yield from _processes(self._table.rows)

    def _own(self) -> Iterator[Metric]:
        head = self._chain.head()
        yield GaugeMetricFamily("thespis_chain_height", "Height of the head", head.height)
        yield GaugeMetricFamily(
            "thespis_chain_base_fee", "Base fee of the head in attoFIL per gas", head.blocks[0].parent_base_fee
        )
        yield GaugeMetricFamily("thespis_chain_tipset_blocks", "Blocks of the head", len(head.blocks))
        yield GaugeMetricFamily("thespis_api_calls", "Calls answered since the start of the Api", self._api.calls)
        yield GaugeMetricFamily("thespis_api_channels", "Open channels of events", self._api.channels)


def _processes(rows: Iterable[ProcessRow]) -> Iterator[Metric]:
    rows = tuple(rows)
    for name, text, read in GAUGES:
        gauge = GaugeMetricFamily(f"thespis_actor_{name}", text, labels=("role",))
        for row in rows:
            gauge.add_metric((row.role,), read(row))
        yield gauge
    for name, text, read in COUNTERS:
        counter = CounterMetricFamily(f"thespis_actor_{name}", text, labels=("role",))
        for row in rows:
            counter.add_metric((row.role,), read(row))
        yield counter
    yield _handler_seconds(rows)
    restarts = CounterMetricFamily("thespis_actor_restarts", "Restarts by cause", labels=("role", "reason"))
    for row in rows:
        for cause, count in sorted(row.restarts_by_cause.items()):
            restarts.add_metric((row.role, cause), count)
    yield restarts


def _handler_seconds(rows: tuple[ProcessRow, ...]) -> Metric:
    """How long handlers took: the sum over all of them, and quantiles of the last ones."""
    seconds = SummaryMetricFamily(
        "thespis_actor_handler_seconds", "How long handlers took, waiting for answers included", labels=("role",)
    )
    for row in rows:
        numbers = row.statistics
        for quantile, value in (("0.5", numbers.p50_s), ("0.99", numbers.p99_s)):
            seconds.add_sample(seconds.name, {"role": row.role, "quantile": quantile}, value)
        seconds.add_metric((row.role,), count_value=numbers.handled, sum_value=numbers.handler_s)
    return seconds


def page(chain: ChainReader, api: ApiNumbers, table: ProcessTable | None) -> bytes:
    """The page, in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(NodeCollector(chain, api, table))
    return generate_latest(registry)
