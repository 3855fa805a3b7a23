"""Metrics: a page on loopback with what a session has counted, and no state outside it."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import InputError
from engine.model.layout import ACCOUNT_FILLS
from runtime.observing.metrics import HISTOGRAMS, METRICS, MetricsServer, SessionCollector
from runtime.observing.observer import Looks, SessionObserver
from sims.virtual_time import VirtualClock
from tests.unit.session.papers import Desk


@pytest.fixture
def observer(tmp_path: Path) -> SessionObserver:
    looking = SessionObserver(Looks(VirtualClock()))
    desk = Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0)
    desk.run(observers=looking.observers)
    looking.looks.clock = _Still()
    return looking


class _Still(VirtualClock):
    def monotonic_ns(self) -> int:
        return 10**15


def test_the_page_has_every_metric_with_the_sessions_numbers(observer: SessionObserver) -> None:
    collector = SessionCollector()
    collector.add(observer)
    server = MetricsServer(collector, 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as page:
            families = {
                each.name: each for each in text_string_to_metric_families(page.read().decode())
            }
    finally:
        server.close()
    wanted = {one.name for one in METRICS} | {one.name for one in HISTOGRAMS}
    assert wanted == set(families)
    (fills,) = families["trader_fills"].samples
    assert observer.session is not None
    core = observer.session.parts.core
    assert fills.value == core.plain.account[ACCOUNT_FILLS] > 20
    assert fills.labels["environment"] == "paper"
    assert fills.labels["session"] == observer.session.parts.journal.session_id
    (equity,) = families["trader_equity"].samples
    assert equity.value == pytest.approx(core.equity_minor / 1e8)
    decisions = families["trader_decision_seconds"].samples
    counts = [each.value for each in decisions if each.name.endswith("_bucket")]
    assert counts == sorted(counts) and counts[-1] == observer.session.cursor
    assert not [name for name in REGISTRY._names_to_collectors if name.startswith("trader")]


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=str(taken.getsockname()[1])):
            MetricsServer(SessionCollector(), taken.getsockname()[1])
