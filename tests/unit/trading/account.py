"""An account of the trading loop in a trader's own words, over the real core, interpreted.

`Account` is set up word by word ("hold ABC 20", "latch api reduce_only", "moves DEF with ABC 0.8 over
60"), then shown an order or a signal; see the heads of tests/scenarios/risk.txt and signals.txt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from engine.jit import as_plain
from engine.kernels.orders import ask_replace, place
from engine.kernels.positions import apply_trade, equity_minor
from engine.kernels.trips import note_position
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.trading import ExitPhase, ExitReason, Latch, Severity, SignalSource, Verdict
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, to_minor
from engine.rules.rate import note_order
from engine.rules.signals import take_signal
from engine.rules.sizing import SIZE_QUANTITY
from engine.state import CoreShape, new_core, plain_core
from engine.step import apply_event
from tests.unit.core.books import EVENT, FUTURE, GERMAN, SHARE, terms_of
from tests.unit.trading.compiled_world import call_compiled

D = Decimal
SCENARIOS = Path(__file__).parents[2] / "scenarios"
NOW = 1000 * NS_PER_DAY
WIDE = 10**9  # percent
UNITS = {"s": NS_PER_SECOND, "m": NS_PER_MINUTE, "h": 60 * NS_PER_MINUTE, "d": NS_PER_DAY}
INSTRUMENTS = (
    SHARE,
    Instrument("DEF", InstrumentKind.EQUITY),
    Instrument("GHI", InstrumentKind.EQUITY),
    EVENT,
    Instrument("SNOW", InstrumentKind.BINARY_EVENT),
    FUTURE,
    GERMAN,
)
PRICES = {
    "ABC": "100",
    "DEF": "50",
    "GHI": "10",
    "RAIN": "0.40",
    "SNOW": "0.20",
    "ES": "1000",
    "SAP": "80",
}
SYMBOLS = [item.symbol for item in INSTRUMENTS]
EURO = 1


@dataclass(frozen=True)
class Line:
    """One line of a table: its section, settings and columns."""

    section: str
    number: int
    settings: Mapping[str, str]
    columns: Sequence[str]

    @property
    def name(self) -> str:
        """Where it stands, for a test's id."""
        return f"{self.section}:{self.number}"


def read_table(name: str) -> Iterator[Line]:
    """Read a table: `##` opens a section, `@` gives its settings, `#` is a remark."""
    section, settings = "", dict[str, str]()
    text = (SCENARIOS / name).read_text(encoding="utf-8")
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("##"):
            section, settings = line[2:].strip(), {}
        elif line.startswith("@ "):
            pairs = (word.partition("=") for word in line[2:].split())
            settings = {key: value for key, _, value in pairs}
        elif line and not line.startswith("#"):
            columns = [column.strip() for column in line.split("|")]
            assert len(columns) == 4, f"{name} line {number}: four columns, not {len(columns)}"
            yield Line(section, number, settings, columns)


def to_ns(text: str) -> int:
    """Return "90s", "9.99m" as nanoseconds."""
    return int(D(text[:-1]) * UNITS[text[-1]])


def ppm(percent: str | int) -> int:
    """Return percent as parts per million."""
    return int(D(percent) * 10**4)


def ppb(percent: str) -> int:
    """Return percent as parts per billion."""
    return int(D(percent) * 10**7)


