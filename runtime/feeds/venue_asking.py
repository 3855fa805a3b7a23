"""What a venue is asked for besides its stream, and when: its time, corporate actions, what is missing, prices.

All of it is looked after again and again, with a stream and without one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from brokers.alpaca.actions import read_actions
from brokers.alpaca.budget import Use
from brokers.alpaca.latest import read_latest
from engine.errors import VenueError
from engine.model.units import NS_PER_SECOND
from engine.ports import FeedItem, NoticeKind
from runtime.feeds.minutes import NS_PER_NUMBER
from runtime.feeds.venue_bars import CLOCK_SECONDS_MIN, ask_bars, is_long_due, wants_bars
from runtime.feeds.venue_line import VenueLine
from runtime.feeds.venue_past_ticks import ask_ticks, is_clock_before, wants_ticks
from runtime.feeds.venue_silence import ask_silent, silent_stretch
from runtime.feeds.venue_state import VenueState

# Between two looks at the venue's clock, which are spent of the account's requests: real, or not.
_CLOCK_SECONDS: Final = {True: 15.0, False: 2.0}


async def look(
    state: VenueState, line: VenueLine, *, is_first: bool = True
) -> AsyncIterator[FeedItem]:
    """Ask what is due to be asked, and yield what is sure by now.

    Parameters
    ----------
    is_first
        Of a connection, or there is none: what is read now was missed.

    Raises
    ------
    VenueError
        If the venue refuses our keys, or its stream is mute.
    """
    if _wants_clock(state, line) and line.trading.budget.has_room(Use.DATA):
        await _try_clock(state, line)
    if state.lacks_actions and line.may_ask:
        for item in await _ask_actions(state, line):
            yield item
    if state.reach is not None and wants_ticks(state, state.reach, line):
        async for item in ask_ticks(state, state.reach, line, is_first=is_first):
            yield item
    if wants_bars(state, line):
        is_gap = is_first or is_long_due(state)
        async for item in ask_bars(state, line, is_gap=is_gap):
            yield item
    for item in await _ask_prices(state, line):
        yield item
    if (stretch := silent_stretch(state, line)) is not None:
        told = await ask_silent(state, line, stretch)
        if told is not None:
            yield told
    for item in state.minutes.confirm(min(state.over_ns, state.sure_until_ns)):
        yield item


# --- Time ---------------------------------------------------------------------------------------------
def _wants_clock(state: VenueState, line: VenueLine) -> bool:
    time = state.time
    if time.is_older_than(_CLOCK_SECONDS[time.is_real]):
        return True
    if state.is_behind and is_clock_before(state, line):
        return True
    if time.is_real or state.waits_since_ns is None:
        return False
    waited_ns = state.clock.monotonic_ns() - state.waits_since_ns
    is_long = waited_ns > state.settings.disorder_seconds * NS_PER_SECOND
    return (is_long or state.wish.is_daily) and time.is_older_than(CLOCK_SECONDS_MIN)


async def _try_clock(state: VenueState, line: VenueLine) -> None:
    """Look at the clock; one that does not answer is asked again."""
    if state.wish.is_daily:
        state.waits_since_ns = None
    try:
        await line.read_clock(state.time)
    except VenueError as error:
        if error.is_authorization:
            raise


# --- Corporate actions --------------------------------------------------------------------------------
async def _ask_actions(state: VenueState, line: VenueLine) -> list[FeedItem]:
    """Read the corporate actions up to now; where that cannot be, no bar is decided on."""
    announced, minutes = state.announced, state.minutes
    now_ns, sure_ns = state.now_ns, minutes.sure_ns
    try:
        actions = await read_actions(line.data, state.wish.symbols, *announced.days(now_ns))
    except VenueError as error:
        line.put_off(error)
        text = f"corporate actions cannot be read: {error.problem}"
        return [] if state.notices.is_in_gap else [state.notices.gap(text, minutes.next_ns)]
    line.answered()
    found: list[FeedItem] = []
    for message in announced.read(actions, now_ns, sure_ns):
        found += minutes.hear_action(message, state.time.received_ns(message.ts))
    return found


# --- Prices of what is held ---------------------------------------------------------------------------
async def _ask_prices(state: VenueState, line: VenueLine) -> list[FeedItem]:
    """Ask what that costs which is held and silent; the answers wait for what was before them."""
    if not state.time.is_open or not (since_ns := state.prices.due()):
        return []
    if not line.data.budget.has_room(Use.DATA):
        return []
    state.prices.asked()
    try:
        found = await read_latest(line.data, since_ns, feed=state.wish.feed)
    except VenueError as error:
        text = f"the prices of {', '.join(since_ns)} cannot be asked for: {error.problem}"
        return [state.notices.note(NoticeKind.REFUSED, text)]
    ts_ns = max(state.now_ns, state.minutes.sure_ns) // NS_PER_NUMBER + 1
    for price in found:
        message = state.messages.price(price, ts_ns * NS_PER_NUMBER)
        if message is not None:
            state.minutes.hear_price(message, state.time.received_ns(message.ts))
    return []
