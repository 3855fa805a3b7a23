"""What a check found, and what it proved: values for the screen and for programs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from runtime.differences import Difference


class Test(Enum):
    """What was done to the data."""

    __test__ = False  # not one of pytest's

    CUT = "cut"
    SCRAMBLE = "scrambled future"
    START = "later start"
    REPEAT = "same run again"
    ALIGNMENT = "misaligned data"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should not differ and does.

    Attributes
    ----------
    test
        What was done to the data.
    ts_ns, symbol
        The first bar (its close), quote or print at which it differs.
    subject
        What differs: ``order``, ``fill``, a formula, ``attribute x``.
    one, other
        Its value in the whole run, and in the other one.
    point_ns
        Where the data was cut, scrambled or begun; None where nothing was.
    count
        At how many of the points it differed.
    remark
        More that helps to find the cause.
    """

    test: Test
    ts_ns: int
    symbol: str
    subject: str
    one: str
    other: str
    point_ns: int | None = None
    count: int = 1
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "test": self.test.value,
            "time": format_time(self.ts_ns),
            "ts_ns": self.ts_ns,
            "symbol": self.symbol,
            "subject": self.subject,
            "whole_run": self.one,
            "other_run": self.other,
            "point": None if self.point_ns is None else format_time(self.point_ns),
            "points": self.count,
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class Need:
    """How much history a value needs until it no longer depends on where history began.

    Bars count from the first one of the history. `needed` is None where the value never settles
    within the tolerance, `exact` where it never settles to the last bit. `warmup` is the number of
    bars before the engine lets the strategy see it. Where `needed` is larger, `ts_ns`, `one`, `other`
    are the bar and the two values at which it is worst.
    """

    name: str
    symbol: str
    warmup: int
    needed: int | None
    exact: int | None
    ts_ns: int | None = None
    one: str = ""
    other: str = ""

    @property
    def is_longer(self) -> bool:
        """Whether it needs more than its warm-up."""
        return self.needed is None or self.needed > self.warmup

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "symbol": self.symbol,
            "warmup_bars": self.warmup,
            "needed_bars": self.needed,
            "exact_bars": self.exact,
            "worst_time": None if self.ts_ns is None else format_time(self.ts_ns),
            "whole_run": self.one,
            "later_start": self.other,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of the whole run with another one: equal when the two hashes are.

    `decisions` is how many of the whole run's were compared; the hashes are over them and over the
    values that were compared.
    """

    test: Test
    point_ns: int
    decisions: int
    whole_hash: str
    other_hash: str


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of a check.

    `proved` is what the check has shown, `limits` what it cannot show, `notes` what was left out in
    this run.
    """

    check: str
    strategy: str
    findings: tuple[Finding, ...]
    proved: str
    limits: str
    notes: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    runs: int = 0
    events: int = 0
    comparisons: tuple[Comparison, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "check": self.check,
            "strategy": self.strategy,
            "ok": self.is_clean,
            "findings": [each.to_json() for each in self.findings],
            "needs": [each.to_json() for each in self.needs],
            "proved": self.proved,
            "limits": self.limits,
            "notes": list(self.notes),
            "runs": self.runs,
            "events": self.events,
        }


def finding_of(
    test: Test, difference: Difference, point_ns: int | None, remark: str = ""
) -> Finding:
    """Return a difference as a finding."""
    return Finding(
        test,
        difference.ts_ns,
        difference.symbol,
        difference.subject,
        difference.one,
        difference.other,
        point_ns,
        remark=remark,
    )


class Findings:
    """Findings by what they are about: of each the one at the earliest bar, and how often."""

    def __init__(self) -> None:
        self._found: dict[tuple[Test, str, str], Finding] = {}

    def add(self, finding: Finding) -> None:
        """Take one in."""
        key = (finding.test, finding.subject, finding.symbol)
        known = self._found.get(key)
        if known is None:
            self._found[key] = finding
            return
        first = finding if finding.ts_ns < known.ts_ns else known
        self._found[key] = replace(first, count=known.count + 1)

    def __len__(self) -> int:
        return len(self._found)

    def of(self, test: Test) -> bool:
        """Return whether something was found by a test."""
        return any(key[0] is test for key in self._found)

    def all(self) -> tuple[Finding, ...]:
        """Return them: those of one test together, in the order in which they came."""
        order = list(Test)
        return tuple(sorted(self._found.values(), key=lambda each: order.index(each.test)))


def format_time(ts_ns: int) -> str:
    """Write a time in UTC, as short as it can be said.

    Examples
    --------
    >>> format_time(1_104_786_000_000_000_000), format_time(1_104_786_000_250_000_000)
    ('2005-01-03 21:00', '2005-01-03 21:00:00.250')
    """
    text = str(np.datetime64(ts_ns, "ns")).replace("T", " ")
    for zeros in (":00.000000000", ".000000000", "000000", "000"):
        if text.endswith(zeros):
            return text.removesuffix(zeros)
    return text