class Account:
    """One account over seven instruments; see the table's heads for its words."""

    def __init__(self, settings: Mapping[str, str], world: str = "interpreted") -> None:
        self.is_compiled = world == "compiled"
        shape = CoreShape(len(INSTRUMENTS), 2, orders=64, trading=True)
        self.block, self.core = new_core(shape, terms_of(INSTRUMENTS, ("USD", "EUR")))
        self.s: Any = plain_core(self.core)
        self.intents = as_plain(np.zeros((8, at.ORDER_WIDTH), dtype=np.int64))
        self.worth = "10000"
        s = self.s
        s.account[at.ACCOUNT_NOW] = NOW
        s.account[at.ACCOUNT_SHORT] = 1
        s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**12
        s.ledger[EURO, at.LEDGER_RATE] = at.RATE_ONE * 5 // 4
        s.terms[SYMBOLS.index("RAIN"), at.TERM_EVENT] = 1
        s.terms[SYMBOLS.index("SNOW"), at.TERM_EVENT] = 1
        for row, item in enumerate(INSTRUMENTS):
            s.terms[row, at.TERM_BINARY] = int(item.is_binary)
        s.account[at.ACCOUNT_ENTRY_TYPE], s.account[at.ACCOUNT_ENTRY_TIF] = (
            at.TYPE_MARKET,
            at.TIF_GTC,
        )
        s.account[at.ACCOUNT_SIZE_METHOD], s.account[at.ACCOUNT_SIZE_VALUE] = (
            SIZE_QUANTITY,
            10 * 10**9,
        )
        s.guard[loop.GUARD_BEGUN] = 1
        s.limits[loop.LIMIT_RISK] = 1
        s.limits[loop.LIMIT_CORRELATION_PPM] = 10**6
        s.limits[loop.LIMIT_CORRELATION_UNKNOWN] = 1
        for limit in ("POSITION", "GROSS", "NET"):
            s.limits[getattr(loop, f"LIMIT_{limit}_PPM")] = ppm(WIDE)
        for key, value in settings.items():
            self.set(key, value)
        for symbol, price in PRICES.items():
            self.price(symbol, price)

    def set(self, key: str, value: str) -> None:
        """Set one limit of the strategy file."""
        s, shares = self.s, ("position", "gross", "net", "group", "event", "drawdown", "collar")
        times = {
            "first": loop.LIMIT_NO_ENTRY_FIRST,
            "last": loop.LIMIT_NO_ENTRY_LAST,
            "quote_age": loop.LIMIT_QUOTE_AGE,
            "expiry": loop.LIMIT_EXPIRY,
            "timeout": loop.LIMIT_ENTRY_TIMEOUT,
        }
        counts = {
            "positions": loop.LIMIT_POSITIONS,
            "rate": loop.LIMIT_RATE,
            "returns": loop.LIMIT_CORRELATION_RETURNS,
            "window": loop.LIMIT_CORRELATION_WINDOW,
        }
        amounts = {
            "daily": loop.LIMIT_DAILY_MINOR,
            "minimum": loop.LIMIT_MINIMUM_MINOR,
            "notional": loop.LIMIT_NOTIONAL_MINOR,
        }
        if key in shares:
            s.limits[getattr(loop, f"LIMIT_{key.upper()}_PPM")] = ppm(value)
        elif key in times:
            s.limits[times[key]] = to_ns(value)
        elif key in counts:
            s.limits[counts[key]] = int(value)
        elif key in amounts:
            s.limits[amounts[key]] = to_minor(value)
        elif key == "quantity":
            s.limits[loop.LIMIT_UNITS_PPB] = int(D(value) * 10**9)
        elif key == "daily_percent":
            s.limits[loop.LIMIT_DAILY_PPM] = ppm(value)
        elif key == "guards":
            s.limits[loop.LIMIT_GUARDS] = 1
        elif key == "risk":
            s.limits[loop.LIMIT_RISK] = int(value != "off")
        elif key == "correlation":
            s.limits[loop.LIMIT_CORRELATION_PPM] = int(D(value) * 10**6)
            s.limits[loop.LIMIT_CORRELATION_UNKNOWN] = 0
        elif key == "unknown":
            s.limits[loop.LIMIT_CORRELATION_UNKNOWN] = int(value == "allow")
        elif key == "leverage":
            s.account[at.ACCOUNT_LEVERAGE_PPM] = int(D(value) * 10**6)
        elif key == "min_edge":
            s.limits[loop.LIMIT_HAS_EDGE] = 1
            s.limits[loop.LIMIT_MIN_EDGE_PPB] = ppb(value)
        elif key == "probability":
            s.limits[loop.LIMIT_EDGE_IS_PROBABILITY] = 1
        elif key == "min_confidence":
            s.limits[loop.LIMIT_HAS_CONFIDENCE] = 1
            s.limits[loop.LIMIT_MIN_CONFIDENCE_PPB] = int(D(value) * 10**9)
        elif key == "goal":
            s.limits[loop.LIMIT_HAS_GOAL] = 1
        elif key == "close_first":
            s.account[at.ACCOUNT_CLOSE_FIRST] = 1
        elif key == "limit_orders":
            s.account[at.ACCOUNT_ENTRY_TYPE] = at.TYPE_LIMIT
        elif key == "units":
            s.account[at.ACCOUNT_SIZE_VALUE] = int(D(value) * 10**9)
        else:
            for symbol in value.split(","):  # a group, by its name
                s.terms[SYMBOLS.index(symbol), at.TERM_GROUP] = 1

    # --- the account's words ------------------------------------------------------------------------------
    def tell(self, words: str) -> None:
        """Set up the account from the items of a column."""
        for item in filter(None, (item.strip() for item in words.split(";"))):
            word, *rest = item.split()
            getattr(self, word if word != "no" else "no_day")(*rest)
        self.s.ledger[0, at.LEDGER_CASH] += to_minor(self.worth) - equity_minor(self.s)

    def equity(self, amount: str) -> None:
        """Say what the account is worth with what it holds."""
        self.worth = amount

    def event(self, kind: int, symbol: str, /, **payload: int) -> None:
        """Apply one event at the present time."""
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = self.s.account[at.ACCOUNT_NOW], kind
        row[0, at.EVENT_INSTRUMENT] = SYMBOLS.index(symbol)
        for name, value in payload.items():
            row[0, getattr(at, name)] = value
        apply_event(self.s, as_plain(row), 0)

    def ticks(self, symbol: str, price: str) -> int:
        """Return a price in ticks."""
        return INSTRUMENTS[SYMBOLS.index(symbol)].price_to_ticks(price)

    def price(self, symbol: str, price: str) -> None:
        """Show a print."""
        self.event(at.KIND_TRADE, symbol, TRADE_PRICE=self.ticks(symbol, price), TRADE_SIZE=1)

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """Show a quote."""
        bid_ticks, ask_ticks = self.ticks(symbol, bid), self.ticks(symbol, ask)
        self.event(at.KIND_QUOTE, symbol, QUOTE_BID=bid_ticks, QUOTE_ASK=ask_ticks)

    def bar(self, symbol: str, length: str, close: str) -> None:
        """Show a bar that closes now."""
        opened = self.s.account[at.ACCOUNT_NOW] - to_ns(length)
        self.event(at.KIND_BAR, symbol, BAR_OPEN_TS=opened, BAR_CLOSE=self.ticks(symbol, close))

    def lost(self, symbol: str) -> None:
        """Have no price of an instrument."""
        self.s.positions[SYMBOLS.index(symbol), at.POSITION_LAST] = 0

    def hold(self, symbol: str, quantity: str) -> None:
        """Hold a position, bought at the last price."""
        i = SYMBOLS.index(symbol)
        last = self.s.positions[i, at.POSITION_LAST]
        apply_trade(self.s, i, int(quantity), last, 0, at.KIND_FILL)
        note_position(self.s, i, 0, 0)

    def working(self, side: str, symbol: str, quantity: str, *terms: str) -> None:
        """Have an order that works, sent before anything was checked."""
        self.s.account[at.ACCOUNT_TRADING] = 0
        leverage = self.s.account[at.ACCOUNT_LEVERAGE_PPM]
        self.s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**15
        cash = self.s.ledger[0, at.LEDGER_CASH]
        self.s.ledger[0, at.LEDGER_CASH] = to_minor("1000000")
        assert self.order(f"{side} {symbol} {quantity} {' '.join(terms)}") != 0
        self.s.ledger[0, at.LEDGER_CASH] = cash
        row = self.s.account[at.ACCOUNT_ORDERS] - 1
        for name in ("replacing", "filled"):
            if name in terms:
                lots = int(terms[terms.index(name) + 1])
                self.s.orders[row, getattr(at, f"ORDER_{name.upper()}")] = lots
        self.s.account[at.ACCOUNT_LEVERAGE_PPM] = leverage
        self.s.account[at.ACCOUNT_TRADING] = 1

    def latch(self, name: str, severity: str) -> None:
        """Have a latch set."""
        level = Severity[severity.upper()].value
        self.s.latches[Latch[name.upper()].value, loop.LATCH_SEVERITY] = level
        self.severity(severity)

    def severity(self, name: str) -> None:
        """Have a severity, of whatever latch."""
        level = max(self.s.account[at.ACCOUNT_SEVERITY], Severity[name.upper()].value)
        self.s.account[at.ACCOUNT_SEVERITY] = level

    def untrusted(self) -> None:
        """Have an equity that is not known."""
        self.s.guard[loop.GUARD_TRUSTED] = 1

    def day(self, equity: str) -> None:
        """Say what the account was worth when the day began."""
        self.s.guard[loop.GUARD_DAY_EQUITY] = to_minor(equity)

    def no_day(self, _: str) -> None:
        """No day has begun."""
        self.s.guard[loop.GUARD_BEGUN] = 0

    def flow(self, amount: str) -> None:
        """Say what came in during the day."""
        self.s.guard[loop.GUARD_DAY_FLOW] = to_minor(amount)

    def peak(self, equity: str) -> None:
        """Say what the account was worth at its peak."""
        self.s.guard[loop.GUARD_PEAK] = to_minor(equity)

    def sent(self, count: str, _: str, ago: str) -> None:
        """Have sent orders some time ago."""
        now = self.s.account[at.ACCOUNT_NOW]
        self.s.account[at.ACCOUNT_NOW] = now - to_ns(ago)
        for _ in range(int(count)):
            note_order(self.s)
        self.s.account[at.ACCOUNT_NOW] = now

    def closed(self) -> None:
        """The session has closed."""
        self.s.calendars[0, loop.CALENDAR_OPEN] = -1

    def opened(self, ago: str) -> None:
        """The session opened some time ago."""
        self.s.calendars[0, loop.CALENDAR_OPEN] = 1
        self.s.calendars[0, loop.CALENDAR_OPENED] = NOW - to_ns(ago)

    def closes(self, ahead: str) -> None:
        """The session will close."""
        known = ahead != "unknown"
        self.s.calendars[0, loop.CALENDAR_CLOSES] = NOW + to_ns(ahead) if known else 0

    def halted(self, symbol: str) -> None:
        """Have an instrument halted."""
        self.event(at.KIND_HALT, symbol)

    def settled(self, symbol: str) -> None:
        """Have a contract settled."""
        self.event(at.KIND_SETTLEMENT, symbol, SETTLEMENT_PRICE=0)

    def passes(self, time: str) -> None:
        """Let time pass."""
        self.s.account[at.ACCOUNT_NOW] += to_ns(time)

    def exit(self, symbol: str) -> None:
        """Have an exit that works."""
        self.s.monitors[SYMBOLS.index(symbol), loop.EXIT_PHASE] = ExitPhase.WORKING.value

    def entry(self, symbol: str) -> None:
        """Have an entry that works."""
        self.s.monitors[SYMBOLS.index(symbol), loop.ENTRY_SIGNAL] = 77

    def wants(self, symbol: str) -> None:
        """Have the strategy's wish to be flat."""
        self.s.monitors[SYMBOLS.index(symbol), loop.MONITOR_WANTS] = loop.WANTS_EXIT

    def locked(self, symbol: str, time: str) -> None:
        """Have an instrument locked for some time."""
        until = self.s.account[at.ACCOUNT_NOW] + to_ns(time)
        self.s.monitors[SYMBOLS.index(symbol), loop.MONITOR_LOCKED_UNTIL] = until

    def cools(self, symbol: str, time: str) -> None:
        """Have an instrument cool down for some time."""
        until = self.s.account[at.ACCOUNT_NOW] + to_ns(time)
        self.s.monitors[SYMBOLS.index(symbol), loop.MONITOR_COOL_UNTIL] = until

    def suspect(self, symbol: str) -> None:
        """Have a last price that is not confirmed."""
        now = self.s.account[at.ACCOUNT_NOW]
        self.s.monitors[SYMBOLS.index(symbol), loop.MONITOR_SUSPECT] = now

    def moves(self, one: str, _: str, other: str, rho: str, __: str, count: str) -> None:
        """Have a history of returns with a given correlation.

        Two patterns that are uncorrelated, + - + - and + + - -, mixed: r of the first and the root
        of 1 - r^2 of the second correlate with the first by r. A count in fours makes means zero.
        """
        i, j = SYMBOLS.index(one), SYMBOLS.index(other)
        first, second = (1, -1, 1, -1), (1, 1, -1, -1)
        share = 0.0 if rho == "flat" else float(rho)
        rest = 0.0 if rho == "flat" else math.sqrt(1 - share * share)
        for k in range(int(count)):
            for n in range(len(SYMBOLS)):
                self.s.returns[n, loop.RETURNS_FIRST + k] = loop.NOT_GIVEN
            x, z = first[k % 4] * 10**7, second[k % 4] * 10**7
            self.s.returns[j, loop.RETURNS_FIRST + k] = x
            self.s.returns[i, loop.RETURNS_FIRST + k] = round(share * x + rest * z)
        for n in range(len(SYMBOLS)):
            self.s.returns[n, loop.RETURNS_HEAD] = int(count)
            self.s.returns[n, loop.RETURNS_COUNT] = int(count)

    def run(self, kernel: Callable[..., Any], *values: Any) -> Any:
        """Call a kernel on the account, in its world."""
        if not self.is_compiled:
            return kernel(self.s, *values)
        return call_compiled(kernel, self.core, *values)

    # --- orders --------------------------------------------------------------------------------------------
    def order(self, words: str) -> int:
        """Place an order, or replace the first one; return its id, or 0."""
        side, *rest = words.split()
        if side == "replace":
            limit = self.ticks("ABC", rest[2])
            order_id = self.s.orders[0, at.ORDER_ID]
            done = self.run(ask_replace, order_id, int(rest[0]), limit, 0)
            return order_id if done else 0
        symbol, quantity, *terms = rest
        row = self.intents
        for column in range(at.ORDER_WIDTH):
            row[0, column] = 0
        row[0, at.ORDER_INSTRUMENT] = SYMBOLS.index(symbol)
        row[0, at.ORDER_SIDE] = 1 if side == "buy" else -1
        row[0, at.ORDER_QUANTITY] = int(quantity)
        row[0, at.ORDER_TYPE], row[0, at.ORDER_TIF] = at.TYPE_MARKET, at.TIF_GTC
        for word, value in zip(terms, [*terms[1:], ""], strict=False):
            if word in ("@", "limit"):
                row[0, at.ORDER_TYPE] = at.TYPE_LIMIT
                row[0, at.ORDER_LIMIT] = self.ticks(symbol, value)
            elif word == "stop":
                row[0, at.ORDER_TYPE] = at.TYPE_STOP
                row[0, at.ORDER_STOP] = self.ticks(symbol, value)
            elif word == "reduce":
                row[0, at.ORDER_FLAGS] = at.FLAG_REDUCE_ONLY
            elif word == "exit":
                row[0, at.ORDER_EXIT] = ExitReason[value.upper()].value
        return int(self.run(place, row, 0))

    # --- signals -------------------------------------------------------------------------------------------
    def signal(self, words: str) -> int:
        """Give a signal; return the order that it became, or 0."""
        side, symbol, *terms = words.split()
        i = SYMBOLS.index(symbol)
        said = dict(zip(terms[::2], terms[1::2], strict=True))
        numbers = {
            loop.MONITOR_EDGE: said.get("edge", said.get("p")),
            loop.MONITOR_CONFIDENCE: said.get("confidence"),
        }
        for column, text in numbers.items():
            percent = text is not None and text.endswith("%")
            value = loop.NOT_GIVEN if text is None else int(D(text.rstrip("%")) * 10**9)
            self.s.monitors[i, column] = value // 100 if percent else value
        goal = self.ticks(symbol, said["goal"]) if "goal" in said else loop.NOT_GIVEN
        self.s.monitors[i, loop.MONITOR_GOAL] = goal
        decided = self.s.account[at.ACCOUNT_NOW] - to_ns(said.get("decided", "0s"))
        way = 1 if side == "buy" else -1
        source = SignalSource.RULE.value
        return int(self.run(take_signal, self.intents, i, way, source, decided))

    def answers_to(self, words: str) -> list[str]:
        """Give signals and return what is said of each, as the table writes it."""
        answers = []
        for item in (item.strip() for item in words.split(";")):
            if item.startswith("+"):
                self.passes(item[1:])
                continue
            since = self.s.account[at.ACCOUNT_JOURNAL]
            order_id = self.signal(item)
            no = no_of(self.rows(at.KIND_CHECKED, since=since))
            if order_id != 0:
                assert no == [], "approved, and yet a check says no"
                answers.append("ok")
                continue
            if self.rows(at.KIND_SIGNAL_QUEUED, since=since):
                assert no == [], "it waits, and yet a check says no"
                answers.append("waits")
                continue
            (row,) = self.rows(at.KIND_SIGNAL_DENIED, since=since)
            denial = Denial(row[loop.ANSWER_CODE]).name.lower()
            if not no or no[0].rstrip("?") != denial:
                assert denial in ("no_market_price", "too_small")
                no.insert(0, denial)
            answers.append(" ".join(no))
        return answers

    def rows(self, kind: int, *, since: int = 0) -> list[list[int]]:
        """Return the journal's rows of one kind."""
        rows = self.core.journal[since : self.s.account[at.ACCOUNT_JOURNAL]]
        return [list(map(int, row)) for row in rows[rows[:, at.EVENT_KIND] == kind]]

    def said_of(self, words: str) -> str:
        """Place an order and return the checks that say no, as the table writes them."""
        since = self.s.account[at.ACCOUNT_JOURNAL]
        order_id = self.order(words)
        no = no_of(self.rows(at.KIND_CHECKED, since=since))
        if order_id != 0:
            assert no == [], "approved, and yet a check says no"
            return "-"
        denial = Denial(self.s.account[at.ACCOUNT_LAST_DENIAL]).name.lower()
        if not no:
            return f"denied {denial}"
        assert no[0].rstrip("?") == denial, "the first check that says no is the answer"
        return " ".join(no)


def no_of(rows: Sequence[Sequence[int]]) -> list[str]:
    """Return the names of the checks that say no."""
    marks = {Verdict.OVER: "", Verdict.UNKNOWN: "?"}
    verdicts = [(Denial(row[loop.CHECKED_CODE]), row[loop.CHECKED_VERDICT]) for row in rows]
    return [
        code.name.lower() + marks[Verdict(said)]
        for code, said in verdicts
        if Verdict(said) in marks
    ]
