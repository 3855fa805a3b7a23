"""Market data as the venue writes them: read exactly, and what cannot be read leaves the rest alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brokers.alpaca import market_wire as wire
from brokers.alpaca.market_stream import StreamRefused, Wish, refusal
from brokers.alpaca.tick_wire import Quote, Revision, Trade
from brokers.alpaca.wire import Unreadable, decode

BAR = '{"T":"%s","S":"AAPL","t":"2026-11-20T14:30:00Z","o":%s,"h":190.3,"l":190.01,"c":190.2,"v":%s,"n":3,"vw":190.1}'
OPEN_NS = 1_795_185_000 * 10**9  # 2026-11-20 14:30 UTC


def test_numbers_are_read_to_the_last_digit() -> None:
    (bar,) = wire.decode_frame(f"[{BAR % ('b', '190.123456789012345678', '1e3')}]".encode())
    assert isinstance(bar, wire.Bar)
    assert (bar.symbol, bar.start_ns, bar.is_update) == ("AAPL", OPEN_NS, False)
    assert bar.open == Decimal("190.123456789012345678") and bar.volume == 1000
    assert (bar.high, bar.low, bar.close) == (Decimal("190.3"), Decimal("190.01"), Decimal("190.2"))


@pytest.mark.parametrize(
    "broken",
    [
        '{"T":"b","S":"AAPL"}',
        BAR % ("b", "null", "1"),
        BAR % ("b", '"NaN"', "1"),
        BAR.replace("2026-11-20T14:30:00Z", "soon") % ("b", "1", "1"),
        '{"S":"AAPL"}',
        "7",
    ],
)
def test_what_cannot_be_read_leaves_the_rest_of_its_frame(broken: str) -> None:
    found = wire.decode_frame(f"[{broken},{BAR % ('u', '1', '2')}]".encode())
    assert isinstance(found[0], wire.Unread)
    assert isinstance(found[1], wire.Bar) and found[1].is_update


def test_a_frame_that_is_none_is_told() -> None:
    (found,) = wire.decode_frame(b"<html>")
    assert isinstance(found, wire.Unread)


@pytest.mark.parametrize(
    ("code", "trading"),
    [("H", "halted"), ("P", "halted"), ("2", "halted"), ("T", "resumed"), ("3", "resumed")],
)
def test_a_status_says_whether_it_trades(code: str, trading: str) -> None:
    text = '[{"T":"s","S":"AAPL","t":"2026-11-20T14:30:00Z","sc":"%s","sm":"","rc":"","z":"C"}]'
    assert wire.decode_frame((text % code).encode()) == [
        wire.Status("AAPL", OPEN_NS, wire.Trading(trading))
    ]
    assert wire.decode_frame((text % "A").encode()) == []


QUOTE = '{"T":"q","S":"AAPL","t":"2026-11-20T14:30:00.000000007Z","bx":"V","bp":%s,"bs":3,"ax":"V","ap":190.02,"as":4,"c":["R"],"z":"C"}'
TRADE = '{"T":"t","S":"AAPL","i":7,"x":"V","p":190.123456789012345678,"s":1e2,"t":"2026-11-20T14:30:00Z","c":["@"],"z":"C"}'
REVISED = (
    '{"T":"c","S":"AAPL","x":"V","oi":7,"op":190.1,"os":5,"ci":8,"cp":190.2,"cs":5,"t":"2026-11-20T14:30:00Z"}',
    '{"T":"x","S":"AAPL","i":8,"x":"V","p":190.2,"s":5,"a":"C","t":"2026-11-20T14:30:00Z","z":"C"}',
)


@pytest.mark.parametrize("with_bar", [False, True], ids=["ticks alone", "beside a bar"])
def test_quotes_and_prints_are_read_to_the_last_digit(with_bar: bool) -> None:
    """A frame of nothing else is read at once, another message by message: what is read is the same."""
    parts = [QUOTE % "190.01", QUOTE % "0", TRADE, *[BAR % ("b", "190.1", "1")] * with_bar]
    quote, one_sided, trade, *_ = wire.decode_frame(f"[{','.join(parts)}]".encode())
    low, high = Decimal("190.01"), Decimal("190.02")
    assert quote == Quote("AAPL", OPEN_NS + 7, low, high, Decimal(3), Decimal(4))
    assert isinstance(one_sided, Quote) and one_sided.bid is None
    price = Decimal("190.123456789012345678")
    assert trade == Trade("AAPL", OPEN_NS, price, Decimal(100), "V7")


@pytest.mark.parametrize("broken", ["-1", "null", '"NaN"'])
def test_a_quote_that_cannot_be_read_leaves_the_rest_of_its_frame(broken: str) -> None:
    found = wire.decode_frame(f"[{QUOTE % broken},{TRADE}]".encode())
    assert isinstance(found[0], wire.Unread) and found[0].symbol == "AAPL"
    assert isinstance(found[1], Trade)


def test_a_print_is_corrected_and_taken_back() -> None:
    assert wire.decode_frame(f"[{','.join(REVISED)}]".encode()) == [
        Revision("AAPL", OPEN_NS, Decimal("190.1"), Decimal("190.2")),
        Revision("AAPL", OPEN_NS, Decimal("190.2")),
    ]


def test_what_the_stream_does_not_tell_is_named() -> None:
    wish = Wish(("AAPL", "SPY"), has_quotes=True, has_trades=True)
    assert set(wish.channels) == {"bars", "updatedBars", "statuses", "quotes", "trades"}
    told = wire.Subscription(bars=["AAPL", "SPY"], quotes=["SPY"], trades=["AAPL", "SPY"])
    assert wish.lacks(told) == ["quotes of AAPL"]
    assert Wish(("AAPL",), has_bars=False, has_trades=True).channels.keys() == {
        "statuses",
        "trades",
    }


@pytest.mark.parametrize(
    ("code", "is_hopeless", "is_authorization"),
    [
        (400, True, False),
        (401, False, True),
        (402, False, True),
        (404, False, False),
        (405, True, False),
        (406, False, False),
        (407, False, False),
        (409, False, True),
        (410, True, False),
        (500, False, False),
    ],
)
def test_errors_say_whether_asking_again_helps(
    code: int, is_hopeless: bool, is_authorization: bool
) -> None:
    (problem,) = wire.decode_frame(f'[{{"T":"error","code":{code},"msg":"no"}}]'.encode())
    assert isinstance(problem, wire.Problem)
    error = refusal(problem)
    assert isinstance(error, StreamRefused) is is_hopeless
    assert error.is_authorization is is_authorization


def test_a_page_of_the_history_is_whole_or_none() -> None:
    text = b'{"bars":{"AAPL":[{"t":"2026-11-20T14:30:00Z","o":1,"h":2,"l":1,"c":2,"v":%s}]},"next_page_token":"x"}'
    page = decode(text % b"3", wire.BarsPage)
    assert page.next_page_token == "x"
    assert page.read() == [
        wire.Bar("AAPL", OPEN_NS, Decimal(1), Decimal(2), Decimal(1), Decimal(2), Decimal(3))
    ]
    assert decode(b'{"bars":null}', wire.BarsPage).read() == []
    with pytest.raises(Unreadable):
        decode(text % b'"inf"', wire.BarsPage).read()
