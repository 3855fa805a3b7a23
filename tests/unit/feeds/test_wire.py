"""Messages are read strictly, refused by name, and never break anything."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import layout as at
from engine.model.instruments import Instrument, InstrumentKind
from runtime.feeds import wire
from runtime.feeds.wire import Listing, Refused

GOOG = Instrument("GOOG", InstrumentKind.EQUITY)
RAIN = Instrument("RAIN", InstrumentKind.BINARY_EVENT, price_precision=2)
COIN = Instrument("BTC/USD", InstrumentKind.CRYPTO_SPOT, price_precision=1, quantity_precision=8)
LISTINGS = {one.symbol: Listing(k, one, k == 0) for k, one in enumerate((GOOG, RAIN, COIN))}
BAR = {
    "type": "bar", "seq": 7, "symbol": "GOOG", "ts": 2_000, "open_ts": 1_000,
    "open": "100.34", "high": "101", "low": "99.9", "close": "100.00", "volume": "1200", "place": 3,
}  # fmt: skip
QUOTE = {"type": "quote", "seq": 8, "symbol": "RAIN", "ts": 5, "bid": "0.41", "ask": "0.43"}
TRADE = {"type": "trade", "seq": 9, "symbol": "BTC/USD", "ts": 5, "price": "1.5", "size": "0.3"}
SPLIT = {
    "type": "action", "seq": 1, "symbol": "GOOG", "ts": 5, "action": "split",
    "numerator": 2, "denominator": 1,
}  # fmt: skip


def read(message: dict[str, object]) -> wire.Row | Refused | None:
    parsed = wire.parse(json.dumps(message))
    assert not isinstance(parsed, wire.Hello | wire.Time | wire.End)
    return parsed if isinstance(parsed, Refused) else wire.to_row(parsed, LISTINGS)


def test_values_become_ticks_and_lots_exactly() -> None:
    bar = [2_000, at.KIND_BAR, 0, 3, 1_000, 10_034, 10_100, 9_990, 10_000, 1_200, 1, 0]
    assert read(BAR) == bar
    assert read(QUOTE) == [5, at.KIND_QUOTE, 1, 8, 41, 43, -1, -1, 0, 0, 0, 0]
    assert read(TRADE) == [5, at.KIND_TRADE, 2, 9, 15, 30_000_000, 0, 0, 0, 0, 0, 0]
    assert read({**TRADE, "aggressor": "seller"}) == [5, 22, 2, 9, 15, 30_000_000, -1, *[0] * 5]
    assert read(SPLIT) == [5, at.KIND_SPLIT, 0, 1, 2, 1, *[0] * 6]


def test_a_side_that_nobody_quotes_is_zero_and_an_unknown_volume_is_unknown() -> None:
    assert read({**QUOTE, "bid": None}) == [5, at.KIND_QUOTE, 1, 8, 0, 43, -1, -1, 0, 0, 0, 0]
    row = read({**BAR, "volume": None})
    assert isinstance(row, list) and row[at.BAR_VOLUME] == at.UNKNOWN


def test_new_fields_are_skipped_and_other_instruments_too() -> None:
    assert read({**BAR, "vwap": "100.2", "flags": {"odd": [1, 2]}}) == read(BAR)
    assert read({**BAR, "symbol": "MSFT"}) is None


REFUSED = [
    (BAR, {"open": "0"}), (BAR, {"low": "0.00"}), (BAR, {"close": "-100"}), (BAR, {"high": "NaN"}),
    (BAR, {"high": "Infinity"}), (BAR, {"open": "1e2"}), (BAR, {"open": 100.34}), (BAR, {"open": 100}),
    (BAR, {"open": None}), (BAR, {"open": ""}), (BAR, {"open": "100.345"}), (BAR, {"open": " 100"}),
    (BAR, {"open": "1,000"}), (BAR, {"open": "١٠٠"}), (BAR, {"open": "9" * 19}),
    (BAR, {"high": "100.33"}), (BAR, {"low": "100.01"}), (BAR, {"open_ts": 2_000}),
    (BAR, {"open_ts": "1000"}), (BAR, {"ts": 0}), (BAR, {"ts": -5}), (BAR, {"ts": 2_000.0}),
    (BAR, {"ts": "2004-08-19T16:00"}), (BAR, {"ts": 2**63}), (BAR, {"seq": 0}), (BAR, {"seq": "7"}),
    (BAR, {"seq": True}), (BAR, {"volume": "-1"}), (BAR, {"volume": "1.5"}), (BAR, {"type": "bars"}),
    (BAR, {"type": None}), (BAR, {"symbol": 7}), (QUOTE, {"bid": "1.00"}), (QUOTE, {"ask": "0.415"}),
    (QUOTE, {"bid": None, "ask": None}), (QUOTE, {"bid_size": "-3"}), (TRADE, {"aggressor": "maker"}),
    (TRADE, {"price": "0"}), (TRADE, {"size": None}), (SPLIT, {"numerator": 0}),
    (SPLIT, {"numerator": 1}), (SPLIT, {"action": "merger"}), (SPLIT, {"action": "dividend"}),
    (SPLIT, {"action": "dividend", "amount": "-1"}), (SPLIT, {"action": "settlement", "amount": "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "change"), REFUSED, ids=lambda v: str(v)[:40])
def test_what_cannot_be_is_refused_with_a_reason(
    message: dict[str, object], change: dict[str, object]
) -> None:
    refused = read({**message, **change})
    assert isinstance(refused, Refused) and refused.reason


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b"<html>502</html>", b"\xff\xfe", b'{"type": "bar"}']
)
def test_what_is_no_message_is_refused(content: bytes) -> None:
    assert isinstance(wire.parse(content), Refused)


def test_a_refused_message_keeps_its_number_where_it_can_be_read() -> None:
    assert read({**BAR, "open": 1.5}) == Refused("Expected `str`, got `float` - at `$.open`", 7, "GOOG", 2_000)  # fmt: skip
    refused = read({**BAR, "open": "0"})
    assert isinstance(refused, Refused) and refused.seq == 7 and refused.symbol == "GOOG"


def test_rates_and_amounts_of_actions_are_exact() -> None:
    funding = {**SPLIT, "action": "funding", "amount": "-0.000125"}
    dividend = {**SPLIT, "action": "dividend", "amount": "0.24"}
    settled = {**SPLIT, "symbol": "RAIN", "action": "settlement", "amount": "1"}
    worthless = {**settled, "amount": "0"}
    values = [read(m) for m in (funding, dividend, settled, worthless)]
    assert [v[4] for v in values if isinstance(v, list)] == [-125_000, 24_000_000, 100, 0]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200, print_blob=True)
@given(
    message=st.sampled_from([BAR, QUOTE, TRADE, SPLIT]),
    key=st.sampled_from([*BAR, "bid", "price", "size", "amount", "numerator"]),
    value=ANYTHING,
)
def test_no_value_of_any_field_breaks_the_reading(
    message: dict[str, object], key: str, value: object
) -> None:
    try:
        content = msgspec.json.encode({**message, key: value})
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    parsed = wire.parse(content)
    if isinstance(parsed, wire.Hello | wire.Time | wire.End | Refused):
        return
    row = wire.to_row(parsed, LISTINGS)
    assert row is None or isinstance(row, Refused) or all(abs(v) < 2**63 for v in row)


@settings(deadline=None, max_examples=200)
@given(content=st.binary(max_size=60))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    wire.parse(content)


@settings(deadline=None, max_examples=200)
@given(quanta=st.integers(-(2**62), 2**62), precision=st.integers(0, 9))
def test_quanta_are_written_as_decimals(quanta: int, precision: int) -> None:
    text = wire.format_quanta(quanta, precision)
    assert Decimal(text) == Decimal(quanta).scaleb(-precision) and "e" not in text.lower()
