"""Backtests from Python: `trader.backtest` and `trader.load`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    from data.history import History
    from engine.strategy import Strategy
    from runtime.config import StrategyConfig
    from runtime.results import BacktestResult
    from runtime.results.saved import SavedResult

Moment = str | date | datetime


def backtest(
    strategy: str | Path | StrategyConfig | type[Strategy],
    data: object = None,
    *,
    params: Mapping[str, object] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    cash: Decimal | float | str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    symbol: str | None = None,
    timezone: str | None = None,
    stamp: str | None = None,
    calendar: str | None = None,
    price_precision: int | None = None,
    quantity_precision: int | None = None,
    catalog: str | Path | None = None,
    engine: str = "auto",
) -> BacktestResult:
    """Run a strategy over history, record the run, and return its result.

    Parameters
    ----------
    strategy
        A strategy file's path or its name in the workspace, the text of such a file, a
        `StrategyConfig`, or a subclass of `Strategy`.
    data
        A dataset's name; or bars in memory: a polars or pandas frame or a mapping of columns
        (``timestamp, open, high, low, close``, maybe ``volume`` and ``symbol``), or a mapping of
        symbols to these. What the strategy's file names, when left out.
    params
        Values of parameters by name.
    start, end
        First time, and last time (excluded): ISO text, a date or a datetime; UTC without a zone.
    cash
        Starting cash of the account.
    settings
        For a class: tables of a strategy file, e.g.
        ``{"fills": {"fees": {"model": "bps", "taker_bps": 2}}}``.
    symbol, timezone, stamp, calendar, price_precision, quantity_precision
        What data in memory does not say of itself; see docs/howto/notebook.md.
    catalog
        The folder of imported data; the workspace's or the user's when left out.
    engine
        ``compiled``, ``interpreted``, or ``auto``: what is sooner done. Results are equal.

    Raises
    ------
    InputError
        If strategy, data or a value cannot be used; it says what, where, and what to do.

    Examples
    --------
    >>> result = backtest("sma_cross", params={"fast": 10}, end="2006-01-01")
    >>> result.summary.pessimistic.trades.closed
    1
    """
    from runtime.backtest.recorded import recorded_backtest
    from runtime.workspace import catalog_root
    from trader.given import IN_MEMORY, config_of

    reading: dict[str, Any] = {
        "symbol": symbol,
        "timezone": timezone,
        "stamp": stamp,
        "calendar": calendar,
        "price_precision": price_precision,
        "quantity_precision": quantity_precision,
    }
    history = _history(data, reading)
    dataset = data if isinstance(data, str) else None if data is None else IN_MEMORY
    config = config_of(strategy, dataset=dataset, params=params or {}, settings=settings or {})
    config = _with_cash(_between(config, start, end), cash)
    if history is not None:
        history = history.between(config.data.start_ns, config.data.end_ns)
        _require_some(history)
    is_file = isinstance(strategy, Path) or (isinstance(strategy, str) and "\n" not in strategy)
    command = None
    if not is_file or history is not None or cash is not None:
        given: dict[str, object] = {"params": params, "start": start, "end": end, "cash": cash}
        given |= {"settings": settings, **reading}
        command = _call(strategy, config, data, history, given)
    result, run_id = recorded_backtest(
        config,
        catalog_root=catalog_root(None if catalog is None else Path(catalog), Path.cwd()),
        history=history,
        engine=engine,
        origin="python",
        command=command,
    )
    if command is not None:
        result = replace(result, summary=replace(result.summary, reproduce=command))
    return result.recorded_as(run_id)


def _history(data: object, reading: Mapping[str, Any]) -> History | None:
    if data is None or isinstance(data, str):
        return None
    from trader.memory import Reading, history_of

    return history_of(data, Reading(**reading))


def load(folder: str | Path) -> SavedResult:
    """Read a result that ``result.save(folder)`` or ``trader backtest --out`` wrote.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    from runtime.results.saved import load_result

    return load_result(Path(folder))


def _between(config: StrategyConfig, start: Moment | None, end: Moment | None) -> StrategyConfig:
    return config.with_data(
        start_ns=None if start is None else _moment(start, "start"),
        end_ns=None if end is None else _moment(end, "end"),
    )


def _moment(value: Moment, name: str) -> int:
    from runtime.config.moments import parse_moment

    text = value if isinstance(value, str) else value.isoformat()
    is_naive = isinstance(value, datetime) and value.tzinfo is None
    return parse_moment(text + "Z" if is_naive else text, name=name)


def _with_cash(config: StrategyConfig, cash: Decimal | float | str | None) -> StrategyConfig:
    if cash is None:
        return config
    from engine.model.units import parse_decimal

    amount = parse_decimal(str(cash), name="cash")
    if amount <= 0:
        raise InputError(f"cash must be over 0, not {amount}")
    account = replace(config.account, cash=amount)
    return replace(config, account=account, written=config.written or config)


def _require_some(history: History) -> None:
    if history.span_ns() is None:
        raise InputError("the data has nothing between start and end", code="data.empty_span")


def _call(
    strategy: object,
    config: StrategyConfig,
    data: object,
    history: History | None,
    given: Mapping[str, object],
) -> str:
    """Return the call that makes the run again; what is in memory has no command of its own."""
    name = strategy.__name__ if isinstance(strategy, type) else repr(str(config.path))
    shown = repr(data) if isinstance(data, str) else None if data is None else "data"
    values = [f"{key}={value!r}" for key, value in given.items() if value is not None]
    text = f"trader.backtest({', '.join([name, *([shown] if shown else []), *values])})"
    if history is None:
        return text
    return f"{text}  # data of fingerprint {history.fingerprint}"
