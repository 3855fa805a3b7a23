"""The facts of each day on which a session ran, by the calendar of its account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from data.calendars import sessions_of_days
from engine.gate.evidence import ClockObservation, PaperDay
from engine.model import layout as at
from engine.model.units import NS_PER_MINUTE
from engine.ports import EvidenceClass, Rows
from runtime.feeds.silent_minutes import bar_spans
from runtime.promotion.evidence.again import BarsAgain
from runtime.promotion.evidence.emptiness import emptiness
from runtime.promotion.evidence.seen import Seen
from runtime.promotion.evidence.tape import content_hashes
from runtime.results.daily import trading_days
from runtime.results.output import RunOutput
from runtime.results.rows import rows_of

Ints = NDArray[np.int64]
STRETCH_NS = 15 * NS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class DayFacts:
    """What the days of one session are made of.

    Parameters
    ----------
    output, shadow
        Of the session played again, and of a backtest over what it has seen.
    feed
        What its feed can be evidence for.
    market_time_ns
        The latest that any session of the strategy has seen.
    again
        The recorded bars as the venue tells them now; None where it was not asked.
    """

    seen: Seen
    output: RunOutput
    shadow: RunOutput | None
    feed: EvidenceClass
    market_time_ns: int
    again: BarsAgain | None = None


def days_of(facts: DayFacts) -> list[PaperDay]:
    """Return one entry for each trading day that the session has seen anything of."""
    seen, output, shadow = facts.seen, facts.output, facts.shadow
    of_slices = _days(output, [ts for ts, _, _ in seen.slices])
    numbers = np.unique(of_slices)
    opens, closes, exists = sessions_of_days(output.calendar, numbers)
    tape = seen.tape
    bars = tape[tape[:, at.EVENT_KIND] == at.KIND_BAR]
    of_bars = _days(output, bars[:, at.EVENT_TS])
    width, instruments = _width(bars), len(output.instruments)
    fills, orders = _counted(output, at.KIND_FILL), _counted(output, at.KIND_SUBMITTED)
    in_shadow = None if shadow is None else _counted(shadow, at.KIND_SUBMITTED)
    held, traded = _held(output), _traded(output)
    clock = _clock(facts)
    found = []
    for number, open_ns, close_ns, is_open in zip(
        numbers.tolist(), opens.tolist(), closes.tolist(), exists.tolist(), strict=True
    ):
        places = np.flatnonzero(of_slices == number)
        own = [seen.slices[place] for place in places]
        own_bars = bars[of_bars == number]
        due = (
            _of_bars(
                seen,
                own,
                own_bars,
                bar_spans(open_ns, close_ns, width) if is_open else [],
                instruments,
            )
            if len(own_bars)
            else _of_stretches(own, tape, (open_ns, close_ns) if is_open else (0, 0))
        )
        found.append(
            PaperDay(
                day_number=number,
                is_open_day=is_open,
                closed_ns=close_ns if is_open else None,
                market_time_ns=facts.market_time_ns,
                decisions_expected=due.expected,
                decisions_made=due.made,
                bars_expected=due.expected * instruments,
                bars_received=due.received,
                bars_empty=due.empty,
                history=due.history,
                age_p99_ns=_age(own, facts.feed),
                fills=fills[number],
                orders=orders[number],
                shadow_orders=None if in_shadow is None else in_shadow[number],
                is_holding=number in held or fills[number] > 0,
                fingerprints=tuple(dict.fromkeys(seen.ran[place] for place in places)),
                feed=facts.feed,
                is_reconciled=is_reconciled(seen.compared, traded, close_ns),
                clock=tuple(clock.get(number, ())),
                tape_bars=None if facts.again is None else len(own_bars),
                tape_agreeing=None if facts.again is None else facts.again.agreeing(own_bars),
                tape_hashes=content_hashes(own_bars, instruments),
            )
        )
    return found


def merged(days: Iterable[PaperDay]) -> list[PaperDay]:
    """Return each date once, ascending: what several sessions have seen of it was one day."""
    by_date: dict[int, PaperDay] = {}
    for day in days:
        before = by_date.get(day.day_number)
        by_date[day.day_number] = day if before is None else _both(before, day)
    return [by_date[number] for number in sorted(by_date)]


def _both(one: PaperDay, two: PaperDay) -> PaperDay:
    ages = (one.age_p99_ns, two.age_p99_ns)
    later = max((each.boot for each in one.clock), default=0)
    is_rehearsal = EvidenceClass.REHEARSAL in (one.feed, two.feed)
    return structs.replace(
        one,
        decisions_expected=max(one.decisions_expected, two.decisions_expected),
        decisions_made=one.decisions_made + two.decisions_made,
        bars_expected=max(one.bars_expected, two.bars_expected),
        bars_received=one.bars_received + two.bars_received,
        bars_empty=one.bars_empty + two.bars_empty,
        history=two.history or one.history,
        age_p99_ns=None if None in ages else max(each or 0 for each in ages),
        fills=one.fills + two.fills,
        orders=one.orders + two.orders,
        shadow_orders=_sum(one.shadow_orders, two.shadow_orders),
        is_holding=one.is_holding or two.is_holding,
        fingerprints=tuple(dict.fromkeys((*one.fingerprints, *two.fingerprints))),
        feed=EvidenceClass.REHEARSAL if is_rehearsal else EvidenceClass.REAL,
        is_reconciled=one.is_reconciled or two.is_reconciled,
        clock=(*one.clock, *(structs.replace(e, boot=e.boot + later) for e in two.clock)),
        tape_bars=_sum(one.tape_bars, two.tape_bars),
        tape_agreeing=_sum(one.tape_agreeing, two.tape_agreeing),
        tape_hashes=(*one.tape_hashes, *two.tape_hashes),
    )


def _sum(one: int | None, two: int | None) -> int | None:
    return None if one is None or two is None else one + two


def _days(output: RunOutput, times: Sequence[int] | Ints) -> Ints:
    """Return the trading day of each time."""
    found = np.asarray(times, dtype=np.int64)
    if not len(found):
        return found
    # Ascending times are what the calendar's function wants.
    unique, places = np.unique(found, return_inverse=True)
    days: Ints = trading_days(output.calendar, unique)[places]
    return days


def _counted(output: RunOutput, kind: int) -> Counter[int]:
    rows = output.journal[rows_of(output, kind)]
    return Counter(_days(output, rows[:, at.EVENT_TS]).tolist())


def _held(output: RunOutput) -> frozenset[int]:
    """Return the days at one of whose marks something was held."""
    marks = output.journal[rows_of(output, at.KIND_EQUITY_MARKED)]
    held = marks[marks[:, at.MARK_GROSS] != 0]
    return frozenset(_days(output, held[:, at.EVENT_TS]).tolist())


def _traded(output: RunOutput) -> Ints:
    """Return when orders were placed and filled, ascending."""
    kinds = (at.KIND_SUBMITTED, at.KIND_FILL)
    times = [output.journal[rows_of(output, kind), at.EVENT_TS] for kind in kinds]
    return np.sort(np.concatenate(times))


def is_reconciled(compared: Sequence[tuple[int, bool]], traded: Ints, close_ns: int) -> bool:
    """Return whether books and broker were equal when a day was over, by the first look from its close on.

    That look may be late, where the session did not run at the close; but nothing may have been traded
    in between, or it says nothing of that day.

    Parameters
    ----------
    compared
        When they were held against each other, in order, and whether they were equal.
    traded
        Times of orders and fills, ascending.
    """
    first = next((each for each in compared if each[0] >= close_ns), None)
    if first is None or not first[1]:
        return False
    after, until = np.searchsorted(traded, (close_ns, first[0]), side="right")
    return bool(after == until)


@dataclass(frozen=True, slots=True)
class _Due:
    """Moments of a day at which a strategy is to be asked, how often it was, and what data came for them."""

    expected: int
    made: int
    received: int
    empty: int = 0  # of these: they had nothing to tell
    history: str = ""  # why it is not known of others


def _of_bars(
    seen: Seen,
    own: Sequence[tuple[int, int, bool]],
    bars: Rows,
    spans: Sequence[tuple[int, int]],
    instruments: int,
) -> _Due:
    """Each bar's close is one: what comes between them is no decision that was expected.

    A bar that nobody has traded in, as the venue's history has proven, counts as one that came; and where that is
    so of all instruments there was nothing to decide on, which a session had to be running for all the same.
    """
    decided = {ts for ts, _, is_running in own if is_running}
    came: list[set[int]] = [set() for _ in range(instruments)]
    for instrument, ts_ns in bars[:, (at.EVENT_INSTRUMENT, at.EVENT_TS)].tolist():
        came[instrument].add(ts_ns)
    found = emptiness(seen, bars, spans, came)
    idle = {ts_ns for ts_ns in set.intersection(*found.bars) if seen.ran_at(ts_ns)}
    made = len(decided & set[int]().union(*came)) + len(idle)
    empty = sum(map(len, found.bars))
    return _Due(len(spans), made, len(bars) + empty, empty, found.problem)


def _of_stretches(
    own: Sequence[tuple[int, int, bool]], tape: Rows, session: tuple[int, int]
) -> _Due:
    """Without bars nobody knows how many quotes and trades there should have been: each stretch is one.

    A stretch of the session counts where the strategy was asked at all that came in it, and for each
    instrument of which something came.
    """
    open_ns, close_ns = session
    expected = -(-(close_ns - open_ns) // STRETCH_NS)

    def stretch(ts_ns: int) -> int:
        return min((ts_ns - open_ns) // STRETCH_NS, expected - 1)

    within = [each for each in own if open_ns <= each[0] <= close_ns]
    seen = {stretch(ts) for ts, _, _ in within}
    missed = {stretch(ts) for ts, _, is_running in within if not is_running}
    kinds, times = tape[:, at.EVENT_KIND], tape[:, at.EVENT_TS]
    is_data = (kinds > at.KIND_BAR) & (kinds <= at.KIND_TRADE)
    rows = tape[is_data & (times >= open_ns) & (times <= close_ns)]
    pairs = zip(rows[:, at.EVENT_TS].tolist(), rows[:, at.EVENT_INSTRUMENT].tolist(), strict=True)
    came = {(stretch(ts), instrument) for ts, instrument in pairs}
    return _Due(expected, len(seen - missed), len(came))


def _clock(facts: DayFacts) -> dict[int, list[ClockObservation]]:
    """Return what was read by day; in a rehearsal the market's clock is the only one."""
    is_real = facts.feed is EvidenceClass.REAL
    read = [(ts, each) for ts, each in facts.seen.clock if ts]
    found: dict[int, list[ClockObservation]] = {}
    days = _days(facts.output, [ts for ts, _ in read]).tolist()
    for day, (_, each) in zip(days, read, strict=True):
        now = each.venue_ns
        if is_real:
            found.setdefault(day, []).append(each)
        elif now is not None:
            found.setdefault(day, []).append(ClockObservation(each.boot, now, now, now))
    return found


def _width(bars: Rows) -> int:
    """Return how long most bars are, in nanoseconds; 0 where there are none."""
    if not len(bars):
        return 0
    widths, counts = np.unique(bars[:, at.EVENT_TS] - bars[:, at.BAR_OPEN_TS], return_counts=True)
    return int(widths[np.argmax(counts)])


def _age(own: Sequence[tuple[int, int, bool]], feed: EvidenceClass) -> int | None:
    """Return the 99 % quantile of ages at receipt; what is replayed is received as it is played."""
    ages = [received - ts for ts, received, _ in own if received]
    if feed is EvidenceClass.REAL and len(ages) < len(own):
        return None  # of some it is not known when they came
    if not ages:
        return 0
    return int(np.quantile(np.array(ages), 0.99, method="higher"))
