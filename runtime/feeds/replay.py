"""`ReplayFeed`: recorded data as a feed, at any speed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from data.history import History
from data.streams import HistoryStream
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Clock, EvidenceClass, FeedItem, Slice, TimePassed
from runtime.feeds.pace import Pace, require_speed
from runtime.feeds.rows import Block, ReplayRows, replay_rows

TICK_SECONDS = 1.0  # of the clock: so often a paced feed tells that time passes
_TURN_SLICES = 256  # then other tasks have a turn


class ReplayFeed:
    """The slices of a backtest, one after the other; an `engine.ports.Feed`.

    The same rows in the same order as a backtest over the data. What decides on them decides the same.

    Parameters
    ----------
    rows
        See `runtime.feeds.rows.replay_rows`.
    clock
        Whose time passes between slices.
    speed
        Seconds of the data in a second of the clock; None: as fast as they are taken.
    """

    def __init__(self, rows: ReplayRows, clock: Clock, *, speed: float | None = None) -> None:
        require_speed(speed)
        self._rows, self._clock, self._speed = rows, clock, speed
        self._now_ns: int | None = None

    @staticmethod
    def over(
        market: History | HistoryStream,
        clock: Clock,
        *,
        speed: float | None = None,
        trading: bool = False,
        marks: bool = True,
    ) -> ReplayFeed:
        """Return a feed over a history, or over a stream of what is larger than memory.

        Parameters
        ----------
        trading, marks
            See `runtime.feeds.rows.replay_rows`.
        """
        return ReplayFeed(replay_rows(market, trading=trading, marks=marks), clock, speed=speed)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "replay"

    @property
    def evidence(self) -> EvidenceClass:
        """It is no market, whatever its speed."""
        return EvidenceClass.REHEARSAL

    @property
    def instruments(self) -> Sequence[Instrument]:
        """The instruments, by the numbers of the rows."""
        return self._rows.instruments

    def slice_at(self, cursor: int) -> Slice | None:
        """Return the slice with a cursor, None past the end."""
        return next(_slices(self._rows.blocks(cursor - 1)), None)

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield the slices after the first `after` ones, and when paced, that time passes between them."""
        pace: Pace | None = None
        for number, one in enumerate(_slices(self._rows.blocks(after))):
            if self._speed is None:
                if number % _TURN_SLICES == 0:
                    await self._clock.sleep(0)
            else:
                pace = pace or Pace(self._clock, self._speed, one.ts_ns)
                now_ns = pace.now_ns()
                while now_ns < one.ts_ns:
                    wait = pace.seconds_between(now_ns, one.ts_ns)
                    await self._clock.sleep(min(wait, TICK_SECONDS))
                    now_ns = pace.now_ns()
                    if now_ns < one.ts_ns:
                        yield TimePassed(now_ns)
            self._now_ns = one.ts_ns
            yield one

    def venue_now_ns(self) -> int | None:
        """Return the time that has been played to."""
        return self._now_ns

    async def close(self) -> None:
        """Hold nothing, so give nothing back."""


def _slices(blocks: Iterator[Block]) -> Iterator[Slice]:
    for block in blocks:
        starts, times = block.starts.tolist(), block.events[:, at.EVENT_TS]
        for n, first in enumerate(starts[:-1]):
            rows = block.events[first : starts[n + 1]].copy()
            yield Slice(int(times[first]), rows, block.first + n + 1)
