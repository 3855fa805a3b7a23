"""A file's formulas decide, one slice at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec
import numpy as np

from engine.lang.panel import SliceBar
from engine.lang.program import Program
from engine.lang.streaming import StreamingProgram
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.inputs import INPUT_KEYS
from runtime.backtest.signals import BITS, WEIGHT_MAX
from runtime.config import StrategyConfig
from runtime.session_core.drivers.bars import BarReader, BarsMemory
from runtime.session_core.drivers.driver import Driver
from runtime.session_core.drivers.inputs import SliceInputs, Volume
from runtime.session_core.faults import StrategyFault
from runtime.session_core.steps import Step

_EPOCH: Final = date(1970, 1, 1).toordinal()


class _Memory(msgspec.Struct, array_like=True):
    formulas: bytes
    bars: BarsMemory
    volumes: list[Volume]
    period: int | None


class RulesDriver(Driver):
    """Formulas over the bars of each slice, and what the core's rules do with their signals.

    Parameters
    ----------
    kinds
        Of `runtime.session_core.drivers.inputs.volume_kinds`.
    """

    def __init__(
        self,
        config: StrategyConfig,
        program: Program,
        instruments: Sequence[Instrument],
        clockwork: Clockwork,
        kinds: Sequence[int],
    ) -> None:
        super().__init__()
        assert config.rules is not None
        self._name = config.name
        self._symbols = [item.symbol for item in instruments]
        self._program = StreamingProgram(program, self._symbols)
        self._bars = BarReader(instruments, clockwork, config.data.adjustment)
        self._inputs = SliceInputs(config, instruments, kinds)
        keys = [out.key for out in program.outputs]
        self._marks = [(key, bit) for key, bit in BITS.items() if key in keys]
        self._told: list[str] = [key for key in INPUT_KEYS if key in keys and self._inputs.is_given]
        self._has_weights = "weight" in keys
        self._rebalance = config.rules.rebalance
        self._period: int | None = None
        self._marked: list[int] = []  # rows whose bits are not zero

    def read(self, events: Any, count: int) -> Rows | None:
        """Evaluate the formulas at the bars of a slice."""
        inputs = self._inputs
        inputs.make_room(count)
        for row in self._marked:
            inputs.rows[row, at.SIGNAL_BITS] = 0
        self._marked = []
        if inputs.is_given:
            inputs.write_slice(events, count)
        if not self.is_silent:
            rows, bars = self._bars.read(events, count)
            if bars:
                self._evaluate(rows, bars)
        return inputs.block if inputs.is_given else None

    def warm(self, events: Any, count: int) -> None:
        """See a slice of before the session: its signals and weights are nobody's."""
        _, bars = self._bars.read(events, count)
        if bars:
            self._program.on_slice(bars)
        if self._inputs.is_given:
            self._inputs.make_room(count)
            self._inputs.write_slice(events, count)

    def _evaluate(self, rows: list[int], bars: list[SliceBar]) -> None:
        outputs = self._program.on_slice(bars)
        table = self._inputs.rows
        is_due = self._has_weights and self._is_due(bars[-1].session_day)
        for n, row in enumerate(rows):
            bits = 0
            for key, bit in self._marks:
                if outputs[key][n] == 1.0:
                    bits |= bit
            if is_due:
                bits |= self._weigh(row, bars[n], outputs["weight"][n])
            if bits:
                table[row, at.SIGNAL_BITS] = bits
                self._marked.append(row)
        if self._told:
            for n, row in enumerate(rows):
                i = bars[n].instrument_index
                values = [(key, outputs[key][n]) for key in self._told]
                self._inputs.write_bar(row, values, self._bars.price_unit(i), self._bars.factor(i))

    def _weigh(self, row: int, bar: SliceBar, weight: float) -> int:
        """Write a target weight; return its bit, 0 where there is none."""
        if abs(weight) > WEIGHT_MAX:
            when = np.datetime64(bar.ts_close_ns, "ns")
            symbol = self._symbols[bar.instrument_index]
            problem = (
                f"the weight of {symbol} is {weight:g} at {when}; "
                f"weights are fractions of equity, at most {WEIGHT_MAX:g}"
            )
            self.fail(StrategyFault(self._name, "rules.weight", problem))
            return 0
        if weight != weight:
            return 0
        self._inputs.rows[row, at.SIGNAL_WEIGHT] = round(weight * 10**9)
        return at.SIGNAL_TARGET

    def _is_due(self, day: int) -> bool:
        """Return whether weights are followed at a slice: the first of each period."""
        if self._rebalance == "every_bar":
            return True
        period = day
        if self._rebalance == "weekly":
            period = (day + 3) // 7  # 1970-01-01 was a Thursday: weeks begin on Monday
        elif self._rebalance == "monthly":
            then = date.fromordinal(_EPOCH + day)
            period = then.year * 12 + then.month
        is_new, self._period = period != self._period, period
        return is_new

    def decide(self, events: Any, count: int) -> Step:
        """Follow the signals of the slice."""
        if not self._marked:
            return
        core = self.core
        core.decide(self._inputs.block, count)
        yield from core.send()
        yield from core.turn()

    def memory(self) -> bytes:
        """Return the memory of the formulas, of splits, of volumes and of rebalancing."""
        return msgspec.msgpack.encode(
            _Memory(
                self._program.state.astype("<f8", copy=False).tobytes(),
                self._bars.memory(),
                self._inputs.memory(),
                self._period,
            )
        )

    def remember(self, memory: bytes) -> None:
        """Go on from what `memory` has returned."""
        found = msgspec.msgpack.decode(memory, type=_Memory)
        self._program.restore(np.frombuffer(found.formulas, dtype="<f8"))
        self._bars.remember(found.bars)
        self._inputs.remember(found.volumes)
        self._period = found.period
