"""Two runs beside each other: what differs, by how much, and whether that is more than luck.

The days that both runs have are resampled together (one draw of days for both), so what the market
did to both cancels out. A difference is distinct when its 95 % interval excludes 0. Twenty metrics
are compared at once: one in twenty is distinct by luck alone, and the reader is told so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.rules.bootstrap import Resampling, seed_of
from engine.rules.metrics import DEFINITIONS, MINIMUM_OBSERVATIONS, definition_of
from reports.record import RunDocument
from reports.resampled import resampled_differences

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Keys of a configuration in the order in which a reader looks for a cause.
_ORDER = ("data", "parameters", "rules", "strategy", "sizing", "execution", "account", "fills")


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """One metric of both runs; `interval` is that of ``b - a``, None where it is not known."""

    key: str
    a: float | None
    b: float | None
    interval: tuple[float, float] | None

    @property
    def name(self) -> str:
        """The metric's name."""
        return definition_of(self.key).name

    @property
    def difference(self) -> float | None:
        """``b - a``; None where one is undefined."""
        return None if self.a is None or self.b is None else self.b - self.a

    @property
    def is_distinct(self) -> bool | None:
        """Whether the interval excludes 0; None where there is none."""
        if self.interval is None:
            return None
        return self.interval[0] > 0.0 or self.interval[1] < 0.0

    @property
    def verdict(self) -> str:
        """Say it in a word."""
        if self.difference == 0.0:
            return "equal"
        match self.is_distinct:
            case None:
                return ""
            case True:
                return "distinct"
            case _:
                return "within luck"


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the configuration that differs; an empty text is a key that one run does not have."""

    key: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two runs and what differs between them."""

    a: RunDocument
    b: RunDocument
    metrics: tuple[MetricDifference, ...]
    settings: tuple[Setting, ...]
    common_days: int
    correlation: float | None

    @property
    def is_same(self) -> bool:
        """Whether both ended in the same state, to the bit."""
        return self.a.state_hash == self.b.state_hash

    def lines(self) -> tuple[str, ...]:
        """Say in words what the comparison rests on."""
        if self.is_same:
            return ("Both runs ended in the same state, to the last bit.",)
        found = []
        if self.settings:
            first = self.settings[0]
            more = f", and {len(self.settings) - 1} more" if len(self.settings) > 1 else ""
            found.append(f"First difference of configuration: {told(first)}{more}.")
        elif self.a.configuration and self.b.configuration:
            found.append("Both have one configuration: the data or the program differs.")
        if self.common_days >= MINIMUM_OBSERVATIONS and self.correlation is not None:
            found.append(
                f"{self.common_days:,} days in common, correlation of returns "
                f"{self.correlation:.2f}; 'distinct' means that the 95 % interval of the difference "
                "excludes 0, which one metric in twenty does by luck."
            )
        else:
            found.append("Too few days in common to say what is luck.")
        return tuple(found)


def told(setting: Setting) -> str:
    """Write a differing key."""
    return f"{setting.key}: {setting.a or 'not there'} against {setting.b or 'not there'}"


def compare(a: RunDocument, b: RunDocument) -> Comparison:
    """Compare two runs; `b` less `a`."""
    first, second = common_returns(a, b)
    intervals = _intervals(a, b, first, second)
    rows = tuple(
        MetricDifference(
            row.key,
            a.pessimistic.metrics.get(row.key),
            b.pessimistic.metrics.get(row.key),
            intervals.get(row.key),
        )
        for row in DEFINITIONS
    )
    shown = tuple(row for row in rows if row.a is not None or row.b is not None)
    return Comparison(
        a, b, shown, different_settings(a, b), int(first.size), _correlation(first, second)
    )


def common_returns(a: RunDocument, b: RunDocument) -> tuple[Floats, Floats]:
    """Return the daily returns of the days that both runs have."""
    nothing = np.empty(0)
    if a.detail is None or b.detail is None:
        return nothing, nothing
    first, second = a.detail.daily.returns(), b.detail.daily.returns()
    if first is None or second is None:
        return nothing, nothing
    _, i, j = np.intersect1d(
        a.detail.daily.days()[1:], b.detail.daily.days()[1:], return_indices=True
    )
    return first[i], second[j]


def _intervals(
    a: RunDocument, b: RunDocument, first: Floats, second: Floats
) -> dict[str, tuple[float, float]]:
    """Return intervals of differences where both runs have the same days."""
    whole = min(a.pessimistic.observations, b.pessimistic.observations)
    if first.size < max(MINIMUM_OBSERVATIONS, round(0.9 * whole)):
        return {}
    return resampled_differences(
        first,
        second,
        periods_per_year=a.pessimistic.periods_per_year,
        resampling=Resampling(seed=seed_of(a.state_hash) ^ seed_of(b.state_hash)),
    )


def _correlation(first: Floats, second: Floats) -> float | None:
    if first.size < MINIMUM_OBSERVATIONS or not first.std() or not second.std():
        return None
    return float(np.corrcoef(first, second)[0, 1])


def different_settings(a: RunDocument, b: RunDocument) -> tuple[Setting, ...]:
    """Return the keys that differ, what a reader looks for first at the front."""
    one, two = dict(a.configuration), dict(b.configuration)
    data = _fingerprint_of_data(a), _fingerprint_of_data(b)
    one["data.fingerprint"], two["data.fingerprint"] = data
    keys = [key for key in dict.fromkeys([*one, *two]) if one.get(key) != two.get(key)]
    ranked = sorted(keys, key=lambda key: _rank(key))
    return tuple(Setting(key, one.get(key, ""), two.get(key, "")) for key in ranked)


def _rank(key: str) -> int:
    table = key.partition(".")[0]
    return _ORDER.index(table) if table in _ORDER else len(_ORDER)


def _fingerprint_of_data(document: RunDocument) -> str:
    found = [line for line in document.passport if line.startswith("fingerprint: ")]
    return found[0].removeprefix("fingerprint: ") if found else ""


def labels_of(a: RunDocument, b: RunDocument) -> tuple[str, str]:
    """Return short names that tell the runs apart: by strategy, else by what differs."""
    if a.strategy != b.strategy:
        return a.strategy, b.strategy
    differing = [name for name in a.parameters if a.parameters[name] != b.parameters.get(name)]
    if differing:
        one, two = (
            ", ".join(f"{name} {run.parameters.get(name, '-')}" for name in differing[:2])
            for run in (a, b)
        )
        return one, two
    return f"A: {a.strategy}", f"B: {b.strategy}"


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON values."""
    return {
        "a": _named(comparison.a),
        "b": _named(comparison.b),
        "same": comparison.is_same,
        "common_days": comparison.common_days,
        "correlation": comparison.correlation,
        "metrics": {
            row.key: {
                "a": row.a,
                "b": row.b,
                "difference": row.difference,
                "interval": None if row.interval is None else list(row.interval),
                "distinct": row.is_distinct,
            }
            for row in comparison.metrics
        },
        "configuration": {row.key: {"a": row.a, "b": row.b} for row in comparison.settings},
    }


def _named(document: RunDocument) -> dict[str, object]:
    return {
        "run_id": document.run_id,
        "strategy": document.strategy,
        "final_equity": document.pessimistic.final_equity,
        "currency": document.currency,
        "state_hash": document.state_hash,
    }
