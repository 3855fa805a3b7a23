"""Running a strategy on a view of its history and keeping everything that it decided and computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import InternalFault, TraderError
from engine.model import layout as at
from runtime.backtest.account import Setup, setup_of
from runtime.backtest.classes import ClassDecider
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.backtest.decisions import Decider, decider_of
from runtime.backtest.functions import FunctionDecider
from runtime.backtest.inputs import cut_inputs
from runtime.backtest.run import Job
from runtime.backtest.sources import action_sources
from runtime.checks.formulas import Formulas, formulas_of
from runtime.checks.reads import Reads
from runtime.checks.views import NEVER, View, Whole
from runtime.checks.watching import Log, Wish, watched
from runtime.config import StrategyConfig
from runtime.differences import Series
from sims.replay.source import Quanta, Source

Ints = NDArray[np.int64]

_EMPTY = np.zeros((0, at.EVENT_WIDTH), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What one run did.

    Attributes
    ----------
    journal
        Rows of everything decided and done.
    formulas
        The strategy's formulas and the calls in them, at each bar.
    attributes
        Numbers that a class keeps, after each callback; the memory of a compiled function.
    arrays
        Arrays that a class or its module holds after `on_start`.
    wishes
        What a class asked for, with its terms and without quantities.
    error
        What the strategy raised, if it did, and when: None is before its first event.
    """

    journal: Ints
    formulas: list[Series] = field(default_factory=list)
    attributes: list[Series] = field(default_factory=list)
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    error: TraderError | None = None
    error_ns: int | None = None

    @property
    def series(self) -> list[Series]:
        """All values, causes before effects."""
        return [*self.formulas, *self.attributes]


