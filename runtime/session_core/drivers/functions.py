"""A function in the compiled subset decides, asked about every row of its kind; here interpreted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from engine.errors import InputError, TraderError
from engine.kernels.positions import tradable_lots
from engine.lang.panel import SliceBar
from engine.lang.program import Program
from engine.lang.streaming import StreamingProgram
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows
from runtime.backtest.clockwork import Clockwork
from runtime.backtest.user_code import UserCode
from runtime.config import StrategyConfig
from runtime.observing.watchdog import StrategyStuck
from runtime.session_core.drivers.bars import BarReader, BarsMemory
from runtime.session_core.drivers.driver import Driver
from runtime.session_core.drivers.inputs import SliceInputs, Volume
from runtime.session_core.faults import StrategyFault
from runtime.session_core.steps import Step

_KINDS: Final = {"bar": at.KIND_BAR, "quote": at.KIND_QUOTE, "trade": at.KIND_TRADE}


class _Memory(msgspec.Struct, array_like=True):
    formulas: bytes
    own: bytes
    bars: BarsMemory
    volumes: list[Volume]


class FunctionDriver(Driver):
    """A compiled strategy and its memory.

    Parameters
    ----------
    function
        Marked by `engine.strategy.compiled_strategy`.
    program
        Its indicators, if it has any.
    kinds
        Of `runtime.session_core.drivers.inputs.volume_kinds`.
    """

    def __init__(
        self,
        config: StrategyConfig,
        function: Any,
        program: Program | None,
        instruments: Sequence[Instrument],
        clockwork: Clockwork,
        kinds: Sequence[int],
    ) -> None:
        super().__init__()
        self._name, self._function = config.name, function
        self._user = UserCode(config, config.strategy.code_name)
        self._kind = _KINDS[function.on]
        self._units = [
            (10.0**item.price_precision, 10.0**item.quantity_precision) for item in instruments
        ]
        self._inputs = SliceInputs(config, instruments, kinds)
        self._bars = BarReader(instruments, clockwork, config.data.adjustment)
        symbols = [item.symbol for item in instruments]
        self._program = None if program is None else StreamingProgram(program, symbols)
        self._names = list(function.indicators)
        parameters = [float(value) for value in config.parameter_values().values()]
        width = {at.KIND_BAR: 5 + len(self._names), at.KIND_QUOTE: 4, at.KIND_TRADE: 3}[self._kind]
        # Arrays and not memoryviews: the user's arithmetic is numpy's in a backtest, too.
        self._numbers = np.array([0.0] * width + parameters)
        self._width = width
        self._memory = np.zeros((len(instruments), function.memory))
        self._rows: list[int] = []
        self._slice_bars: list[SliceBar] = []
        self._outputs: dict[str, list[float]] = {}

    def read(self, events: Any, count: int) -> Rows | None:
        """Compute the indicators at the bars of a slice."""
        if not self.is_silent and self._kind == at.KIND_BAR:
            self._rows, self._slice_bars = self._bars.read(events, count)
            if self._slice_bars and self._program is not None:
                self._outputs = self._program.on_slice(self._slice_bars)
        if not self._inputs.is_given:
            return None
        self._inputs.make_room(count)
        self._inputs.write_slice(events, count)
        return self._inputs.block

    def decide(self, events: Any, count: int) -> Step:
        """Ask about each row, and send what it wants after each."""
        core = self.core
        rows = self._rows
        if self._kind != at.KIND_BAR:
            rows = [row for row in range(count) if events[row, at.EVENT_KIND] == self._kind]
        for n, row in enumerate(rows):
            if not self.is_silent and self._fill_in(events, n, row):
                i = events[row, at.EVENT_INSTRUMENT]
                wanted = self._ask(i)
                if wanted > 0:
                    core.place(i, wanted)
                    yield from core.send()
        yield from core.turn()

    def _ask(self, i: int) -> int:
        plain = self.core.plain
        positions: Any = plain.positions
        try:
            return int(
                self.guard.call(
                    self._function,
                    self._numbers,
                    self._memory[i],
                    tradable_lots(plain, i),
                    positions[i, at.POSITION_LAST],
                    positions[i, at.POSITION_WORKING],
                    self.core.intents,
                )
            )
        except StrategyStuck as error:
            problem = f"it did not return within {self.guard.limit_seconds:g} seconds"
            self.fail(StrategyFault(self._name, "call", problem, self._user.place_of(error)))
            return 0
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # no signal's: it has a handler
            blamed = self._user.blame(error, "call")
            if not isinstance(blamed, TraderError):
                raise
            self.fail(StrategyFault(self._name, "call", blamed.problem, blamed.where))
            return 0

    def _fill_in(self, events: Any, n: int, row: int) -> bool:
        """Write what the function reads of a row; return whether every indicator is defined."""
        numbers = self._numbers
        if self._kind == at.KIND_BAR:
            bar = self._slice_bars[n]
            numbers[:5] = bar.open, bar.high, bar.low, bar.close, bar.volume
            for place, name in enumerate(self._names, start=5):
                numbers[place] = self._outputs[name][n]
            return not np.isnan(numbers[5 : self._width]).any()
        price, lot = self._units[events[row, at.EVENT_INSTRUMENT]]
        if self._kind == at.KIND_QUOTE:
            numbers[0] = _read(events[row, at.QUOTE_BID], price)
            numbers[1] = _read(events[row, at.QUOTE_ASK], price)
            numbers[2] = _read(events[row, at.QUOTE_BID_SIZE], lot)
            numbers[3] = _read(events[row, at.QUOTE_ASK_SIZE], lot)
        else:
            numbers[0] = _read(events[row, at.TRADE_PRICE], price)
            numbers[1] = _read(events[row, at.TRADE_SIZE], lot)
            numbers[2] = _read(events[row, at.TRADE_AGGRESSOR], 1.0, unknown=0)
        return True

    def memory(self) -> bytes:
        """Return the memory of the function, of its indicators, of splits and of volumes."""
        formulas = b"" if self._program is None else self._program.state.tobytes()
        body = _Memory(formulas, self._memory.tobytes(), self._bars.memory(), self._inputs.memory())
        return msgspec.msgpack.encode(body)

    def remember(self, memory: bytes) -> None:
        """Go on from what `memory` has returned."""
        found = msgspec.msgpack.decode(memory, type=_Memory)
        own = np.frombuffer(found.own, dtype="<f8")
        if own.size != self._memory.size:
            raise InputError("the snapshot is of another function", code="snapshot.other_shape")
        if self._program is not None:
            self._program.restore(np.frombuffer(found.formulas, dtype="<f8"))
        self._memory[:] = own.reshape(self._memory.shape)
        self._bars.remember(found.bars)
        self._inputs.remember(found.volumes)


def _read(count: int, unit: float, *, unknown: int = at.UNKNOWN) -> float:
    return math.nan if count == unknown else count / unit
