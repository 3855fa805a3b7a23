"""Protection in the reference model: orders as large as the position, or an exception counted and timed.

A position that an entry's signal opened is protected by the bracket's stop. Lots that no proven order
protects are an exception: it is recorded when it begins and when it ends, and a person is told of it
once, when it has lasted longer than allowed in open hours and no exit works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.reference.trading_closing import Said
from tests.reference.trading_desk import Hours

UNPROTECTED = 201


@dataclass(frozen=True)
class Guarding:
    """A protective order as the broker's word proves it."""

    total: int
    filled: int
    armed: int
    waits_for_entry: bool  # its entry works still: it protects what has been filled of that
    is_proven: bool  # the broker has taken it

    @property
    def lots(self) -> int:
        """What it closes for certain."""
        if self.waits_for_entry:
            return max(min(self.total, self.armed) - self.filled, 0)
        return max(self.total - self.filled, 0) if self.is_proven else 0


@dataclass
class Bare:
    """Lots without protection."""

    since: int
    due: int | None  # when that is for too long; None: not while the market is closed
    is_told: bool = False


@dataclass
class ReferenceProtection:
    """The exceptions of all instruments."""

    within: int  # ns that lots may be bare; 0: nobody is told
    count: int = 0

    def __post_init__(self) -> None:
        self.bare: dict[int, Bare] = {}

    def look(
        self,
        i: int,
        now: int,
        trip: int,
        lots: int,
        orders: Sequence[Guarding],
        hours: Hours,
        *,
        may_tell: bool,
    ) -> list[Said]:
        """Look at a position of `lots` that is to be protected (0: none is); return what is recorded."""
        missing = max(lots - sum(order.lots for order in orders), 0)
        known = self.bare.get(i)
        if missing and known is None:
            self.count += 1
            self.bare[i] = Bare(now, self._due(now, hours))
            return [("protection", now, i, trip, missing, 1, now, self.count)]
        if not missing and known is not None:
            del self.bare[i]
            return [("protection", now, i, trip, 0, 0, known.since, self.count)]
        if missing and known is not None and self.within and not known.is_told:
            return self._tell(i, now, trip, missing, known, hours, may_tell=may_tell)
        return []

    def _tell(
        self, i: int, now: int, trip: int, missing: int, bare: Bare, hours: Hours, *, may_tell: bool
    ) -> list[Said]:
        if bare.due is None:
            bare.due = self._due(now, hours)
        if bare.due is None or bare.due > now or not may_tell:
            return []
        bare.is_told = True
        return [("unprotected", now, i, trip, missing)]

    def _due(self, now: int, hours: Hours) -> int | None:
        """Return when a wait in open hours ends; one that the close cuts does not before it opens."""
        due = now + self.within
        if hours.is_closed or now < hours.closes < due:
            return None
        return due
