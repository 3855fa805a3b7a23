"""One object of a Python strategy over one machine.

The run is lazy: the callbacks run straight over the columns, and the machine catches up in bulk when
an order is placed or a number of the account is read. Only a strategy that wants to hear of its fills
has the machine go slice by slice while an order works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History, InstrumentHistory
from engine.jit import as_plain
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import from_minor, from_quanta
from engine.strategy import Fill, Strategy
from runtime.backtest.bar_views import BarView, QuoteView, TradeView
from runtime.backtest.desk import StrategyDesk
from runtime.backtest.machine import END, Machine
from runtime.backtest.market_order import BLOCK_ROWS, Block, blocks_of
from runtime.backtest.user_code import UserCode
from sims.fillbook.layout import RULE_NAMES
from sims.replay.columns import Lanes
from sims.replay.source import Source

Values = dict[str, list[NDArray[np.float64]]]
Known = Mapping[str, Sequence[bool]]
Report = Callable[[int], None]


class ClassSession:
    """A strategy object, what it is shown, and the machine that runs its orders.

    Parameters
    ----------
    values
        The declared indicators: by name, one column per instrument.
    known
        By name whether it has had a value before, for each instrument.
    """

    def __init__(
        self,
        machine: Machine,
        lanes: Lanes,
        strategy: Strategy,
        user: UserCode,
        history: History,
        values: Values,
        known: Known | None = None,
    ) -> None:
        self.machine = machine
        self.lanes = lanes
        machine.attach(lanes)
        self.strategy = strategy
        self.user = user
        self.instruments = machine.setup.instruments
        self._times: Any = (0,)  # of the events that the strategy is shown,
        self._shown_at: Any = _Start()  # and which of them it is looking at
        self.reached = 0  # the time that the machine has run to
        self.desk = StrategyDesk(self.catch_up, machine, self.instruments)
        strategy._desk = self.desk
        self._parts = history.parts
        self._values = values
        self._warm = [
            warm_place(part, k, values, known or {}) for k, part in enumerate(history.parts)
        ]
        kind = type(strategy)
        self._on_bar = overridden(kind, "on_bar", strategy)
        self._on_bars = overridden(kind, "on_bars", strategy)
        self._on_quote = overridden(kind, "on_quote", strategy)
        self._on_trade = overridden(kind, "on_trade", strategy)
        self._on_fill = overridden(kind, "on_fill", strategy)
        self._fills_seen = 0
        self._shown = [source for source in lanes.sources if self._is_shown(source.kind)]

    def run(self, report: Report) -> None:
        """Run from the first event to the last; `report` is told how many events are done."""
        with self.user.guard("on_start"):
            self.strategy.on_start()
        with self.user.guard("on_bar", self.desk):
            if len(self._shown) == 1 == len(self.instruments) and self._on_bars is None:
                self._run_lane(self._shown[0], report)
            else:
                self._run_rows(report)
            self.machine.replay()
            self.reached = END
            self._tell_fills()
        report(self.lanes.count)
        with self.user.guard("on_stop"):
            self.strategy.on_stop()

    def catch_up(self) -> None:
        """Let the machine reach the end of the slice that the strategy is looking at."""
        now = self._times[self._shown_at._place]
        if self.reached < now:
            self.machine.replay(now, with_others=False)
            self.reached = now

    def hear(self) -> None:
        """Tell the strategy of its fills until now, if anything can have filled.

        With the trading loop exits fill without an order of the strategy's.
        """
        account = self.machine.plain.account
        if account[at.ACCOUNT_ORDERS] or account[at.ACCOUNT_HELD]:
            self.catch_up()
            self._tell_fills()

    # --- one lane of one instrument ----------------------------------------------------------------
    def _run_lane(self, source: Source, report: Report) -> None:
        """Call back for each row of one source: the loop below it, without its branches."""
        bars = source.kind == at.KIND_BAR
        names = list(self._values) if bars else []
        call = _lane_loop(names, hears=self._on_fill is not None)
        callback = self._on_bar if bars else self._on_quote or self._on_trade
        refuse = self._refusal("on_bar" if bars else "on_quote" if self._on_quote else "on_trade")
        view = self._view(source)
        self.desk.instrument = 0
        self._times, self._shown_at = as_plain(source.ts_ns), view
        for start in range(0, len(source.ts_ns), BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, len(source.ts_ns))
            first = min(max(self._warm[0] if bars else 0, start), end)
            columns = [self._values[name][0][first:end].tolist() for name in names]
            if self._on_fill is not None:
                for view._place in range(start, first):
                    self.hear()
            call(self, view, callback, refuse, range(first, end), *columns)
            report(end)

    def _refusal(self, name: str) -> Callable[[], None]:
        return lambda: self.user.refuse_result(name)

    # --- anything else -----------------------------------------------------------------------------
    def _run_rows(self, report: Report) -> None:
        views = [self._view(source) for source in self._shown]
        done = 0
        for block in blocks_of(self._shown):
            self._run_block(block, views)
            done += len(block.places)
            report(done)

    def _run_block(self, block: Block, views: Sequence[Any]) -> None:
        self._times, self._shown_at = block.times, _Start()
        looking, hears = self._shown_at, self._on_fill is not None
        shown = [(source.kind, source.instrument) for source in self._shown]
        for looking._place, (k, place, is_last) in enumerate(
            zip(block.sources, block.places, block.is_last, strict=True)
        ):
            if hears:
                self.hear()
            kind, i = shown[k]
            self.desk.instrument = i
            view = views[k]
            view._place = place
            if kind == at.KIND_BAR:
                self._bar(view, i, place, is_last)
            elif kind == at.KIND_QUOTE:
                assert self._on_quote is not None
                if self._on_quote(view) is not None:
                    self.user.refuse_result("on_quote")
            else:
                assert self._on_trade is not None
                if self._on_trade(view) is not None:
                    self.user.refuse_result("on_trade")
            if is_last and self.desk.increases:
                self.desk.increase()

    def _bar(self, bar: BarView, i: int, place: int, is_last: bool) -> None:
        warm = place >= self._warm[i]
        if warm and self._on_bar is not None:
            strategy = self.strategy
            for name, columns in self._values.items():
                setattr(strategy, name, float(columns[i][place]))
            if self._on_bar(bar) is not None:
                self.user.refuse_result("on_bar")
        if self._on_bars is not None:
            if warm:
                values = {name: float(of[i][place]) for name, of in self._values.items()}
                self.desk.add_to_slice(bar, i, values)
            if is_last and self.desk.slice_bars:
                bars = self.desk.begin_slice(self.strategy)
                if self._on_bars(bars) is not None:
                    self.user.refuse_result("on_bars")
                self.desk.end_slice()

    def _is_shown(self, kind: int) -> bool:
        if kind == at.KIND_BAR:
            return self._on_bar is not None or self._on_bars is not None
        if kind == at.KIND_QUOTE:
            return self._on_quote is not None
        return kind == at.KIND_TRADE and self._on_trade is not None

    def _view(self, source: Source) -> BarView | QuoteView | TradeView:
        part = self._parts[source.instrument]
        if source.kind == at.KIND_BAR:
            return BarView(part)
        if source.kind == at.KIND_QUOTE:
            assert part.quotes is not None
            return QuoteView(part.instrument, part.quotes)
        assert part.trades is not None
        return TradeView(part.instrument, part.trades)

    def _tell_fills(self) -> None:
        if self._on_fill is None:
            return
        rows = self.machine.journal_rows()
        while self._fills_seen < len(rows):
            block = rows[self._fills_seen]
            self._fills_seen += 1
            for values in block[block[:, at.EVENT_KIND] == at.KIND_FILL].tolist():
                i = values[at.EVENT_INSTRUMENT]
                self.desk.instrument = i
                with self.user.guard("on_fill"):
                    self._on_fill(to_fill(self.instruments[i], values))


class _Start:
    """Where a strategy looks before the first event, and among the rows of a block."""

    __slots__ = ("_place",)

    def __init__(self) -> None:
        self._place = 0


def _lane_loop(names: Sequence[str], *, hears: bool) -> Callable[..., None]:
    """Return the loop over one lane's rows for a strategy with these indicators.

    It is made from text, like a dataclass's methods, because a loop over the indicators' names inside
    the loop over the rows would cost as much as the strategy. The names are identifiers.
    """
    assert all(name.isidentifier() for name in names)
    columns = "".join(f", c{n}" for n in range(len(names)))
    places = "places" if not names else f"zip(places{columns})"
    targets = "".join(f", strategy.{name}" for name in names)
    hear = "session.hear()" if hears else "pass"
    text = f"""
