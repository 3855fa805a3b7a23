"""What formulas know as a run begins: nothing, or what came before it.

The history of before is seen by formulas and volumes, and nothing is decided on it. A session that has read
a venue's history begins so, and so does its shadow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.history import BarColumns, History
from engine.lang.batch import FormulaMemory, evaluate_batch
from engine.lang.program import Program
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.inputs import VolumeMemory, inputs_of
from runtime.backtest.panel import Panel, panel_of
from runtime.backtest.window_panel import PanelMaker
from runtime.config import StrategyConfig


@dataclass(slots=True, eq=False)
class Beginning:
    """The bars of a run as formulas see them, and what is remembered as the first of them comes.

    Parameters
    ----------
    formulas, volumes
        See `engine.lang.batch.evaluate_batch` and `runtime.backtest.inputs.inputs_of`; None: nothing.
    known
        By output whether it has had a value, for each instrument.
    """

    panel: Sequence[Panel]
    formulas: FormulaMemory | None = None
    volumes: dict[int, VolumeMemory] | None = None
    known: Mapping[str, Sequence[bool]] = field(default_factory=dict)


def beginning_of(
    config: StrategyConfig,
    program: Program | None,
    history: History,
    clockwork: Clockwork,
    past: History | None,
    *,
    compiled: bool,
) -> Beginning:
    """Return how a run over a history begins.

    Parameters
    ----------
    clockwork
        With the sessions of the past, too.
    past
        The same instruments before it.

    Raises
    ------
    DataError
        If an instrument has no bars.
    """
    adjustment = config.data.adjustment
    panel = panel_of(history, clockwork, adjustment=adjustment)
    if past is None:
        return Beginning(panel)
    maker = PanelMaker(history, clockwork, adjustment)
    before = maker.panel(_bars(past))
    formulas, volumes = FormulaMemory(), dict[int, VolumeMemory]()
    values = (
        {}
        if program is None
        else evaluate_batch(program, before, compiled=compiled, memory=formulas)
    )
    inputs_of(config, past, memory=volumes)
    known = {
        key: [bool((~np.isnan(column)).any()) for column in columns]
        for key, columns in values.items()
    }
    return Beginning(maker.panel(_bars(history)), formulas, volumes, known)


def _bars(history: History) -> list[BarColumns]:
    return [part.bars for part in history.parts if part.bars is not None]
