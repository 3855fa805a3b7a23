"""A Python class decides, slice by slice.

Its verbs act on the core at once, so that a callback sees what it has asked for; what is to be sent for
them is sent when the callback has returned. Fills are told before the next row that the strategy is
shown, or between slices when a broker tells of them there.

A Python object cannot be stored: a session of a class is rebuilt by playing its inputs again, unless the class
says itself what it remembers (`save_state`, `restore_state`). Before each checkpoint it is proven on another
object that what was saved comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InternalFault, StrategyError, TraderError
from engine.lang.streaming import StreamingProgram
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows
from engine.state import Core
from engine.strategy import SavesState, Strategy
from runtime.backtest.class_session import overridden, to_fill
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.desk import StrategyDesk
from runtime.backtest.user_code import UserCode
from runtime.backtest.user_strategies import LoadedClass, new_strategy
from runtime.config import StrategyConfig
from runtime.observing.watchdog import CallbackGuard, StrategyStuck
from runtime.session_core.core import SessionCore
from runtime.session_core.drivers.bars import BarReader, BarsMemory
from runtime.session_core.drivers.driver import Driver
from runtime.session_core.drivers.inputs import SliceInputs, Volume
from runtime.session_core.drivers.saved_state import packed, unpacked
from runtime.session_core.drivers.views import BarRow, QuoteRow, RowView, TradeRow
from runtime.session_core.faults import StrategyFault
from runtime.session_core.steps import Step


class _Memory(msgspec.Struct, array_like=True):
    """What is remembered of a strategy; `state` is its own, packed, empty where there is none to be had."""

    state: bytes
    attributes: dict[str, float]  # the declared indicators, as it last saw them
    formulas: _FormulasMemory | None
    volumes: list[Volume]
    untold: list[list[int]]
    instrument: int
    says_probabilities: bool | None


class ClassDriver(Driver):
    """An object of a Python strategy, and its desk.

    Parameters
    ----------
    kinds
        Of `runtime.session_core.drivers.inputs.volume_kinds`.
    """

    def __init__(
        self,
        config: StrategyConfig,
        loaded: LoadedClass,
        instruments: Sequence[Instrument],
        clockwork: Clockwork,
        kinds: Sequence[int],
    ) -> None:
        super().__init__()
        self._name, self._instruments = config.name, tuple(instruments)
        self._user = UserCode(config, loaded.kind.__name__)
        self._loaded = loaded
        self._inputs = SliceInputs(config, instruments, kinds)
        self._formulas = _Indicators(config, loaded, instruments, clockwork)
        self._take(self._new())
        self._shown = {each for each, callback in self._on_tick.items() if callback}
        if self._on_bar or self._on_bars:
            self._shown.add(at.KIND_BAR)
        self._views: dict[int, list[RowView]] = {
            at.KIND_BAR: [BarRow(item) for item in instruments],
            at.KIND_QUOTE: [QuoteRow(item) for item in instruments],
            at.KIND_TRADE: [TradeRow(item) for item in instruments],
        }
        self._untold: list[list[int]] = []  # fills

    def _new(self) -> Strategy:
        loaded = self._loaded
        return new_strategy(loaded.kind, loaded.parameters, loaded.indicators, self._user)

    def _take(self, strategy: Strategy) -> None:
        """Call this object from now on."""
        kind, self._strategy = self._loaded.kind, strategy
        self._on_bar = overridden(kind, "on_bar", strategy)
        self._on_bars = overridden(kind, "on_bars", strategy)
        self._on_fill = overridden(kind, "on_fill", strategy)
        self._on_tick = {
            at.KIND_QUOTE: overridden(kind, "on_quote", strategy),
            at.KIND_TRADE: overridden(kind, "on_trade", strategy),
        }

    def join(self, core: SessionCore) -> None:
        """Belong to a core, and give the strategy its desk."""
        super().join(core)
        self._desk = StrategyDesk(lambda: None, _Actor(core, self.guard), self._instruments)
        self._strategy._desk = self._desk

    # --- inputs ----------------------------------------------------------------------------------
    def start(self) -> Step:
        """Call `on_start`."""
        self._call("on_start", self._strategy.on_start)
        yield from self.core.send()

    def read(self, events: Any, count: int) -> Rows | None:
        """Compute the declared indicators at the bars of a slice."""
        if not self.is_silent:
            self._formulas.read(events, count)
        if not self._inputs.is_given:
            return None
        self._inputs.make_room(count)
        self._inputs.write_slice(events, count)
        return self._inputs.block

    def decide(self, events: Any, count: int) -> Step:
        """Call back for each row of the slice that the strategy wants to see."""
        shown = [row for row in range(count) if events[row, at.EVENT_KIND] in self._shown]
        for row in shown:
            if self.is_silent:
                return
            self._tell_fills()
            self._show(events, row, is_last=row == shown[-1])
            yield from self.core.send()
        yield from self._increase()

    def note(self, facts: Rows) -> None:
        """Remember the fills that the strategy has to be told of."""
        if self._on_fill is not None:
            self._untold += facts[facts[:, at.EVENT_KIND] == at.KIND_FILL].tolist()

    def hear(self) -> Step:
        """Tell of fills between slices."""
        self._tell_fills()
        yield from self._increase()

    def stop(self) -> Step:
        """Tell of the last fills, and call `on_stop`."""
        self._tell_fills()
        self._call("on_stop", self._strategy.on_stop)
        yield from self.core.send()

    # --- memory ----------------------------------------------------------------------------------
    @property
    def has_memory(self) -> bool:
        """Whether the class says what it remembers."""
        return issubclass(self._loaded.kind, SavesState)

    def why_not_memory(self) -> str:
        """Return why the strategy could not go on from what it saves now, which is tried."""
        if self.is_silent:
            return ""
        if self._desk.slice_bars:
            return "the bars of one time are shown only in part"
        try:
            saved = self._saved(self._strategy)
            again = self._saved(self._restored(saved))
        except StrategyError as error:
            return str(error)
        if again != saved:
            name = self._loaded.kind.__name__
            return f"{name}.restore_state does not bring back what {name}.save_state has returned"
        return ""

    def memory(self) -> bytes:
        """Return what is remembered, where the class says what that is."""
        if not self.has_memory:
            return b""
        try:
            state = b"" if self.is_silent else self._saved(self._strategy)
        except StrategyError:  # `why_not_memory` says so before a checkpoint is made of this
            state = b""
        seen = vars(self._strategy)
        values = {name: seen[name] for name in self._loaded.indicators if name in seen}
        return msgspec.msgpack.encode(
            _Memory(
                state,
                {name: value for name, value in values.items() if isinstance(value, float)},
                self._formulas.memory(),
                self._inputs.memory(),
                self._untold,
                self._desk.instrument,
                self._desk.says_probabilities,
            )
        )

    def hashed(self) -> bytes:
        """Nothing: that what a class saves is always the same, nobody can know but its author."""
        return b""

    def remember(self, memory: bytes) -> None:
        """Go on with a new object from what `memory` has returned.

        Raises
        ------
        StrategyError
            If the class does not take back what it has saved.
        """
        found = msgspec.msgpack.decode(memory, type=_Memory)
        strategy = self._restored(found.state) if found.state else self._new()
        for name in self._loaded.indicators:  # one that was taken away is not there now either
            vars(strategy).pop(name, None)
        vars(strategy).update(found.attributes)
        strategy._desk = self._desk
        self._take(strategy)
        if found.formulas is not None:
            self._formulas.remember(found.formulas)
        self._inputs.remember(found.volumes)
        self._untold, self._desk.instrument = found.untold, found.instrument
        self._desk.slice_bars, self._desk.says_probabilities = [], found.says_probabilities

    def _saved(self, strategy: Strategy) -> bytes:
        assert isinstance(strategy, SavesState), "it has a memory"
        return packed(self._apart("save_state", strategy.save_state))

    def _restored(self, saved: bytes) -> Strategy:
        strategy = self._new()
        assert isinstance(strategy, SavesState), "it had a memory"
        self._apart("restore_state", strategy.restore_state, unpacked(saved))
        return strategy

    def _apart(self, name: str, method: Callable[..., Any], *given: Any) -> Any:
        """Call the user's code beside the session: what it raises is an error of its place."""
        try:
            return CallbackGuard(self.guard.limit_seconds).call(method, *given)
        except StrategyStuck as error:
            problem = f"{name} did not return within {self.guard.limit_seconds:g} seconds"
            raise StrategyError(problem, where=self._user.place_of(error)) from None
        except (Exception, SystemExit) as error:
            raise self._user.blame(error, name) from error

    # --- callbacks -------------------------------------------------------------------------------
    def _show(self, events: Any, row: int, *, is_last: bool) -> None:
        kind, i = events[row, at.EVENT_KIND], events[row, at.EVENT_INSTRUMENT]
        view = self._views[kind][i]
        view.show(events, row)
        self._desk.instrument = i
        if kind == at.KIND_BAR:
            self._show_bar(view, row, i, is_last=is_last)
        elif kind == at.KIND_QUOTE:
            self._call("on_quote", self._on_tick[kind], view)
        else:
            self._call("on_trade", self._on_tick[kind], view)

    def _show_bar(self, bar: RowView, row: int, i: int, *, is_last: bool) -> None:
        is_warm = self._formulas.is_warm(i)
        if is_warm and self._on_bar is not None:
            for name, value in self._formulas.values(row):
                setattr(self._strategy, name, value)
            self._call("on_bar", self._on_bar, bar)
        if self._on_bars is not None:
            if is_warm:
                self._desk.add_to_slice(bar, i, dict(self._formulas.values(row)))
            if is_last and self._desk.slice_bars:
                bars = self._desk.begin_slice(self._strategy)
                self._call("on_bars", self._on_bars, bars)
                self._desk.end_slice()

    def _increase(self) -> Step:
        """Ask for the larger target weights, after all others of their time."""
        if not self.is_silent:
            self._desk.increase()
        yield from self.core.send()

    def _tell_fills(self) -> None:
        untold, self._untold = self._untold, []
        for values in untold:
            i = values[at.EVENT_INSTRUMENT]
            self._desk.instrument = i
            self._call("on_fill", self._on_fill, to_fill(self._instruments[i], values))

    def _call(self, name: str, callback: Callable[..., Any] | None, *given: Any) -> None:
        """Call the user's code; what it raises ends the strategy, not the session.

        What it had asked for before it raised was checked and journaled, and is sent.
        """
        if self.is_silent or callback is None:
            return
        try:
            if self.guard.call(callback, *given) is not None and name not in (
                "on_start",
                "on_stop",
            ):
                self._user.refuse_result(name)
        except StrategyStuck as error:
            problem = f"{name} did not return within {self.guard.limit_seconds:g} seconds"
            self.fail(StrategyFault(self._name, name, problem, self._user.place_of(error)))
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # no signal's: it has a handler
            blamed = self._user.blame(error, name)
            if not isinstance(blamed, TraderError) or isinstance(blamed, InternalFault):
                raise
            self.fail(StrategyFault(self._name, name, blamed.problem, blamed.where))


