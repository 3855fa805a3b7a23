"""One held position over the real core, interpreted or compiled, in a trader's own words."""

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
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.exits import fill_exit_limits, fill_exits
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.trading import FLATTENING, REASONS, ExitReason
from engine.model.units import NS_PER_DAY, to_minor
from engine.state import CoreShape, new_core, plain_core
from engine.step import apply_event
from tests.unit.core.books import terms_of
from tests.unit.trading.compiled_world import call_compiled

D = Decimal
START = 10 * NS_PER_DAY
SECOND = 10**9
CLASSES = {"low": 1, "medium": 2, "high": 3}
SCENARIOS = Path(__file__).parents[2] / "scenarios"


@dataclass(frozen=True)
class Line:
    """One line of a table: where it stands, its section and settings, its columns."""

    number: int
    section: str
    settings: dict[str, str]
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.section}, line {self.number}: {self.columns[-1]}"


def read_table(name: str, columns: int) -> Iterator[Line]:
    """Parse a table: `##` opens a section, `@` gives its settings, `#` is a remark."""
    section, settings = "", dict[str, str]()
    text = (SCENARIOS / name).read_text(encoding="utf-8")
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("## "):
            section, settings = line[3:], {}
        elif line.startswith("@ "):
            settings = dict(word.split("=", 1) for word in line[2:].split())  # type: ignore[misc]
        elif line and not line.startswith("#"):
            parts = tuple(part.strip() for part in line.split("|"))
            assert len(parts) == columns, (
                f"{name} line {number}: {columns} columns, not {len(parts)}"
            )
            yield Line(number, section, settings, parts)


def seconds(text: str) -> int:
    """Return a duration such as ``90s``, ``5m`` or ``1.999s`` in nanoseconds."""
    unit = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": NS_PER_DAY}[text[-1]]
    return int(D(text[:-1]) * unit)


def make_instrument(settings: dict[str, str], symbol: str = "ABC") -> Instrument:
    """Return the instrument of a section: a share, or with ``instrument=event`` an event contract."""
    step = int(D(settings.get("step", "0.01")) * 100)
    lot = int(settings.get("lot", "1"))
    if settings.get("instrument") == "event":
        return Instrument(symbol, InstrumentKind.BINARY_EVENT, price_step_ticks=step)
    return Instrument(symbol, InstrumentKind.EQUITY, price_step_ticks=step, quantity_step_lots=lot)


