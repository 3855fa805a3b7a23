"""Sessions: latencies, many of them for a day, restarts. ``python -m benchmarks.sessions all``.

latency   from a market message to a decision, and from a decision to the order at the broker, one
          session with W7's strategy (every exit, check and guard on) and one with plain rules; compiled,
          as a session is that has run for a while, or --interpreted; --pace 10: a bar every 10 ms, so
          that each finds the processor's caches cold, as in a market that is slow
lag       how late the event loop is, once a second and every 10 ms, while a session with everything on
          begins, loads what is compiled, and goes on with it; a bar every --pace ms
day       a day of virtual time with a hundred strategies on minute bars: memory hour by hour, and
          every heartbeat of each
wall      a hundred strategies by the clock, a bar a second each, for two minutes: the largest gap
          between heartbeats, and how late the loop is
restart   what going on costs after so many events
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from decimal import Decimal
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time
from typing import Any

from benchmarks.ours import STRATEGIES, bar_history
from benchmarks.worker import load, status_kib
from benchmarks.workloads import WORLD_SIZES
from benchmarks.world import data_folder
from data.history import History
from runtime.backtest.clockwork import clockwork_of
from runtime.compile_cache import use_cache
from runtime.config import StrategyConfig, load_strategy
from runtime.feeds.replay import ReplayFeed
from runtime.journal.sessions import SessionStore
from runtime.observing.alerting import AlertBook
from runtime.observing.assembling import Show, Watching
from runtime.observing.counting import Histogram, latency_of
from runtime.observing.heartbeat import Heartbeat
from runtime.observing.observer import Looks, SessionObserver
from runtime.observing.supervising import HEARTBEAT_SECONDS
from runtime.session.host import Host, Seat, run_all
from runtime.session.paper import run_until_signal
from runtime.session.parts import Options
from runtime.session.session import Session
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session_core.assembling import market_of
from sims.paper import PaperBroker
from sims.virtual_time import VirtualClock, VirtualLoop

HOUR = 3600.0


def bars(count: int) -> History:
    """Return the first minute bars of the benchmarks' world."""
    return bar_history(load(data_folder("bars", WORLD_SIZES["bars"]), count))


def plan(
    store: SessionStore, config: StrategyConfig, history: History, account: str, **feed: Any
) -> PaperPlan:
    """Return a paper session over a history."""
    source = ReplayFeed.over(history, store.clock, trading=config.is_trading, **feed)
    return PaperPlan(config, source, market_of(history, clockwork_of(history)), account)


async def run_one(session: Session, seconds: float | None = None) -> None:
    """Run a session as a command does."""
    (ended,) = await run_until_signal(Host([Seat(session)], session.parts.clock), seconds)
    assert not ended.problem, ended.problem


def spread(name: str, samples: list[int], target_ms: float) -> None:
    """Print percentiles, and how often the target's time fits into the 99th."""
    samples.sort()
    at = [
        samples[min(int(len(samples) * share), len(samples) - 1)] / 1000
        for share in (0.5, 0.99, 0.999)
    ]
    factor = target_ms * 1000 / at[1]
    print(f"{name:34} {at[0]:9.1f} {at[1]:9.1f} {at[2]:9.1f}   {len(samples):8,}   {factor:6.0f}x")


def latency(count: int, *, is_compiled: bool, pace_ms: float | None) -> None:
    """Measure the way of a bar through one session, and that of an order."""
    print(f"{'microseconds':34} {'p50':>9} {'p99':>9} {'p99.9':>9}   {'samples':>8}   target/p99")
    for name in ("full_loop.toml", "cross_rule.toml"):
        with tempfile.TemporaryDirectory() as folder:
            config = load_strategy(STRATEGIES / name)
            one_latency(config, bars(count), Path(folder), is_compiled=is_compiled, pace_ms=pace_ms)


def speed_of(pace_ms: float | None) -> float | None:
    """Return the speed at which a minute bar comes every so many milliseconds."""
    return None if pace_ms is None else 60_000.0 / pace_ms


