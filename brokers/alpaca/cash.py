"""What has moved an account's cash beside fills: fees, interest, dividends, transfers, read whole over all pages.

The venue calls these activities. They have a day and no time, and some are booked days after that day; so what
is read goes back a month behind the newest that is known. Their ids begin with the moment of booking.

Of a coin that is bought the venue keeps its fee: an activity CFEE with a quantity and no amount. Of one that is sold
the fee is an amount.
Source: docs.alpaca.markets, "Account Activities", and its list of activity types of 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.coins import is_coin, numbers_of
from brokers.alpaca.wire import Unreadable
from engine.errors import InputError, VenueError
from engine.model.instruments import Instrument
from engine.model.units import MONEY_PRECISION, NS_PER_DAY, to_quanta_toward_zero
from engine.ports import CashEntry, CashKind

_PATH: Final = "/v2/account/activities"
_A_PAGE: Final = 100
_PAGES_MOST: Final = 1_000
_BACK: Final = timedelta(days=30)
_EPOCH: Final = date(1970, 1, 1)
_KINDS: Final = {
    "FEE": CashKind.FEE,
    "CFEE": CashKind.FEE,
    "PTC": CashKind.FEE,  # passed through
    "DIVFEE": CashKind.FEE,
    "INT": CashKind.INTEREST,
    "INTNRA": CashKind.INTEREST,  # withheld of it
    "INTTW": CashKind.INTEREST,
    "DIV": CashKind.DIVIDEND,
    "DIVCGL": CashKind.DIVIDEND,
    "DIVCGS": CashKind.DIVIDEND,
    "DIVROC": CashKind.DIVIDEND,
    "DIVTXEX": CashKind.DIVIDEND,
    "DIVNRA": CashKind.WITHHELD,
    "DIVFT": CashKind.WITHHELD,
    "DIVTW": CashKind.WITHHELD,
    "DIVWH": CashKind.WITHHELD,
    "CIL": CashKind.FRACTION,
    "CSD": CashKind.TRANSFER,
    "CSW": CashKind.TRANSFER,
    "JNL": CashKind.TRANSFER,
    "JNLC": CashKind.TRANSFER,
    "ACATC": CashKind.TRANSFER,
}
_CANCELED: Final = "canceled"
_KEPT: Final = "CFEE"  # of what was bought, where it has no amount


class Activity(msgspec.Struct, frozen=True):
    """An activity that is no fill; only what identifies it must be there."""

    id: str
    activity_type: str
    net_amount: Decimal | None = None
    qty: Decimal | None = None
    symbol: str | None = None
    status: str | None = None
    date: str | None = None
    description: str | None = None


async def read_cash(
    client: AlpacaClient, instruments: Sequence[Instrument], since: str, begins_ns: int
) -> list[CashEntry]:
    """Return what has moved cash, oldest first, and some from before the cursor.

    Parameters
    ----------
    instruments
        The session's, by their numbers.
    since
        The id of the newest that is known; empty: since the account was begun with.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    query = {
        "category": "non_trade_activity",
        "direction": "asc",
        "page_size": str(_A_PAGE),
        "after": _first_day(since, begins_ns).isoformat(),
    }
    found: dict[str, Activity] = {}
    for _ in range(_PAGES_MOST):
        page = await client.ask(_PATH, list[Activity], query)
        found |= {each.id: each for each in page}
        if len(page) < _A_PAGE:
            return _entries(found, instruments)
        query["page_token"] = page[-1].id
    raise VenueError("the account's activities do not end")


def _entries(found: Mapping[str, Activity], instruments: Sequence[Instrument]) -> list[CashEntry]:
    numbers = numbers_of(instruments)
    try:
        told = [_entry(found[each], numbers, instruments) for each in sorted(found)]
    except Unreadable as error:
        raise VenueError(f"the venue's answer to {_PATH} cannot be read: {error}") from None
    return [each for each in told if each is not None]


def _entry(
    told: Activity, numbers: Mapping[str, int], instruments: Sequence[Instrument]
) -> CashEntry | None:
    """Return what an activity has moved; None where that is nothing, or a fill."""
    if told.activity_type == "FILL" or told.status == _CANCELED:
        return None
    amount, number = told.net_amount or Decimal(0), numbers.get(told.symbol or "", -1)
    if not amount.is_finite():
        raise Unreadable(f"activity {told.id} moves {told.net_amount}")
    lots = _kept_lots(told, instruments[number]) if number >= 0 else 0
    if not amount and not lots:
        return None
    words = (told.activity_type, told.symbol or "", told.date or "", told.description or "")
    return CashEntry(
        told.id,
        _KINDS.get(told.activity_type, CashKind.OTHER),
        to_quanta_toward_zero(amount, MONEY_PRECISION),
        number,
        is_foreign=bool(told.symbol) and told.symbol not in numbers,
        text=" ".join(each for each in words if each),
        kept_lots=lots,
    )


def _kept_lots(told: Activity, instrument: Instrument) -> int:
    """Return what the venue has kept of a coin that was bought; of others nothing is ever kept."""
    if (
        told.activity_type != _KEPT
        or told.qty is None
        or told.net_amount
        or not is_coin(instrument)
    ):
        return 0
    try:
        lots = -instrument.quantity_to_lots(told.qty)
    except InputError as error:
        raise Unreadable(f"activity {told.id}: {error.problem}") from None
    if lots < 0:
        raise Unreadable(f"activity {told.id} gives {told.qty} of {instrument.symbol}")
    return lots


def _first_day(since: str, begins_ns: int) -> date:
    """Return the day to read from, a month before the one of an id as ``20190801011955195::5f59...``."""
    try:
        day = date(int(since[:4]), int(since[4:6]), int(since[6:8]))
    except ValueError:
        day = _EPOCH + timedelta(days=begins_ns // NS_PER_DAY)
    return max(day - _BACK, _EPOCH)
