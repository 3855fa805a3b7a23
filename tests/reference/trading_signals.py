"""Signals a second time: what speaks against one, from plain values; docs/explain/risk.md section 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

F = Fraction
USABLE = 1000
CONFIRMED = 2 * 10**9  # ns
COLLAR = F(5, 100)


@dataclass
class Instrument:
    """What the market has shown of an instrument, and what works in it."""

    last: Fraction
    seen: int  # ns
    tick: Fraction
    bid: Fraction | None = None  # of the last mark, if that was a quote
    ask: Fraction | None = None
    bar_length: int = 0  # of the last mark, if that was a bar
    is_halted: bool = False
    is_settled: bool = False
    suspect_since: int | None = None
    free_from: int = 0  # ns: the end of its lock and its rest
    held: int = 0
    exit_works: bool = False
    entry_works: bool = False
    wants_flat: bool = False
    taken: dict[int, int] = field(default_factory=dict)  # by side: the last decision time

    def hold(self, quantity: int) -> None:
        """Hold so much; the wish to be flat ends with the trip, at flat or past it."""
        if quantity * self.held <= 0:
            self.wants_flat = False
        self.held = quantity

    def mark(self, price: Fraction, now: int, *, by_bar: bool = False) -> None:
        """Take a price; one far from the one before it is suspect."""
        far = abs(price - self.last)
        is_far = far > self.tick and far > COLLAR * self.last
        self.suspect_since = now if is_far and not by_bar else None
        self.last, self.seen, self.bid, self.ask, self.bar_length = price, now, None, None, 0


@dataclass
class Desk:
    """One account: what its file asks of a signal (`None`: nothing), and its calendar."""

    min_edge: Fraction | None = None
    is_probability: bool = False
    min_confidence: Fraction | None = None
    has_goal: bool = False
    expiry: int = 0
    first: int = 0
    last: int = 0
    quote_age: int = 0
    now: int = 0
    is_open: bool | None = None  # None: nobody has said
    opened: int = 0
    closes: int | None = None
    known: dict[str, Instrument] = field(default_factory=dict)

    def judge(
        self, symbol: str, side: int, decided: int, said: Mapping[str, Fraction]
    ) -> list[str]:
        """Return all that speaks against a signal, in order; a question mark: it cannot be told."""
        one = self.known[symbol]
        no = [] if one.last > 0 else ["no_market_price"]
        found = {
            "signal_not_finite": self.lacks(said),
            "signal_duplicate": one.taken.get(side, -1) >= decided,
            "signal_expired": self.expiry > 0 and self.now - decided > self.expiry,
            "market_not_open": self.hours(one),
            "price_stale": self.stale(one),
            "edge_too_small": self.edge(one, side, said),
            "confidence_too_small": self.confidence(said),
            "instrument_busy": one.exit_works
            or one.entry_works
            or (one.wants_flat and side * one.held >= 0),
            "locked": self.now < one.free_from,
            "suspect_price": one.suspect_since is not None
            and self.now < one.suspect_since + CONFIRMED,
        }
        no += [
            name + ("?" if says is None else "")
            for name, says in found.items()
            if says is not False
        ]
        one.taken[side] = max(decided, one.taken.get(side, decided))
        one.entry_works = one.entry_works or not no
        return no

    def lacks(self, said: Mapping[str, Fraction]) -> bool | None:
        """Return None where something that the file asks for is missing or cannot be meant."""
        edge, confidence = said.get("edge", said.get("p")), said.get("confidence")
        if self.min_edge is not None:
            if edge is None or abs(edge) > USABLE:
                return None
            if self.is_probability and not 0 <= edge <= 1:
                return None
        if self.min_confidence is not None and (confidence is None or abs(confidence) > USABLE):
            return None
        return None if self.has_goal and said.get("goal", F(0)) <= 0 else False

    def hours(self, one: Instrument) -> bool | None:
        """Return whether the market is closed to entries now: half-open from the open, and to the close."""
        if one.is_halted or one.is_settled or self.is_open is False:
            return True
        if self.first > 0:
            if self.is_open is None:
                return None
            if self.now < self.opened + self.first:
                return True
        if self.last > 0:
            if self.closes is None:
                return None
            if self.closes - self.last <= self.now < self.closes:
                return True
        return False

    def stale(self, one: Instrument) -> bool | None:
        """Return whether the last price is too old; a bar's may be as old as two of its bars."""
        if one.last <= 0:
            return None
        limit = max(self.quote_age, 2 * one.bar_length)
        return self.quote_age > 0 and self.now - one.seen > limit

    def edge(self, one: Instrument, side: int, said: Mapping[str, Fraction]) -> bool | None:
        """Return whether the edge does not exceed the least one."""
        if self.min_edge is None:
            return False
        edge = said.get("edge", said.get("p"))
        if edge is None:
            return None
        if self.is_probability:
            paid = (one.ask if side > 0 else one.bid) if one.bid is not None else one.last
            assert paid is not None
            if paid <= 0:
                return None
            edge = edge - paid if side > 0 else paid - edge
        return edge <= self.min_edge

    def confidence(self, said: Mapping[str, Fraction]) -> bool | None:
        """Return whether the confidence does not exceed the least one."""
        if self.min_confidence is None:
            return False
        given = said.get("confidence")
        return None if given is None else given <= self.min_confidence
