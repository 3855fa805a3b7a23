"""`TickReach`: up to when a venue's quotes and prints are known, and what of its history is to be read. Pure.

A stream repeats nothing, so what came before it, or while it was torn, is read from the history, in
stretches short enough that each can be decided on before the next is read. From then on a real stream tells
everything, and time goes on by the clock. Of a rehearsal, whose time may be fast, is known what its stream
has told up to, and what its history was read up to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.model.units import INT64_MAX, NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND
from runtime.feeds.arrivals import Hours

STRETCH_NS: Final = 10 * NS_PER_MINUTE  # at first, ...
_LAG_NS: Final = 2 * NS_PER_SECOND
_LONGEST_NS: Final = 64 * STRETCH_NS
_FEW: Final = 5_000  # ... then twice as long after one with fewer quotes and prints, ...
_MANY: Final = 50_000  # ... half of it after one with more
FARTHEST_NS: Final = 5 * NS_PER_DAY  # nobody reads further back than that


class TickReach:
    """See the module.

    Parameters
    ----------
    calendars
        Of the instruments.
    known_ns
        Up to when all is known at first.
    is_real
        The venue's time is the world's.
    """

    def __init__(self, calendars: Sequence[str], known_ns: int, *, is_real: bool) -> None:
        self._hours = [Hours(name) for name in dict.fromkeys(calendars)]
        self._known_ns, self._is_real, self._length_ns = known_ns, is_real, STRETCH_NS
        self.is_behind = True  # something before the stream is to be read

    @property
    def limit_ns(self) -> int:
        """Up to when may be decided on."""
        return INT64_MAX if self._is_real and not self.is_behind else self._known_ns

    def lost(self) -> None:
        """The stream is gone, or in doubt: what comes from now on is to be read."""
        self.is_behind = True

    def told(self, ts_ns: int) -> int:
        """Note that the stream has told something of a time; return up to when may be decided on by that.

        Of a rehearsal more may come of the same time, and nobody waits for it.
        """
        if self.is_behind:
            return self._known_ns
        self._known_ns = max(self._known_ns, ts_ns - (not self._is_real))
        return self._known_ns

    def forget(self, now_ns: int) -> int:
        """Give up what is too long ago; return since when all will be known, 0 where nothing is lost."""
        since_ns = now_ns - FARTHEST_NS
        if self._known_ns >= since_ns:
            return 0
        self._known_ns = since_ns
        return since_ns

    def stretch(self, now_ns: int) -> tuple[int, int] | None:
        """Return what is to be read next, both ends included; None where the market was closed since.

        What it returns is known as soon as `read` is told so.
        """
        spans = [hours.next(self._known_ns) for hours in self._hours]
        start_ns = max(self._known_ns + 1, min(open_ns for open_ns, _ in spans))
        if start_ns > now_ns:
            return None
        return start_ns, min(now_ns, start_ns + self._length_ns)

    def read(self, until_ns: int, now_ns: int, count: int) -> None:
        """Note up to when the history was read, and how much of it; `now_ns` is when it was asked."""
        is_whole = until_ns >= now_ns
        # The history lags behind the stream: its last moment is read again, where something is to be read.
        self._known_ns = max(self._known_ns, until_ns - _LAG_NS * (is_whole and self._is_real))
        if count < _FEW:
            self._length_ns = min(2 * self._length_ns, _LONGEST_NS)
        elif count > _MANY:
            self._length_ns //= 2
        self.is_behind = self.is_behind and not is_whole
