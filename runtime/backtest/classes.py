"""Strategies written as Python classes: loading, and what a run of one needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.errors import FormulaError
from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.program import Program
from engine.strategy import Indicator, Strategy, declared
from runtime.backtest.class_session import ClassSession
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.inputs import inputs_of
from runtime.backtest.machine import Machine
from runtime.backtest.signals import panel_of
from runtime.backtest.sources import market_sources
from runtime.backtest.user_code import UserCode, load_class, parameter_values, placed_formula
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.fillbook.settings import BookSettings
from sims.replay.columns import Lanes
from sims.replay.source import Source


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
        return market_sources(self.history, inputs=inputs_of(self.config, self.history))

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
        for name in self.indicators:
            setattr(strategy, name, math.nan)
        lanes = Lanes(job.sources, job.setup.terms, always=job.steps_on_all)
        session = ClassSession(machine, lanes, strategy, user, self.history, self._values)
        session.run(job.reporter(machine, lanes))
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
