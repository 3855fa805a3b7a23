"""Minutes of which no bar has come, and what a venue's history says of them afterwards. Pure: it asks nobody.

A venue sends no bar of a minute in which nobody has traded, and its stream has no numbers: so a minute that
was lost looks like one that was empty. When a minute is decided on the history was asked two seconds after it
(`venue_bars`), which is soon enough to decide and too soon for a proof. A quarter of an hour later it is asked once
more, of half an hour at a time and only where something lacks: what it still does not have nobody traded in.
An answer that lacks what the stream has told is not whole, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.model.instruments import Instrument
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from runtime.feeds.arrivals import Hours

FINAL_NS: Final = 15 * NS_PER_MINUTE  # so old a minute changes no more
STRETCH_NS: Final = 30 * NS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Stretch:
    """Minutes of one session, which close after `since_ns` and up to `until_ns`, and whose they are."""

    numbers: tuple[int, ...]
    since_ns: int
    until_ns: int

    def closes(self) -> list[int]:
        """Return when its minutes close."""
        return minute_closes(self.since_ns, self.until_ns)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the history has of a stretch, as bits; how much of it had not come, and what came and it lacks."""

    bars: dict[int, bytes]
    missed: int
    lacks: int


class SilentMinutes:
    """What is still to be asked of.

    Parameters
    ----------
    begins_ns
        After which time the feed tells bars.
    is_new
        A feed that goes on asks again of the day that it stood in: of what it had asked it knows nothing.
    """

    def __init__(self, instruments: Sequence[Instrument], begins_ns: int, *, is_new: bool) -> None:
        self._begins_ns, self._is_new = begins_ns, is_new
        self._hours = {each.calendar: Hours(each.calendar) for each in instruments}
        self._numbers = {
            name: tuple(n for n, each in enumerate(instruments) if each.calendar == name)
            for name in self._hours
        }
        self._asked_ns = {name: self._first_ns(hours) for name, hours in self._hours.items()}
        self._told: dict[int, set[int]] = {n: set() for n in range(len(instruments))}

    def _first_ns(self, hours: Hours) -> int:
        if not self._is_new:
            return hours.next(self._begins_ns - NS_PER_DAY)[0]
        open_ns, _ = hours.next(self._begins_ns)
        minutes = max(self._begins_ns - open_ns, 0) // NS_PER_MINUTE
        return open_ns + minutes * NS_PER_MINUTE

    def told(self, ts_ns: int, numbers: Iterable[int]) -> None:
        """Note bars of minutes that were decided on."""
        for number in numbers:
            self._told[number].add(ts_ns)

    def next(self, now_ns: int, sure_ns: int) -> Stretch | None:
        """Return what is to be asked of next; None: nothing, or not yet.

        Parameters
        ----------
        sure_ns
            Up to when everything is decided on.
        """
        last_ns = min(now_ns - FINAL_NS, sure_ns)
        for name in self._hours:
            while (stretch := self._stretch(name, last_ns)) is not None:
                if not self._is_whole(stretch):
                    return stretch
                self.done(stretch)
        return None

    def _stretch(self, name: str, last_ns: int) -> Stretch | None:
        open_ns, close_ns = self._hours[name].next(self._asked_ns[name])
        since_ns = max(open_ns, self._asked_ns[name])
        until_ns = open_ns + (last_ns - open_ns) // STRETCH_NS * STRETCH_NS
        until_ns = close_ns if last_ns >= close_ns else until_ns
        return Stretch(self._numbers[name], since_ns, until_ns) if until_ns > since_ns else None

    def _is_whole(self, stretch: Stretch) -> bool:
        closes = stretch.closes()
        return all(self._told[number].issuperset(closes) for number in stretch.numbers)

    def answered(self, stretch: Stretch, bars: Iterable[tuple[int, int]]) -> Answer:
        """Hold an answer against what has come.

        Parameters
        ----------
        bars
            Number and close of each bar that the history has; those outside of the stretch are passed over.
        """
        closes = stretch.closes()
        has: dict[int, set[int]] = {number: set() for number in stretch.numbers}
        for number, ts_ns in bars:
            if number in has:
                has[number].add(ts_ns)
        inside = set(closes)
        heard = {ts_ns for ts_ns in inside if ts_ns > self._begins_ns}
        missed = sum(len((has[n] & heard) - self._told[n]) for n in stretch.numbers)
        lacks = sum(len((self._told[n] & inside) - has[n]) for n in stretch.numbers)
        return Answer({n: to_bits(closes, has[n]) for n in stretch.numbers}, missed, lacks)

    def done(self, stretch: Stretch) -> None:
        """Ask no more of a stretch."""
        for name, numbers in self._numbers.items():
            if numbers == stretch.numbers:
                self._asked_ns[name] = stretch.until_ns
        for number in stretch.numbers:
            self._told[number] = {ts for ts in self._told[number] if ts > stretch.until_ns}


