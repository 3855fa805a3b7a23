"""What a venue's stream tells, message by message, until the connection breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from brokers.alpaca import market_wire, tick_wire
from brokers.alpaca.market_stream import MarketStream
from engine.model.units import INT64_MAX, NS_PER_SECOND
from engine.ports import FeedItem, NoticeKind
from runtime.feeds.venue_asking import look
from runtime.feeds.venue_line import VenueLine
from runtime.feeds.venue_state import VenueState
from runtime.feeds.wire import Refused

_TICK_SECONDS: Final = 0.1
_AHEAD_NS: Final = 5 * NS_PER_SECOND  # a quote of a time that is farther in the future is of none


async def listen(
    state: VenueState, line: VenueLine, stream: MarketStream, closed: asyncio.Event
) -> AsyncIterator[FeedItem]:
    """Yield what comes of one connection, until it breaks.

    Raises
    ------
    VenueError
        When it does.
    """
    is_first, minutes = True, state.minutes
    while not closed.is_set():
        async for item in look(state, line, is_first=is_first):
            yield item
        is_first = False
        for message in await stream.receive(_TICK_SECONDS):
            line.heard()
            for item in _hear(state, message):
                yield item
        limit_ns = state.announced.limit_ns
        if state.reach is not None:
            limit_ns = min(limit_ns, state.reach.limit_ns + 1)
            for item in minutes.confirm(min(state.told_ns, state.sure_until_ns)):
                yield item
        for item in minutes.whole(limit_ns):
            yield item
        is_past = minutes.next_ns > state.over_ns and not state.is_behind
        if state.notices.is_in_gap and is_past and not state.lacks_actions:
            text = "the stream has told what was missing"
            yield state.notices.filled(text, minutes.sure_ns)
        if minutes.is_waiting:
            state.wait()
        elif not state.wish.is_daily:
            state.waits_since_ns = None


def _hear(state: VenueState, message: market_wire.MarketMessage) -> list[FeedItem]:
    """Take one message of the stream."""
    minutes, time = state.minutes, state.time
    match message:
        case market_wire.Bar():
            bar = state.messages.bar(message)
            if bar is not None:
                state.prices.heard(bar.symbol, bar.ts)
                state.heard_ns = max(state.heard_ns, bar.ts)
                return minutes.hear(bar, time.received_ns(bar.ts))
        case tick_wire.Quote() | tick_wire.Trade():
            return _hear_tick(state, message)
        case tick_wire.Revision():
            return [state.notices.note(NoticeKind.REVISED, _revised(message))]
        case market_wire.Status():
            status = state.messages.status(message)
            if status is not None:
                return minutes.hear_action(status, time.received_ns(status.ts))
        case market_wire.DayBar():  # the day may be over: the clock is looked at
            state.wait()
        case market_wire.Unread():
            return [minutes.refuse(Refused(message.reason, symbol=message.symbol))]
        case _:
            pass
    return []


def _hear_tick(state: VenueState, tick: tick_wire.Quote | tick_wire.Trade) -> list[FeedItem]:
    """Take a quote or a print of the stream; it is decided on with the rest of its frame."""
    assert state.reach is not None, "nobody has asked for it"
    time = state.time
    state.prices.heard(tick.symbol, tick.ts_ns)
    latest_ns = time.now_ns() + _AHEAD_NS if time.is_real else INT64_MAX
    found = state.ticks.take(state.minutes, tick, time.received_ns(tick.ts_ns), latest_ns)
    if isinstance(found, int):
        state.heard_ns = max(state.heard_ns, found)
        state.told_ns = state.reach.told(found)
        return []
    return found


def _revised(revision: tick_wire.Revision) -> str:
    what = "taken back" if revision.after is None else f"corrected to {revision.after}"
    return f"a print of {revision.symbol} at {revision.before} was {what}: the decisions stand"
