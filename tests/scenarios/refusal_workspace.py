"""A workspace whose strategy was promoted in rehearsal, to be spoilt: files, records, venue, clock.

What made it so, and how a story gets a copy of it, is in `refusal_stories`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from typer.testing import CliRunner, Result

import brokers.alpaca.environments as hosts
import runtime.venues.market_access as access
from brokers.alpaca.environments import rehearsal
from cli.main import app
from engine.errors import TraderError
from engine.model.units import NS_PER_DAY
from engine.ports import Environment
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.histories import load_history
from runtime.clocks import SystemClock
from runtime.config import load_strategy
from runtime.feeds.replay import ReplayFeed
from runtime.journal.sessions import SessionStore
from runtime.promotion.document import Certificate, Document, body_bytes, read_document
from runtime.promotion.fingerprint import Fingerprint, account_hash
from runtime.promotion.keys import Keys
from runtime.promotion.signing import APPROVER, GATE
from runtime.promotion.store import PromotionStore
from runtime.session.starting import PaperPlan
from runtime.session_core.assembling import market_of
from sims.venues.alpaca import AlpacaVenue, VenueSettings
from sims.venues.alpaca.front import Seen
from tests.unit.session.papers import Desk

T = TypeVar("T")
KEYS = {"TRADER_ALPACA_KEY_ID": "AKREHEARSAL", "TRADER_ALPACA_SECRET_KEY": "rehearsal-secret"}
SETTINGS = VenueSettings(key_id=KEYS["TRADER_ALPACA_KEY_ID"])
NUMBER = SETTINGS.account_number
CERTIFICATE, REQUEST = "dips.certificate", "dips.request"

WORKSPACE = """\
[database]
url = "sqlite:///trader.db"

[promotion]
profile = "seed"

[venues.alpaca]
environment = "rehearsal"
url = "{url}"
withdrawals = true
"""
STRATEGY = """\
[strategy]
name = "dips"
class = "dips.py:Dips"

[parameters]
third = 30

[data]
dataset = "world:daily_bars"
{span}
[data.world]
seed = 6
instruments = 1
length = 140
start_ns = 1_704_153_600_000_000_000
reversion_deviation = 0.04
reversion_steps = 4
{market}
[account]
cash = 25_000

[risk]
max_positions = 5
max_position_percent = 100
max_correlation = 1
correlation_unknown = "allow"

[exits.stop_loss]
percent = 50

[guards]
simulated_operator = "next_day"
daily_loss = {{ amount = 5_000 }}
drawdown = {{ percent = 50 }}

[fills.fees]
model = "bps"
taker_bps = 1
"""
CODE = '''\
"""Buys what has fallen, in three parts, and sells what has risen."""

from trader import Bar, Strategy, parameter


class Dips(Strategy):
    """One position, all in or all out."""

    third = parameter(30, minimum=1, description="Shares of each order.")

    def on_bar(self, bar: Bar) -> None:
        if self.working_orders():
            return
        if bar.close < bar.open and self.position() == 0:
            for _ in range(3):
                self.buy(self.third)
        elif bar.close > bar.open and self.position() > 0:
            for _ in range(3):
                self.sell(self.third)
'''
DATA_END = "2024-05-01"
WEEKS_END_NS = 19_859 * NS_PER_DAY  # 2024-05-16, when both weeks are over
CALM = "volatility_per_year = 0.001\ndrift_per_year = 5\nreversion_deviation = 0"


def strategy_text(first: str = "", end: str = DATA_END, market: str = "") -> str:
    """Return the strategy's file over some days of its market, or over another market."""
    span = f"start = {first}\nend = {end}\n" if first else f"end = {end}\n"
    text = STRATEGY.format(span=span, market=market)
    if market:
        text = text.replace("reversion_deviation = 0.04\n", "")
    return text


