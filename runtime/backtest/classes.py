"""Strategies written as Python classes: loading, and the run that calls them.

The run is lazy. While none of the strategy's orders works, nothing that it can read changes but
prices, so its callbacks run straight over the columns and the loop catches up in bulk when an order
is placed or a number of the account is read. While an order works the loop goes slice by slice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History, bar_floats
from engine.errors import FormulaError
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.program import Program
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import from_minor, from_quanta
from engine.strategy import Fill, Indicator, Quote, Strategy, Trade, declared
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.desk import BacktestDesk
from runtime.backtest.idle import Silence
from runtime.backtest.machine import Machine
from runtime.backtest.signals import panel_of
from runtime.backtest.sources import market_sources
from runtime.backtest.user_code import UserCode, load_class, parameter_values, placed_formula
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.fillbook.layout import RULE_NAMES
from sims.fillbook.settings import BookSettings
from sims.replay.stream import Chunk, Source, Stream


@dataclass(frozen=True, slots=True, eq=False)
class ClassDecider:
    """A Python class decides, outside the loop."""

    config: StrategyConfig
    history: History
    clockwork: Clockwork
    kind: type[Strategy]
    parameters: dict[str, float | bool]
    program: Program | None
    indicators: dict[str, Indicator]
    _values: dict[str, list[NDArray[np.float64]]]

    @staticmethod
    def load(config: StrategyConfig, history: History, clockwork: Clockwork) -> ClassDecider:
        """Load the class that a strategy file names and check what it declares."""
        kind = load_class(config)
        parameters = parameter_values(config, kind)
        indicators = declared(Indicator, kind)
        program = None
        if indicators:
            program = _program_of(indicators, parameters, config, history)
        return ClassDecider(config, history, clockwork, kind, parameters, program, indicators, {})

    def sources(self, is_compiled: bool) -> Sequence[Source]:
        """Return the market data, and compute the declared indicators."""
        if self.program is not None:
            panel = panel_of(self.history, self.clockwork, adjustment=self.config.data.adjustment)
            self._values.update(evaluate_batch(self.program, panel, compiled=is_compiled))
        return market_sources(self.history)

    def silence(self) -> Silence:
        """Return what is known without asking the user's code: nothing."""
        return Silence()

    def run(self, job: Any, settings: BookSettings) -> RunOutput:
        """Run the class once, on a new instance of it."""
        from runtime.backtest.run import starting_cash

        machine = Machine(job.setup, settings, job.is_compiled)
        user = UserCode(self.config, self.kind.__name__)
        with user.guard("__init__"):
            strategy = self.kind()
        for name, value in self.parameters.items():
            setattr(strategy, name, value)
        session = ClassSession(self, machine, strategy, user)
        session.start()
        stream = Stream(job.sources)
        for chunk in stream.chunks():
            session.run_chunk(chunk)
            machine.events += chunk.rows
            if job.progress is not None:
                job.progress(machine.events, stream.count)
        session.stop()
        return machine.output(job.clockwork, starting_cash(job.config))


def _program_of(
    indicators: dict[str, Indicator],
    parameters: dict[str, float | bool],
    config: StrategyConfig,
    history: History,
) -> Program:
    kinds = {
        name: "condition" if item.is_condition else "number" for name, item in indicators.items()
    }
    formulas = {name: item.formula for name, item in indicators.items()}
    try:
        return compile_program(formulas, parameters, kinds=kinds, symbols=history.symbols)
    except FormulaError as error:
        raise placed_formula(error, config) from None


class BarView:
    """The current bar of one instrument, read from its columns when asked."""

    __slots__ = ("_close", "_high", "_low", "_open", "_place", "_ts", "_volume", "symbol")

    def __init__(
        self, symbol: str, ts: NDArray[np.int64], columns: dict[str, NDArray[np.float64]]
    ) -> None:
        self.symbol = symbol
        self._ts: Any = memoryview(ts)  # type: ignore[arg-type]
        views = {
            name: memoryview(np.ascontiguousarray(column))  # type: ignore[arg-type]
            for name, column in columns.items()
        }
        self._open, self._high, self._low = views["open"], views["high"], views["low"]
        self._close, self._volume = views["close"], views["volume"]
        self._place = 0

    @property
    def ts_ns(self) -> int:
        """When the bar closed, nanoseconds UTC."""
        return int(self._ts[self._place])

    @property
    def open(self) -> float:
        """First price."""
        return self._open[self._place]

    @property
    def high(self) -> float:
        """Highest price."""
        return self._high[self._place]

    @property
    def low(self) -> float:
        """Lowest price."""
        return self._low[self._place]

    @property
    def close(self) -> float:
        """Last price."""
        return self._close[self._place]

    @property
    def volume(self) -> float:
        """Units traded; NaN where the source has none."""
        return self._volume[self._place]


