"""`VenueState`: what a venue's feed knows, up to when that is sure, and what it waits for. It asks nobody."""

from __future__ import annotations

from dataclasses import dataclass

from brokers.alpaca.market_stream import Wish
from engine.model.units import INT64_MAX
from engine.ports import Clock
from runtime.feeds.announced import Announced
from runtime.feeds.held_prices import HeldPrices
from runtime.feeds.minutes import MinuteAssembler
from runtime.feeds.notices import VenueNotices
from runtime.feeds.settings import StreamSettings
from runtime.feeds.silent_minutes import SilentMinutes
from runtime.feeds.tick_intake import TickIntake
from runtime.feeds.tick_reach import TickReach
from runtime.feeds.venue_messages import VenueMessages
from runtime.feeds.venue_time import VenueTime
from runtime.feeds.warming import Warming


@dataclass(slots=True, kw_only=True)
class VenueState:
    """What outlives a connection."""

    wish: Wish
    settings: StreamSettings
    clock: Clock
    time: VenueTime
    messages: VenueMessages
    ticks: TickIntake
    prices: HeldPrices
    notices: VenueNotices
    minutes: MinuteAssembler
    announced: Announced
    warming: Warming | None  # what is to be read of before, first of all
    reach: TickReach | None  # of quotes and prints, where they are read
    begun_ns: int  # monotonic
    is_new: bool  # nothing was missed yet
    silent: SilentMinutes | None  # minutes of which no bar has come, where it reads minutes
    heard_ns: int = 0  # the latest time that the stream has told of
    told_ns: int = 0  # up to when quotes and prints may be decided on by what has come
    silent_failures: int = 0  # in a row, to ask the history of them
    silent_after_ns: int = 0  # monotonic; it is not asked before
    waits_since_ns: int | None = None  # monotonic; something came that cannot be decided on yet

    @property
    def is_behind(self) -> bool:
        """Whether quotes or prints of before are to be read yet."""
        return self.reach is not None and self.reach.is_behind

    @property
    def now_ns(self) -> int:
        """The venue's time: a rehearsal's clock may be behind what its stream has told."""
        return max(self.time.now_ns(), self.heard_ns)

    @property
    def over_ns(self) -> int:
        """Up to when all is known that the stream or the history can be expected to tell."""
        limit_ns = INT64_MAX if self.reach is None else self.reach.limit_ns
        return min(self.time.over_ns(self.settings.grace_seconds), limit_ns)

    @property
    def sure_until_ns(self) -> int:
        """Up to when may be decided on, if nothing more is to come of that time."""
        return min(self.minutes.next_ns, self.announced.limit_ns) - 1

    @property
    def lacks_actions(self) -> bool:
        """Whether nothing may be decided on before corporate actions are read."""
        return self.announced.limit_ns <= self.now_ns

    def lost(self) -> None:
        """The connection is gone: what comes meanwhile is missed."""
        if self.reach is not None:
            self.reach.lost()
            self.is_new = False

    def wait(self) -> None:
        """Something has come that cannot be decided on yet."""
        self.waits_since_ns = self.waits_since_ns or self.clock.monotonic_ns()
