"""The metrics of a run as rows, with intervals and definitions, for data frames."""

from __future__ import annotations

from engine.rules.metrics import DEFINITIONS
from reports.html.page import intervals_of
from reports.record import RunDocument


def metric_table(document: RunDocument) -> dict[str, list[object]]:
    """Return the columns ``key, name, value, low, high, unit, definition, undefined``.

    `low` and `high` are the 95 % interval, None where there is none.
    """
    path, intervals = document.pessimistic, intervals_of(document)
    rows = [row for row in DEFINITIONS if row.key in path.metrics]
    nothing = (None, None)
    return {
        "key": [row.key for row in rows],
        "name": [row.name for row in rows],
        "value": [path.metrics[row.key] for row in rows],
        "low": [intervals.get(row.key, nothing)[0] for row in rows],
        "high": [intervals.get(row.key, nothing)[1] for row in rows],
        "unit": [row.unit.value for row in rows],
        "definition": [row.formula for row in rows],
        "undefined": [path.undefined.get(row.key) for row in rows],
    }
