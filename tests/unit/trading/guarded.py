"""An account under the guards, told in words: ``bar ABC 45``, ``+2s``, ``deposit 10``, ``reset kill``.

Every word happens a millisecond after the one before; one that follows ``+2s`` happens just then, one
that begins with ``&`` at the same time. Only the guards look; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from engine.jit import as_plain
from engine.kernels.positions import apply_trade
from engine.kernels.trips import note_position
from engine.kernels.wakes import take_due
from engine.model import layout as at
from engine.model import trading as words_of
from engine.model import trading_layout as loop
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, from_minor, to_minor
from engine.rules.equity import day_result_minor
from engine.rules.guards import watch_equity
from engine.state import Block, Core, CoreShape, new_core, plain_core
from engine.step import apply_event
from tests.unit.core.books import EVENT, GERMAN, SHARE, check_books, terms_of
from tests.unit.trading.compiled_world import call_compiled

SCENARIOS = Path(__file__).parents[2] / "scenarios"
OTHER = Instrument("DEF", InstrumentKind.EQUITY)
INSTRUMENTS = (SHARE, OTHER, EVENT, GERMAN)
CURRENCIES = ("USD", "EUR")
START = 20_000 * NS_PER_DAY
MS = 10**6
UNITS = {"ns": 1, "ms": MS, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": NS_PER_DAY}
TURNS_MAX = 4


@dataclass(frozen=True)
class Row:
    """One line of a truth table: where it stands, its section, its settings, its columns."""

    number: int
    section: str
    settings: dict[str, str]
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.section}:{self.number}"


def rows_of(file: str) -> list[Row]:
    """Read a table: `##` opens a section, `@` gives its settings, `#` is a remark."""
    return list(_rows(file, (SCENARIOS / file).read_text(encoding="utf-8")))


def _rows(file: str, text: str) -> Iterator[Row]:
    settings: dict[str, str] = {}
    section = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("##"):
            section, settings = line[2:].strip(), {}
        elif line.startswith("@ "):
            settings = dict(word.split("=", 1) for word in line[2:].split())  # type: ignore[misc]
        elif line and not line.startswith("#"):
            columns = tuple(column.strip() for column in line.split("|"))
            assert len(columns) == 4, f"{file} line {number}: four columns, not {len(columns)}"
            yield Row(number, section, dict(settings), columns)


def split_words(text: str) -> list[str]:
    """Return the words of a column, split at semicolons."""
    return [word.strip() for word in text.split(";") if word.strip()]


def duration(text: str) -> int:
    """Return nanoseconds: ``1.5s``, ``10m``, ``24h``, ``23h59m``."""
    total, number = Decimal(0), ""
    rest = text
    while rest:
        number = ""
        while rest and (rest[0].isdigit() or rest[0] == "."):
            number, rest = number + rest[0], rest[1:]
        unit = next(u for u in ("ns", "ms", "s", "m", "h", "d") if rest.startswith(u))
        total += Decimal(number) * UNITS[unit]
        rest = rest[len(unit) :]
    return int(total)


def ppm(percent: str) -> int:
    """Return per cent as parts per million."""
    return int(Decimal(percent) * 10_000)


AMOUNTS = {"daily": loop.LIMIT_DAILY_MINOR, "minimum": loop.LIMIT_MINIMUM_MINOR}
SHARES = {
    "position": loop.LIMIT_POSITION_PPM,
    "gross": loop.LIMIT_GROSS_PPM,
    "daily_percent": loop.LIMIT_DAILY_PPM,
    "drawdown": loop.LIMIT_DRAWDOWN_PPM,
    "reset": loop.LIMIT_RESET_PPM,
}
TIMES = {
    "every": loop.LIMIT_RESET_EVERY,
    "api_window": loop.LIMIT_API_WINDOW,
    "db_window": loop.LIMIT_DATABASE_WINDOW,
    "stop_window": loop.LIMIT_STOP_WINDOW,
    "stop_lock": loop.LIMIT_STOP_LOCK,
    "cool": loop.LIMIT_COOL_DOWN,
    "hold": loop.LIMIT_TIER_HOLD,
    "tilt_window": loop.LIMIT_TILT_WINDOW,
    "cooling": loop.LIMIT_TILT_COOLING,
}
COUNTS = {
    "checks": loop.LIMIT_RESET_CHECKS,
    "manual": loop.LIMIT_MANUAL_RESET,
    "api": loop.LIMIT_API_ERRORS,
    "db": loop.LIMIT_DATABASE_ERRORS,
    "stops": loop.LIMIT_STOP_COUNT,
    "flat_reads": loop.LIMIT_FLAT_READS,
    "guards": loop.LIMIT_GUARDS,
    "risk": loop.LIMIT_RISK,
}
NAMES: dict[str, tuple[int, dict[str, int]]] = {
    "scope": (loop.LIMIT_STOP_SCOPE, {"all": 0, "instrument": 1}),
    "operator": (loop.LIMIT_SIMULATED_OPERATOR, {"none": 0, "next_day": 1}),
    "tier": (loop.LIMIT_TIER, {tier.name.lower(): tier.value for tier in words_of.Tier}),
}
DEFAULTS = {
    "guards": "1", "daily": "500", "drawdown": "20", "reset": "10", "checks": "3", "every": "10s",
    "api": "5", "api_window": "300s", "db": "3", "db_window": "60s", "stop_window": "1h",
    "stop_lock": "1h", "hold": "24h",
}  # fmt: skip
ACTIONS = {
    "kill": words_of.OperatorAction.KILL,
    "kill flatten": words_of.OperatorAction.KILL_AND_FLATTEN,
    "pause": words_of.OperatorAction.PAUSE,
    "resume": words_of.OperatorAction.RESUME,
    "flatten": words_of.OperatorAction.FLATTEN,
}
ERRORS = {"": 1, "business": 2, "auth": 3}


def limit_of(name: str, value: str) -> tuple[int, int]:
    """Return the column of `limits` and the number that a setting stands for."""
    if name in AMOUNTS:
        return AMOUNTS[name], to_minor(value)
    if name in SHARES:
        return SHARES[name], ppm(value)
    if name in TIMES:
        return TIMES[name], duration(value)
    if name in NAMES:
        column, values = NAMES[name]
        return column, values[value]
    return COUNTS[name], int(value)


@dataclass
class Guarded:
    """One account; what happens is told in words."""

    settings: dict[str, str]
    world: str = "interpreted"
    closely: bool = False  # every look is a close one
    block: Block = field(init=False)
    core: Core = field(init=False)
    s: Any = field(init=False)
    now: int = START
    _sequence: int = 0
    _moved: bool = False

    def __post_init__(self) -> None:
        shape = CoreShape(len(INSTRUMENTS), len(CURRENCIES), orders=16, journal=4096, trading=True)
        self.block, self.core = new_core(shape, terms_of(INSTRUMENTS, CURRENCIES))
        self.s = plain_core(self.core) if self.world == "interpreted" else self.core
        self.s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**6
        self.s.account[at.ACCOUNT_NOW] = self.now
        for number, level in enumerate(("500", "2000", "10000")):
            self.s.limits[loop.LIMIT_TIER_LEVELS + number] = to_minor(level)
        for name, value in (DEFAULTS | self.settings).items():
            column, number = limit_of(name, value)
            self.s.limits[column] = number

    def kernel(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a kernel in this account's world."""
        if self.world == "interpreted":
            return function
        return lambda _, *values: call_compiled(function, self.core, *values)

    # --- time and turns --------------------------------------------------------------------------------
    def take_turn(self) -> None:
        """Let the guards look, as the loop does after a slice, a fact or a wait."""
        for _ in range(TURNS_MAX):
            if self.s.account[at.ACCOUNT_TOUCHED] == 0:
                return
            self.s.account[at.ACCOUNT_TOUCHED] = 0
            if self.closely:
                self.s.guard[loop.GUARD_QUIET_HIGH] = self.s.guard[loop.GUARD_QUIET_LOW]
            self.kernel(watch_equity)(self.s)

    def end_waits(self, before: int) -> None:
        """Let the waits that end before a time have their turn."""
        while self.s.account[at.ACCOUNT_NEXT_WAKE] < before:
            self.s.account[at.ACCOUNT_NOW] = self.s.account[at.ACCOUNT_NEXT_WAKE]
            self.kernel(take_due)(self.s)
            self.take_turn()
        self.s.account[at.ACCOUNT_NOW] = self.now

    def move_to(self, ts: int) -> None:
        """Let time pass; waits that end at `ts` itself come after what happens then."""
        self.now = ts
        self.end_waits(ts)

    def finish(self) -> None:
        """Let the waits that end now have their turn, after everything that happens now."""
        self.end_waits(self.now + 1)

    def tell(self, text: str) -> None:
        """Let everything in a column happen."""
        words = split_words(text)
        for word, after in zip(words, [*words[1:], ""], strict=True):
            self.happen(word, looks=not after.startswith("&"))
        self.finish()

    def happen(self, word: str, *, looks: bool = True) -> None:
        """Let one word happen, and the guards look at what one time brings together."""
        if word.startswith("+"):
            self.move_to(self.now + duration(word[1:]))
            self._moved = True
            return
        if word.startswith("&"):
            word = word[1:].strip()
        elif not self._moved:
            self.move_to(self.now + MS)
        self._moved = False
        self.s.account[at.ACCOUNT_NOW] = self.now
        self.do(word)
        if looks:
            self.take_turn()
        check_books(self.s)

    # --- words -----------------------------------------------------------------------------------------
    def do(self, word: str) -> None:
        """Carry out one word."""
        verb, *rest = word.split()
        if word in ACTIONS:
            self.event(at.KIND_OPERATOR, OPERATOR_ACTION=ACTIONS[word])
        elif verb in ("bar", "quote", "print"):
            self.show(verb, *rest)
        elif verb in ("buy", "sell", "hold"):
            self.trade(verb, *rest)
        elif verb in ("cash", "deposit", "withdraw"):
            sign = "-" if verb == "withdraw" else ""
            minor = to_minor(sign + rest[0])
            self.event(at.KIND_TRANSFER, TRANSFER_CURRENCY=0, TRANSFER_MINOR=minor)
        elif verb == "correction":
            self.event(at.KIND_CORRECTION, TRANSFER_CURRENCY=0, TRANSFER_MINOR=to_minor(rest[0]))
        elif verb == "stopped":
            self.stopped(rest[0])
        elif verb == "reset":
            latch = words_of.Latch[rest[0].upper()]
            reset = words_of.OperatorAction.RESET
            self.event(at.KIND_OPERATOR, OPERATOR_ACTION=reset, OPERATOR_LATCH=latch)
        else:
            self.do_rare(verb, *rest)

    def do_rare(self, verb: str, *rest: str) -> None:
        """Carry out a word of a session's own parts."""
        if verb == "day":
            day = int(rest[0]) if rest else 0
            self.event(at.KIND_SESSION_OPEN, CALENDAR_ID=0, SESSION_DAY=day)
        elif verb == "marked":
            self.event(at.KIND_ACCRUAL)
        elif verb == "close":
            self.event(at.KIND_SESSION_CLOSE, CALENDAR_ID=0)
        elif verb in ("halted", "resumed"):
            kind = at.KIND_HALT if verb == "halted" else at.KIND_RESUME
            self.event(kind, self.number(rest[0]))
        elif verb == "lost":
            self.event(at.KIND_MARK_LOST, self.number(rest[0]))
        elif verb == "api":
            self.event(at.KIND_API_ERROR, ERROR_CLASS=ERRORS[rest[0] if rest else ""])
        elif verb == "db":
            self.event(at.KIND_DATABASE_ERROR)
        elif verb in ("reconciled", "unreconciled"):
            self.event(
                at.KIND_RECONCILED,
                RECONCILED_OK=int(verb == "reconciled"),
                RECONCILED_FLAT=int(rest == ("flat",)),
            )
        elif verb in ("bad", "good"):
            latch = words_of.Latch[rest[0].upper()]
            self.event(
                at.KIND_COMPONENT, COMPONENT_NUMBER=latch, COMPONENT_GOOD=int(verb == "good")
            )
        elif verb in ("order", "no_order"):
            self.s.account[at.ACCOUNT_ORDERS] = int(verb == "order")
            self.s.account[at.ACCOUNT_TOUCHED] = 1
        elif verb == "suspect":
            self.s.monitors[self.number(rest[0]), loop.MONITOR_SUSPECT] = int(rest[1]) * self.now
        elif verb in ("manual", "cancel", "edit"):
            self.manual(verb, *rest)
        else:
            raise AssertionError(f"no such word: {verb}")

    def manual(self, verb: str, *rest: str) -> None:
        """A person orders (``manual ABC 100``: for so much money), cancels or edits."""
        names = {"manual": "ORDER", "cancel": "CANCEL", "edit": "EDIT"}
        i = self.number(rest[0]) if rest else -1
        size = to_minor(rest[1]) if len(rest) > 1 else 0
        action = words_of.OperatorAction[names[verb]]
        self.event(at.KIND_OPERATOR, i, OPERATOR_ACTION=action, OPERATOR_MINOR=size)

    def show(self, verb: str, symbol: str, *prices: str) -> None:
        """Show a bar's close (a minute long), a quote or a print."""
        i = self.number(symbol)
        ticks = [INSTRUMENTS[i].price_to_ticks(price) for price in prices]
        if verb == "bar":
            self.event(at.KIND_BAR, i, BAR_OPEN_TS=self.now - UNITS["m"], BAR_CLOSE=ticks[0])
        elif verb == "print":
            self.event(at.KIND_TRADE, i, TRADE_PRICE=ticks[0])
        else:
            self.event(at.KIND_QUOTE, i, QUOTE_BID=ticks[0], QUOTE_ASK=ticks[1])

    def trade(self, verb: str, symbol: str, quantity: str, _: str, price: str, *fee: str) -> None:
        """Book a fill: ``buy ABC 10 @ 50 fee 1``; ``hold`` buys, or sells short where negative."""
        i = self.number(symbol)
        lots = INSTRUMENTS[i].quantity_to_lots(quantity)
        paid = to_minor(fee[1]) if fee else 0
        lots = -lots if verb == "sell" else lots
        ticks = INSTRUMENTS[i].price_to_ticks(price)
        realized = self.kernel(apply_trade)(self.s, i, lots, ticks, paid, at.KIND_FILL)
        self.kernel(note_position)(self.s, i, realized, paid)

    def stopped(self, symbol: str) -> None:
        """A trip that begins at 100 is closed at 99 by the stop loss."""
        i = self.number(symbol)
        self.trade("buy", symbol, "1", "@", "100")
        self.s.monitors[i, loop.EXIT_PHASE] = words_of.PHASE_WORKING
        self.s.monitors[i, loop.EXIT_REASON] = words_of.REASON_STOP_LOSS
        self.trade("sell", symbol, "1", "@", "99")
        self.s.monitors[i, loop.EXIT_PHASE] = words_of.PHASE_IDLE

    def event(self, kind: int, instrument: int = -1, /, **payload: int) -> None:
        """Apply one event; `payload` names columns."""
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        self._sequence += 1
        row[0, at.EVENT_TS], row[0, at.EVENT_SEQUENCE] = self.now, self._sequence
        row[0, at.EVENT_KIND], row[0, at.EVENT_INSTRUMENT] = kind, instrument
        for name, value in payload.items():
            row[0, getattr(at, name, None) or getattr(loop, name)] = value
        events = as_plain(row) if self.world == "interpreted" else row
        self.kernel(apply_event)(self.s, events, 0)

    def number(self, symbol: str) -> int:
        """Return an instrument's index."""
        return [item.symbol for item in INSTRUMENTS].index(symbol)

    # --- what is there ---------------------------------------------------------------------------------
    @property
    def severity(self) -> words_of.Severity:
        """The account's severity."""
        return words_of.Severity(int(self.s.account[at.ACCOUNT_SEVERITY]))

    def latch(self, name: str) -> dict[str, int]:
        """Return a latch's severity, whether it needs a person, and its numbers."""
        g = words_of.Latch[name.upper()]
        columns = {"severity": 0, "number": 2, "limit": 3, "manual": 4, "until": 5, "count": 6}
        return {key: int(self.s.latches[g, column]) for key, column in columns.items()}

    def latches(self) -> dict[str, str]:
        """Return the latches that are set, and their severities."""
        found = {}
        for g in words_of.Latch:
            severity = int(self.s.latches[g, loop.LATCH_SEVERITY])
            if severity:
                found[g.name.lower()] = words_of.Severity(severity).name.lower()
        return found

    def claim(self, name: str, symbol: str = "") -> Decimal:
        """Return a number that a line claims: peak, reset, day, cooling, locked."""
        if name == "peak":
            return from_minor(int(self.s.guard[loop.GUARD_PEAK]))
        if name == "reset":
            return from_minor(int(self.s.guard[loop.GUARD_RESET_LEVEL]))
        if name == "day":
            return from_minor(self.kernel(day_result_minor)(self.s))
        column = {"cooling": loop.MONITOR_COOL_UNTIL, "locked": loop.MONITOR_LOCKED_UNTIL}[name]
        until = int(self.s.monitors[self.number(symbol), column])
        return Decimal(max(until - self.now, 0))

    def journal(self, kind: int) -> list[list[int]]:
        """Return the journal's rows of one kind."""
        count = self.s.account[at.ACCOUNT_JOURNAL]
        rows = self.core.journal[:count]
        return [list(map(int, row)) for row in rows[rows[:, at.EVENT_KIND] == kind]]