class ClassSession:
    """One strategy object over one machine."""

    def __init__(
        self, decider: ClassDecider, machine: Machine, strategy: Strategy, user: UserCode
    ) -> None:
        self.machine = machine
        self.strategy = strategy
        self.user = user
        self.instruments = machine.setup.instruments
        self.reached = 0  # events of the chunk that the machine has run
        self.due = 0  # where the current slice ends
        self.chunk: Chunk | None = None
        self.desk = BacktestDesk(self.catch_up, machine, self.instruments)
        strategy._desk = self.desk
        self._bars = [_bar_view(part.instrument, part) for part in decider.history.parts]
        self._indicators = _indicator_views(decider)
        self._warm = _warm_places(decider, self._indicators)
        kind = decider.kind
        self._on_bar = _overridden(kind, "on_bar", strategy)
        self._on_bars = _overridden(kind, "on_bars", strategy)
        self._on_quote = _overridden(kind, "on_quote", strategy)
        self._on_trade = _overridden(kind, "on_trade", strategy)
        self._on_fill = _overridden(kind, "on_fill", strategy)
        self._fills_seen = 0
        only_bars = not (self._on_bars or self._on_quote or self._on_trade)
        self._is_simple = bool(self._on_bar) and only_bars and len(self.instruments) == 1

    def start(self) -> None:
        """Call `on_start`."""
        with self.user.guard("on_start"):
            self.strategy.on_start()

    def stop(self) -> None:
        """Call `on_stop`."""
        with self.user.guard("on_stop"):
            self.strategy.on_stop()

    def catch_up(self) -> None:
        """Let the machine reach the end of the slice that the strategy is looking at."""
        if self.reached < self.due and self.chunk is not None:
            self.machine.run(self.chunk, self.reached, self.due)
            self.reached = self.due

    def run_chunk(self, chunk: Chunk) -> None:
        """Call the strategy for each slice of a chunk, and let the machine run it."""
        self.chunk, self.reached, self.due = chunk, 0, 0
        events = chunk.events[: chunk.rows]
        ends = _slice_ends(events)
        market = np.flatnonzero(self._wanted(events[:, at.EVENT_KIND]))
        kinds = events[market, at.EVENT_KIND].tolist()
        instruments = events[market, at.EVENT_INSTRUMENT].tolist()
        places = chunk.places[market].tolist()
        slice_ends = ends[market].tolist()
        account = self.machine.plain.account
        with self.user.guard("on_bar", self.desk):
            if self._is_simple:
                self._run_bars(places, slice_ends)
                kinds = []
            for k in range(len(kinds)):
                self.due = slice_ends[k]
                if account[at.ACCOUNT_ORDERS] and self.reached < self.due:
                    self.catch_up()
                    self._tell_fills()
                i = instruments[k]
                self.desk.instrument = i
                if kinds[k] == at.KIND_BAR:
                    last = k + 1 == len(kinds) or slice_ends[k + 1] != slice_ends[k]
                    self._bar(i, places[k], last)
                else:
                    self._tick(events[market[k]], kinds[k], i)
            self.due = chunk.rows
            self.catch_up()
            self._tell_fills()

    def _run_bars(self, places: list[int], slice_ends: list[int]) -> None:
        """Call `on_bar` for each bar of one instrument: the loop below it, without its branches."""
        on_bar, bar, warm = self._on_bar, self._bars[0], self._warm[0]
        assert on_bar is not None and bar is not None
        account, attributes = self.machine.plain.account, self.strategy.__dict__
        indicators = [(name, views[0]) for name, views in self._indicators]
        for place, end in zip(places, slice_ends, strict=True):
            self.due = end
            if account[at.ACCOUNT_ORDERS] and self.reached < end:
                self.catch_up()
                self._tell_fills()
            if place < warm:
                continue
            bar._place = place
            for name, view in indicators:
                attributes[name] = view[place]
            if on_bar(bar) is not None:
                self.user.refuse_result("on_bar")

    def _wanted(self, kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
        wanted = np.zeros(len(kinds), dtype=bool)
        if self._on_bar or self._on_bars:
            wanted |= kinds == at.KIND_BAR
        if self._on_quote:
            wanted |= kinds == at.KIND_QUOTE
        if self._on_trade:
            wanted |= kinds == at.KIND_TRADE
        return wanted

    def _bar(self, i: int, place: int, is_last: bool) -> None:
        bar = self._bars[i]
        assert bar is not None
        bar._place = place
        warm = place >= self._warm[i]
        if warm and self._on_bar is not None:
            strategy = self.strategy
            for name, views in self._indicators:
                setattr(strategy, name, views[i][place])
            if self._on_bar(bar) is not None:
                self.user.refuse_result("on_bar")
        if self._on_bars is not None:
            if warm:
                self.desk.slice_bars.append(bar)
            if is_last and self.desk.slice_bars:
                bars, self.desk.slice_bars = self.desk.slice_bars, []
                self.desk.instrument = -1 if len(bars) > 1 else i
                if self._on_bars(bars) is not None:
                    self.user.refuse_result("on_bars")

    def _tick(self, event: NDArray[np.int64], kind: int, i: int) -> None:
        instrument = self.instruments[i]
        price, lot = 10.0**instrument.price_precision, 10.0**instrument.quantity_precision
        values = event.tolist()
        ts = values[at.EVENT_TS]
        if kind == at.KIND_QUOTE and self._on_quote is not None:
            quote = Quote(
                instrument.symbol,
                ts,
                values[at.QUOTE_BID] / price,
                values[at.QUOTE_ASK] / price,
                _size(values[at.QUOTE_BID_SIZE], lot),
                _size(values[at.QUOTE_ASK_SIZE], lot),
            )
            if self._on_quote(quote) is not None:
                self.user.refuse_result("on_quote")
        elif self._on_trade is not None:
            trade = Trade(
                instrument.symbol,
                ts,
                values[at.TRADE_PRICE] / price,
                values[at.TRADE_SIZE] / lot,
                values[at.TRADE_AGGRESSOR],
            )
            if self._on_trade(trade) is not None:
                self.user.refuse_result("on_trade")

    def _tell_fills(self) -> None:
        rows = self.machine.rows
        if self._on_fill is None:
            self._fills_seen = len(rows)
            return
        while self._fills_seen < len(rows):
            block = rows[self._fills_seen]
            self._fills_seen += 1
            for values in block[block[:, at.EVENT_KIND] == at.KIND_FILL].tolist():
                i = values[at.EVENT_INSTRUMENT]
                self.desk.instrument = i
                with self.user.guard("on_fill"):
                    self._on_fill(_to_fill(self.instruments[i], values))


def _to_fill(instrument: Instrument, values: list[int]) -> Fill:
    return Fill(
        order_id=values[at.FACT_ORDER],
        symbol=instrument.symbol,
        ts_ns=values[at.EVENT_TS],
        quantity=from_quanta(values[at.FACT_LOTS], instrument.quantity_precision),
        price=from_quanta(values[at.FACT_PRICE], instrument.price_precision),
        fee=from_minor(values[at.FACT_FEE]),
        rule=RULE_NAMES.get(values[at.FACT_RULE], ""),
    )


def _overridden(kind: type[Strategy], name: str, strategy: Strategy) -> Callable[[Any], Any] | None:
    if getattr(kind, name) is getattr(Strategy, name):
        return None
    method: Callable[[Any], Any] = getattr(strategy, name)
    return method


def _size(lots: int, lot: float) -> float:
    """Return a quote's size in units; NaN where the source has none."""
    return math.nan if lots == at.UNKNOWN else lots / lot


def _bar_view(instrument: Instrument, part: Any) -> BarView | None:
    if part.bars is None:
        return None
    columns = dict(bar_floats(instrument, part.bars))
    if not part.bars.has_volume:
        columns["volume"] = np.full(len(part.bars), np.nan)
    return BarView(instrument.symbol, np.ascontiguousarray(part.bars.ts_close_ns), columns)


def _indicator_views(decider: ClassDecider) -> list[tuple[str, list[Any]]]:
    return [
        (name, [memoryview(np.ascontiguousarray(column)) for column in columns])  # type: ignore[arg-type]
        for name, columns in decider._values.items()
    ]


def _warm_places(decider: ClassDecider, indicators: list[tuple[str, list[Any]]]) -> list[int]:
    """Return for each instrument the first bar at which every indicator has had a value."""
    places = []
    for k, part in enumerate(decider.history.parts):
        count = 0 if part.bars is None else len(part.bars)
        first = 0
        for columns in decider._values.values():
            known = np.flatnonzero(~np.isnan(columns[k]))
            first = max(first, int(known[0]) if len(known) else count)
        places.append(first)
    return places


def _slice_ends(events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each event where its slice ends; see `sims.replay.loop.is_slice_end`."""
    count = len(events)
    ends_here = np.ones(count, dtype=bool)
    ends_here[:-1] = (events[1:, at.EVENT_TS] != events[:-1, at.EVENT_TS]) | (
        events[1:, at.EVENT_KIND] > at.KIND_TRADE
    )
    places = np.flatnonzero(ends_here)
    return places[np.searchsorted(places, np.arange(count))] + 1
