"""The findings of a quality check: one table of codes, how bad each is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"  # cannot be true, or would make a backtest book what never happened
    WARNING = "warning"  # probably wrong: look at it
    INFO = "info"  # worth knowing; nothing to repair


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding.

    Parameters
    ----------
    severity
        How bad it is.
    title
        A few words for the table.
    remedy
        What to do, for a person.
    fix
        What `trader data repair` does about it; empty where it can do nothing.
    """

    severity: Severity
    title: str
    remedy: str
    fix: str = ""


_DROP = "leaves the row out"
_IMPORT = "correct the source, or leave the rows out: trader data import --drop-bad-rows"

RULES: dict[str, Rule] = {
    "data.not_a_number": Rule(Severity.ERROR, "text where a number belongs", _IMPORT),
    "data.missing_value": Rule(Severity.ERROR, "a value is missing", _IMPORT),
    "data.not_finite": Rule(Severity.ERROR, "NaN or infinite", _IMPORT),
    "data.bad_time": Rule(Severity.ERROR, "no readable time", "correct the time, or the format"),
    "data.ambiguous_local_time": Rule(
        Severity.ERROR, "a local time that exists twice or never", "export the file with UTC stamps"
    ),
    "data.price_not_positive": Rule(Severity.ERROR, "a price of zero or less", _IMPORT, _DROP),
    "data.negative_size": Rule(Severity.ERROR, "an impossible size", _IMPORT, _DROP),
    "data.high_below_low": Rule(Severity.ERROR, "high is below low", _IMPORT, _DROP),
    "data.outside_range": Rule(Severity.ERROR, "open or close outside low to high", _IMPORT, _DROP),
    "data.crossed_quote": Rule(Severity.ERROR, "bid above ask", _IMPORT, _DROP),
    "data.locked_quote": Rule(
        Severity.WARNING,
        "bid equals ask",
        "two venues in one file, or an indicative feed; repair leaves these quotes out",
        _DROP,
    ),
    "data.unsorted": Rule(
        Severity.ERROR, "goes back in time", "sort it: trader data import --sort"
    ),
    "data.duplicate": Rule(
        Severity.ERROR, "a row stands twice", "remove the repeated rows from the file", _DROP
    ),
    "data.two_instruments_one_symbol": Rule(
        Severity.ERROR,
        "one time, two different rows",
        "are these two instruments? Name the column that tells them apart: --column symbol=NAME",
    ),
    "data.not_a_session": Rule(
        Severity.ERROR,
        "a day without trading",
        "use the right --calendar, or leave these rows out: --drop-bad-rows",
        _DROP,
    ),
    "data.wrong_zone": Rule(
        Severity.WARNING,
        "times look shifted",
        "import it again with the zone that the stamps are in: --timezone",
    ),
    "data.outside_session": Rule(
        Severity.INFO,
        "outside the session",
        "extended hours, or a wrong --calendar; repair leaves these rows out",
        _DROP,
    ),
    "data.gap": Rule(
        Severity.WARNING,
        "sessions without data",
        "a halt, another calendar, or lost data: get the missing days; never filled in",
    ),
    "data.gap_in_session": Rule(
        Severity.WARNING,
        "a hole inside a session",
        "a halt, no trades, or lost data: compare with the source; never filled in",
    ),
    "data.outlier": Rule(
        Severity.WARNING,
        "one price far from both neighbours",
        "compare it with another source; repair leaves the row out",
        _DROP,
    ),
    "data.unadjusted_split": Rule(
        Severity.ERROR,
        "a split that no action explains",
        "append the splits (trader data import actions.csv --append), or let repair add this one",
        "adds the split as a corporate action",
    ),
    "data.splice": Rule(
        Severity.ERROR,
        "prices go on at another level",
        "another company or unit under this symbol: cut the file there, or rename one part; "
        "repair keeps the longer side",
        "keeps the longer side of the cut",
    ),
    "data.stale": Rule(
        Severity.WARNING,
        "the same bar again and again",
        "a halted instrument or a dead feed; repair keeps the first bar of each run",
        "keeps the first bar of a run",
    ),
    "data.zero_volume": Rule(
        Severity.INFO,
        "bars without volume",
        "nothing traded, or the source has no volume; repair leaves these bars out",
        _DROP,
    ),
    "data.moved_without_volume": Rule(
        Severity.WARNING,
        "the price moved, nothing traded",
        "quotes instead of trades, or a wrong volume; repair leaves these bars out",
        _DROP,
    ),
}
FIXABLE = tuple(code for code, rule in RULES.items() if rule.fix)