class Proven:
    """What was asked of a history, by instrument: minutes that nobody traded in, and that somebody did."""

    def __init__(self) -> None:
        self._asked: dict[int, set[int]] = {}
        self._traded: dict[int, set[int]] = {}

    def add(
        self, since_ns: int, until_ns: int, asked_ns: int, bars: dict[int, bytes], problem: str
    ) -> None:
        """Take an answer; one that came too early, or is none, proves nothing."""
        if problem or asked_ns < until_ns + FINAL_NS:
            return
        closes = minute_closes(since_ns, until_ns)
        for number, bits in bars.items():
            self._asked.setdefault(number, set()).update(closes)
            self._traded.setdefault(number, set()).update(from_bits(closes, bits))

    def forget(self, until_ns: int) -> None:
        """Know nothing any more of minutes up to a time."""
        for known in (self._asked, self._traded):
            for number, closes in known.items():
                known[number] = {ts for ts in closes if ts > until_ns}

    def is_empty(self, number: int, opens_ns: int, closes_ns: int) -> bool:
        """Return whether it is proven that nobody traded in any minute of a bar."""
        if not self.was_asked(number, opens_ns, closes_ns):
            return False
        return self._traded[number].isdisjoint(minute_closes(opens_ns, closes_ns))

    def was_asked(self, number: int, opens_ns: int, closes_ns: int) -> bool:
        """Return whether all minutes of a bar were asked of."""
        asked = self._asked.get(number)
        closes = minute_closes(opens_ns, closes_ns) if asked else []
        return asked is not None and bool(closes) and asked.issuperset(closes)

    def empty(self, after_ns: int) -> dict[int, set[int]]:
        """Return by instrument the minutes that close after a time and nobody traded in."""
        return {
            number: {ts for ts in asked - self._traded[number] if ts > after_ns}
            for number, asked in self._asked.items()
        }

    @property
    def until_ns(self) -> int:
        """The last minute that was asked of; 0: none."""
        return max((max(asked) for asked in self._asked.values() if asked), default=0)


def minute_closes(since_ns: int, until_ns: int) -> list[int]:
    """Return when the minutes between two times close.

    Examples
    --------
    >>> [ns // 10**9 for ns in minute_closes(0, 150 * 10**9)]
    [60, 120, 150]
    """
    count = -(-(until_ns - since_ns) // NS_PER_MINUTE)
    return [min(since_ns + n * NS_PER_MINUTE, until_ns) for n in range(1, count + 1)]


def to_bits(closes: Sequence[int], has: Collection[int]) -> bytes:
    """Return a bit for each time, the first one lowest: whether it is among others.

    Examples
    --------
    >>> to_bits([60, 120, 180], {180, 60}).hex()
    '05'
    """
    value = sum(1 << n for n, ns in enumerate(closes) if ns in has)
    return value.to_bytes(-(-len(closes) // 8), "little")


def from_bits(closes: Sequence[int], bits: bytes) -> list[int]:
    """Return the times whose bits are set.

    Examples
    --------
    >>> from_bits([60, 120, 180], b"\\x05")
    [60, 180]
    """
    value = int.from_bytes(bits, "little")
    return [ns for n, ns in enumerate(closes) if value >> n & 1]


def bar_spans(open_ns: int, close_ns: int, width_ns: int) -> list[tuple[int, int]]:
    """Return open and close of each bar that a session has; one that is longer than it is its day's.

    Examples
    --------
    >>> bar_spans(0, 10, 4)
    [(0, 4), (4, 8), (8, 10)]
    """
    count = max(-(-(close_ns - open_ns) // width_ns), 1)
    opens = (open_ns + n * width_ns for n in range(count))
    return [(each, min(each + width_ns, close_ns)) for each in opens]
