"""Which venue dates count as paper days.

A date counts once, whatever was restarted, if all of (a) to (h) hold, and if its tape, where it was
fetched again, agrees. Idle days count up to a share of the minimum: more of them neither help nor hurt.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.gate.evidence import ClockObservation, PaperDay
from engine.gate.findings import Case, span, text
from engine.gate.policy import Thresholds
from engine.model.units import NS_PER_SECOND
from engine.ports import EvidenceClass

_HOUR_NS = 3_600 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """A date that counts, or the reasons why not, each with its letter."""

    day_number: int
    reasons: tuple[str, ...]
    is_idle: bool
    fills: int
    closed_ns: int | None
    bars_empty: int = 0  # proven by the venue's history

    @property
    def counts(self) -> bool:
        """Whether it is a qualifying paper day."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class PaperDays:
    """All dates with their verdicts, ascending; `idle_allowed` of the idle ones count."""

    verdicts: tuple[DayVerdict, ...]
    idle_allowed: int

    @property
    def counted(self) -> tuple[DayVerdict, ...]:
        """The qualifying days: all active ones and the newest idle ones that are allowed."""
        good = [each for each in self.verdicts if each.counts]
        idle = [each.day_number for each in good if each.is_idle]
        kept = idle[max(len(idle) - self.idle_allowed, 0) :]
        return tuple(each for each in good if not each.is_idle or each.day_number in kept)

    @property
    def refused(self) -> tuple[DayVerdict, ...]:
        """The dates that do not count."""
        return tuple(each for each in self.verdicts if not each.counts)

    @property
    def fills(self) -> int:
        """Fills of the qualifying days."""
        return sum(each.fills for each in self.counted)

    @property
    def bars_empty(self) -> int:
        """Bars of the qualifying days that had nothing to tell."""
        return sum(each.bars_empty for each in self.counted)


def paper_days(case: Case) -> PaperDays:
    """Judge every date on which there was paper trading."""
    by_date: dict[int, list[PaperDay]] = {}
    for day in sorted(case.paper.days, key=lambda each: each.day_number):
        by_date.setdefault(day.day_number, []).append(day)
    verdicts = tuple(_judge_date(entries, case) for entries in by_date.values())
    # The small part keeps 0.4 x 5 from becoming one day by a last bit.
    allowed = int(case.asked.idle_share_max * case.asked.paper_days_min + 1e-9)
    return PaperDays(verdicts, allowed)


def _judge_date(entries: list[PaperDay], case: Case) -> DayVerdict:
    """Judge one date; where it is told in several entries, each has to hold and it counts once."""
    reasons = [
        f"({letter}) {reason}"
        for day in entries
        for letter, condition in CONDITIONS.items()
        if (reason := condition(day, case))
    ]
    return DayVerdict(
        day_number=entries[0].day_number,
        reasons=tuple(reasons),
        is_idle=not any(is_active(day) for day in entries),
        fills=sum(day.fills for day in entries),
        closed_ns=entries[0].closed_ns,
        bars_empty=sum(day.bars_empty for day in entries),
    )


def is_active(day: PaperDay) -> bool:
    """Return whether something was filled or held."""
    return day.fills >= 1 or day.is_holding


# --- the conditions, each returning why it does not hold, or nothing ---------------------------------
def day_is_over(day: PaperDay, case: Case) -> str:
    """An open day of the venue's calendar that market data have seen to its close."""
    if not day.is_open_day or day.closed_ns is None:
        return "the venue is closed that day"
    return "" if day.market_time_ns >= day.closed_ns else "its close has not been seen"


def decisions_were_made(day: PaperDay, case: Case) -> str:
    """Nearly all expected decisions were evaluated; where nobody traded there was nothing to decide on."""
    problem = _share_under(
        day.decisions_made,
        day.decisions_expected,
        case.asked.decisions_share_min,
        "of the expected decisions were made",
    )
    return problem and problem + _empty_ones(day)


def bars_came(day: PaperDay, case: Case) -> str:
    """Nearly all expected bars were received, and in time; or were empty, as the venue's history has proven."""
    problem = _share_under(
        day.bars_received,
        day.bars_expected,
        case.asked.bars_share_min,
        "of the expected bars were received",
    )
    if problem:
        return problem + _empty_ones(day)
    if day.age_p99_ns is None:
        return "the age of its bars is not known"
    if not 0 <= day.age_p99_ns <= case.asked.bar_age_seconds_max * NS_PER_SECOND:
        return f"bars were {span(day.age_p99_ns / NS_PER_SECOND)} old (99 % quantile)"
    return ""


