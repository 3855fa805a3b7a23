"""`ReplayFeed`: recorded data as a feed, at any speed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from data.history import History
from data.streams import HistoryStream
from engine.errors import InputError
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import NS_PER_SECOND
from engine.ports import Clock, EvidenceClass, FeedItem, Slice, TimePassed
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
        if speed is not None and not 0 < speed < float("inf"):
            raise InputError(f"the speed must be greater than zero, not {speed}", where="speed")
        self._rows, self._clock, self._speed = rows, clock, speed

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

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        """Yield the slices after the first `after` ones, and when paced, that time passes between them."""
        pace: _Pace | None = None
        for number, one in enumerate(_slices(self._rows.blocks(after))):
            if self._speed is None:
                if number % _TURN_SLICES == 0:
                    await self._clock.sleep(0)
            else:
                pace = pace or _Pace(self._clock, self._speed, one.ts_ns)
                while not pace.is_due(one.ts_ns):
                    now_ns = await pace.wait(one.ts_ns)
                    if now_ns is not None:
                        yield TimePassed(now_ns)
            yield one

    async def close(self) -> None:
        """Hold nothing, so give nothing back."""


def _slices(blocks: Iterator[Block]) -> Iterator[Slice]:
    for block in blocks:
        starts, times = block.starts.tolist(), block.events[:, at.EVENT_TS]
        for n, first in enumerate(starts[:-1]):
            rows = block.events[first : starts[n + 1]].copy()
            yield Slice(int(times[first]), rows, block.first + n + 1)


class _Pace:
    """The clock's time as a time of the data."""

    def __init__(self, clock: Clock, speed: float, first_ns: int) -> None:
        self._clock, self._speed = clock, speed
        self._first_ns, self._started_ns = first_ns, clock.monotonic_ns()

    def is_due(self, ts_ns: int) -> bool:
        return self._now_ns() >= ts_ns

    async def wait(self, ts_ns: int) -> int | None:
        """Wait until a time or for a tick; return the time that then has passed, if before it."""
        left = (ts_ns - self._now_ns()) / NS_PER_SECOND / self._speed
        await self._clock.sleep(min(max(left, 0.0), TICK_SECONDS))
        now_ns = self._now_ns()
        return now_ns if now_ns < ts_ns else None

    def _now_ns(self) -> int:
        elapsed_ns = self._clock.monotonic_ns() - self._started_ns
        if self._speed == 1.0:
            return self._first_ns + elapsed_ns
        return self._first_ns + int(elapsed_ns * self._speed)
