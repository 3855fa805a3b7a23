"""How long a live session takes: ``python -m benchmarks.latency``.

The whole of `trader live` in one process, as it stands after a minute (compiled), with a database on disk; the
simulated venue in a process of its own, and nothing but sockets of this machine between them. Timed are

    bar to decision      the bytes of a bar are read from the market's socket; its commands are decided
    decision to wire     they are decided; the first order's bytes were given to its socket
      of that, durable   the wait until the intent would survive a power cut
    fill to ledger       the bytes of a fill are read from the order stream's socket; engine and books have it
    fill to disk         and until that is in the database, which nobody waits for

With ``--steps`` it is also told where the time goes between a bar and its decision.

The adapter's budget of requests is lifted: 120 orders a minute would take long.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any

from aiohttp import http_writer
from aiohttp.client_proto import ResponseHandler

from benchmarks.latency_steps import Steps
from benchmarks.sessions import spread
from brokers.alpaca.budget import Budget
from brokers.alpaca.client import Keys
from brokers.alpaca.environments import rehearsal
from engine.model.layout import EVENT_KIND, KIND_FILL
from engine.ports import Environment
from runtime.backtest.histories import load_history
from runtime.clocks import SystemClock
from runtime.compile_cache import use_cache
from runtime.config import load_strategy
from runtime.journal.records import FactsInput
from runtime.promotion.fingerprint import fingerprint_of
from runtime.session.intake import to_rows
from runtime.session.live import LivePlan, go_live
from runtime.session.session import Session
from runtime.session_core.assembling import market_of
from runtime.venues.accounts import AlpacaAccount
from runtime.venues.alpaca import VenuePlan, market_after, open_venue
from runtime.venues.market import clockwork_ahead, open_venue_feed
from sims.venues.alpaca import VenueSettings
from tests.unit.live.rehearsals import NUMBER, Rehearsal, minute_strategy, prepare

STRATEGY = minute_strategy("measured", "open", length=19_500)
WARM = 100  # orders that are not counted
SETTINGS = VenueSettings(requests_per_minute=10**9, data_requests_per_minute=10**9)
_FILL = re.compile(rb'"event":"(?:partial_)?fill"')
_ORDER = re.compile(rb'"order":\{"id":"([0-9a-f-]+)"')


class Stopwatch:
    """Clocks around the steps of a session."""

    def __init__(self, session: Session, orders: int, steps: Steps | None) -> None:
        self.session, self.orders, self.steps = session, orders, steps
        self.decided: list[int] = []
        self.durable: list[int] = []
        self.wire: list[int] = []
        self.booked: list[int] = []
        self.stored: list[int] = []
        self._bar = self._sending = 0
        self._fills: dict[str, list[int]] = {}  # when bytes of them came, by the venue's order
        self._unstored: list[tuple[int, int]] = []  # the last record of a fill, and when it came
        self._watch_sockets()
        self._watch_session()

    def _watch_sockets(self) -> None:
        receive, write = ResponseHandler.data_received, http_writer.StreamWriter._writelines

        def received(handler: ResponseHandler, data: bytes) -> None:
            now = perf_counter_ns()
            if b'"T":"b"' in data:
                self._bar = now
                if self.steps is not None:
                    self.steps.begin(now)
            elif _FILL.search(data):
                for order in _ORDER.findall(data):
                    self._fills.setdefault(order.decode(), []).append(now)
            receive(handler, data)

        def written(writer: Any, chunks: Any) -> None:
            write(writer, chunks)
            if self._sending and bytes(chunks[0][:15]) == b"POST /v2/orders":
                self.wire.append(perf_counter_ns() - self._sending)
                self._sending = 0

        ResponseHandler.data_received = received  # type: ignore[method-assign]
        http_writer.StreamWriter._writelines = written  # type: ignore[method-assign, assignment]

    def _watch_session(self) -> None:
        session = self.session
        intake, gateway, journal = session.intake, session.gateway, session.parts.journal
        take, slice_, send = intake.take, intake.slice, gateway.send
        wait, committed = journal.durable, journal.committed
        is_slice = [False]

        async def timed_slice(one: Any) -> None:
            is_slice[0] = True
            await slice_(one)
            is_slice[0] = False

        async def timed_send(commands: Any, keep: Any) -> Any:
            if is_slice[0]:
                is_slice[0] = False
                self._sending = perf_counter_ns()
                self.decided.append(self._sending - self._bar)
                if self.steps is not None:
                    self.steps.end(self._sending)
            if len(self.wire) >= self.orders + WARM:
                session.stop("enough")
            return await send(commands, keep)

        async def timed_wait(sequence: int) -> None:
            begun = perf_counter_ns()
            await wait(sequence)
            self.durable.append(perf_counter_ns() - begun)

        async def timed_take(one: Any, *rest: Any, **keys: Any) -> None:
            await take(one, *rest, **keys)
            if (
                isinstance(one, FactsInput)
                and (to_rows(one.rows)[:, EVENT_KIND] == KIND_FILL).any()
            ):
                self._note_fill(one)

        def timed_committed(group: Any) -> None:
            committed(group)
            now, last = perf_counter_ns(), group.entries[-1].sequence
            self.stored += [now - came for sequence, came in self._unstored if sequence <= last]
            self._unstored = [each for each in self._unstored if each[0] > last]

        intake.slice = timed_slice  # type: ignore[method-assign]
        intake.take = timed_take  # type: ignore[method-assign]
        gateway.send = timed_send  # type: ignore[method-assign]
        journal.durable = timed_wait  # type: ignore[method-assign]
        journal.committed = timed_committed  # type: ignore[method-assign]

    def _note_fill(self, one: FactsInput) -> None:
        now = perf_counter_ns()
        for key in one.keys:
            order = key.removeprefix("x:").partition("/")[0]
            if came := self._fills.get(order):  # else reading the account has found it first
                first = came.pop(0)
                self.booked.append(now - first)
                self._unstored.append((self.session.parts.journal.head[0], first))

    def show(self) -> None:
        """Print percentiles beside the targets."""
        print(
            f"{'microseconds':34} {'p50':>9} {'p99':>9} {'p99.9':>9}   {'samples':>8}   target/p99"
        )
        spread("bar to decision", self.decided[WARM:], 5.0)
        spread("decision to wire", self.wire[WARM:], 50.0)
        spread("  of that, durable", self.durable[WARM:], 50.0)
        spread("fill to ledger", self.booked[WARM:], 50.0)
        spread("fill to disk", self.stored[WARM:], 50.0)


async def measure(folder: Path, url: str, orders: int, steps: Steps | None) -> Stopwatch:
    """Trade at the venue until there were so many orders."""
    from sims.stepping.entry import step_doors

    here, clock = Rehearsal(folder), SystemClock()
    config = load_strategy(folder / "strategies" / "measured.toml")
    doors = step_doors(with_loop=True)
    history = load_history(config.data, Path())
    place = {"venue": "alpaca", "environment": "rehearsal", "account": NUMBER}
    traded: Any = {"instruments": history.instruments, "timeframe": history.passport.timeframe}
    here.issue(fingerprint_of(config, **place, **traded))
    keys = Keys(SETTINGS.key_id, SETTINGS.secret_key)
    account = AlpacaAccount(rehearsal(url), Environment.REHEARSAL, keys)
    feed = open_venue_feed(account, history, clock, trading=config.is_trading)
    plan = LivePlan(config, feed, market_of(history, clockwork_ahead(history, clock)), account)
    with here.desk() as desk, here.store() as store:
        session = await go_live(store, plan, desk)
        session.parts.core.compile(doors.core)
        watch = Stopwatch(session, orders, steps)
        await session.run()
        return watch


async def serve(path: Path, pace_ms: float) -> None:
    """Be the venue, a minute of which takes so many milliseconds."""
    section, start_ns = market_after(load_strategy(path), None)
    speed = 60_000.0 / pace_ms
    plan = VenuePlan(section, Path(), SETTINGS, start_ns=start_ns, speed=speed)
    async with open_venue(plan, SystemClock()) as venue:
        print(venue.url, flush=True)
        await venue.serve()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--pace", type=float, default=40.0, metavar="MILLISECONDS")
    parser.add_argument("--steps", action="store_true", help="clocks inside, which cost time too")
    parser.add_argument("--venue", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    use_cache()
    if options.venue is not None:
        asyncio.run(serve(options.venue, options.pace))
        return
    Budget.wait_seconds = lambda self, use: 0.0  # type: ignore[method-assign]
    with TemporaryDirectory(prefix="trader-latency-") as name:
        folder = Path(name)
        prepare(folder)
        path = folder / "strategies" / "measured.toml"
        path.write_text(STRATEGY)
        line = [sys.executable, "-m", "benchmarks.latency", "--venue", str(path)]
        venue = subprocess.Popen(
            [*line, "--pace", str(options.pace)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert venue.stdout is not None
            url, before = venue.stdout.readline().strip(), os.getloadavg()[0]
            steps = Steps() if options.steps else None
            watch = asyncio.run(measure(folder, url, options.orders, steps))
        finally:
            venue.kill()
            venue.wait()
        print(
            f"load {before:.2f} before, {os.getloadavg()[0]:.2f} after; a bar every {options.pace:g} ms"
        )
        watch.show()
        if steps is not None:
            steps.show()


if __name__ == "__main__":
    main()
