"""A history's columns as event sources for the replay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data.actions import Action, ActionKind
from data.history import BarColumns, History, InstrumentHistory
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import to_minor, to_quanta
from runtime.backtest.inputs import KindInputs
from runtime.backtest.signals import Signals
from sims.replay.source import Source

Ints = NDArray[np.int64]


class Parts(Protocol):
    """A history, or a window of one."""

    @property
    def parts(self) -> Sequence[InstrumentHistory]:
        """One entry per instrument."""


def market_sources(
    history: Parts,
    signals: Signals | None = None,
    values: Sequence[Sequence[NDArray[np.float64]]] | None = None,
    *,
    ticked: Sequence[bool] | None = None,
    inputs: Sequence[KindInputs] | None = None,
) -> list[Source]:
    """Return every block of columns of a history as a source.

    Bars fill no orders where there are ticks; `ticked` says where, if `history` is only a window.
    `inputs` are the trading loop's.
    """
    if ticked is None:
        ticked = ticked_parts(history)
    made = []
    for k, part in enumerate(history.parts):
        if part.quotes is not None:
            payload: dict[int, Ints | int] = {
                at.QUOTE_BID: part.quotes.bid_ticks,
                at.QUOTE_ASK: part.quotes.ask_ticks,
                at.QUOTE_BID_SIZE: part.quotes.bid_size_lots
                if part.quotes.has_sizes
                else at.UNKNOWN,
                at.QUOTE_ASK_SIZE: part.quotes.ask_size_lots
                if part.quotes.has_sizes
                else at.UNKNOWN,
            }
            made.append(Source(at.KIND_QUOTE, k, part.quotes.ts_ns, payload))
        if part.trades is not None:
            payload = {
                at.TRADE_PRICE: part.trades.price_ticks,
                at.TRADE_SIZE: part.trades.size_lots,
                at.TRADE_AGGRESSOR: part.trades.aggressor,
            }
            made.append(Source(at.KIND_TRADE, k, part.trades.ts_ns, payload))
        if part.bars is not None:
            source = _bar_source(k, part.bars, signals, values, fills=not ticked[k])
            made.append(source)
    if inputs is None:
        return made
    return [replace(each, inputs=inputs[each.instrument].get(each.kind)) for each in made]


def ticked_parts(history: Parts) -> list[bool]:
    """Return for each instrument whether it has quotes or prints on which orders trade."""
    return [part.is_ticked for part in history.parts]


def _bar_source(
    k: int,
    bars: BarColumns,
    signals: Signals | None,
    values: Sequence[Sequence[NDArray[np.float64]]] | None,
    *,
    fills: bool,
) -> Source:
    payload: dict[int, Ints | int] = {
        at.BAR_OPEN_TS: bars.ts_open_ns,
        at.BAR_OPEN: bars.open_ticks,
        at.BAR_HIGH: bars.high_ticks,
        at.BAR_LOW: bars.low_ticks,
        at.BAR_CLOSE: bars.close_ticks,
        at.BAR_VOLUME: bars.volume_lots if bars.has_volume else at.UNKNOWN,
        at.BAR_FILLS: int(fills),
    }
    return Source(
        at.KIND_BAR,
        k,
        bars.ts_close_ns,
        payload,
        wakes=None if signals is None else signals.wakes[k],
        values=None if values is None else values[k],
    )


def action_sources(history: History) -> list[Source]:
    """Return the corporate actions and settlements that fall into a history's span."""
    span = history.span_ns()
    assert span is not None
    numbers = {symbol: k for k, symbol in enumerate(history.symbols)}
    groups: dict[tuple[ActionKind, int], list[Action]] = {}
    for action in _effective(history.actions, span):
        if action.symbol in numbers:
            groups.setdefault((action.kind, numbers[action.symbol]), []).append(action)
    return [
        _action_source(kind, k, history.instruments[k], actions)
        for (kind, k), actions in groups.items()
    ]


def _effective(actions: Iterable[Action], span: tuple[int, int]) -> list[Action]:
    """Return the actions of a span; a settlement counts even after the last price."""
    return [
        action
        for action in actions
        if span[0] <= action.ts_ex_ns
        and (action.ts_ex_ns <= span[1] or action.kind is ActionKind.SETTLEMENT)
    ]


def _action_source(
    kind: ActionKind, k: int, instrument: Instrument, actions: list[Action]
) -> Source:
    ts = np.array([action.ts_ex_ns for action in actions], dtype=np.int64)

    def column(values: Iterable[int]) -> Ints:
        return np.array(list(values), dtype=np.int64)

    match kind:
        case ActionKind.SPLIT:
            numerators = column(action.ratio_numerator for action in actions)
            denominators = column(action.ratio_denominator for action in actions)
            payload: dict[int, Ints | int] = {
                at.SPLIT_NUMERATOR: numerators,
                at.SPLIT_DENOMINATOR: denominators,
            }
            return Source(at.KIND_SPLIT, k, ts, payload)
        case ActionKind.DIVIDEND:
            amounts = column(to_minor(action.amount or 0, name="dividend") for action in actions)
            return Source(at.KIND_DIVIDEND, k, ts, {at.DIVIDEND_MINOR: amounts})
        case ActionKind.FUNDING:
            rates = column(
                to_quanta(action.amount or 0, 9, name="funding rate") for action in actions
            )
            return Source(at.KIND_FUNDING, k, ts, {at.FUNDING_PPB: rates})
        case ActionKind.SETTLEMENT:
            precision = instrument.price_precision
            prices = column(
                to_quanta(action.amount or 0, precision, name="settlement price")
                for action in actions
            )
            return Source(at.KIND_SETTLEMENT, k, ts, {at.SETTLEMENT_PRICE: prices})
        case ActionKind.SYMBOL_CHANGE:
            return Source(at.KIND_SYMBOL_CHANGE, k, ts)