@dataclass(slots=True, eq=False)
class Recorder:
    """Runs a strategy on views of one history.

    The calendars and the account are those of the whole history in every run: a calendar is known
    in advance, and what is checked is what the strategy makes of the market.
    """

    config: StrategyConfig
    history: History
    is_compiled: bool = False
    trusted: Sequence[Path] = ()
    clockwork: Clockwork = field(init=False)
    setup: Setup = field(init=False)
    formulas: Formulas | None = field(init=False, default=None)
    reads: Reads = field(init=False)
    events: int = field(init=False)

    def __post_init__(self) -> None:
        self.clockwork = clockwork_of(self.history)
        self.setup = setup_of(self.config, self.history, self.clockwork)
        self.reads = Reads(self.history, self.config.strategy.code_path, self.trusted)
        self.events = sum(len(columns) for _, columns in self.history.columns())

    @property
    def is_class(self) -> bool:
        """Whether a Python class decides."""
        return self.config.strategy.logic == "class"

    @property
    def is_rules(self) -> bool:
        """Whether the file's formulas decide."""
        return self.config.strategy.logic == "rules"

    def whole(self) -> Recording:
        """Run on everything; what the strategy raises here is its own fault.

        Raises
        ------
        TraderError
            If the strategy cannot be run at all.
        """
        recording = self.run(Whole())
        if recording.error is not None:
            raise recording.error
        return recording

    def run(self, view: View) -> Recording:
        """Run on a view; an error of the strategy is kept."""
        log = Log()
        series: list[Series] = []
        journal, error = _EMPTY, None
        with self.reads.under(view):
            try:
                series, journal = self._run(view, log)
            except InternalFault:
                raise
            except TraderError as raised:
                error = raised
        attributes = log.series()
        if log.memories:
            attributes += self._memory_series(series, view, log)
        return Recording(
            journal,
            series,
            attributes,
            log.arrays,
            log.wishes,
            error,
            log.now_ns if error else None,
        )

    def _run(self, view: View, log: Log) -> tuple[list[Series], Ints]:
        history = view.history(self.history)
        decider = decider_of(self.config, history, self.clockwork)
        if self.formulas is None:
            self.formulas = self._formulas_of(decider)
        series = self._series(view, history)
        # A compiled function can be watched where it is Python; compiled, only its orders are.
        chosen = decider if self._is_machine_code else watched(decider, log)
        sources: list[Source] = [*chosen.sources(self.is_compiled)]
        sources += [
            *action_sources(history),
            *self.clockwork.sources(trading=self.config.is_trading),
        ]
        sources = [source_until(source, view.until_ns) for source in sources]
        job = Job(self.config, history, self.clockwork, self.setup, sources, self.is_compiled, None)
        return series, chosen.run(job, self.config.fills.book).journal

    @property
    def _is_machine_code(self) -> bool:
        return self.is_compiled and self.config.strategy.logic == "compiled"

    def _formulas_of(self, decider: Decider) -> Formulas:
        symbols = self.history.symbols
        if isinstance(decider, ClassDecider):
            texts = {name: item.formula for name, item in decider.indicators.items()}
            return formulas_of(texts, decider.parameters, symbols)
        if isinstance(decider, FunctionDecider):
            function: Any = decider.function
            return formulas_of(function.indicators, self.config.parameter_values(), symbols)
        assert self.config.rules is not None
        texts = self.config.rules.formulas()
        return formulas_of(texts, self.config.parameter_values(), symbols, prefix="rules.")

    def _series(self, view: View, history: History) -> list[Series]:
        assert self.formulas is not None
        if not self.formulas.values:
            return []
        adjustment = self.config.data.adjustment
        series = self.formulas.series(
            history, self.clockwork, adjustment=adjustment, compiled=self.is_compiled
        )
        return [each.until(view.until_ns) for each in series]

    def _memory_series(self, series: Sequence[Series], view: View, log: Log) -> list[Series]:
        """Give each call of a compiled function its bar: warm bars in the order of the stream."""
        assert self.formulas is not None
        calls: list[tuple[int, int]] = []
        for k, part in enumerate(view.history(self.history).parts):
            assert part.bars is not None
            times = part.bars.ts_close_ns
            times = times[: np.searchsorted(times, view.until_ns, side="right")]
            is_warm = np.ones(len(times), dtype=bool)
            for each in series:
                if each.symbol == part.instrument.symbol and each.name in self.formulas.values:
                    is_warm &= ~np.isnan(each.values)
            calls += [(int(ts), k) for ts in times[is_warm]]
        calls.sort()
        if len(calls) != len(log.memories):
            return []  # it raised on its way
        return _memory_columns(calls, log.memories, self.history.symbols)


def _memory_columns(
    warm: Sequence[tuple[int, int]],
    memories: Sequence[NDArray[np.float64]],
    symbols: Sequence[str],
) -> list[Series]:
    made = []
    places = np.array([k for _, k in warm])
    times = np.array([ts for ts, _ in warm], dtype=np.int64)
    table = np.array(memories)
    for k, symbol in enumerate(symbols):
        mine = places == k
        for column in range(table.shape[1]):
            values = table[mine, column]
            made.append(Series(f"memory[{column}]", symbol, times[mine], values))
    return made


def source_until(source: Source, until_ns: int) -> Source:
    """Return a source up to and with a time."""
    if until_ns == NEVER:
        return source
    count = int(np.searchsorted(source.ts_ns, until_ns, side="right"))
    payload = {
        column: data if isinstance(data, int) else data[:count]
        for column, data in source.payload.items()
    }
    return replace(
        source,
        ts_ns=source.ts_ns[:count],
        payload=payload,
        bits=None if source.bits is None else source.bits[:count],
        weights=None if source.weights is None else source.weights[:count],
        values=_values_until(source.values, count),
        wakes=None if source.wakes is None else source.wakes.between(0, count),
        inputs=None if source.inputs is None else cut_inputs(source.inputs, 0, count),
    )


def _values_until(values: Any, count: int) -> Any:
    """Return the first rows of what a compiled strategy reads: a table, or one array for each column."""
    if values is None or isinstance(values, np.ndarray):
        return values if values is None else values[:count]
    return [column if isinstance(column, Quanta) else column[:count] for column in values]
