"""Strategies written as Python classes: loading, and what a run of one needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.history import History
from engine.lang.batch import evaluate_batch
from engine.lang.program import Program
from engine.strategy import Indicator, Strategy
from runtime.backtest.beginning import beginning_of
from runtime.backtest.class_session import ClassSession
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.inputs import inputs_of
from runtime.backtest.machine import Machine
from runtime.backtest.sources import market_sources
from runtime.backtest.user_code import UserCode
from runtime.backtest.user_strategies import load_strategy_class, new_strategy
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
    past: History | None = None
    _known: dict[str, Sequence[bool]] = field(default_factory=dict)

    @staticmethod
    def load(
        config: StrategyConfig, history: History, clockwork: Clockwork, past: History | None = None
    ) -> ClassDecider:
        """Load the class that a strategy file names and check what it declares."""
        loaded = load_strategy_class(config, history.symbols)
        return ClassDecider(
            config,
            history,
            clockwork,
            loaded.kind,
            loaded.parameters,
            loaded.program,
            loaded.indicators,
            {},
            past,
        )

    def sources(self, is_compiled: bool) -> Sequence[Source]:
        """Return the market data, and compute the declared indicators."""
        config, history, program = self.config, self.history, self.program
        volumes = None
        if program is not None:
            begun = beginning_of(
                config, program, history, self.clockwork, self.past, compiled=is_compiled
            )
            self._known.update(begun.known)
            self._values.update(
                evaluate_batch(program, begun.panel, compiled=is_compiled, memory=begun.formulas)
            )
            volumes = begun.volumes
        return market_sources(history, inputs=inputs_of(config, history, memory=volumes))

    def silence(self) -> Silence:
        """Return what is known without asking the user's code: nothing."""
        return Silence()

    def run(self, job: Any, settings: BookSettings) -> RunOutput:
        """Run the class once, on a new instance of it."""
        from runtime.backtest.run import starting_cash

        machine = Machine(job.setup, settings, job.is_compiled)
        user = UserCode(self.config, self.kind.__name__)
        strategy = new_strategy(self.kind, self.parameters, self.indicators, user)
        lanes = Lanes(job.sources, job.setup.terms, always=job.steps_on_all)
        session = ClassSession(
            machine, lanes, strategy, user, self.history, self._values, self._known
        )
        session.run(job.reporter(machine, lanes))
        return machine.output(job.clockwork, starting_cash(job.config))
