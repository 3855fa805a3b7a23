"""Who decides in a run: a file's rules, a Python class, or a compiled function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from data.history import History
from engine.lang.program import Program
from runtime.backtest.beginning import beginning_of
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.idle import Silence
from runtime.backtest.inputs import inputs_of
from runtime.backtest.signals import SignalMemory, Signals, signals_of
from runtime.backtest.sources import market_sources
from runtime.config import StrategyConfig
from runtime.results import RunOutput
from sims.fillbook.settings import BookSettings
from sims.replay.source import Source

if TYPE_CHECKING:
    from runtime.backtest.run import Job


class Decider(Protocol):
    """One way to decide."""

    @property
    def program(self) -> Program | None:
        """The formulas that are computed before the run, if any."""

    def sources(self, is_compiled: bool) -> Sequence[Source]:
        """Return the market data as event sources, with what the decisions need beside it."""

    def run(self, job: Job, settings: BookSettings) -> RunOutput:
        """Run the job once."""

    def silence(self) -> Silence:
        """Return what is known about a run that placed no order; after `sources`."""


def decider_of(
    config: StrategyConfig, history: History, clockwork: Clockwork, past: History | None = None
) -> Decider:
    """Return who decides for a strategy; what its formulas have seen before is `past`."""
    if config.strategy.logic == "class":
        from runtime.backtest.classes import ClassDecider

        return ClassDecider.load(config, history, clockwork, past)
    if config.strategy.logic == "compiled":
        from runtime.backtest.functions import FunctionDecider

        return FunctionDecider.load(config, history, clockwork, past)
    program = config.compile_rules(symbols=history.symbols)
    return RuleDecider(config, history, clockwork, program, [], past)


@dataclass(frozen=True, slots=True, eq=False)
class RuleDecider:
    """A file's formulas decide, inside the loop."""

    config: StrategyConfig
    history: History
    clockwork: Clockwork
    program: Program
    _signals: list[Signals]
    past: History | None = None

    def sources(self, is_compiled: bool) -> Sequence[Source]:
        """Return the market data with each bar's signals."""
        config, history, program = self.config, self.history, self.program
        assert config.rules is not None
        begun = beginning_of(
            config, program, history, self.clockwork, self.past, compiled=is_compiled
        )
        memory = None if begun.formulas is None else SignalMemory(begun.formulas)
        signals = signals_of(
            program, begun.panel, config.rules, compiled=is_compiled, memory=memory
        )
        self._signals.append(signals)
        inputs = inputs_of(config, history, begun.panel, signals.values, begun.volumes)
        return market_sources(self.history, signals, inputs=inputs)

    def silence(self) -> Silence:
        """Return how often the formulas asked to enter."""
        signals = self._signals[-1]
        return Silence(signals.wishes(), signals.is_defined)

    def run(self, job: Job, settings: BookSettings) -> RunOutput:
        """Run the loop over the signals."""
        from runtime.backtest.run import run_signals

        return run_signals(job, settings)
