"""Messages of a stream: bytes in, checked values out, and back. Pure; nobody's mistake raises here.

Strict about values: prices and sizes are plain decimals as text, times whole nanoseconds, and what is
zero, negative, no number, off the instrument's grid or of an unknown kind is `Refused`, with the reason.
Tolerant of new fields, which are skipped.

Messages that carry data have numbers (`seq`, from 1, without holes), so that whatever is missing shows.
`time` says that no more will come of a time up to `ts`, `end` that this was all; their `seq` is that of
the last numbered message before, so that a missing last one shows too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from data.manifest import InstrumentEntry
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.model.units import INT64_MAX, MONEY_PRECISION

PROTOCOL: Final = 1
FUNDING_PRECISION: Final = 9
_WHOLE_MOST, _PART_MOST = 19, 18  # digits before and after the point


class Hello(msgspec.Struct, frozen=True, tag="hello", tag_field="type", omit_defaults=True):
    """What a stream is, first on every connection.

    Parameters
    ----------
    stream
        Its identity: numbers of another one mean something else.
    head
        The last number so far.
    instruments, kinds
        Their definitions, and for each symbol what comes of it: ``bars``, ``quotes``, ``trades``.
    starts_ns
        From where its sessions are told.
    clock
        ``wall``: its times are the world's. ``replay``: they pass only as it tells.
    """

    stream: str
    head: int
    instruments: tuple[InstrumentEntry, ...]
    kinds: dict[str, tuple[str, ...]]
    starts_ns: int | None = None
    clock: Literal["replay", "wall"] = "replay"
    protocol: int = PROTOCOL


class Time(msgspec.Struct, frozen=True, tag="time", tag_field="type"):
    """No more will come of a time up to `ts`."""

    ts: int
    seq: int


class End(msgspec.Struct, frozen=True, tag="end", tag_field="type"):
    """No more will come; the last data had the time `ts`."""

    ts: int
    seq: int


class Bar(msgspec.Struct, frozen=True, tag="bar", tag_field="type", omit_defaults=True):
    """A bar at its close, `ts`; `revision` counts from 1 for one that has been told differently."""

    seq: int
    symbol: str
    ts: int
    open_ts: int
    open: str
    high: str
    low: str
    close: str
    volume: str | None = None
    place: int | None = None  # among the bars of its symbol; the number where nobody says
    revision: int = 0


class Quote(msgspec.Struct, frozen=True, tag="quote", tag_field="type", omit_defaults=True):
    """Best bid and ask; a side that nobody quotes is left out."""

    seq: int
    symbol: str
    ts: int
    bid: str | None = None
    ask: str | None = None
    bid_size: str | None = None
    ask_size: str | None = None
    place: int | None = None


class Trade(msgspec.Struct, frozen=True, tag="trade", tag_field="type", omit_defaults=True):
    """A print of the market."""

    seq: int
    symbol: str
    ts: int
    price: str
    size: str
    aggressor: Literal["buyer", "seller", "unknown"] = "unknown"
    place: int | None = None


class ActionMessage(
    msgspec.Struct, frozen=True, tag="action", tag_field="type", omit_defaults=True
):
    """A corporate action or settlement, or a halt of trading; `amount` as `data.actions` has it."""

    seq: int
    symbol: str
    ts: int
    action: Literal["split", "dividend", "funding", "settlement", "symbol_change", "halt", "resume"]
    numerator: int = 1
    denominator: int = 1
    amount: str | None = None
    new_symbol: str = ""
    place: int | None = None


class Timer(msgspec.Struct, frozen=True, tag="timer", tag_field="type", omit_defaults=True):
    """A time at which equity is marked."""

    seq: int
    ts: int
    place: int | None = None


class Refused(msgspec.Struct, frozen=True):
    """What could not be read, why, and its number where that much could be read."""

    reason: str
    seq: int | None = None
    symbol: str = ""
    ts: int | None = None


Market: TypeAlias = Bar | Quote | Trade | ActionMessage | Timer
Message: TypeAlias = Hello | Time | End | Market

_MESSAGES: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)
_ENCODER: Final = msgspec.json.Encoder()


class _Envelope(msgspec.Struct):
    seq: int | None = None
    symbol: str = ""
    ts: int | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def encode(message: Message) -> bytes:
    """Return a message as JSON."""
    return _ENCODER.encode(message)


def parse(content: bytes | str) -> Message | Refused:
    """Return one message, or why it is none."""
    try:
        message = _MESSAGES.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _refused(content, str(error))
    if isinstance(message, Hello):
        return message
    if not 0 < message.ts <= INT64_MAX:
        return Refused(f"the time {message.ts} is none", _number(message.seq))
    if message.seq < (0 if isinstance(message, (Time, End)) else 1):
        return Refused(f"the number {message.seq} is none")
    return message


def _refused(content: bytes | str, reason: str) -> Refused:
    try:
        known = _ENVELOPE.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refused(reason)
    return Refused(reason, _number(known.seq), known.symbol[:64], known.ts)


def _number(seq: int | None) -> int | None:
    return seq if seq is not None and 0 < seq <= INT64_MAX else None


# --- Messages to rows -----------------------------------------------------------------------------------
Row: TypeAlias = list[int]


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument of a stream: its number in rows, its definition, and whether bars fill orders."""

    number: int
    instrument: Instrument
    bars_fill: bool