def one_latency(
    config: StrategyConfig,
    history: History,
    folder: Path,
    *,
    is_compiled: bool,
    pace_ms: float | None,
) -> None:
    """Time a session's slices: whole, to the decision, and from there to the broker."""
    # Before the lease is taken: where they were never compiled this takes a minute.
    doors = None
    if is_compiled:
        from sims.stepping.entry import step_doors

        doors = step_doors(with_loop=config.is_trading)
    store = SessionStore.open(f"sqlite:///{folder / 'sessions.db'}")
    slices: list[int] = []
    decided: list[int] = []
    out: list[int] = []
    durable: list[int] = []
    marks = {"begun": 0, "kept": 0}

    async def main() -> None:
        wanted = plan(store, config, history, "latency", speed=speed_of(pace_ms))
        session = start_paper(store, wanted)
        if doors is not None:
            session.parts.core.compile(doors.core)
            session.parts.broker.compile(doors.book)  # type: ignore[attr-defined]  # it is paper's
        time_methods(session, slices, decided, out, durable, marks)
        await run_one(session)

    asyncio.run(main())
    store.close()
    spread(f"{config.name}: message, to its end", slices, 5.0)
    spread(f"{config.name}: message to decision", decided, 5.0)
    spread(f"{config.name}: intent made durable", durable, 50.0)
    spread(f"{config.name}: durable to broker", out, 50.0)


def time_methods(
    session: Session,
    slices: list[int],
    decided: list[int],
    out: list[int],
    durable: list[int],
    marks: dict[str, int],
) -> None:
    """Put clocks around the steps of a session."""
    intake, gateway, journal = session.intake, session.gateway, session.parts.journal
    take, send, wait = intake.slice, gateway.send, journal.durable
    broker = session.parts.broker
    submit = broker.submit

    async def timed_slice(one: Any) -> None:
        marks["begun"], marks["sent"] = perf_counter_ns(), 0
        await take(one)
        if not marks["sent"]:
            slices.append(perf_counter_ns() - marks["begun"])

    async def timed_send(commands: Any, keep: Any) -> Any:
        decided.append(perf_counter_ns() - marks["begun"])
        marks["sent"] = 1
        return await send(commands, keep)

    async def timed_wait(sequence: int) -> None:
        begun = perf_counter_ns()
        await wait(sequence)
        marks["kept"] = perf_counter_ns()
        durable.append(marks["kept"] - begun)

    async def timed_submit(order: Any, name: str) -> Any:
        out.append(perf_counter_ns() - marks["kept"])
        return await submit(order, name)

    intake.slice = timed_slice  # type: ignore[method-assign]
    gateway.send = timed_send  # type: ignore[method-assign]
    journal.durable = timed_wait  # type: ignore[method-assign]
    assert isinstance(broker, PaperBroker)
    broker.submit = timed_submit  # type: ignore[method-assign]


def lag(seconds: float, pace_ms: float) -> None:
    """Measure how late timers are in a session's loop."""
    config, often = load_strategy(STRATEGIES / "full_loop.toml"), Histogram()
    history = bars(round(seconds * 1000 / pace_ms) + 1_000)

    async def probe() -> None:
        while True:
            begun = perf_counter_ns()
            await asyncio.sleep(0.01)
            often.add(max(perf_counter_ns() - begun - 10_000_000, 0))

    async def main(store: SessionStore, observer: SessionObserver) -> None:
        wanted = plan(store, config, history, "lag", speed=speed_of(pace_ms))
        wanted.observers, wanted.options = observer.observers, Options(compiles=True)
        session = start_paper(store, wanted)
        probing = asyncio.ensure_future(probe())
        await run_one(session, seconds)
        probing.cancel()

    with tempfile.TemporaryDirectory() as folder:
        store = SessionStore.open(f"sqlite:///{Path(folder) / 'sessions.db'}")
        watching = Watching(store, Show(()))
        observer = watching.observer()
        asyncio.run(main(store, observer))
        texts = [event.text for event in observer.events if "compiled" in event.text]
        watching.close()
        store.close()
    for name, found in (("once a second", observer.counts.lag), ("every 10 ms", often)):
        told = latency_of(found)
        print(
            f"{name}: {found.count} times, half of them at most {told.p50_ms:g} ms late, "
            f"99 of 100 {told.p99_ms:g} ms, at most {told.max_ms:.1f} ms"
        )
    print(*texts, sep="\n")


