"""The venue's messages, and what they mean to us."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.alpaca import wire
from brokers.alpaca.translating import Translator, account_facts, booked_price, status_of
from brokers.alpaca.wire import Unreadable, decode, decode_error, decode_stream, parse_time_ns
from engine.model import layout as at
from engine.model.orders import OrderStatus
from engine.model.units import to_minor
from engine.ports import AccountFacts, BrokerEvent, Environment, Execution, VenueOrder
from tests.unit.brokers.alpaca.messages import (
    AAPL,
    ACCOUNT,
    FILL,
    INSTRUMENTS,
    ORDER,
    ORDER_ID,
    PENNY,
    encode,
    update,
)

S = OrderStatus
TRANSLATOR = Translator(INSTRUMENTS)
# 2026-11-20T15:00:01Z, by `date -u -d ... +%s`
SECOND = 1795186801
TS_NS = SECOND * 10**9 + 176_123_456


def order(**fields: Any) -> wire.Order:
    return decode(encode(ORDER | fields), wire.Order)


def event(event: str, *, says_all: bool = True, **fields: Any) -> BrokerEvent | None:
    message = decode_stream(update(event, **fields))
    assert isinstance(message, wire.Update)
    return TRANSLATOR.event(message, "tr-abc", 7, says_all=says_all)


def test_a_whole_order_is_read_exactly() -> None:
    expected = VenueOrder("tr-abc", ORDER_ID, 0, 0, int(S.OPEN), 10, 0, 1, 18050, 0)
    assert TRANSLATOR.order(order(), "tr-abc") == expected


# Every word of the venue's list (18), then what it may say one day.
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "new"}, S.OPEN),
        ({"status": "partially_filled"}, S.PARTIALLY_FILLED),
        ({"status": "filled"}, S.FILLED),
        ({"status": "done_for_day"}, S.EXPIRED),
        ({"status": "done_for_day", "time_in_force": "gtc"}, S.OPEN),
        ({"status": "done_for_day", "filled_qty": "10"}, S.FILLED),
        ({"status": "canceled"}, S.CANCELED),
        ({"status": "expired"}, S.EXPIRED),
        ({"status": "replaced"}, S.OPEN),
        ({"status": "pending_cancel"}, S.PENDING_CANCEL),
        ({"status": "pending_replace"}, S.OPEN),
        ({"status": "pending_review"}, S.OPEN),
        ({"status": "accepted"}, S.OPEN),
        ({"status": "pending_new"}, S.OPEN),
        ({"status": "accepted_for_bidding"}, S.OPEN),
        ({"status": "stopped"}, S.OPEN),
        ({"status": "rejected"}, S.REJECTED),
        ({"status": "suspended"}, S.OPEN),
        ({"status": "calculated", "filled_qty": "10"}, S.FILLED),
        ({"status": "calculated"}, S.EXPIRED),
        ({"status": "held"}, S.HELD),
        ({"status": "sleeping"}, S.OPEN),
        ({"status": "gone", "canceled_at": "2026-11-20T15:00:00Z"}, S.CANCELED),
        ({"status": "gone", "expired_at": "2026-11-20T15:00:00Z"}, S.EXPIRED),
        ({"status": "gone", "failed_at": "2026-11-20T15:00:00Z"}, S.REJECTED),
        ({"status": "done", "filled_at": "2026-11-20T15:00:00Z"}, S.FILLED),
    ],
)
def test_statuses(fields: dict[str, Any], status: OrderStatus) -> None:
    assert status_of(order(**fields)) is status


@pytest.mark.parametrize("name", ["id", "client_order_id", "status", "filled_qty"])
def test_an_order_without_what_identifies_it_is_told(name: str) -> None:
    body = {key: value for key, value in ORDER.items() if key != name}
    with pytest.raises(Unreadable, match=name):
        decode(encode(body), wire.Order)


def test_new_fields_and_numbers_for_texts_pass() -> None:
    found = order(qty=10, limit_price=180.5, borrow_status="easy", legs=[{"a": 1}], new={"x": []})
    assert TRANSLATOR.order(found, "tr-abc") == TRANSLATOR.order(order(), "tr-abc")


def test_a_price_of_three_decimals_is_not_ours_and_a_stop_has_no_limit_of_its_own() -> None:
    assert TRANSLATOR.order(order(limit_price="180.505"), "").limit_ticks == 0
    stop = order(type="stop", stop_price="190", limit_price="194.75")
    assert TRANSLATOR.order(stop, "").stop_ticks == 19000
    assert TRANSLATOR.order(stop, "").limit_ticks == 0


@pytest.mark.parametrize(
    ("quantity", "filled"),
    [("6", "1"), ("10", "5")],  # a replacement that counts from nothing, and one that carries on
)
def test_a_replacement_has_what_all_links_have_filled(quantity: str, filled: str) -> None:
    found = TRANSLATOR.order(order(qty=quantity, filled_qty=filled), "tr-abc", Decimal(5))
    assert (found.quantity_lots, found.filled_lots) == (10, 5)


def test_a_stranger_is_shown_as_one() -> None:
    found = TRANSLATOR.order(order(symbol="MSFT", qty="0.5", side="buy"), "x")
    assert (found.instrument, found.quantity_lots, found.side) == (-1, 1, 0)
    several_legs = TRANSLATOR.order(order(symbol=None, side=None), "x")
    assert several_legs.instrument == -1
    for held, lots in (("3.2", 4), ("-3.2", -4)):
        position = TRANSLATOR.position(wire.Position("MSFT", Decimal(held)))
        assert (position.instrument, position.lots) == (-1, lots)


@pytest.mark.parametrize(
    ("symbol", "quantity", "lots"), [("AAPL", "-12", -12), ("SPLIT", "0.5", 5 * 10**8)]
)
def test_positions_are_exact(symbol: str, quantity: str, lots: int) -> None:
    assert TRANSLATOR.position(wire.Position(symbol, Decimal(quantity))).lots == lots


def test_a_position_that_our_lots_cannot_say_is_told() -> None:
    with pytest.raises(Unreadable, match=r"0\.5"):
        TRANSLATOR.position(wire.Position("AAPL", Decimal("0.5")))


# --- fills ----------------------------------------------------------------------------------------------
def test_stream_and_activities_name_a_fill_alike() -> None:
    activity = TRANSLATOR.activity(decode(encode(FILL), wire.Fill), "tr-abc")
    streamed = event("partial_fill", qty="4", price="180.50", order={"filled_qty": "4.000"})
    assert streamed is not None and streamed.execution is not None
    assert activity.execution_id == streamed.execution.execution_id == f"{ORDER_ID}/4"
    assert activity == Execution(
        f"{ORDER_ID}/4", "tr-abc", ORDER_ID, 0, 1, 4, 18050, 0, "USD", 1,
        SECOND * 10**9 + 176_000_000,
    )  # fmt: skip
    assert streamed.kind == at.KIND_FILL
    assert streamed.key == streamed.execution.execution_id
    assert streamed.execution.ts_ns == TS_NS


def test_activities_know_a_third_side() -> None:
    short = decode(encode(FILL | {"side": "sell_short"}), wire.Fill)
    assert TRANSLATOR.activity(short, "").side == -1
    with pytest.raises(Unreadable, match="'swap' is no side"):
        TRANSLATOR.activity(decode(encode(FILL | {"side": "swap"}), wire.Fill), "")


@pytest.mark.parametrize("fields", [{"side": "sell"}, {"cum_qty": "0"}, {"cum_qty": "3.5"}])
def test_a_fill_that_is_taken_back_is_nobodys(fields: dict[str, str]) -> None:
    fill = decode(encode(FILL | fields), wire.Fill)
    one = TRANSLATOR.activity(fill, "tr-abc", side="buy")
    assert (one.execution_id, one.client_id, one.venue_id) == (fill.id, "", "")
    assert one.instrument == 0


@pytest.mark.parametrize(
    ("price", "side", "instrument", "ticks", "fee"),
    [
        # 10 shares; the fee is what the price booked is worse by, negative
        ("190.01", 1, AAPL, 19001, "0"),
        ("190.015", 1, AAPL, 19002, "-0.05"),
        ("190.015", -1, AAPL, 19001, "-0.05"),
        ("190.0101", 1, AAPL, 19002, "-0.099"),
        ("0.0003", 1, PENNY, 3, "0"),
        ("0.004", -1, AAPL, 1, "0.06"),  # under the lowest price: sold at 0.01, and 0.06 given back
    ],
)
def test_price_improvement_inside_a_tick_keeps_the_cash_exact(
    price: str, side: int, instrument: Any, ticks: int, fee: str
) -> None:
    assert booked_price(Decimal(price), side, 10, instrument) == (ticks, to_minor(fee))


@given(
    price=st.decimals("0.0001", "100000", places=6),
    side=st.sampled_from([1, -1]),
    lots=st.integers(1, 10**6),
)
def test_what_is_booked_costs_what_the_venue_took(price: Decimal, side: int, lots: int) -> None:
    ticks, fee = booked_price(price, side, lots, AAPL)
    booked = Decimal(ticks * lots) / 100 * side + Decimal(fee) / 10**8
    true = price * lots * side
    assert 0 <= booked - true < Decimal("0.00000001")


@pytest.mark.parametrize(
    ("problem", "fields"),
    [
        ("does not say what was filled", {"price": "1"}),
        ("does not say what was filled", {"qty": "4"}),
        ("leaves order", {"qty": "4", "price": "1", "order": {"filled_qty": "3"}}),
        ("is no side", {"qty": "4", "price": "1", "order": {"filled_qty": "4", "side": "swap"}}),
        ("decimals", {"qty": "0.5", "price": "1", "order": {"filled_qty": "4"}}),
        ("was filled at", {"qty": "4", "price": "0", "order": {"filled_qty": "4"}}),
        ("fills 0", {"qty": "0", "price": "1", "order": {"filled_qty": "4"}}),
        (
            "not a time",
            {"qty": "4", "price": "1", "order": {"filled_qty": "4"}, "timestamp": "now"},
        ),
    ],
)
def test_a_fill_that_cannot_be_booked_is_told(problem: str, fields: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=problem):
        event("fill", **fields)


# --- other events ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("new", at.KIND_ACCEPTED),
        ("accepted", at.KIND_ACCEPTED),
        ("canceled", at.KIND_CANCELED),
        ("expired", at.KIND_EXPIRED),
        ("done_for_day", at.KIND_EXPIRED),
        ("rejected", at.KIND_REJECTED),
        ("replaced", at.KIND_REPLACED),
        ("order_replace_rejected", at.KIND_CANCEL_REJECTED),
        ("order_cancel_rejected", at.KIND_CANCEL_REJECTED),
    ],
)
def test_events(word: str, kind: int) -> None:
    found = event(word, order={"filled_qty": "4"})
    assert found is not None
    assert (found.kind, found.client_id, found.venue_id) == (kind, "tr-abc", ORDER_ID)
    assert (found.filled_lots, found.ts_ns, found.received_ns) == (4, TS_NS, 7)
    again = event(word, order={"filled_qty": "4"})
    assert again is not None and again.key == found.key
    other = event(word, event_id="01JD0000000000000000000002")
    assert other is not None and other.key != found.key


@pytest.mark.parametrize(
    "word",
    ["pending_new", "pending_cancel", "pending_replace", "stopped", "suspended", "calculated", "held"],
)  # fmt: skip
def test_what_is_on_its_way_is_no_news(word: str) -> None:
    assert event(word) is None


def test_an_order_that_works_tomorrow_has_not_ended() -> None:
    assert event("done_for_day", order={"time_in_force": "gtc"}) is None


def test_an_unknown_word_makes_its_order_one_to_be_looked_up() -> None:
    """An end that does not say what was filled is never told, but asked after (`Inbox.read`)."""
    found = event("evaporated")
    assert found is not None
    assert (found.kind, found.filled_lots) == (at.KIND_CANCELED, -1)
    assert "evaporated" in found.reason


@pytest.mark.parametrize("word", ["restated", "trade_bust", "trade_correct"])
def test_a_correction_has_the_whole_account_read(word: str) -> None:
    found = event(word)
    assert found is not None
    assert (found.kind, found.client_id) == (0, "")


def test_an_end_after_a_replacement_counts_only_what_is_known() -> None:
    known = event("canceled", order={"filled_qty": "4"})
    unknown = event("canceled", says_all=False, order={"filled_qty": "4"})
    assert known is not None and known.filled_lots == 4
    assert unknown is not None and unknown.filled_lots == -1


# --- the stream's other messages, the account, errors, times --------------------------------------------------
def test_messages_of_the_stream() -> None:
    authorized = (
        b'{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}'
    )
    assert decode_stream(authorized) == wire.Authorization("authorized")
    listening = b'{"stream":"listening","data":{"streams":["trade_updates"]}}'
    assert decode_stream(listening) == wire.Listening(["trade_updates"])
    assert decode_stream(b'{"stream":"weather","data":{"rain":true}}') is None


@pytest.mark.parametrize(
    "frame",
    [b"", b"{", b"[]", b"null", b'{"data":{}}', b'{"stream":"trade_updates"}', b"\xff\xfe",
     b'{"stream":"trade_updates","data":{"event":"new"}}', b"<html>"],
)  # fmt: skip
def test_what_cannot_be_read_is_told(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_stream(frame)


def test_the_account_is_read_exactly() -> None:
    facts = account_facts(decode(encode(ACCOUNT), wire.Account), Environment.PAPER)
    assert facts == AccountFacts(
        "PA3717PJAYWN", Environment.PAPER, "USD", "active", False,
        to_minor("100000.12"), to_minor("262113.632"), to_minor("103820.56"), True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [{"status": "ACCOUNT_CLOSED"}, {"status": "a new word"}, {"trading_blocked": True},
     {"account_blocked": True}, {"trade_suspended_by_user": True}],
)  # fmt: skip
def test_an_account_that_may_not_trade_is_blocked(fields: dict[str, Any]) -> None:
    account = decode(encode(ACCOUNT | fields), wire.Account)
    assert account_facts(account, Environment.LIVE).is_blocked


@pytest.mark.parametrize(
    "name", ["account_number", "status", "currency", "buying_power", "trading_blocked",
             "account_blocked", "trade_suspended_by_user"],
)  # fmt: skip
def test_an_account_that_does_not_say_whether_it_may_trade_is_told(name: str) -> None:
    with pytest.raises(Unreadable, match=name):
        decode(encode({k: v for k, v in ACCOUNT.items() if k != name}), wire.Account)


def test_fields_that_the_venue_has_retired_are_not_needed() -> None:
    account = decode(encode(ACCOUNT | {"pattern_day_trader": False}), wire.Account)
    assert not hasattr(account, "pattern_day_trader")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code":42210000,"message":"no"}', wire.Error(42210000, "no")),
        (b'{"message":"forbidden."}', wire.Error(0, "forbidden.")),
        (b"<html><body>502 Bad Gateway</body></html>", None),
        (b"", None),
        (b"{}", None),
        (b"[]", None),
        (b'{"code":"x"}', None),
        (b"\xff", None),
    ],
)
def test_error_bodies(body: bytes, expected: wire.Error | None) -> None:
    assert decode_error(body) == expected


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-20T15:00:01Z", SECOND * 10**9),
        ("2026-11-20T15:00:01.1Z", SECOND * 10**9 + 10**8),
        ("2026-11-20T15:00:01.123456789Z", SECOND * 10**9 + 123456789),
        ("2026-11-20T10:00:01.123456789-05:00", SECOND * 10**9 + 123456789),
        ("2026-11-20T15:00:01.176Z", SECOND * 10**9 + 176 * 10**6),
    ],
)
def test_times_are_exact(text: str, ns: int) -> None:
    assert parse_time_ns(text) == ns


def test_a_leap_second_is_read_and_the_order_kept() -> None:
    """2016 ended with one; 2017 began 1,483,228,800 counted seconds after 1970."""
    texts = ["2016-12-31T23:59:59.9Z", "2016-12-31T18:59:60-05:00", "2016-12-31T23:59:60.5Z"]
    times = [parse_time_ns(each) for each in texts]
    assert times == sorted(times)
    assert times[1] == 1_483_228_800 * 10**9


@pytest.mark.parametrize(
    "text",
    ["", "today", "2026-11-20", "2026-13-20T15:00:01Z", "1795186801",
     "2016-12-31T12:59:60Z", "2016-12-31T23:59:61Z"],
)  # fmt: skip
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(Unreadable, match="not a time"):
        parse_time_ns(text)
