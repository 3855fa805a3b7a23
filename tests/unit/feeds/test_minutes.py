"""Minutes that come in any order become the slices of a backtest; longer bars are those of the catalog."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest

from data.history import History
from data.resampling import Anchor
from engine.errors import InputError
from engine.model import layout as at
from engine.ports import FeedItem, Notice, NoticeKind, Slice
from runtime.backtest.histories import load_history
from runtime.feeds import wire
from runtime.feeds.joining import BarKind, kind_of_bars
from runtime.feeds.minutes import MinuteAssembler
from runtime.feeds.opening import data_named
from tests.architecture.source import ROOT
from tests.unit.feeds.venues import minutes, replayed, resampled, told, without_minutes

MINUTE = 60 * 10**9


def bars_of(history: History) -> list[wire.Bar]:
    """Return all bars as messages, by time."""
    found = []
    for number, part in enumerate(history.parts):
        bars = part.bars
        assert bars is not None
        for n in range(len(bars)):
            row = [0] * at.EVENT_WIDTH
            row[0], row[1], row[2] = int(bars.ts_close_ns[n]), at.KIND_BAR, number
            row[at.BAR_OPEN_TS] = int(bars.ts_open_ns[n])
            columns = (bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks)
            row[at.BAR_OPEN : at.BAR_VOLUME] = [int(each[n]) for each in columns]
            row[at.BAR_VOLUME] = int(bars.volume_lots[n])
            message = wire.to_message(row, 1, history.instruments)
            assert isinstance(message, wire.Bar)
            found.append(message)
    return sorted(found, key=lambda bar: bar.ts)


def assembler(history: History, kind: BarKind, after: int = 0) -> MinuteAssembler:
    span = history.span_ns()
    assert span is not None
    start_ns = bars_of(history)[0].open_ts - MINUTE
    counts: Counter[NoticeKind] = Counter()
    return MinuteAssembler(history.instruments, kind, after, start_ns, trading=False, counts=counts)


def assembled(
    one: MinuteAssembler, bars: list[wire.Bar], rng: Random, *, disorder: int = 3
) -> list[FeedItem]:
    """Return what bars become that come in a little disorder, are asked for now and then, and end."""
    bars = sorted(bars, key=lambda bar: bar.ts + rng.randrange(disorder) * MINUTE)
    items: list[FeedItem] = []
    for n, bar in enumerate(bars):
        items += one.hear(bar, bar.ts)
        items += one.whole()
        if rng.random() < 0.05:
            items += one.confirm(min(each.ts for each in bars[n:]) - 1)
    return [*items, *one.confirm(bars[-1].ts + 10 * MINUTE)]


@pytest.mark.parametrize("seed", range(5))
def test_minutes_in_disorder_are_the_slices_of_a_replay(seed: int) -> None:
    rng = Random(seed)
    history = without_minutes(minutes(2, 2), lambda number, n: rng.random() < 0.1)
    items = assembled(assembler(history, BarKind()), bars_of(history), rng)
    assert told(items) == replayed(history)


@pytest.mark.parametrize("label", ["5m", "30m", "1h", "4h"])
@pytest.mark.parametrize("anchor", Anchor)
def test_longer_bars_are_those_of_the_catalog(label: str, anchor: Anchor) -> None:
    rng = Random(7)
    history = without_minutes(minutes(2, 2), lambda number, n: rng.random() < 0.3)
    longer = resampled(history, label, anchor)
    kind = kind_of_bars(longer)
    assert kind.period is not None
    items = assembled(assembler(history, kind), bars_of(history), rng)
    assert told(items) == replayed(longer)


@pytest.mark.parametrize("label", ["", "30m"])
def test_a_cursor_goes_on_where_it_was(label: str) -> None:
    history = minutes(2)
    kind = kind_of_bars(resampled(history, label)) if label else BarKind()
    whole = assembled(assembler(history, kind), bars_of(history), Random(1))
    slices = [item for item in whole if isinstance(item, Slice)]
    for place in (0, 1, 5, len(slices) // 2, len(slices) - 4, len(slices) - 2):
        one = assembler(history, kind, slices[place].cursor)
        bars = [bar for bar in bars_of(history) if bar.ts >= one.next_ns]
        rest = assembled(one, bars, Random(place)) if bars else one.confirm(slices[-1].ts_ns)
        assert told(rest) == told(slices[place + 1 :])


def test_what_comes_twice_or_differently_is_told() -> None:
    history = minutes()
    first, second, *_ = bars_of(history)
    one = assembler(history, BarKind())
    changed = wire.Bar(1, first.symbol, first.ts, first.open_ts, "1", "2", "1", "2", "3")
    items = one.hear(second, 0) + one.hear(second, 0) + one.whole()
    items += one.hear(first, 0) + one.whole() + one.hear(first, 0) + one.hear(changed, 0)
    kinds = [item.kind for item in items if isinstance(item, Notice)]
    assert kinds == [NoticeKind.DUPLICATE, NoticeKind.DUPLICATE, NoticeKind.REVISED]


def test_a_halt_stands_where_it_happened() -> None:
    history = minutes()
    first, second, *_ = bars_of(history)
    one = assembler(history, BarKind())
    halt = wire.ActionMessage(1, first.symbol, first.ts + 7, "halt")
    items = one.hear_action(halt, 0) + one.hear(first, 0) + one.whole()
    items += one.hear(second, 0) + one.whole()
    kinds = [int(kind) for item in items if isinstance(item, Slice) for kind in item.events[:, 1]]
    assert kinds == [at.KIND_SESSION_OPEN, at.KIND_BAR, at.KIND_HALT, at.KIND_BAR]


@pytest.mark.parametrize(
    ("history", "kind"),
    [(minutes(), BarKind()), (resampled(minutes(2), "1d"), BarKind(is_daily=True))],
    ids=["minutes", "days"],
)
def test_data_say_which_bars_are_read(history: History, kind: BarKind) -> None:
    assert kind_of_bars(history) == kind


def test_bars_that_no_minutes_make_are_refused() -> None:
    ticks = load_history(data_named("world:quotes", length=40), ROOT)
    with pytest.raises(InputError, match="no bars of an instrument"):
        kind_of_bars(ticks)
    times = np.arange(1, 40) * 7 * MINUTE + 18_000 * 86_400 * 10**9
    prices = np.full(39, 10.0)
    odd = History.from_arrays(
        "ODD", ts_close_ns=times, open=prices, high=prices, low=prices, close=prices
    )
    with pytest.raises(InputError, match="not made of a session's minutes"):
        kind_of_bars(odd)