class _NotReadable(Exception):
    """A value that is refused."""


def to_row(message: Market, listings: Mapping[str, Listing]) -> Row | Refused | None:
    """Return a message as an event row; None where it is about an instrument that nobody asked for."""
    if isinstance(message, Timer):
        return _row(message, at.KIND_TIMER, -1, ())
    listing = listings.get(message.symbol)
    if listing is None:
        return None
    try:
        return _row_of(message, listing)
    except _NotReadable as error:
        return Refused(str(error), message.seq, message.symbol, message.ts)


def _row_of(message: Bar | Quote | Trade | ActionMessage, listing: Listing) -> Row:
    match message:
        case Bar():
            return _row(message, at.KIND_BAR, listing.number, _bar(message, listing))
        case Quote():
            return _row(message, at.KIND_QUOTE, listing.number, _quote(message, listing.instrument))
        case Trade():
            return _row(message, at.KIND_TRADE, listing.number, _trade(message, listing.instrument))
        case ActionMessage():
            kind = _ACTIONS[message.action]
            return _row(message, kind, listing.number, _action(message, listing.instrument))


def _row(message: Market, kind: int, number: int, payload: Sequence[int]) -> Row:
    place = message.seq if message.place is None else message.place
    row = [message.ts, kind, number, place, *payload]
    return row + [0] * (at.EVENT_WIDTH - len(row))


def _bar(bar: Bar, listing: Listing) -> tuple[int, ...]:
    one = listing.instrument
    values = (bar.open, bar.high, bar.low, bar.close)
    opened, high, low, close = (_price(text, one) for text in values)
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise _NotReadable(f"open or close lies outside low to high: {', '.join(values)}")
    if not 0 < bar.open_ts < bar.ts:
        raise _NotReadable(f"the bar opens at {bar.open_ts}, which is not before it closes")
    volume = at.UNKNOWN if bar.volume is None else _size(bar.volume, one)
    return bar.open_ts, opened, high, low, close, volume, int(listing.bars_fill)


def _quote(quote: Quote, one: Instrument) -> tuple[int, ...]:
    """A crossed quote is read: it marks nothing and fills nothing, and that is the engine's to say."""
    if quote.bid is None and quote.ask is None:
        raise _NotReadable("a quote without bid and ask")
    prices = [0 if text is None else _price(text, one) for text in (quote.bid, quote.ask)]
    sizes = (quote.bid_size, quote.ask_size)
    return *prices, *(at.UNKNOWN if text is None else _size(text, one) for text in sizes)


_AGGRESSORS: Final = {"buyer": 1, "seller": -1, "unknown": 0}


def _trade(trade: Trade, one: Instrument) -> tuple[int, ...]:
    return _price(trade.price, one), _size(trade.size, one), _AGGRESSORS[trade.aggressor]


_ACTIONS: Final = {
    "split": at.KIND_SPLIT,
    "dividend": at.KIND_DIVIDEND,
    "funding": at.KIND_FUNDING,
    "settlement": at.KIND_SETTLEMENT,
    "symbol_change": at.KIND_SYMBOL_CHANGE,
    "halt": at.KIND_HALT,
    "resume": at.KIND_RESUME,
}
_ACTION_NAMES: Final = {kind: name for name, kind in _ACTIONS.items()}


def _action(action: ActionMessage, one: Instrument) -> tuple[int, ...]:
    match action.action:
        case "split":
            terms = (action.numerator, action.denominator)
            if not all(0 < term <= INT64_MAX for term in terms) or terms[0] == terms[1]:
                raise _NotReadable(f"a split of {terms[0]}:{terms[1]}")
            return terms
        case "dividend":
            return (_decimal(_amount(action), MONEY_PRECISION, "dividend"),)
        case "funding":
            text = _amount(action)
            rate = _decimal(text.removeprefix("-"), FUNDING_PRECISION, "funding rate")
            return (-rate if text.startswith("-") else rate,)
        case "settlement":
            return (_decimal(_amount(action), one.price_precision, "settlement price"),)
        case _:
            return ()