def _empty_ones(day: PaperDay) -> str:
    """Return how many bars are counted that had nothing to tell, and why others are not."""
    counted = f", with {day.bars_empty} that were empty at the venue" if day.bars_empty else ""
    unknown = (
        f"; the venue's history does not tell of the others: {day.history}" if day.history else ""
    )
    return counted + unknown


def was_used(day: PaperDay, case: Case) -> str:
    """Something was filled or held, or there was nothing to do and the shadow agrees."""
    if is_active(day):
        return ""
    if day.orders > 0:
        return f"{day.orders} orders, and nothing was filled or held"
    if day.shadow_orders is None:
        return "no orders, and its tape was not replayed"
    return f"no orders, but its shadow has {day.shadow_orders}" if day.shadow_orders else ""


def fingerprint_is_one(day: PaperDay, case: Case) -> str:
    """The fingerprint to be promoted, all day, and no other."""
    if len(day.fingerprints) != 1:
        return f"{len(day.fingerprints)} fingerprints in one day"
    if day.fingerprints[0] != case.subject.fingerprint:
        return "another fingerprint: code, settings or venue"
    return ""


def clock_was_right(day: PaperDay, case: Case) -> str:
    """The host's clock was near the venue's, was not set back, and went as fast as time."""
    return clock_problem(day.clock, case.asked)


def books_agree(day: PaperDay, case: Case) -> str:
    """Books and broker were compared after the close."""
    return "" if day.is_reconciled else "books and broker were not found equal at the close"


def feed_was_live(day: PaperDay, case: Case) -> str:
    """A live feed; in a rehearsal its own."""
    if day.feed is EvidenceClass.REAL or case.is_rehearsal:
        return ""
    return "a replayed, accelerated or simulated feed"


def tape_agrees(day: PaperDay, case: Case) -> str:
    """The tape, where it was fetched again, is the venue's."""
    if case.is_rehearsal or day.tape_bars is None or day.tape_agreeing is None:
        return ""
    return _share_under(
        day.tape_agreeing,
        day.tape_bars,
        case.asked.tape_share_min,
        "of its bars agree with the venue's",
    )


CONDITIONS: Final[dict[str, Callable[[PaperDay, Case], str]]] = {
    "a": day_is_over,
    "b": decisions_were_made,
    "c": bars_came,
    "d": was_used,
    "e": fingerprint_is_one,
    "f": clock_was_right,
    "g": books_agree,
    "h": feed_was_live,
    "tape": tape_agrees,
}


def _share_under(part: int, whole: int, share_min: float, what: str) -> str:
    if whole <= 0 or part < 0:
        return f"{part} of {whole} {what.removeprefix('of the ').removeprefix('of ')}"
    return "" if part / whole >= share_min else f"{text(100.0 * part / whole)} % {what}"


def clock_problem(observations: Sequence[ClockObservation], asked: Thresholds) -> str:
    """Return what was wrong with the host's clock on one day; empty where nothing was."""
    offsets = [abs(o.wall_ns - o.venue_ns) for o in observations if o.venue_ns is not None]
    if not offsets:
        return "its clock was never compared with the venue's"
    if max(offsets) > asked.clock_offset_seconds_max * NS_PER_SECOND:
        return f"the clock was {text(max(offsets) / NS_PER_SECOND)} s off the venue's"
    back = max(
        (a.wall_ns - b.wall_ns for a, b in itertools.pairwise(observations)),
        default=0,
    )
    if back > asked.clock_back_seconds_max * NS_PER_SECOND:
        return f"the clock was set back by {text(back / NS_PER_SECOND)} s"
    gained = _gained_per_hour(observations)
    if gained > asked.clock_drift_seconds_max * NS_PER_SECOND:
        return f"the clock ran {text(gained / NS_PER_SECOND)} s an hour off"
    return ""


def _gained_per_hour(observations: Sequence[ClockObservation]) -> float:
    """Return the most by which wall and monotonic time parted within about an hour, per hour.

    Each window begins at the last observation of the one before, so that no step is between two.
    """
    worst = 0.0
    window: list[ClockObservation] = []
    for observed in observations:
        if window and observed.boot != window[0].boot:
            window = []
        if window and observed.monotonic_ns - window[0].monotonic_ns > _HOUR_NS:
            window = window[-1:]
        window.append(observed)
        apart = [each.wall_ns - each.monotonic_ns for each in (window[0], observed)]
        hours = (observed.monotonic_ns - window[0].monotonic_ns) / _HOUR_NS
        worst = max(worst, abs(apart[1] - apart[0]) / max(hours, 1.0))
    return worst
