"""Compiled strategies: a function in the numba subset, called from inside the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from data.history import History
from engine.errors import FormulaError, StrategyError
from engine.jit import callback
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.program import Program
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.machine import Machine
from runtime.backtest.signals import panel_of
from runtime.backtest.sources import market_sources
from runtime.backtest.user_code import UserCode, load_object, placed_formula
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.fillbook.settings import BookSettings
from sims.replay.columns import FunctionValues, Lanes
from sims.replay.source import Source

BAR_VALUES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, eq=False)
class FunctionDecider:
    """A compiled function decides, at every warm bar, inside the loop."""

    config: StrategyConfig
    history: History
    clockwork: Clockwork
    function: Callable[..., int]
    program: Program
    memory_width: int

    @staticmethod
    def load(config: StrategyConfig, history: History, clockwork: Clockwork) -> FunctionDecider:
        """Load the function that a strategy file names."""
        function = load_object(config)
        if not hasattr(function, "indicators") or not hasattr(function, "memory"):
            raise StrategyError(
                f"{config.strategy.code_name} is not marked as a compiled strategy",
                where=str(config.strategy.code_path),
                remedy="put @trader.compiled_strategy(...) over it",
            )
        formulas = {name: name for name in BAR_VALUES} | function.indicators
        try:
            program = compile_program(
                formulas,
                config.parameter_values(),
                kinds=dict.fromkeys(formulas, "number"),
                symbols=history.symbols,
            )
        except FormulaError as error:
            raise placed_formula(error, config) from None
        return FunctionDecider(config, history, clockwork, function, program, function.memory)

    def sources(self, is_compiled: bool) -> Sequence[Source]:
        """Return the market data with the columns that the function reads of each bar."""
        panel = panel_of(self.history, self.clockwork, adjustment=self.config.data.adjustment)
        outputs = evaluate_batch(self.program, panel, compiled=is_compiled)
        values = [[columns[k] for columns in outputs.values()] for k in range(len(panel))]
        return market_sources(self.history, values=values)

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
        lanes = Lanes(job.sources, job.setup.terms, always=True)
        machine.attach(lanes)
        parameters = [float(value) for value in self.config.parameter_values().values()]
        values = FunctionValues(lanes, parameters, len(self.history.parts), self.memory_width)
        report = job.reporter(machine, lanes)
        with UserCode(self.config, self.config.strategy.code_name).guard("call"):
            for until, done in lanes.stops():
                machine.replay_function(until, values, function)
                report(done)
        return machine.output(job.clockwork, starting_cash(job.config))
