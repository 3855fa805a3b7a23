"""What is told of its trading: days and sessions on paper, and days of live trading."""

from __future__ import annotations

import msgspec

from engine.gate.evidence.series import DailySeries
from engine.ports import EvidenceClass


class ClockObservation(msgspec.Struct, frozen=True):
    """What the clocks showed at one moment of a session; in a rehearsal they are the rehearsal's.

    Parameters
    ----------
    boot
        Which start of the machine, counted: monotonic times of two are not comparable.
    wall_ns, monotonic_ns
        The host's clocks.
    venue_ns
        The venue's time at that moment; None where it was not asked.
    """

    boot: int
    wall_ns: int
    monotonic_ns: int
    venue_ns: int | None = None


class PaperDay(msgspec.Struct, frozen=True, kw_only=True):
    """One venue date on which paper sessions of this family ran; one per date, restarts merged.

    Parameters
    ----------
    is_open_day
        Whether the venue's calendar has a session that day.
    closed_ns
        End of that session by the calendar; None where there is none.
    market_time_ns
        The latest time that market data of these sessions have reached, on any day.
    decisions_expected, decisions_made
        Moments at which the strategy had to be asked, by the calendar, and at which it was.
    bars_expected, bars_received
        By the calendar and by the journal; back-filled bars are not received ones. `bars_empty` of these had
        nothing to tell: the venue's history has proven that nobody traded in them.
    history
        Why it is not known of other bars that did not come, where the history was asked.
    age_p99_ns
        99 % quantile over bars of the time from a bar's close to its receipt.
    fills, orders
        Of that day.
    shadow_orders
        Orders of a backtest over the recorded tape of that day; None where it was not replayed.
    is_holding
        Whether a position was open at any moment of the day.
    fingerprints
        All that a session of this account had on that day, distinct, in order of appearance.
    feed
        REAL for a live feed, REHEARSAL for a replayed, accelerated or simulated one.
    is_reconciled
        Whether books and broker were compared after the close and were equal.
    clock
        Observations of the day, in order.
    tape_bars, tape_agreeing
        Recorded bars that were fetched again from the venue, and those of them with OHLC within one
        tick; None where they were not fetched.
    tape_hashes
        For each instrument a hash over the content of the day's bars without their times.
    """

    day_number: int
    is_open_day: bool
    closed_ns: int | None
    market_time_ns: int
    decisions_expected: int
    decisions_made: int
    bars_expected: int
    bars_received: int
    age_p99_ns: int | None
    fills: int
    orders: int
    shadow_orders: int | None
    is_holding: bool
    fingerprints: tuple[str, ...]
    feed: EvidenceClass
    is_reconciled: bool
    clock: tuple[ClockObservation, ...]
    bars_empty: int = 0
    history: str = ""
    tape_bars: int | None = None
    tape_agreeing: int | None = None
    tape_hashes: tuple[str, ...] = ()


class PaperSession(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal of one paper session says of itself, recomputed record by record.

    Parameters
    ----------
    fingerprint
        Under which it ran. Sessions of another one than the promoted are not judged; empty where it is
        not known, and then it is.
    violations
        Invariants that did not hold.
    unresolved_orders
        Orders whose outcome is not known at its end.
    unexplained_differences
        Differences between books and broker that nothing explains.
    """

    session: str
    violations: int
    unresolved_orders: int
    unexplained_differences: int
    fingerprint: str = ""


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """Paper trading of this family on this account.

    Parameters
    ----------
    sessions, days
        Of every fingerprint, days ascending by date: which of them count is the gate's to say. All else
        here is of the sessions with the fingerprint to be promoted, and of no other.
    daily, shadow_daily
        Equity on paper, and of a backtest over the recorded tape, at the same closes.
    intents, shadow_intents
        Every order that was decided on, as text that two equal decisions share (time, instrument, side,
        type, quantity, prices), in order; a decision made twice is there twice.
    shortfalls_bps
        For each fill on paper: its price against that of the same fill in the shadow, in basis points,
        adverse positive; in order.
    unlike
        What the newest session ran otherwise than what is to be promoted, in words; empty: nothing, or it
        is not known.
    """

    sessions: tuple[PaperSession, ...]
    days: tuple[PaperDay, ...]
    daily: DailySeries | None = None
    shadow_daily: DailySeries | None = None
    intents: tuple[str, ...] | None = None
    shadow_intents: tuple[str, ...] | None = None
    shortfalls_bps: tuple[float, ...] | None = None
    unlike: tuple[str, ...] = ()


class LiveDays(msgspec.Struct, frozen=True):
    """Live trading of this fingerprint on this account, as its monitors have followed it.

    Parameters
    ----------
    followed
        Day numbers of the venue days that have closed, in the order in which they were followed.
    alarms_after
        For each alarm, after how many of these it came.
    """

    followed: tuple[int, ...] = ()
    alarms_after: tuple[int, ...] = ()