@dataclass
class Scene:
    """A workspace in a folder, the venue it names, and the clock, as long as a story lasts."""

    folder: Path
    patch: pytest.MonkeyPatch
    venues: Venues
    errors: list[TraderError] = field(default_factory=list)

    # --- files and commands ----------------------------------------------------------------------
    def trader(self, *words: str) -> Result:
        """Type a command there."""
        return CliRunner().invoke(app, words)

    def done(self, *words: str) -> None:
        """Type a command there that has to succeed."""
        answer = self.trader(*words)
        assert answer.exit_code == 0, answer.output

    def edit(self, name: str, before: str, after: str) -> None:
        """Change a file by hand."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(before) == 1, (name, before)
        path.write_text(text.replace(before, after))

    def sql(self, statement: str) -> None:
        """Change the database by hand."""
        with sqlite3.connect(self.folder / "trader.db") as database:
            database.execute("PRAGMA foreign_keys = OFF")
            assert database.execute(statement).rowcount > 0, statement

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'trader.db'}"

    @contextmanager
    def sessions(self) -> Iterator[SessionStore]:
        store = SessionStore.open(self.url)
        try:
            yield store
        finally:
            store.close()

    # --- certificates ------------------------------------------------------------------------------
    @cached_property
    def certificate(self) -> Certificate:
        """What the workspace has earned."""
        document = read_document((self.folder / CERTIFICATE).read_bytes())
        assert isinstance(document, Document)
        return document.body

    def like(self, **parts: str) -> dict[str, Any]:
        """Return the fields of a certificate for something else that runs."""
        runs = Fingerprint({**self.certificate.parts, **parts})
        return {
            "parts": dict(runs.parts),
            "fingerprint": runs.core,
            "strategy": runs.strategy,
            "environment": runs.environment,
            "account": runs.account,
        }

    def issue(self, **fields: Any) -> None:
        """Issue another certificate with the workspace's own keys; its file takes the place of the first."""
        serial = fields.pop("serial", self.certificate.serial + 1)
        keys = Keys(self.folder / "keys")
        body = msgspec.structs.replace(self.certificate, serial=serial, **fields)
        signatures = {
            GATE: keys.open("gate").sign(GATE, body_bytes(body)),
            APPROVER: keys.open("anna").sign(APPROVER, body_bytes(body)),
        }
        document = Document(body, signatures)
        (self.folder / CERTIFICATE).write_bytes(document.to_bytes())
        with PromotionStore.open(self.url) as store:
            store.issue(document)

    def suspend(self, reason: str) -> None:
        """Have a monitor suspend the certificate."""
        with PromotionStore.open(self.url) as store:
            store.suspend(self.certificate, reason)

    # --- time, and the venue -------------------------------------------------------------------------
    def move_clock(self, seconds: float) -> None:
        """Have the machine's clock show another time from now on."""
        shown = SystemClock.now_ns
        self.patch.setattr(SystemClock, "now_ns", lambda clock: shown(clock) + int(seconds * 10**9))

    def venue(self, settings: VenueSettings = SETTINGS, **more: Any) -> AlpacaVenue:
        """Open the venue, and write its address into the workspace."""
        venue = self.venues.opened(settings, **more)
        self.configure(url=venue.url)
        return venue

    def live_account(self, **more: Any) -> None:
        """Have a live account, whose venue's name leads to a venue of this machine."""
        urls = rehearsal(self.venues.opened(SETTINGS, **more).url)
        for known in (hosts._KNOWN, access._KNOWN):
            self.patch.setitem(known, Environment.LIVE, urls)
            self.patch.setenv("XDG_DATA_HOME", str(self.folder / "home"))
        self.configure(environment="live")
        self.limit()
        self.issue(**self.like(environment="live"), evidence_class="real")

    def configure(self, environment: str = "rehearsal", url: str = "") -> None:
        """Write the account that the workspace names."""
        text = WORKSPACE.format(url=url).replace('"rehearsal"', f'"{environment}"')
        (self.folder / "trader.toml").write_text(text if url else text.replace('url = ""\n', ""))

    def limit(self) -> None:
        """Let the workspace say how much an order and a position may be worth."""
        with (self.folder / "trader.toml").open("a") as file:
            file.write("\n[limits]\norder_value = 10_000\nposition_value = 25_000\n")

    def paper(self, text: str) -> None:
        """Run a paper session of the strategy over some days of the venue's market."""
        path = self.folder / "strategies" / "week.toml"
        path.write_text(text)
        config = load_strategy(path)
        _Paper(config, load_history(config.data, Path()), self.folder).run()
        path.unlink()


class _Paper(Desk):
    """A session on a replay of the venue's market, in virtual time."""

    def plan(self, store: SessionStore, **keys: Any) -> PaperPlan:
        feed = ReplayFeed.over(self.history, store.clock, trading=self.config.is_trading)
        market = market_of(self.history, clockwork_of(self.history))
        plan = PaperPlan(self.config, feed, market, f"paper:{self.config.name}", **keys)
        return replace(plan, venue="alpaca", environment=Environment.REHEARSAL)


class Venues:
    """Venues on a loop of their own, since a command has one for itself."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._open: list[AlpacaVenue] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Do something where the venues are."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def opened(self, settings: VenueSettings, **more: Any) -> AlpacaVenue:
        """Return a venue that lists what the strategy trades; its time stands where the paper days end."""
        given: dict[str, Any] = {"clock": SystemClock(), "start_ns": WEEKS_END_NS, **more}
        venue = AlpacaVenue(_instruments(), settings=settings, **given)
        self.run(venue.start())
        self._open.append(venue)
        return venue

    def requests(self) -> Sequence[Seen]:
        """Return what the venues were asked."""
        return [each for venue in self._open for each in venue.requests]

    def close_all(self) -> None:
        """Close every venue."""
        for venue in self._open:
            self.run(venue.stop())
        self._open.clear()

    def end(self) -> None:
        """Close everything."""
        self.close_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@cache
def _instruments() -> tuple[Any, ...]:
    from runtime.config import parse_strategy

    text = STRATEGY.format(span="", market="").replace('class = "dips.py:Dips"\n', "")
    rules = '[rules]\nentry = "close > open"\n'
    return load_history(parse_strategy(text + rules, Path("d.toml")).data, Path()).instruments


def account_of(number: str) -> str:
    """Return the hash by which an account is known in certificates."""
    return account_hash("alpaca", number)
