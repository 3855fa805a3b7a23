"""Paper sessions for tests: real SQLite, virtual time, small worlds."""

from __future__ import annotations

import asyncio
import atexit
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from data.history import History
from engine.gate.evidence import Paper
from engine.ports import Environment
from runtime.backtest import run_backtest
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig, load_strategy
from runtime.feeds.replay import ReplayFeed
from runtime.journal.sessions import SessionStore
from runtime.promotion.evidence.on_paper import collect
from runtime.promotion.fingerprint import fingerprint_of
from runtime.results import RunOutput
from runtime.session.session import Session
from runtime.session.starting import PaperPlan, start_paper, unfinished
from runtime.session_core.assembling import market_of
from sims.virtual_time import VirtualClock, run_virtual
from tests.architecture.source import ROOT
from tests.seeds import WORLDS

BEGINS = {"sample:goog": "2004-08-19", "world:daily_bars": "2020-01-02"}
DAYS = 700  # of an example's data; `WORLDS=4` in the environment are all


class Inline(Executor):
    """Does the work in place: nothing else can end a wait in virtual time."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (whoever waits gets it)
            future.set_exception(error)
        return future


@cache
def example(name: str) -> Path:
    """Return an example that ends sooner: a session of all its data takes longer and does no more."""
    path = _examples() / name
    text = path.read_text()
    dataset = re.search(r'^dataset = "(.*)"\n', text, re.MULTILINE)
    assert dataset is not None, name
    end = date.fromisoformat(BEGINS[dataset[1]]) + timedelta(days=round(DAYS * WORLDS))
    path.write_text(f"{text[: dataset.end()]}end = {end}\n{text[dataset.end() :]}")
    return path


@cache
def _examples() -> Path:
    """Return this process's copy of the examples: a session keeps the text of its strategy's file."""
    folder = Path(mkdtemp(prefix="trader-examples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(shutil.copytree(ROOT / "examples", folder, dirs_exist_ok=True))


@cache
def _loaded(name: str) -> tuple[StrategyConfig, History]:
    config = load_strategy(example(name))
    return config, load_history(config.data, Path())


# By the configuration, which is kept with it: no other can have its number.
_BACKTESTS: dict[int, tuple[StrategyConfig, History, RunOutput]] = {}


@dataclass
class Desk:
    """A strategy, its data, and a folder with a database."""

    config: StrategyConfig
    history: History
    folder: Path
    speed: float | None = None

    @staticmethod
    def of_example(name: str, folder: Path, **keys: Any) -> Desk:
        return Desk(*_loaded(name), folder, **keys)

    @property
    def core(self) -> str:
        """What its sessions run, wherever that is."""
        return self._core_of()

    @property
    def live_core(self) -> str:
        """What a live session of it would run at the venue."""
        return self._core_of(venue="alpaca", environment=Environment.LIVE.value)

    def _core_of(self, venue: str = "", environment: str = "") -> str:
        return fingerprint_of(
            self.config,
            venue=venue,
            environment=environment,
            instruments=self.history.instruments,
            timeframe=self.history.passport.timeframe,
        ).core

    def paper_days(self) -> Paper:
        """Return what the gate sees of its sessions at the venue."""
        with self.store() as store:
            return collect(store, self.config, "paper", "family", self.live_core).paper

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'trader.db'}"

    @contextmanager
    def store(self) -> Iterator[SessionStore]:
        """Open the database as a process does; without closing sessions in it."""
        inline = Inline()
        store = SessionStore.open(self.url, clock=VirtualClock(), executor=inline, files=inline)
        try:
            yield store
        finally:
            store.close()

    def plan(self, store: SessionStore, **keys: Any) -> PaperPlan:
        config = self.config
        feed = ReplayFeed.over(
            self.history, store.clock, trading=config.is_trading, speed=self.speed
        )
        market = market_of(self.history, clockwork_of(self.history))
        return PaperPlan(config, feed, market, "paper", **keys)

    def session(self, store: SessionStore, **keys: Any) -> Session:
        """Return a session: the one that is unfinished, or a new one. Inside a loop only."""
        plan = self.plan(store, **keys)
        return start_paper(store, plan, unfinished(store, plan))

    def run(self, **keys: Any) -> Session:
        """Run a session to its end and return it."""
        with self.store() as store:

            async def whole() -> Session:
                session = self.session(store, **keys)
                await session.run()
                return session

            return run_virtual(whole())

    @asynccontextmanager
    async def running(self, *, killed: bool = False, **keys: Any) -> AsyncIterator[Session]:
        """Run a session beside a test, which stops it at its end, or kills it."""
        with self.store() as store:
            session = self.session(store, **keys)
            running = asyncio.ensure_future(session.run())
            yield session
            if killed:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
            else:
                session.stop("enough")
                await running

    def backtest(self) -> RunOutput:
        """Run the backtest of the same data; once for all desks of an example."""
        known = _BACKTESTS.get(id(self.config))
        if known is None or known[1] is not self.history:
            run = run_backtest(self.config, history=self.history, engine="interpreted")
            known = (self.config, self.history, run.pessimistic)
            _BACKTESTS[id(self.config)] = known
        return known[2]
