"""Messages become the slices of a replay, whatever came too often, too late or wrong."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from data.streams import open_stream
from engine.model import layout as at
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from engine.ports import NoticeKind, TimePassed
from runtime.feeds import wire
from runtime.feeds.assembling import resumption_of, unpack_cursor
from runtime.feeds.faults import Fault, FaultKind, FaultSchedule
from runtime.feeds.rows import replay_rows
from runtime.feeds.tape import Tape
from tests.property.window_worlds import make_dataset
from tests.unit.feeds.tapes import (
    WORLDS,
    assembled,
    assembler_of,
    expect_same,
    notices,
    only_slices,
    replayed,
    rows_of,
    world,
)


@pytest.mark.parametrize("kind", WORLDS)
def test_a_tape_becomes_the_slices_of_a_replay(kind: str) -> None:
    rows = rows_of(world(kind), marks=True)
    tape = Tape(rows)
    expect_same(assembled(tape, assembler_of(tape.hello(0))), replayed(rows))


@pytest.mark.parametrize("seed", range(4))
def test_so_do_random_datasets_also_in_windows(seed: int, tmp_path: Path) -> None:
    """Bars, quotes, splits and dividends; crossed quotes among them, which the engine has to judge."""
    dataset = make_dataset(tmp_path, seed, bars=70)
    known = replayed(replay_rows(dataset.load(), trading=True))
    for rows in (
        replay_rows(dataset.load(), trading=True),
        replay_rows(open_stream(dataset), trading=True, window_rows=30),
    ):
        tape = Tape(rows)
        expect_same(assembled(tape, assembler_of(tape.hello(0))), known)


@pytest.mark.parametrize("seed", range(4))
def test_a_tape_is_read_from_any_number(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    rows = replay_rows(make_dataset(tmp_path, seed, bars=40).load(), trading=True)
    kinds = [FaultKind.LATE, FaultKind.REVISED, FaultKind.NAN_PRICE]
    faults = (Fault(rng.choice(kinds), rng.randint(1, 60), rng.randint(1, 30)) for _ in range(9))
    tape = Tape(rows, FaultSchedule(tuple(faults)))
    every = list(tape.messages())
    assert [message.seq for message in every] == list(range(1, len(tape) + 1))
    for after in (0, 1, len(tape), *(rng.randrange(len(tape)) for _ in range(20))):
        assert list(tape.messages(after)) == every[after:]
    told = {tape.number_of_row(row) for row in range(1, tape.rows_count + 1)}
    assert len(told) == tape.rows_count


@pytest.mark.parametrize("kind", ["minute_bars", "trades"])
def test_going_on_from_a_cursor_repeats_and_leaves_out_nothing(kind: str, tmp_path: Path) -> None:
    rows = rows_of(world(kind, length=12), marks=True)
    schedule = FaultSchedule(
        tuple(Fault(k, at=12, count=9) for k in (FaultKind.LATE, FaultKind.ZERO_PRICE))
    )
    tape = Tape(rows, schedule)
    hello = tape.hello(0)
    listings = assembler_of(hello)._listings
    every = only_slices(assembled(tape, assembler_of(hello)))
    for n, one in enumerate(every):
        last, _ = unpack_cursor(one.cursor)
        before = [wire.parse(m.content) for m in tape.messages() if m.seq <= last]
        resumption = resumption_of(one.cursor, before, listings)  # type: ignore[arg-type]
        if resumption is None:
            continue  # before the first message there is nothing to go on from
        rest = only_slices(assembled(tape, assembler_of(hello, resumption=resumption), last))
        expect_same(rest, every[n + 1 :])
        assert [each.cursor for each in rest] == [each.cursor for each in every[n + 1 :]]


BAD = [
    FaultKind.ZERO_PRICE,
    FaultKind.NEGATIVE_PRICE,
    FaultKind.NAN_PRICE,
    FaultKind.FLOAT_PRICE,
    FaultKind.WRONG_ENUM,
]


@pytest.mark.parametrize("kind", BAD)
def test_a_value_that_cannot_be_is_refused_and_told(kind: FaultKind) -> None:
    rows = rows_of(world("trades"))
    tape = Tape(rows, FaultSchedule((Fault(kind, at=20), Fault(kind, at=31))))
    assembler = assembler_of(tape.hello(0))
    items = assembled(tape, assembler)
    expect_same(items, replayed(rows))
    told = notices(items)
    assert [notice.kind for notice in told] == [NoticeKind.REFUSED] * 2
    assert assembler.counts == {NoticeKind.REFUSED: 2} and all(n.instrument >= 0 for n in told)


def test_what_comes_after_its_time_was_decided_on_is_dropped() -> None:
    rows = rows_of(world("trades"))
    tape = Tape(rows, FaultSchedule((Fault(FaultKind.LATE, at=20, count=15),)))
    items = assembled(tape, assembler_of(tape.hello(0)))
    expect_same(items, replayed(rows))
    assert [notice.kind for notice in notices(items)] == [NoticeKind.LATE]


def test_a_bar_told_again_is_a_duplicate_and_told_otherwise_a_revision() -> None:
    rows = rows_of(world("minute_bars"))
    faults = (Fault(FaultKind.LATE, at=21, count=1), Fault(FaultKind.REVISED, at=40, count=1))
    tape = Tape(rows, FaultSchedule(faults))
    items = assembled(tape, assembler_of(tape.hello(0)))
    kinds = [notice.kind for notice in notices(items)]
    assert kinds == [NoticeKind.DUPLICATE, NoticeKind.REVISED]


def test_a_revision_after_the_decision_changes_no_slice() -> None:
    rows = rows_of(world("minute_bars", instruments=1))
    tape = Tape(rows, FaultSchedule((Fault(FaultKind.REVISED, at=20, count=1),)))
    items = assembled(tape, assembler_of(tape.hello(0)))
    expect_same(items, replayed(rows))
    (notice,) = notices(items)
    assert "the decision stands" in notice.detail and notice.kind is NoticeKind.REVISED


def test_a_crossed_quote_is_passed_on_for_the_engine_to_judge() -> None:
    """FAULTS 51: no mark, no fill; `engine.step.mark_price` and the fill book leave it alone."""
    rows = rows_of(world("quotes"))
    tape = Tape(rows, FaultSchedule((Fault(FaultKind.CROSSED, at=20),)))
    slices = only_slices(assembled(tape, assembler_of(tape.hello(0))))
    crossed = [
        r for one in slices for r in one.events.tolist() if r[at.QUOTE_BID] > r[at.QUOTE_ASK]
    ]
    quotes = [r for r in crossed if r[at.EVENT_KIND] == at.KIND_QUOTE]
    assert [(r[at.QUOTE_BID], r[at.QUOTE_ASK]) for r in quotes] == [(100, 50)]


def test_a_slice_of_bars_is_complete_when_everybody_has_reported() -> None:
    rows = rows_of(world("minute_bars"))
    tape = Tape(rows)
    assembler = assembler_of(tape.hello(0))
    first, second = (wire.parse(m.content) for m in list(tape.messages())[:2])
    assert isinstance(first, wire.Bar) and isinstance(second, wire.Bar) and first.ts == second.ts
    assert all(one.ts_ns < first.ts for one in only_slices(assembler.take(1, first, 500)))
    (one,) = only_slices(assembler.take(2, second, 700))
    assert len(one.events) == 2 and one.received_ns == 700


def test_a_slice_that_somebody_is_missing_from_is_decided_when_its_time_has_passed() -> None:
    tape = Tape(rows_of(world("minute_bars")))
    assembler = assembler_of(tape.hello(0))
    first = wire.parse(next(tape.messages()).content)
    assert isinstance(first, wire.Bar)
    assembler.take(1, first)
    assert only_slices(assembler.pass_time(first.ts - 1)) == []
    *_, one, passed = assembler.pass_time(first.ts)
    assert only_slices([one])[0].ts_ns == first.ts and passed == TimePassed(first.ts)
    second = wire.parse(list(tape.messages())[1].content)
    assert isinstance(second, wire.Bar)
    assert [n.kind for n in notices(assembler.take(2, second))] == [NoticeKind.LATE]


def test_time_never_passes_backwards_or_before_what_was_told() -> None:
    tape = Tape(rows_of(world("minute_bars")))
    assembler = assembler_of(tape.hello(0))
    last = 0
    for number, message in enumerate(list(tape.messages())[:10], start=1):
        bar = wire.parse(message.content)
        assert isinstance(bar, wire.Bar)
        assembler.take(number, bar)
        last = bar.ts
    assert assembler.pass_time(last - 1) == []
    assert assembler.pass_time(last)[-1] == TimePassed(last)
    assert assembler.pass_time(last) == []


def test_only_the_instruments_that_were_asked_for_are_told() -> None:
    history = world("trades", instruments=3)
    symbol = history.symbols[1]
    tape = Tape(rows_of(history))
    alone = replayed(replay_rows(history.select([symbol]), trading=True))
    items = assembled(tape, assembler_of(tape.hello(0), symbols=[symbol]))
    trades = [row[:3] for one in only_slices(items) for row in one.events.tolist() if row[1] == 22]
    assert trades == [row[:3] for one in alone for row in one.events.tolist() if row[1] == 22]


def test_an_instrument_of_which_nothing_comes_while_its_market_is_open_is_stale_once() -> None:
    """A minute bar is stale after its own length and 120 seconds: not at 180 seconds, but after."""
    history = world("minute_bars", instruments=2)
    tape = Tape(rows_of(history))
    assembler = assembler_of(tape.hello(0))
    quiet, ts = history.symbols[1], 0
    for number, message in enumerate(tape.messages(), start=1):
        bar = wire.parse(message.content)
        assert isinstance(bar, wire.Bar)
        if bar.symbol != quiet or number < 5:
            items = assembler.take(number, bar)
            ts = bar.ts
        if number == 8:
            break
    last = ts - 2 * NS_PER_MINUTE  # of the quiet one's second bar
    assert notices(items) == []
    assert notices(assembler.pass_time(last + 3 * NS_PER_MINUTE)) == []
    (stale,) = notices(assembler.pass_time(last + 3 * NS_PER_MINUTE + 1))
    assert stale.kind is NoticeKind.STALE and stale.instrument == 1 and quiet in stale.detail
    others = notices(assembler.pass_time(ts + 10 * NS_PER_MINUTE))
    assert [notice.instrument for notice in others] == [0]
    assert notices(assembler.pass_time(ts + 30 * NS_PER_DAY)) == []  # nor at night


def test_going_on_at_night_nothing_is_stale() -> None:
    """The session's close was told before the cursor, and is not told again."""
    tape = Tape(rows_of(world("daily_bars", length=3, instruments=1)))
    every = only_slices(assembled(tape, assembler_of(tape.hello(0))))
    closed = [one for one in every if one.events[0, at.EVENT_KIND] == at.KIND_SESSION_CLOSE][1]
    last, _ = unpack_cursor(closed.cursor)
    before = [wire.parse(m.content) for m in tape.messages() if m.seq <= last]
    hello = tape.hello(0)
    resumption = resumption_of(closed.cursor, before, assembler_of(hello)._listings)  # type: ignore[arg-type]
    assembler = assembler_of(hello, resumption=resumption)
    assert notices(assembler.pass_time(closed.ts_ns + NS_PER_HOUR)) == []
