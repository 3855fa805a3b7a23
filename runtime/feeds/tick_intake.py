"""`TickIntake`: a venue's quotes and prints, taken one by one into what is decided on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from brokers.alpaca.tick_wire import Quote, Trade
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import INT64_MAX
from engine.ports import FeedItem, NoticeKind
from runtime.feeds.minutes import MinuteAssembler
from runtime.feeds.venue_ticks import VenueTicks
from runtime.feeds.wire import Refused

_LATES_TOLD: Final = 1_000  # so many that came late are told as one


class TickIntake:
    """See the module.

    Parameters
    ----------
    counts
        Where notices are counted.
    """

    def __init__(self, instruments: Sequence[Instrument], counts: Counter[NoticeKind]) -> None:
        self._ticks = VenueTicks(instruments)
        self._counts = counts

    def take(
        self,
        minutes: MinuteAssembler,
        tick: Quote | Trade,
        received_ns: int,
        latest_ns: int = INT64_MAX,
    ) -> int | list[FeedItem]:
        """Keep a quote or a print; return the time that it got, or what is to be said of it.

        Parameters
        ----------
        latest_ns
            What has a later time is refused.
        """
        found = self._ticks.row(tick, minutes.sure_ns, latest_ns)
        match found:
            case list():
                ts_ns = found[at.EVENT_TS]
                minutes.hear_tick(found, max(received_ns, ts_ns))
                return ts_ns
            case Refused():
                return [minutes.refuse(found)]
            case NoticeKind.LATE if self._counts[NoticeKind.LATE] % _LATES_TOLD == 0:
                text = f"quotes or prints came late, of {tick.symbol} at last"
                return [minutes.note(NoticeKind.LATE, text)]
            case NoticeKind():
                self._counts[found] += 1
            case None:
                pass
        return []