class Beats:
    """The heartbeats of one session: how many, and the largest gap between two, its begin and end included."""

    def __init__(self, observer: SessionObserver) -> None:
        self.observer, self.count, self.largest = observer, 0, 0.0
        self._last: float | None = None
        make = observer.heartbeat

        def beat() -> Heartbeat:
            self.count += 1
            self.tick()
            return make()

        observer.heartbeat = beat  # type: ignore[method-assign]

    def tick(self) -> None:
        """Measure the gap that ends now."""
        now = asyncio.get_running_loop().time()
        if self._last is not None:
            self.largest = max(self.largest, now - self._last)
        self._last = now


def many(
    store: SessionStore, strategies: int, history: History, speed: float
) -> tuple[list[Session], list[Beats]]:
    """Return sessions of many strategies on one history, each looked on as by a person."""
    config = load_strategy(STRATEGIES / "full_loop.toml")
    sessions, beats = list[Session](), list[Beats]()
    for k in range(strategies):
        changed = config.with_parameters({"fast": Decimal(5 + k % 20), "slow": Decimal(30 + k)})
        observer = SessionObserver(Looks(store.clock, book=AlertBook(), strategy=f"strategy {k}"))
        one = plan(store, changed, history, f"p{k}", speed=speed)
        one.observers = observer.observers
        sessions.append(start_paper(store, one))
        beats.append(Beats(observer))
    return sessions, beats


def day(strategies: int, hours_count: int = 24) -> None:
    """Run many strategies for a day of virtual time; every heartbeat of each has to be there."""
    history = bars(60 * hours_count)
    sessions: list[Session] = []
    beats: list[Beats] = []

    async def hours() -> None:
        for hour in range(hours_count):
            await asyncio.sleep(HOUR)
            print(f"hour {hour + 1:2}: {status_kib('VmRSS') // 1024} MiB", flush=True)
        for each in sessions:
            each.stop("the day is over")

    async def main(store: SessionStore) -> None:
        sessions[:], beats[:] = many(store, strategies, history, 1.0)
        for beat in beats:
            beat.tick()
        watcher = asyncio.ensure_future(hours())
        ended = await run_all(sessions)
        watcher.cancel()
        print(f"{len(ended)} sessions, {sum(not each.problem for each in ended)} without a problem")

    with tempfile.TemporaryDirectory() as folder:
        inline = Inline()
        store = SessionStore.open(
            f"sqlite:///{Path(folder) / 'x.db'}",
            clock=VirtualClock(),
            executor=inline,
            files=inline,
        )
        begun = process_time()
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main(store))
        store.close()
    require_every_beat(beats, hours_count * HOUR)
    print(f"every heartbeat is there; processor time {process_time() - begun:.1f} s")


def require_every_beat(beats: Sequence[Beats], seconds: float) -> None:
    """Raise where a session has missed one of its heartbeats, or an observer has broken."""
    due = int(seconds / HEARTBEAT_SECONDS) - 1  # the last falls on the end
    for each in beats:
        assert each.count >= due, f"{each.count} heartbeats of {due}"
        assert each.largest <= HEARTBEAT_SECONDS + 1e-6, f"{each.largest} s between two heartbeats"
        assert each.observer.counts.faults == 0
    print(f"{sum(each.count for each in beats):,} heartbeats, none later than 10 s after another")


