"""`BarJoiner`: a strategy's bars out of the minutes that a venue tells; which bars those are, its data say.

Every bar is equal to that of `data.resampling.resample` over the same minutes, whose rules it asks for a
period. A bar is done when its time is over, whether its last minute was traded in or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.history import BarColumns, History
from data.resampling import Anchor, Period, parse_period, period_of_tick
from engine.errors import InputError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from runtime.feeds.arrivals import Hours
from runtime.feeds.wire import Row

_LOOKED_AT = 50  # bars of each instrument, to know of what kind they are


@dataclass(frozen=True, slots=True)
class BarKind:
    """What kind of bars a strategy reads.

    Parameters
    ----------
    period
        Whose bars are joined out of minutes; None: minutes, or days as the venue tells them.
    """

    period: Period | None = None
    anchor: Anchor = Anchor.SESSION
    is_daily: bool = False

    def begins_ns(self, instruments: Sequence[Instrument], ns: int) -> int:
        """Return since when minutes are needed for the bars that close after a time."""
        if self.period is None:
            return ns
        inside = [each for each in instruments if Hours(each.calendar).holds(ns)]
        bounds = (period_of_tick(ns, each, self.period, anchor=self.anchor) for each in inside)
        return min([ns, *(each[0] for each in bounds if each is not None)])


@dataclass(frozen=True, slots=True)
class DataKind:
    """What a strategy reads of all its instruments; None where that is no bars."""

    bars: BarKind | None
    has_quotes: bool = False
    has_trades: bool = False

    @property
    def has_ticks(self) -> bool:
        """Whether it reads quotes or prints."""
        return self.has_quotes or self.has_trades


def kind_of_data(history: History) -> DataKind:
    """Return what some data have.

    Raises
    ------
    InputError
        If their instruments do not have the same, or days beside quotes or prints; and as `kind_of_bars`.
    """
    kinds = {(bool(part.bars), bool(part.quotes), bool(part.trades)) for part in history.parts}
    if len(kinds) > 1:
        raise _unfit("the instruments do not have the same of bars, quotes and trades")
    has_bars, has_quotes, has_trades = kinds.pop()
    if not has_quotes and not has_trades:
        return DataKind(kind_of_bars(history))
    bars = kind_of_bars(history) if has_bars else None
    if bars is not None and bars.is_daily:
        raise _unfit("it does not tell days beside quotes or trades")
    return DataKind(bars, has_quotes, has_trades)


def kind_of_bars(history: History) -> BarKind:
    """Return what kind of bars some data have.

    Raises
    ------
    InputError
        If they have something else than bars, or bars that no session divides into.
    """
    parts = [part for part in history.parts if part.bars is not None and len(part.bars)]
    if len(parts) < len(history.parts):
        raise _unfit("the strategy's data have no bars of an instrument")
    kinds = {_kind_of(part.instrument, part.bars) for part in parts if part.bars is not None}
    if len(kinds) > 1:
        raise _unfit("the instruments' bars are not of one length")
    return kinds.pop()


def _kind_of(instrument: Instrument, bars: BarColumns) -> BarKind:
    opens, closes = (each[-_LOOKED_AT:].tolist() for each in (bars.ts_open_ns, bars.ts_close_ns))
    length = max(close - opened for opened, close in zip(opens, closes, strict=True))
    hours = [Hours(instrument.calendar).next(ns) for ns in opens]
    if hours == list(zip(opens, closes, strict=True)):
        return BarKind(is_daily=True)
    if length == NS_PER_MINUTE:
        return BarKind()
    if length % NS_PER_MINUTE == 0 and length < NS_PER_DAY and NS_PER_DAY % length == 0:
        period = parse_period(f"{length // NS_PER_MINUTE}m")
        for anchor in Anchor:
            made = [period_of_tick(ns, instrument, period, anchor=anchor) for ns in opens]
            if made == list(zip(opens, closes, strict=True)):
                return BarKind(period, anchor)
    raise _unfit(f"bars of {length / NS_PER_SECOND:g} s are not made of a session's minutes")


def _unfit(problem: str) -> InputError:
    return InputError(
        f"a venue's feed tells bars of minutes or days, quotes and trades: {problem}",
        where="--feed",
        remedy="use data with bars of a session's minutes, or of days (`trader data resample` makes them), "
        "or with quotes or trades",
        code="feed.bars",
    )


class BarJoiner:
    """Bars of some instruments, joined out of their minutes."""

    def __init__(self, instruments: Sequence[Instrument], kind: BarKind) -> None:
        assert kind.period is not None
        self._instruments, self._period, self._anchor = instruments, kind.period, kind.anchor
        self._hands: dict[int, Row] = {}

    def add(self, minute: Row) -> None:
        """Take a bar of a minute, after `finish` for what was before it."""
        number = minute[at.EVENT_INSTRUMENT]
        hand = self._hands.get(number)
        if hand is not None:
            hand[at.BAR_HIGH] = max(hand[at.BAR_HIGH], minute[at.BAR_HIGH])
            hand[at.BAR_LOW] = min(hand[at.BAR_LOW], minute[at.BAR_LOW])
            hand[at.BAR_CLOSE] = minute[at.BAR_CLOSE]
            hand[at.BAR_VOLUME] += minute[at.BAR_VOLUME]
            return
        bounds = period_of_tick(
            minute[at.BAR_OPEN_TS], self._instruments[number], self._period, anchor=self._anchor
        )
        assert bounds is not None, "without regular hours every time has a period"
        self._hands[number] = list(minute)
        self._hands[number][at.BAR_OPEN_TS], self._hands[number][at.EVENT_TS] = bounds

    def finish(self, until_ns: int) -> list[Row]:
        """Return the bars that close up to a time, in order: nothing more comes of them."""
        done = [n for n, hand in self._hands.items() if hand[at.EVENT_TS] <= until_ns]
        rows = [self._hands.pop(n) for n in done]
        return sorted(rows, key=lambda row: (row[at.EVENT_TS], row[at.EVENT_INSTRUMENT]))
