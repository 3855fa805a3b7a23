"""The venue's messages: bytes in, frozen values out. Pure; what they mean to us is `translating`'s.

New fields and words pass: a word stays text until somebody needs it. What is missing, or is not of its
type, is told (`Unreadable`): the interface has moved, or a proxy has answered.

Numbers come as decimal text, on some paths as JSON numbers; both become `Decimal` without passing through
a binary float.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")
_SHOWN: Final = 200
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)"
)


class Unreadable(Exception):
    """A message that is not what it should be: what is wrong, and how it begins."""


class Order(msgspec.Struct, frozen=True):
    """An order as the venue shows it; only what identifies it must be there."""

    id: str
    client_order_id: str
    status: str
    filled_qty: Decimal
    symbol: str | None = None
    side: str | None = None
    type: str | None = None
    time_in_force: str | None = None
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    submitted_at: str | None = None
    created_at: str | None = None
    filled_at: str | None = None
    canceled_at: str | None = None
    expired_at: str | None = None
    failed_at: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    order_class: str | None = None
    legs: msgspec.Raw = msgspec.Raw(b"null")


class Position(msgspec.Struct, frozen=True):
    """What is held of one symbol; negative for short."""

    symbol: str
    qty: Decimal


class Fill(msgspec.Struct, frozen=True):
    """One FILL of the account's activities; `cum_qty` is what its order has filled with it."""

    id: str
    transaction_time: str
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    cum_qty: Decimal


class Asset(msgspec.Struct, frozen=True, rename={"asset_class": "class"}):
    """An instrument as it is listed; what says that it trades must be told, and the grid of a coin."""

    symbol: str
    status: str
    tradable: bool
    shortable: bool = False
    fractionable: bool = False
    asset_class: str = ""
    min_order_size: Decimal | None = None
    min_trade_increment: Decimal | None = None
    price_increment: Decimal | None = None


class Account(msgspec.Struct, frozen=True):
    """The account; what says that it may not trade must be told."""

    account_number: str
    status: str
    currency: str
    cash: Decimal
    buying_power: Decimal
    equity: Decimal
    trading_blocked: bool
    account_blocked: bool
    trade_suspended_by_user: bool
    shorting_enabled: bool = False
    crypto_status: str = ""
    non_marginable_buying_power: Decimal = Decimal(0)


class MarketClock(msgspec.Struct, frozen=True):
    """The venue's time, and when its market opens and closes next."""

    timestamp: str
    is_open: bool
    next_open: str
    next_close: str


class Error(msgspec.Struct, frozen=True):
    """The body of a refusal; a proxy's has neither."""

    code: int = 0
    message: str = ""


class Update(msgspec.Struct, frozen=True):
    """One message of the order stream; `price` and `qty` are those of a fill."""

    event: str
    order: Order
    timestamp: str | None = None
    execution_id: str | None = None
    event_id: str | int | None = None
    price: Decimal | None = None
    qty: Decimal | None = None


class Authorization(msgspec.Struct, frozen=True):
    """The stream's answer to who we are."""

    status: str


class Listening(msgspec.Struct, frozen=True):
    """What the stream will tell."""

    streams: list[str]


class _Envelope(msgspec.Struct, frozen=True):
    stream: str
    data: msgspec.Raw


StreamMessage = Authorization | Listening | Update | None


def decode(body: bytes, type_: type[T]) -> T:
    """Return a message of a type.

    Raises
    ------
    Unreadable
        If it is not one.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"{error}: {shown(body)}") from None


def legs_of(order: Order) -> list[Order]:
    """Return the legs that an order was shown with; what cannot be read is not known."""
    try:
        return decode(bytes(order.legs), list[Order])
    except Unreadable:
        return []


def decode_error(body: bytes) -> Error | None:
    """Return what a refusal says; None where it is none of the venue's, but e.g. a proxy's page."""
    try:
        error = msgspec.json.decode(body, type=Error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return error if error.code or error.message else None


def decode_stream(frame: bytes) -> StreamMessage:
    """Return a message of the order stream; None for a stream that we did not ask for.

    Raises
    ------
    Unreadable
        If it is not one.
    """
    envelope = decode(frame, _Envelope)
    data = bytes(envelope.data)
    match envelope.stream:
        case "authorization":
            return decode(data, Authorization)
        case "listening":
            return decode(data, Listening)
        case "trade_updates":
            return decode(data, Update)
        case _:
            return None


def parse_time_ns(text: str) -> int:
    """Return an RFC 3339 time as nanoseconds, exactly.

    Raises
    ------
    Unreadable
        If it is none.

    Examples
    --------
    >>> parse_time_ns("1970-01-01T00:00:01.000000007Z")
    1000000007
    >>> parse_time_ns("1969-12-31T19:00:01-05:00")
    1000000000
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise Unreadable(f"not a time: {text[:_SHOWN]!r}")
    whole, fraction, zone = found.groups()
    try:
        seconds = _seconds(whole, zone)
    except ValueError:
        raise Unreadable(f"not a time: {text[:_SHOWN]!r}") from None
    return seconds * 10**9 + int((fraction or "").ljust(9, "0"))


@lru_cache(maxsize=256)
def _seconds(whole: str, zone: str) -> int:
    """Return a time in seconds: quotes and prints tell the same one a thousand times.

    A leap second is counted as the one after it, as the system's own clock does.
    """
    is_leap = whole.endswith(":60")
    usual = whole[:-2] + "59" if is_leap else whole
    seconds = int(datetime.fromisoformat(usual + zone.replace("Z", "+00:00")).timestamp()) + is_leap
    if is_leap and seconds % 86_400:
        raise ValueError("a leap second ends a day of UTC")
    return seconds


def shown(body: bytes) -> str:
    """Return how a body begins, on one line, for messages."""
    text = body[: 4 * _SHOWN].decode("utf-8", "replace")
    return " ".join(text.split())[:_SHOWN]