def wall(strategies: int, seconds: float) -> None:
    """Run many strategies by the clock, a bar a second each: how late heartbeats and the loop are."""
    history = bars(int(seconds) + 60)
    found: list[Beats] = []

    async def main(store: SessionStore) -> None:
        sessions, beats = many(store, strategies, history, 60.0)
        gc.collect()
        gc.freeze()
        for each, beat in zip(sessions, beats, strict=True):
            asyncio.get_running_loop().call_later(seconds, each.stop, "enough")
            beat.tick()
        await run_all(sessions)
        found.extend(beats)

    with tempfile.TemporaryDirectory() as folder:
        store = SessionStore.open(f"sqlite:///{Path(folder) / 'x.db'}")
        begun, worked = perf_counter(), process_time()
        asyncio.run(main(store))
        store.close()
    lags = [each.observer.counts.lag for each in found]
    slices = sum(each.observer.counts.slices for each in found)
    spent = perf_counter() - begun
    print(
        f"{strategies} strategies, {slices:,} slices in {spent:.0f} s, "
        f"processor time {process_time() - worked:.1f} s\n"
        f"heartbeats: {sum(each.count for each in found):,}, largest gap between two "
        f"{max(each.largest for each in found):.3f} s\n"
        f"loop lag: p99 at most {max(each.at_most_ns(990) for each in lags) / 1e6:.1f} ms, "
        f"largest {max(each.max_ns for each in lags) / 1e6:.1f} ms"
    )


def restart(events: int) -> None:
    """Measure how long going on takes after so many bars."""
    history = bars(events)
    config = load_strategy(STRATEGIES / "cross_rule.toml")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'x.db'}"
        begun, worked = perf_counter(), process_time()
        session = timed_run(url, config, history, stop_at=events - 1000)
        print(
            f"{session.cursor:,} events taken in {perf_counter() - begun:.1f} s, processor time {process_time() - worked:.1f} s"
        )
        for how, whole in (("from its checkpoint", False), ("by playing the whole journal", True)):
            store = SessionStore.open(url)
            wanted = plan(store, config, history, "p")
            before = unfinished(store, wanted)
            assert before is not None
            if whole:
                with store.backend.writing() as transaction:
                    every: dict[str, str | int] = {"session": before.id, "before": 2**62}
                    transaction.write("delete_checkpoints", every)
            begun, worked = perf_counter(), process_time()
            again = start_paper(store, wanted, before)
            print(
                f"going on {how}: {perf_counter() - begun:.2f} s, processor time "
                f"{process_time() - worked:.2f} s, to event {again.cursor:,}"
            )
            again.parts.journal.close_now()
            store.close()


def timed_run(url: str, config: StrategyConfig, history: History, *, stop_at: int) -> Session:
    """Run a session until an event and stop it there."""
    store = SessionStore.open(url)

    async def main() -> Session:
        session = start_paper(store, plan(store, config, history, "p"))
        item = session.parts.observers.item
        running = asyncio.ensure_future(session.run())

        def seen(one: Any) -> None:
            item(one)
            if getattr(one, "cursor", 0) >= stop_at:
                session.stop("enough")

        session.parts.observers.item = seen
        await running
        return session

    found = asyncio.run(main())
    store.close()
    return found


class Inline(Executor):
    """Does the work in place; see `tests.unit.session.papers`."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (whoever waits gets it)
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Hold nothing."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("latency", "lag", "day", "wall", "restart", "all"))
    parser.add_argument("--interpreted", action="store_true")
    parser.add_argument("--pace", type=float, metavar="MILLISECONDS")
    parser.add_argument("--bars", type=int, default=20_000)
    parser.add_argument("--strategies", type=int, default=100)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args(arguments)
    use_cache()  # before anything imports numba
    if options.what in ("latency", "all"):
        latency(options.bars, is_compiled=not options.interpreted, pace_ms=options.pace)
    if options.what in ("lag", "all"):
        lag(options.seconds, options.pace or 10.0)
    if options.what in ("day", "all"):
        day(options.strategies, options.hours)
    if options.what in ("wall", "all"):
        wall(options.strategies, options.seconds)
    if options.what in ("restart", "all"):
        restart(options.events)


if __name__ == "__main__":
    main()
