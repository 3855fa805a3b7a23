"""Quotes and prints that a venue's stream has not told, read from its history in stretches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from brokers.alpaca.history import read_ticks
from engine.errors import VenueError
from engine.model.units import NS_PER_SECOND
from engine.ports import FeedItem, NoticeKind
from runtime.feeds.tick_reach import TickReach
from runtime.feeds.venue_line import VenueLine
from runtime.feeds.venue_state import VenueState


def wants_ticks(state: VenueState, reach: TickReach, line: VenueLine) -> bool:
    """Return whether quotes and prints are to be read; a stream that is long silent is doubted."""
    if not line.may_ask:
        return False
    time = state.time
    if not time.is_real:
        is_past = reach.is_behind or time.passed_ns() > reach.limit_ns
        return is_past and not is_clock_before(state, line)
    quiet_ns = round(state.settings.held_seconds * NS_PER_SECOND)
    is_quiet = time.is_open and state.clock.monotonic_ns() - line.spoke_ns > quiet_ns
    if not state.wish.has_bars and line.stream is not None and is_quiet:
        reach.lost()  # is there nothing to say, or is it mute?
    return reach.is_behind and (line.stream is not None or is_quiet)


def is_clock_before(state: VenueState, line: VenueLine) -> bool:
    """Return whether a rehearsal's clock was last read before this connection's stream began to speak."""
    since_ns = state.clock.monotonic_ns() - line.connected_ns
    return not state.time.is_real and state.time.is_older_than(since_ns / NS_PER_SECOND)


async def ask_ticks(
    state: VenueState, reach: TickReach, line: VenueLine, *, is_first: bool
) -> AsyncIterator[FeedItem]:
    """Read a stretch of the quotes and prints that are not known, and yield what is sure then.

    Raises
    ------
    VenueError
        If the venue refuses our keys, or its stream is mute.
    """
    stream, notices, minutes = line.stream, state.notices, state.minutes
    now_ns, line.spoke_ns = state.time.passed_ns(), state.clock.monotonic_ns()
    if stream is not None and state.time.is_real:
        stream.is_silent = True  # so long that the history is asked what it does not tell
    if lost_ns := reach.forget(now_ns):
        yield notices.note(NoticeKind.LOST, "quotes and prints of long ago are not read", lost_ns)
    stretch, count = reach.stretch(now_ns), 0
    if stretch is not None:
        is_missed = not state.is_new if is_first else _is_old(state, now_ns - stretch[0])
        if is_missed and not notices.is_in_gap:
            yield notices.gap("quotes and prints of before are read", stretch[0])
        wish = state.wish
        try:
            ticks = await read_ticks(
                line.data,
                wish.symbols,
                *stretch,
                has_quotes=wish.has_quotes,
                has_trades=wish.has_trades,
                feed=wish.feed,
            )
        except VenueError as error:
            if not notices.is_in_gap:
                text = f"quotes and prints cannot be read: {error.problem}"
                yield notices.gap(text, stretch[0])
            line.put_off(error)
            return
        received_ns = state.time.received_ns(now_ns)
        for tick in ticks:
            state.prices.heard(tick.symbol, tick.ts_ns)
            found = state.ticks.take(minutes, tick, received_ns)
            count += isinstance(found, int)
            for item in [] if isinstance(found, int) else found:
                yield item
    reach.read(now_ns if stretch is None else stretch[1], now_ns, count)
    for item in minutes.confirm(min(state.over_ns, state.sure_until_ns)):
        yield item
    if stream is None:
        reach.lost()
        return
    if reach.is_behind or state.wish.has_bars:
        return
    if notices.is_in_gap:
        yield notices.filled(f"quotes and prints of before were read: {count}", now_ns)
    line.require_voice(stream, count)


def _is_old(state: VenueState, age_ns: int) -> bool:
    return state.time.is_real and age_ns > state.settings.grace_seconds * NS_PER_SECOND