def _amount(action: ActionMessage) -> str:
    if action.amount is None:
        raise _NotReadable(f"a {action.action} without an amount")
    return action.amount


def _price(text: str, one: Instrument) -> int:
    ticks = _decimal(text, one.price_precision, "price")
    if not 0 < ticks <= one.price_max_ticks:
        raise _NotReadable(f"the price {text} is out of range")
    return ticks


def _size(text: str, one: Instrument) -> int:
    return _decimal(text, one.quantity_precision, "size")


def _decimal(text: str, precision: int, name: str) -> int:
    """Return a plain decimal as a count of 10^-precision; nothing is rounded."""
    whole, point, part = text.partition(".")
    are_digits = text.isascii() and whole.isdigit() and (part.isdigit() or not point)
    if not are_digits or len(whole) > _WHOLE_MOST or len(part) > _PART_MOST:
        raise _NotReadable(f"the {name} {text[:40]!r} is no plain decimal")
    part = part.rstrip("0")
    if len(part) > precision:
        raise _NotReadable(f"the {name} {text} has more than {precision} decimals")
    quanta = int(whole + part.ljust(precision, "0"))
    if quanta > INT64_MAX:
        raise _NotReadable(f"the {name} {text} is too large")
    return quanta


# --- Rows to messages -----------------------------------------------------------------------------------
def to_message(row: Sequence[int], seq: int, instruments: Sequence[Instrument]) -> Market:
    """Return an event row as a message; the reverse of `to_row`."""
    ts, kind, number, place = row[:4]
    if kind == at.KIND_TIMER:
        return Timer(seq, ts, place)
    one = instruments[number]
    price, size = one.price_precision, one.quantity_precision
    if kind == at.KIND_BAR:
        opened, high, low, close = (
            format_quanta(t, price) for t in row[at.BAR_OPEN : at.BAR_VOLUME]
        )
        volume, open_ts = _known(row[at.BAR_VOLUME], size), row[at.BAR_OPEN_TS]
        return Bar(seq, one.symbol, ts, open_ts, opened, high, low, close, volume, place)
    if kind == at.KIND_QUOTE:
        bid, ask = (format_quanta(t, price) if t > 0 else None for t in row[4:6])
        bid_size, ask_size = (_known(lots, size) for lots in row[6:8])
        return Quote(seq, one.symbol, ts, bid, ask, bid_size, ask_size, place)
    if kind == at.KIND_TRADE:
        aggressor = next(k for k, sign in _AGGRESSORS.items() if sign == row[at.TRADE_AGGRESSOR])
        texts = format_quanta(row[at.TRADE_PRICE], price), format_quanta(row[at.TRADE_SIZE], size)
        return Trade(seq, one.symbol, ts, *texts, aggressor, place)  # type: ignore[arg-type]
    return _action_message(row, seq, one)


def _action_message(row: Sequence[int], seq: int, one: Instrument) -> ActionMessage:
    ts, kind, _, place = row[:4]
    name, precision = _ACTION_NAMES[kind], {
        at.KIND_DIVIDEND: MONEY_PRECISION,
        at.KIND_FUNDING: FUNDING_PRECISION,
        at.KIND_SETTLEMENT: one.price_precision,
    }.get(kind)  # fmt: skip
    message = ActionMessage(seq, one.symbol, ts, name, place=place)  # type: ignore[arg-type]
    if kind == at.KIND_SPLIT:
        terms = {"numerator": row[at.SPLIT_NUMERATOR], "denominator": row[at.SPLIT_DENOMINATOR]}
        return msgspec.structs.replace(message, **terms)
    if precision is None:
        return message
    return msgspec.structs.replace(message, amount=format_quanta(row[4], precision))


def _known(lots: int, precision: int) -> str | None:
    return None if lots == at.UNKNOWN else format_quanta(lots, precision)


def format_quanta(quanta: int, precision: int) -> str:
    """Return a count of 10^-precision as plain decimal text.

    Examples
    --------
    >>> format_quanta(1234, 2), format_quanta(-5, 3), format_quanta(7, 0)
    ('12.34', '-0.005', '7')
    """
    sign, digits = "-" * (quanta < 0), str(abs(quanta)).rjust(precision + 1, "0")
    if precision == 0:
        return sign + digits
    return f"{sign}{digits[:-precision]}.{digits[-precision:]}"
