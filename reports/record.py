"""`RunDocument`: one finished run as the JSON document that programs, reports and comparisons read.

`trader backtest --json` writes it, `trader report` and `trader compare` read it, and whatever shows
a run reads nothing else. It is `summary_to_json` with typed access, and under `detail` the daily
closes, prices and round trips that charts need. Money that is exact stays text; curves are floats.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.rules.metrics import DailyAccount, daily_returns
from reports.trading import DenialRow, ExitRow, GuardRow

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Daily(msgspec.Struct, frozen=True):
    """The account at its daily closes; the first row is the account before the first day.

    `day` counts days since 1970-01-01, money is in units of the currency. `benchmark` is in its
    own unit, `optimistic` the equity of the other path; either may be missing.
    """

    day: list[int]
    equity: list[float]
    flow: list[float]
    gross: list[float]
    net: list[float]
    traded: list[float]
    benchmark: list[float] | None = None
    optimistic: list[float] | None = None

    def account(self, periods_per_year: float) -> DailyAccount:
        """Return the closes as the metrics want them."""
        return DailyAccount(
            np.array(self.equity, dtype=np.float64),
            periods_per_year,
            flows=np.array(self.flow, dtype=np.float64),
            day_numbers=self.days(),
            gross_exposure=np.array(self.gross, dtype=np.float64),
            traded_value=np.array(self.traded, dtype=np.float64),
        )

    def days(self) -> Ints:
        """Return the days since 1970-01-01."""
        return np.array(self.day, dtype=np.int64)

    def returns(self) -> Floats | None:
        """Return the daily returns without external flows; None when equity was not positive."""
        equity = np.array(self.equity, dtype=np.float64)
        return daily_returns(equity, np.array(self.flow, dtype=np.float64))

    def benchmark_returns(self) -> Floats | None:
        """Return the benchmark's daily returns."""
        if self.benchmark is None:
            return None
        return daily_returns(np.array(self.benchmark, dtype=np.float64))


class Curve(msgspec.Struct, frozen=True):
    """Equity inside the days, of a run of few sessions: nanoseconds UTC and units."""

    ts_ns: list[int]
    equity: list[float]


class Price(msgspec.Struct, frozen=True):
    """The price of one traded instrument: its highs, lows and closes, as traded."""

    symbol: str
    ts_ns: list[int]
    high: list[float]
    low: list[float]
    close: list[float]
    source: str = "bars"


class RoundTrip(msgspec.Struct, frozen=True, omit_defaults=True):
    """One trade from flat to flat; prices and money as exact text, times in nanoseconds UTC.

    The position's number and the reason of its exit are the trading loop's.
    """

    symbol: str
    direction: str
    entry_ns: int
    exit_ns: int | None
    quantity: str
    entry_price: str | None
    exit_price: str | None
    pnl: str
    fees: str
    carry: str
    currency: str
    bars_held: int | None
    entry_rule: str | None
    exit_rule: str | None
    position_id: int | None = None
    exit_reason: str | None = None


class Detail(msgspec.Struct, frozen=True):
    """What charts and tables need beyond the summary."""

    daily: Daily
    curve: Curve | None = None
    prices: list[Price] = []
    round_trips: list[RoundTrip] = []
    round_trips_total: int = 0


class TradeCounts(msgspec.Struct, frozen=True):
    """Counts of what happened, and the extremes of the closed trades as exact text."""

    orders: int
    fills: int
    closed: int
    won: int
    lost: int
    open_positions: int
    best: str | None
    worst: str | None


class PathDocument(msgspec.Struct, frozen=True):
    """The result under one set of assumptions about what the data does not show."""

    final_equity: str
    net_return: float | None
    metrics_version: int
    observations: int
    periods_per_year: float
    metrics: dict[str, float | None]
    undefined: dict[str, str]
    sample: str
    trades: TradeCounts
    costs: dict[str, str]
    state_hash: str


class Period(msgspec.Struct, frozen=True):
    """First and last event: nanoseconds and ISO dates, UTC."""

    start_ns: int
    end_ns: int
    start: str
    end: str


class RunDocument(msgspec.Struct, frozen=True):
    """One finished run; `exits`, `guards` and `denials` are those of its trading loop."""

    schema_version: int
    strategy: str
    parameters: dict[str, str]
    instruments: list[str]
    period: Period
    currency: str
    starting_cash: str
    depends_on_assumptions: bool
    paths: dict[str, PathDocument]
    benchmark: str | None
    benchmark_return: float | None
    passport: list[str]
    assumptions: list[str]
    warnings: list[str]
    state_hash: str
    engine_mode: str
    events: int
    elapsed_seconds: float
    reproduce: str
    statement: dict[str, str] = {}
    ambiguities: int = 0
    run_id: str = ""
    fingerprint: str = ""
    description: str = ""
    configuration: dict[str, str] = {}
    detail: Detail | None = None
    exits: list[ExitRow] = []
    guards: list[GuardRow] = []
    denials: list[DenialRow] = []

    @property
    def pessimistic(self) -> PathDocument:
        """The path that is judged."""
        return self.paths["pessimistic"]

    @property
    def optimistic(self) -> PathDocument | None:
        """The other path where it differs; None when no fill depended on an assumption."""
        return self.paths.get("optimistic") if self.depends_on_assumptions else None

    def to_json(self) -> dict[str, Any]:
        """Return the document as JSON values; what only a trading loop has is left out without one."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        for name in ("exits", "guards", "denials"):
            if not values[name]:
                del values[name]
        return values


def to_document(values: object, *, where: str = "") -> RunDocument:
    """Read JSON values as a run.

    Raises
    ------
    InputError
        If they are not the result of a backtest, or of another version of this program.
    """
    try:
        return msgspec.convert(values, RunDocument)
    except msgspec.ValidationError as error:
        raise InputError(
            f"this is not the result of a backtest: {error}",
            where=where,
            remedy="write one with `trader backtest STRATEGY --json FILE.json`",
            code="report.not_a_result",
        ) from None


def read_document(path: Path) -> RunDocument:
    """Read a result file.

    Raises
    ------
    InputError
        If there is no such file, or it is not a result.
    """
    try:
        values = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            code="report.unreadable",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(
            "this is not JSON",
            where=str(path),
            remedy="name a result file that `trader backtest STRATEGY --json FILE.json` wrote",
            code="report.not_a_result",
        ) from None
    return to_document(values, where=str(path))


def to_json_text(values: object) -> str:
    """Return JSON that people can read: indented, but a list of numbers stays on one line.

    Examples
    --------
    >>> print(to_json_text({"a": [1, 2.5], "b": {"c": None}}))
    {
      "a": [1, 2.5],
      "b": {
        "c": null
      }
    }
    """
    return _written(values, "")


def _written(value: object, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        rows = [f"{inner}{_plain(str(k))}: {_written(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and any(
        isinstance(v, dict | list | tuple | str) for v in value
    ):
        rows = [inner + _written(each, inner) for each in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return _plain(value)


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