class _FormulasMemory(msgspec.Struct, array_like=True):
    formulas: bytes
    bars: BarsMemory
    cold: list[list[str]]


class _Indicators:
    """The declared indicators of a class at the bars of the slice in hand."""

    def __init__(
        self,
        config: StrategyConfig,
        loaded: LoadedClass,
        instruments: Sequence[Instrument],
        clockwork: Clockwork,
    ) -> None:
        self._program: StreamingProgram | None = None
        self._columns: dict[str, list[float]] = {}
        self._places: dict[int, int] = {}  # of rows among the slice's bars
        self._cold: list[set[str]] = [set(loaded.indicators) for _ in instruments]
        if loaded.program is not None:
            symbols = [item.symbol for item in instruments]
            self._program = StreamingProgram(loaded.program, symbols)
            self._bars = BarReader(instruments, clockwork, config.data.adjustment)

    def read(self, events: Any, count: int) -> None:
        """Take the bars of a slice."""
        if self._program is None:
            return
        rows, bars = self._bars.read(events, count)
        if not bars:
            return
        self._columns = self._program.on_slice(bars)
        self._places = {row: n for n, row in enumerate(rows)}
        for n, bar in enumerate(bars):
            cold = self._cold[bar.instrument_index]
            for name in sorted(cold):
                if self._columns[name][n] == self._columns[name][n]:
                    cold.discard(name)

    def memory(self) -> _FormulasMemory | None:
        """Return what is remembered; None without indicators."""
        if self._program is None:
            return None
        state = self._program.state.astype("<f8", copy=False).tobytes()
        return _FormulasMemory(state, self._bars.memory(), [sorted(each) for each in self._cold])

    def remember(self, memory: _FormulasMemory) -> None:
        """Go on from what `memory` has returned."""
        assert self._program is not None
        self._program.restore(np.frombuffer(memory.formulas, dtype="<f8"))
        self._bars.remember(memory.bars)
        self._cold = [set(each) for each in memory.cold]

    def is_warm(self, i: int) -> bool:
        """Return whether each indicator of an instrument has had a value."""
        return not self._cold[i]

    def values(self, row: int) -> list[tuple[str, float]]:
        """Return the indicators at a row that is a bar."""
        if self._program is None:
            return []
        n = self._places[row]
        return [(name, float(column[n])) for name, column in self._columns.items()]


class _Actor:
    """What stands behind the desk: the core's half of the verbs; sending is for later."""

    def __init__(self, core: SessionCore, guard: CallbackGuard) -> None:
        self._core, self._guard = core, guard
        self.intents: NDArray[np.int64] = core.intents
        self.plain_intents = core.plain_intents

    @property
    def plain(self) -> Core:
        """The core's blocks."""
        return self._core.plain

    @property
    def equity_minor(self) -> int:
        """The account's equity at the last prices."""
        return self._core.equity_minor

    def act(self, verb: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0, /) -> int:
        """Do what a verb asks for, and let the trading loop look at it."""
        self._guard.shelter()
        try:
            return self._core.act(verb, a, b, c, d)
        finally:
            self._guard.unshelter()
