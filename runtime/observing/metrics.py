"""Metrics for Prometheus: what sessions count, read when somebody asks, on loopback alone.

Nothing is counted twice for them: a collector reads the observers' own numbers, so they cost a session
nothing. Each metric is one line of `METRICS`; the reference page is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from engine.errors import InputError
from engine.model.units import NS_PER_SECOND, from_minor
from runtime.observing.counting import BOUNDS_NS, Histogram
from runtime.observing.events import EventName
from runtime.observing.health import Condition
from runtime.observing.observer import SessionObserver

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from runtime.session.session import Session

LOOPBACK: Final = "127.0.0.1"
LABELS: Final = ("session", "strategy", "environment")
_CONDITIONS: Final = {Condition.UP: 0, Condition.DEGRADED: 1, Condition.DOWN: 2}
Values = Iterable[tuple[tuple[str, ...], float]]


class MetricOf(msgspec.Struct, frozen=True):
    """One metric.

    Parameters
    ----------
    kind
        ``counter`` (``_total`` is added to its name), ``gauge`` or ``histogram``.
    label
        A label beside those of every metric; empty: none.
    read
        Returns its values, each with the label's.
    """

    name: str
    kind: str
    meaning: str
    read: Callable[[SessionObserver, Session], Values]
    label: str = ""


class HistogramOf(msgspec.Struct, frozen=True):
    """A duration in seconds."""

    name: str
    meaning: str
    read: Callable[[SessionObserver], Histogram]


def _one(value: float) -> Values:
    return (((), value),)


def _counted(name: EventName) -> Callable[[SessionObserver, Session], Values]:
    return lambda observer, session: _one(observer.counts.events[name])


def _feed_age(observer: SessionObserver, session: Session) -> Values:
    if observer.item_ns is None:
        return ()
    return _one((observer.looks.clock.monotonic_ns() - observer.item_ns) / NS_PER_SECOND)


def _health(observer: SessionObserver, session: Session) -> Values:
    conditions = observer.health.conditions()
    return [((str(name),), _CONDITIONS[each[0]]) for name, each in conditions.items()]


METRICS: Final = (
    MetricOf("trader_slices", "counter", "slices of the feed that were taken",
             lambda o, s: _one(o.counts.slices)),
    MetricOf("trader_events", "counter", "events, by name",
             lambda o, s: [((str(name),), n) for name, n in list(o.counts.events.items())], "event"),
    MetricOf("trader_signals_received", "counter", "signals", _counted(EventName.SIGNAL_RECEIVED)),
    MetricOf("trader_signals_rejected", "counter", "signals that a check refused",
             _counted(EventName.SIGNAL_REJECTED)),
    MetricOf("trader_orders_submitted", "counter", "orders that passed the engine's checks",
             _counted(EventName.ORDER_SUBMITTED)),
    MetricOf("trader_fills", "counter", "fills", _counted(EventName.TRADE_EXECUTED)),
    MetricOf("trader_trades_failed", "counter", "orders denied or rejected",
             _counted(EventName.TRADE_FAILED)),
    MetricOf("trader_positions_closed", "counter", "round trips",
             _counted(EventName.POSITION_CLOSED)),
    MetricOf("trader_refusals", "counter", "refusals of the gateway, by reason",
             lambda o, s: [((code,), n) for code, n in list(o.counts.refusals.items())], "reason"),
    MetricOf("trader_alerts", "counter", "alerts that were told, by severity",
             lambda o, s: [((name,), n) for name, n in list(o.counts.alerts.items())], "severity"),
    MetricOf("trader_heartbeats", "counter", "heartbeats", lambda o, s: _one(o.counts.heartbeats)),
    MetricOf("trader_observer_faults", "counter", "mistakes of looking on itself",
             lambda o, s: _one(o.counts.faults)),
    MetricOf("trader_equity", "gauge", "equity at the last prices, in the account's currency",
             lambda o, s: _one(float(from_minor(s.parts.core.equity_minor)))),
    MetricOf("trader_positions", "gauge", "positions that are held",
             lambda o, s: _one(len(s.parts.core.positions()))),
    MetricOf("trader_orders_working", "gauge", "orders that work",
             lambda o, s: _one(len(s.gateway.books.live()))),
    MetricOf("trader_state", "gauge", "1 at the session's state",
             lambda o, s: [((s.state.value,), 1)], "state"),
    MetricOf("trader_severity", "gauge",
             "what guards let through: 0 all, 1 what closes, 2 nothing new, 3 closing, 4 locked",
             lambda o, s: _one(int(s.severity))),
    MetricOf("trader_health", "gauge", "0 up, 1 degraded, 2 down, by part", _health, "part"),
    MetricOf("trader_feed_age_seconds", "gauge", "since the feed's last item", _feed_age),
    MetricOf("trader_journal_records", "gauge", "records of the journal",
             lambda o, s: _one(s.parts.journal.head[0])),
    MetricOf("trader_journal_pressure", "gauge", "how full the journal's queue is, 0 to 1",
             lambda o, s: _one(s.parts.journal.pressure)),
)  # fmt: skip
HISTOGRAMS: Final = (
    HistogramOf("trader_decision_seconds", "from a slice to its decision", lambda o: o.counts.decision),
    HistogramOf("trader_sending_seconds", "from a decision to its orders being out, journal included",
                lambda o: o.counts.sending),
    HistogramOf("trader_loop_lag_seconds", "how late the event loop is", lambda o: o.counts.lag),
)  # fmt: skip


class SessionCollector:
    """Reads observers when Prometheus asks."""

    def __init__(self, *, environment: str = "PAPER") -> None:
        self._environment = environment.lower()
        self.observers: list[SessionObserver] = []

    def add(self, observer: SessionObserver, instead_of: SessionObserver | None = None) -> None:
        """Show a session as well, or what has taken another's place."""
        self.observers = [*(each for each in self.observers if each is not instead_of), observer]

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of every session."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        joined = [
            (observer, observer.session)
            for observer in self.observers
            if observer.session is not None
        ]
        for one in METRICS:
            make = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
            labels = (*LABELS, one.label) if one.label else LABELS
            family = make(one.name, one.meaning, labels=labels)
            for observer, session in joined:
                for extra, value in one.read(observer, session):
                    family.add_metric((*self._labels(observer, session), *extra), value)
            yield family
        yield from self._histograms(joined)

    def _histograms(self, joined: list[tuple[SessionObserver, Session]]) -> Iterator[Metric]:
        from prometheus_client.core import HistogramMetricFamily

        for one in HISTOGRAMS:
            family = HistogramMetricFamily(one.name, one.meaning, labels=LABELS)
            for observer, session in joined:
                histogram = one.read(observer)
                labels = self._labels(observer, session)
                family.add_metric(labels, _buckets(histogram), histogram.sum_ns / NS_PER_SECOND)
            yield family

    def _labels(self, observer: SessionObserver, session: Session) -> tuple[str, ...]:
        return session.parts.journal.session_id, observer.looks.strategy, self._environment


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*(f"{bound / NS_PER_SECOND:g}" for bound in BOUNDS_NS), "+Inf"]
    found, seen = [], 0
    for bound, count in zip(bounds, list(histogram.counts), strict=True):
        seen += count
        found.append((bound, float(seen)))
    return found


class MetricsServer:
    """A page on loopback with everything; `port` 0 takes any that is free.

    Raises
    ------
    InputError
        If the port is taken.
    """

    def __init__(self, collector: SessionCollector, port: int) -> None:
        from prometheus_client import CollectorRegistry, start_http_server

        self.registry: CollectorRegistry = CollectorRegistry(auto_describe=False)
        self.registry.register(collector)
        try:
            self._server, self._thread = start_http_server(
                port, addr=LOOPBACK, registry=self.registry
            )
        except OSError as error:
            raise InputError(
                f"metrics cannot be served at {LOOPBACK}:{port}: {error.strerror}",
                where="trader.toml, metrics.port",
                remedy="name another port, or 0 for none",
                code="metrics.port",
            ) from None
        self.port: int = self._server.server_port

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)


def metrics_table() -> str:
    """Return the metrics as a table in Markdown."""
    rows = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for one in METRICS:
        name = f"{one.name}_total" if one.kind == "counter" else one.name
        rows.append(f"| `{name}` | {one.kind} | {one.label and f'`{one.label}`'} | {one.meaning} |")
    rows += [f"| `{one.name}` | histogram | | {one.meaning} |" for one in HISTOGRAMS]
    return "\n".join(rows)