def loop(session, view, callback, refuse, places{columns}):
    strategy = session.strategy
    for view._place{targets} in {places}:
        {hear}
        if callback(view) is not None:
            refuse()
"""
    made: dict[str, Any] = {}
    exec(text, made)  # noqa: S102  (our text; the names are identifiers)
    loop: Callable[..., None] = made["loop"]
    return loop


def warm_place(part: InstrumentHistory, k: int, values: Values, known: Known) -> int:
    """Return the first bar of instrument `k` at which every indicator has had a value.

    `known` says of which it had one before.
    """
    count = 0 if part.bars is None else len(part.bars)
    first = 0
    for name, columns in values.items():
        if name in known and known[name][k]:
            continue
        places = np.flatnonzero(~np.isnan(columns[k]))
        first = max(first, int(places[0]) if len(places) else count)
    return first


def to_fill(instrument: Instrument, values: list[int]) -> Fill:
    return Fill(
        order_id=values[at.FACT_ORDER],
        symbol=instrument.symbol,
        ts_ns=values[at.EVENT_TS],
        quantity=from_quanta(values[at.FACT_LOTS], instrument.quantity_precision),
        price=from_quanta(values[at.FACT_PRICE], instrument.price_precision),
        fee=from_minor(values[at.FACT_FEE]),
        rule=RULE_NAMES.get(values[at.FACT_RULE], ""),
    )


def overridden(kind: type[Strategy], name: str, strategy: Strategy) -> Callable[[Any], Any] | None:
    if getattr(kind, name) is getattr(Strategy, name):
        return None
    method: Callable[[Any], Any] = getattr(strategy, name)
    return method
