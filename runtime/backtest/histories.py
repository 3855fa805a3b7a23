"""From the name of a dataset to a history."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.actions import Action, ActionKind
from data.calendars import sessions
from data.history import (
    BarColumns,
    History,
    InstrumentHistory,
    Passport,
    QuoteColumns,
    TradeColumns,
)
from engine.errors import DataError
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from runtime.config import DataSection, WorldSource
from sims.worlds.spec import Hours, WorldKind, WorldSpec

if TYPE_CHECKING:
    from data.streams import HistoryStream
    from sims.worlds.series import InstrumentWorld

SAMPLE_PREFIX = "sample:"
EXCHANGE = "XNYS"


def load_history(data: DataSection, catalog_root: Path) -> History:
    """Return what a strategy's `[data]` table names, cut to its instruments and dates.

    Raises
    ------
    DataError
        If the dataset, an instrument or the dates hold nothing.
    """
    if data.world is not None:
        history = world_history(data.world)
    elif data.dataset.startswith(SAMPLE_PREFIX):
        from data.samples import load_sample

        history = load_sample(data.dataset)
    else:
        from data.catalog import Catalog

        dataset = Catalog(catalog_root).dataset(data.dataset)
        return require_data(
            dataset.load(data.instruments, start_ns=data.start_ns, end_ns=data.end_ns), data
        )
    if data.instruments is not None:
        history = history.select(data.instruments)
    return require_data(history.between(data.start_ns, data.end_ns), data)


def stream_of(data: DataSection, catalog_root: Path, rows_in_memory: int) -> HistoryStream | None:
    """Return what `load_history` would, as a stream, if it has more rows; else None.

    Only datasets of the catalog are so large; what is synthetic or a sample is in memory anyway.

    Raises
    ------
    DataError
        As `load_history`.
    """
    if data.world is not None or data.dataset.startswith(SAMPLE_PREFIX):
        return None
    from data.catalog import Catalog

    dataset = Catalog(catalog_root).dataset(data.dataset)
    chosen = set(dataset.symbols if data.instruments is None else data.instruments)
    if sum(part.rows for part in dataset.manifest.parts if part.symbol in chosen) <= rows_in_memory:
        return None
    from data.streams import open_stream

    stream = open_stream(dataset, data.instruments, data.start_ns, data.end_ns)
    return stream if len(stream) > rows_in_memory else None


def require_data(history: History, data: DataSection) -> History:
    """Return the history, or say that the dates hold nothing."""
    if history.span_ns() is None and data.start_ns is None and data.end_ns is None:
        raise DataError(f"dataset {data.dataset!r} is empty", code="data.empty")
    if history.span_ns() is None:
        raise DataError(
            f"dataset {data.dataset!r} has no data in the chosen dates",
            where="data.start, data.end",
            remedy="`trader data list` shows what each dataset covers",
            code="data.empty_span",
        )
    return history


def world_history(source: WorldSource) -> History:
    """Return a seeded synthetic market as a history."""
    from dataclasses import fields

    from sims.worlds import make_world

    world = make_world(source.spec, source.seed)
    parts = []
    for made in world.instruments:
        columns: dict[str, Any] = {}
        for name, kind in (
            ("bars", BarColumns),
            ("quotes", QuoteColumns),
            ("trades", TradeColumns),
        ):
            values = getattr(made, name)
            if values is not None:
                columns[name] = kind(**{f.name: getattr(values, f.name) for f in fields(values)})
        if _keeps_exchange_hours(source.spec) and len(columns["bars"]):
            columns["bars"] = _on_exchange(columns["bars"], source.spec)
        parts.append(InstrumentHistory(_world_instrument(made, source), **columns))
    actions = tuple(
        Action(
            made.symbol,
            made.settlement.ts_ns,
            ActionKind.SETTLEMENT,
            amount=Decimal(made.settlement.outcome),
        )
        for made in world.instruments
        if made.settlement is not None
    )
    name = f"synthetic world {source.spec.kind.value}, seed {source.seed}"
    return History(tuple(parts), actions, Passport(name, notes=("synthetic: not market data",)))


def _keeps_exchange_hours(spec: WorldSpec) -> bool:
    return spec.hours is Hours.EXCHANGE and spec.is_bars()


def _on_exchange(bars: BarColumns, spec: WorldSpec) -> BarColumns:
    """Return the bars at the hours of the exchange whose calendar they get.

    A world's own session is 14:30 to 21:00 UTC on every weekday. New York's is an hour earlier in
    summer, and there are holidays: the n-th session of the world becomes the exchange's n-th. With
    minutes it is the n-th whole one, since a half day has no room for 390.
    """
    place, minute = np.divmod(np.arange(len(bars), dtype=np.int64), spec.steps_per_day())
    count = int(place[-1]) + 1
    start = int(bars.ts_open_ns[0]) // NS_PER_DAY * NS_PER_DAY
    days = count * 8 // 5 + 30  # 5 weekdays in 7, holidays and half days besides
    opens, closes = sessions(EXCHANGE, start, start + days * NS_PER_DAY)
    if spec.steps_per_day() == 1:
        return replace(bars, ts_open_ns=opens[place], ts_close_ns=closes[place])
    opens = opens[closes - opens == spec.session_ns()]
    opened = opens[place] + minute * NS_PER_MINUTE
    return replace(bars, ts_open_ns=opened, ts_close_ns=opened + NS_PER_MINUTE)


def _world_instrument(made: InstrumentWorld, source: WorldSource) -> Instrument:
    symbol, spec = made.symbol, source.spec
    if spec.kind is WorldKind.EVENTS:
        precision = len(str(spec.contract_ticks)) - 1
        return Instrument(
            symbol,
            InstrumentKind.BINARY_EVENT,
            price_precision=precision,
            expires_ns=None if made.settlement is None else made.settlement.ts_ns,
        )
    calendar = EXCHANGE if _keeps_exchange_hours(spec) else "24/7"
    return Instrument(symbol, InstrumentKind.EQUITY, calendar=calendar)
