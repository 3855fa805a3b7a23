"""Corporate actions that the venue has announced: splits and dividends, read whole over all pages.

Asked for by the day on which the venue processes them. That is the ex-date of a split; a dividend is
processed when it is paid, weeks after its ex-date, so whoever asks for dividends asks for later days too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

import msgspec

from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.pages import read_pages
from brokers.alpaca.wire import Unreadable

_PATH: Final = "/v1/corporate-actions"
_A_PAGE: Final = "1000"
_PAGES_MOST: Final = 100
_TYPES: Final = "forward_split,reverse_split,stock_dividend,cash_dividend"


class Split(msgspec.Struct, frozen=True):
    """`ratio` new units for one; a dividend in stock is one too."""

    symbol: str
    ex_day: date
    ratio: Fraction


class Dividend(msgspec.Struct, frozen=True):
    """Money for each unit that is held before the ex-date."""

    symbol: str
    ex_day: date
    amount: Decimal


CorporateAction: TypeAlias = Split | Dividend


class _Split(msgspec.Struct, frozen=True):
    symbol: str
    ex_date: date
    new_rate: Decimal
    old_rate: Decimal


class _Dividend(msgspec.Struct, frozen=True):
    symbol: str
    ex_date: date
    rate: Decimal


class _Actions(msgspec.Struct, frozen=True):
    forward_splits: list[_Split] = []
    reverse_splits: list[_Split] = []
    stock_dividends: list[_Dividend] = []
    cash_dividends: list[_Dividend] = []


class ActionsPage(msgspec.Struct, frozen=True):
    """One page of the answer; `next_page_token` where there is more."""

    corporate_actions: _Actions = _Actions()
    next_page_token: str | None = None

    def read(self) -> list[CorporateAction]:
        """Return its actions.

        Raises
        ------
        Unreadable
            If one of them is none.
        """
        told = self.corporate_actions
        splits = [*told.forward_splits, *told.reverse_splits]
        return [
            *(_split(each.symbol, each.ex_date, each.new_rate, each.old_rate) for each in splits),
            *(_split(x.symbol, x.ex_date, 1 + x.rate, Decimal(1)) for x in told.stock_dividends),
            *(_dividend(each) for each in told.cash_dividends),
        ]


async def read_actions(
    client: AlpacaClient, symbols: Sequence[str], first: date, last: date
) -> list[CorporateAction]:
    """Return the splits and dividends that are processed from one day to another, both included.

    Parameters
    ----------
    client
        At the address of market data; see `AlpacaClient`.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    query = {
        "symbols": ",".join(symbols),
        "types": _TYPES,
        "start": first.isoformat(),
        "end": last.isoformat(),
        "limit": _A_PAGE,
        "sort": "asc",
    }
    return await read_pages(client, _PATH, ActionsPage, query, _PAGES_MOST)


def _split(symbol: str, ex_day: date, new: Decimal, old: Decimal) -> Split:
    if not (new.is_finite() and old.is_finite() and new > 0 and old > 0 and new != old):
        raise Unreadable(f"a split of {symbol} of {new}:{old}")
    return Split(symbol, ex_day, Fraction(new) / Fraction(old))


def _dividend(told: _Dividend) -> Dividend:
    if not (told.rate.is_finite() and told.rate >= 0):
        raise Unreadable(f"a dividend of {told.symbol} of {told.rate}")
    return Dividend(told.symbol, told.ex_date, told.rate)
