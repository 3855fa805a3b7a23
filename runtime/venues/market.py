"""From an account at a venue and a strategy's data to a feed of its market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from brokers.alpaca.coins import is_coin
from brokers.alpaca.data_paths import CRYPTO
from data.history import History
from engine.errors import InputError
from engine.lang.program import Program
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY
from engine.ports import Clock
from runtime.backtest.clockwork import Clockwork, clockwork_of, first_ns
from runtime.feeds.joining import kind_of_data
from runtime.feeds.settings import StreamSettings
from runtime.feeds.venue import VenueFeed
from runtime.feeds.warming import Warming
from runtime.venues.market_access import AlpacaMarket

_DAYS_AHEAD: Final = 3 * 366


def open_venue_feed(
    account: AlpacaMarket,
    history: History,
    clock: Clock,
    *,
    trading: bool,
    formulas: Program | None = None,
    settings: StreamSettings | None = None,
) -> VenueFeed:
    """Return the feed of a strategy's instruments: its data say which bars it reads.

    Parameters
    ----------
    formulas
        Of the strategy: a new session begins with the bars that they need.

    Raises
    ------
    InputError
        If the venue does not tell such bars, or does not have such instruments.
    """
    return VenueFeed(
        account.urls,
        account.keys,
        history.instruments,
        clock,
        source=source_of(history.instruments, account.market_data),
        data=kind_of_data(history),
        trading=trading,
        formulas=formulas,
        settings=settings,
    )


def source_of(instruments: Sequence[Instrument], market_data: str) -> str:
    """Return which of the venue's feeds tells some instruments.

    Parameters
    ----------
    market_data
        That of shares, as the workspace says it.

    Raises
    ------
    InputError
        If it tells one of them not, or not all of them together.
    """
    for each in instruments:
        is_told = each.kind is InstrumentKind.EQUITY or is_coin(each)
        if not is_told or each.currency != "USD":
            raise InputError(
                f"{each.symbol} is {each.kind.value} in {each.currency}",
                where="--feed",
                remedy="this feed tells shares in USD, and coins by their pair with USD (BTC/USD)",
                code="feed.unknown_instrument",
            )
    coins = [each.symbol for each in instruments if is_coin(each)]
    if not coins:
        return market_data
    if len(coins) < len(instruments):
        raise InputError(
            f"it tells shares and coins apart, and the strategy has both ({coins[0]} is a coin)",
            where="--feed",
            remedy="make a strategy of each",
            code="feed.mixed",
        )
    return CRYPTO


def clockwork_ahead(history: History, clock: Clock, formulas: Program | None = None) -> Clockwork:
    """Return the calendars with every session from the beginning of some data to some years from now.

    Where a venue's history is read for formulas, from before it.
    """
    span = history.span_ns()
    assert span is not None
    behind = max(clock.now_ns() - span[1], 0) // NS_PER_DAY
    since_ns = first_ns(history)
    bars = None if formulas is None else kind_of_data(history).bars
    if formulas is not None and bars is not None:
        since_ns = Warming(formulas, history.instruments, bars, since_ns).earliest_ns
    return clockwork_of(history, days_after=behind + _DAYS_AHEAD, since_ns=since_ns)
