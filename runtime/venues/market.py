"""From an account at a venue and a strategy's data to a feed of its market."""

from __future__ import annotations

from typing import Final

from data.history import History
from engine.errors import InputError
from engine.model.instruments import InstrumentKind
from engine.model.units import NS_PER_DAY
from engine.ports import Clock
from runtime.backtest.clockwork import Clockwork, clockwork_of
from runtime.feeds.joining import kind_of_bars
from runtime.feeds.settings import StreamSettings
from runtime.feeds.venue import VenueFeed
from runtime.venues.accounts import AlpacaAccount

_DAYS_AHEAD: Final = 3 * 366


def open_venue_feed(
    account: AlpacaAccount,
    history: History,
    clock: Clock,
    *,
    trading: bool,
    settings: StreamSettings | None = None,
) -> VenueFeed:
    """Return the feed of a strategy's instruments: its data say which bars it reads.

    Raises
    ------
    InputError
        If the venue does not tell such bars, or does not have such instruments.
    """
    for each in history.instruments:
        if each.kind is not InstrumentKind.EQUITY or each.currency != "USD":
            raise InputError(
                f"{each.symbol} is {each.kind.value} in {each.currency}",
                where="--feed",
                remedy="this feed tells shares in USD",
                code="feed.unknown_instrument",
            )
    return VenueFeed(
        account.urls,
        account.keys,
        history.instruments,
        clock,
        source=account.market_data,
        bars=kind_of_bars(history),
        trading=trading,
        settings=settings,
    )


def clockwork_ahead(history: History, clock: Clock) -> Clockwork:
    """Return the calendars with every session from the beginning of some data to some years from now."""
    span = history.span_ns()
    assert span is not None
    behind = max(clock.now_ns() - span[1], 0) // NS_PER_DAY
    return clockwork_of(history, days_after=behind + _DAYS_AHEAD)