@dataclass
class ExitDesk:
    """A core with the trading loop on, and one position in its first instrument."""

    settings: dict[str, str] = field(default_factory=dict)
    world: str = "interpreted"

    def __post_init__(self) -> None:
        instruments = [make_instrument(self.settings), make_instrument(self.settings, "OTHER")]
        self.instrument = instruments[0]
        shape = CoreShape(2, orders=64, journal=4096, trading=True)
        self.block, self.core = new_core(shape, terms_of(instruments, ["USD"]))
        self.s: Any = plain_core(self.core)
        self.now = START
        s = self.s
        s.account[at.ACCOUNT_NOW] = self.now
        s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**9
        s.account[at.ACCOUNT_SHORT] = 1
        s.ledger[0, at.LEDGER_CASH] = to_minor("1000000")
        s.ledger[0, at.LEDGER_TRANSFERS] = -to_minor("1000000")
        for i in range(2):
            s.terms[i, at.TERM_BINARY] = int(self.instrument.is_binary)
        fill_exits(self.core.exits, self.core.stages)
        fill_exit_limits(self.core.limits)
        self._apply_settings()

    def _apply_settings(self) -> None:
        s, words = self.s, self.settings
        s.limits[loop.LIMIT_EXPIRY] = 300 * SECOND
        if "collar" in words:
            s.limits[loop.LIMIT_COLLAR_PPM] = int(D(words["collar"]) * 10**4)
        if words.get("stages") == "off":
            s.limits[loop.LIMIT_STAGES] = 0
        if words.get("edge") == "probability":
            s.limits[loop.LIMIT_EDGE_IS_PROBABILITY] = 1
        if "spread_bps" in words:
            ppm = int(words["spread_bps"]) * 100
            s.exits[ExitReason.LIQUIDITY_DRIED_UP, loop.EXITS_SPREAD_PPM] = ppm
        if "expires" in words:
            s.terms[0, at.TERM_EXPIRES] = START + seconds(words["expires"])
        if "closes" in words:
            s.calendars[0, loop.CALENDAR_OPEN] = 1
            s.calendars[0, loop.CALENDAR_CLOSES] = START + seconds(words["closes"])
        if words.get("session_close") == "on":
            s.limits[loop.LIMIT_AT_SESSION_CLOSE] = 1
        for name in words.get("off", "").split(","):
            if name:
                s.exits[ExitReason[name.upper()], loop.EXITS_ENABLED] = 0

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a kernel on the core, in the world of this desk."""
        if self.world == "compiled":
            return call_compiled(function, self.core, *arguments)
        return function(self.s, *arguments)

    def view(self, block: Any) -> Any:
        """Return a block as this world's kernels take it."""
        if self.world == "compiled":
            from engine.pointers import Matrix

            return Matrix(block)
        return as_plain(block)

    def ticks(self, price: str) -> int:
        """Return a price as ticks."""
        return self.instrument.price_to_ticks(price)

    # --- the position ------------------------------------------------------------------------------------
    def take_position(self, text: str) -> None:
        """Hold what ``long 10 @ 100`` says; ``then 5 @ 110`` adds to it."""
        direction = 1 if text.startswith("long") else -1
        for trade in text.split(" ", 1)[1].split(" then "):
            lots, price = trade.split(" @ ")
            realized = apply_trade(
                self.s, 0, direction * int(lots), self.ticks(price), 0, at.KIND_FILL
            )
            note_position(self.s, 0, realized, 0)
        s = self.s
        s.monitors[0, loop.MONITOR_CLASS] = CLASSES[self.settings.get("confidence", "medium")]
        if "goal" in self.settings:
            s.monitors[0, loop.MONITOR_TARGET_GOAL] = self.ticks(self.settings["goal"])

    # --- what happens ------------------------------------------------------------------------------------
    def event(self, kind: int, instrument: int = -1, /, **payload: int) -> Any:
        """Return one event of the stream, now."""
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS], row[0, at.EVENT_SEQUENCE] = self.now, 1
        row[0, at.EVENT_KIND], row[0, at.EVENT_INSTRUMENT] = kind, instrument
        for name, value in payload.items():
            row[0, getattr(at, name, getattr(loop, name, None))] = value
        return row

    def apply(self, kind: int, instrument: int = -1, /, **payload: int) -> None:
        """Apply one event to the core."""
        self.run(apply_event, self.view(self.event(kind, instrument, **payload)), 0)

    def market(self, words: list[str]) -> Any:
        """Return a market event: ``quote 99 101``, ``print 84``, ``bar 85`` or just ``85``, a bar's close."""
        if words[0] == "quote":
            bid, ask = self.ticks(words[1]), self.ticks(words[2])
            return self.event(
                at.KIND_QUOTE, 0, QUOTE_BID=bid, QUOTE_ASK=ask, QUOTE_BID_SIZE=-1, QUOTE_ASK_SIZE=-1
            )
        price = self.ticks(words[-1])
        if words[0] == "print":
            return self.event(at.KIND_TRADE, 0, TRADE_PRICE=price, TRADE_SIZE=-1)
        return self.event(
            at.KIND_BAR,
            0,
            BAR_OPEN_TS=self.now - 1,
            BAR_OPEN=price,
            BAR_HIGH=price,
            BAR_LOW=price,
            BAR_CLOSE=price,
            BAR_VOLUME=-1,
            BAR_FILLS=1,
        )

    def say(self, word: str, value: str) -> None:
        """Take in what the strategy says: ``edge 1.9`` (percent), ``p 0.52``, ``volume 49``, ``denied 8``."""
        s = self.s
        if word == "edge":
            s.monitors[0, loop.MONITOR_EDGE] = int(D(value) * 10**7)
        elif word == "p":
            s.monitors[0, loop.MONITOR_EDGE] = int(D(value) * 10**9)
        elif word == "volume":
            s.monitors[0, loop.MONITOR_VOLUME] = int(value)
        elif word == "denied":
            s.monitors[1, loop.MONITOR_DENIED_EDGE] = int(D(value) * 10**7)
            s.monitors[1, loop.MONITOR_DENIED_AT] = self.now
        else:
            raise ValueError(f"what is {word!r}?")

    def state(self, word: str) -> bool:
        """Follow a word that is no market event; False if it is none of these."""
        s = self.s
        if word == "flatten":
            s.account[at.ACCOUNT_SEVERITY] = FLATTENING
        elif word == "leave":
            s.monitors[0, loop.MONITOR_WANTS] |= loop.WANTS_EXIT
        else:
            return False
        return True

    def rows(self, kind: int) -> list[list[int]]:
        """Return the journal's rows of one kind."""
        rows = self.core.journal[: self.s.account[at.ACCOUNT_JOURNAL]]
        return [list(map(int, row)) for row in rows[rows[:, at.EVENT_KIND] == kind]]


def names_of(mask: int, winner: int) -> list[str]:
    """Return the names of the conditions of a mask, the winner first."""
    rest = [reason for reason in range(1, REASONS) if mask >> reason & 1 and reason != winner]
    order = [winner, *rest] if winner else rest
    return [ExitReason(reason).name.lower() for reason in order]
