"""Market data as the venue writes them, out of the stream and out of the history. Pure.

Prices and sizes are JSON numbers there; they become `Decimal` without passing through a binary float.
A frame of the stream is a list: one message that cannot be read leaves the others alone.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from brokers.alpaca.tick_wire import (
    CancelValues,
    CorrectionValues,
    Quote,
    QuoteMessage,
    QuoteValues,
    Revision,
    Trade,
    TradeMessage,
    TradeValues,
)
from brokers.alpaca.wire import Unreadable, decode, parse_time_ns


class Bar(msgspec.Struct, frozen=True):
    """A bar; `is_update` where the venue tells it once more, with prints that came late."""

    symbol: str
    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_update: bool = False


class Trading(StrEnum):
    """What a status says of an instrument."""

    HALTED = "halted"
    RESUMED = "resumed"


class Status(msgspec.Struct, frozen=True):
    """An instrument was halted, or trades again."""

    symbol: str
    ts_ns: int
    trading: Trading


class DayBar(msgspec.Struct, frozen=True):
    """The bar of a day has changed; what it is, the history says."""

    symbol: str


class Success(msgspec.Struct, frozen=True):
    """A step of the handshake was taken: ``connected`` or ``authenticated``."""

    word: str


class Subscription(msgspec.Struct, frozen=True, rename={"day_bars": "dailyBars"}):
    """What the stream will tell, by channel."""

    bars: list[str] = []
    day_bars: list[str] = []
    quotes: list[str] = []
    trades: list[str] = []
    statuses: list[str] = []


class Problem(msgspec.Struct, frozen=True, rename={"text": "msg"}):
    """The stream refuses something; see `brokers.alpaca.market_stream` for what its codes mean."""

    code: int
    text: str = ""


class Unread(msgspec.Struct, frozen=True):
    """A message that cannot be read, and why."""

    reason: str
    symbol: str = ""


MarketMessage: TypeAlias = (
    Bar | Status | DayBar | Success | Subscription | Problem | Unread | Quote | Trade | Revision
)


class _Head(msgspec.Struct, frozen=True, rename={"kind": "T", "symbol": "S"}):
    kind: str
    symbol: str = ""


class _Values(
    msgspec.Struct,
    frozen=True,
    rename={"start": "t", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"},
):
    start: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def read(self, symbol: str, *, is_update: bool = False) -> Bar:
        """Return what it says.

        Raises
        ------
        Unreadable
            If a number or the time is none.
        """
        numbers = (self.open, self.high, self.low, self.close, self.volume)
        if not all(each.is_finite() for each in numbers):
            raise Unreadable(f"a bar of {symbol} with {', '.join(map(str, numbers))}")
        return Bar(symbol, parse_time_ns(self.start), *numbers, is_update=is_update)


class _BarMessage(_Values, frozen=True, tag_field="T", tag="b", kw_only=True):
    symbol: str = msgspec.field(name="S")


class _Status(msgspec.Struct, frozen=True, rename={"time": "t", "code": "sc"}):
    time: str
    code: str


class _Success(msgspec.Struct, frozen=True):
    msg: str


class BarsPage(msgspec.Struct, frozen=True):
    """One page of the history; `next_page_token` where there is more."""

    bars: dict[str, list[_Values]] | None = None
    next_page_token: str | None = None

    def read(self) -> list[Bar]:
        """Return its bars.

        Raises
        ------
        Unreadable
            If one of them is none.
        """
        found = (self.bars or {}).items()
        return [values.read(symbol) for symbol, every in found for values in every]


# Codes of two tapes: letters on one, digits on the other. Others tell of auctions and price bands.
_TRADING: Final = {
    "H": Trading.HALTED,
    "P": Trading.HALTED,
    "2": Trading.HALTED,
    "T": Trading.RESUMED,
    "3": Trading.RESUMED,
}


_MARKET: Final = msgspec.json.Decoder(list[_BarMessage | QuoteMessage | TradeMessage])


def decode_frame(frame: bytes) -> list[MarketMessage]:
    """Return the messages of a frame; kinds that nobody asked for are left out.

    Examples
    --------
    >>> decode_frame(b'[{"T":"success","msg":"connected"},{"T":"l","S":"AAPL"}]')
    [Success(word='connected')]
    """
    if (market := _decode_market(frame)) is not None:
        return market
    try:
        parts = decode(frame, list[msgspec.Raw])
    except Unreadable as error:
        return [Unread(str(error))]
    read = (_message(bytes(part)) for part in parts)
    return [each for each in read if each is not None]


def _decode_market(frame: bytes) -> list[MarketMessage] | None:
    """Return a frame in which are bars, quotes and prints only, all of them sound; None of another.

    Most frames are so, and are read at once.
    """
    try:
        return [each.read(each.symbol) for each in _MARKET.decode(frame)]
    except (msgspec.DecodeError, UnicodeDecodeError, Unreadable):
        return None


def _message(content: bytes) -> MarketMessage | None:
    symbol = ""
    try:
        head = decode(content, _Head)
        symbol = head.symbol
        match head.kind:
            case "b" | "u":
                return decode(content, _Values).read(symbol, is_update=head.kind == "u")
            case "d":
                return DayBar(symbol)
            case "s":
                status = decode(content, _Status)
                trading = _TRADING.get(status.code)
                time = parse_time_ns(status.time)
                return None if trading is None else Status(symbol, time, trading)
            case "q":
                return decode(content, QuoteValues).read(symbol)
            case "t":
                return decode(content, TradeValues).read(symbol)
            case "c":
                corrected = decode(content, CorrectionValues)
                time = parse_time_ns(corrected.time)
                return Revision(symbol, time, corrected.before, corrected.after)
            case "x":
                canceled = decode(content, CancelValues)
                return Revision(symbol, parse_time_ns(canceled.time), canceled.price)
            case "success":
                return Success(decode(content, _Success).msg)
            case "subscription":
                return decode(content, Subscription)
            case "error":
                return decode(content, Problem)
            case _:
                return None
    except Unreadable as error:
        return Unread(str(error), symbol)
