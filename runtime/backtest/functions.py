"""Compiled strategies: a function in the numba subset, called from inside the loop.

Prices of a bar are what formulas call them: with `adjustment` ``splits``, continuous over splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import DataError
from engine.jit import callback
from engine.lang.batch import evaluate_batch
from engine.lang.program import Program
from engine.model import layout as at
from runtime.backtest.beginning import beginning_of
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.inputs import inputs_of
from runtime.backtest.machine import Machine
from runtime.backtest.sources import market_sources
from runtime.backtest.user_code import UserCode
from runtime.backtest.user_strategies import load_function
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.fillbook.settings import BookSettings
from sims.replay.columns import FunctionValues, Lanes
from sims.replay.source import Quanta, Source

Values = list[NDArray[np.float64] | Quanta]

# What a compiled strategy reads of each kind of row, in this order; prices first.
_PRICES = {
    "bar": {"open": at.BAR_OPEN, "high": at.BAR_HIGH, "low": at.BAR_LOW, "close": at.BAR_CLOSE},
    "quote": {"bid": at.QUOTE_BID, "ask": at.QUOTE_ASK},
    "trade": {"price": at.TRADE_PRICE},
}
_SIZES = {
    "bar": (at.BAR_VOLUME,),
    "quote": (at.QUOTE_BID_SIZE, at.QUOTE_ASK_SIZE),
    "trade": (at.TRADE_SIZE,),
}
_KINDS = {"bar": at.KIND_BAR, "quote": at.KIND_QUOTE, "trade": at.KIND_TRADE}


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDecider:
    """A compiled function decides, at every warm row of its kind, inside the loop."""

    config: StrategyConfig
    history: History
    clockwork: Clockwork
    function: Any  # marked by `engine.strategy.compiled_strategy`
    program: Program | None
    memory_width: int
    past: History | None = None

    @staticmethod
    def load(
        config: StrategyConfig, history: History, clockwork: Clockwork, past: History | None = None
    ) -> FunctionDecider:
        """Load the function that a strategy file names."""
        function, program = load_function(config, history.symbols)
        return FunctionDecider(config, history, clockwork, function, program, function.memory, past)

    def sources(self, is_compiled: bool) -> Sequence[Source]:
        """Return the market data, with what the function reads of each row."""
        config, history, volumes = self.config, self.history, None
        read = {k: self._values(k) for k in range(len(history.parts))}
        if self.function.on == "bar":
            begun = beginning_of(
                config, self.program, history, self.clockwork, self.past, compiled=is_compiled
            )
            volumes = begun.volumes
            for k, columns in enumerate(begun.panel):
                if columns.is_adjusted:
                    read[k][:4] = [columns.open, columns.high, columns.low, columns.close]
                    if not np.isnan(columns.volume).any():
                        read[k][4] = columns.volume
            if self.program is not None:
                outputs = evaluate_batch(
                    self.program, begun.panel, compiled=is_compiled, memory=begun.formulas
                )
                for k, values in read.items():
                    values.extend(columns[k] for columns in outputs.values())
        kind = _KINDS[self.function.on]
        made = [
            replace(source, values=read[source.instrument]) if source.kind == kind else source
            for source in market_sources(history, inputs=inputs_of(config, history, memory=volumes))
        ]
        if not any(source.kind == kind for source in made):
            raise DataError(
                f"no {self.function.on}s in the chosen dates",
                remedy="choose data that has them, or another `on` of the compiled strategy",
                code="data.no_rows",
            )
        return made

    def _values(self, k: int) -> Values:
        """Return what a row holds by itself, prices as they traded."""
        instrument, on = self.history.parts[k].instrument, self.function.on
        price, lot = 10.0**instrument.price_precision, 10.0**instrument.quantity_precision
        values: Values = [Quanta(column, price) for column in _PRICES[on].values()]
        values += [Quanta(column, lot) for column in _SIZES[on]]
        return values + ([Quanta(at.TRADE_AGGRESSOR, 1.0, unknown=0)] if on == "trade" else [])

    def silence(self) -> Silence:
        """Return what is known without asking the user's code: nothing."""
        return Silence()

    def run(self, job: Any, settings: BookSettings) -> RunOutput:
        """Run the loop with the function."""
        from runtime.backtest.run import starting_cash

        machine = Machine(job.setup, settings, job.is_compiled)
        function: Any = self.function
        if job.is_compiled:
            from sims.replay.entry import FUNCTION_SIGNATURE

            function = callback(self.function, FUNCTION_SIGNATURE)
        lanes = Lanes(job.sources, job.setup.terms, always=job.steps_on_all)
        machine.attach(lanes)
        parameters = [float(value) for value in self.config.parameter_values().values()]
        values = FunctionValues(lanes, parameters, len(self.history.parts), self.memory_width)
        report = job.reporter(machine, lanes)
        with UserCode(self.config, self.config.strategy.code_name).guard("call"):
            for until, done in lanes.stops():
                machine.replay_function(until, values, function)
                report(done)
        return machine.output(job.clockwork, starting_cash(job.config))
