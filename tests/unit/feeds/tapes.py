"""Tapes, slices and worlds for the tests of feeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from data.history import History
from engine.ports import FeedItem, Notice, NoticeKind, Slice, TimePassed
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig, parse_strategy
from runtime.feeds import wire
from runtime.feeds.assembling import Assembler, Resumption
from runtime.feeds.calendar_events import CalendarEvents
from runtime.feeds.freshness import Freshness
from runtime.feeds.listening import listings_of, reports_of
from runtime.feeds.rows import ReplayRows, replay_rows
from runtime.feeds.tape import Tape

WORLDS = ("daily_bars", "minute_bars", "quotes", "trades", "events")


def world_config(kind: str, *, length: int = 120, instruments: int = 2) -> StrategyConfig:
    text = f"""
[strategy]
name = "w"
[data]
dataset = "world:{kind}"
[data.world]
seed = 5
length = {length}
instruments = {instruments}
[rules]
entry = "close > 0"
[sizing]
method = "equal_weight"
fraction = 0.1
"""
    return parse_strategy(text, path=Path("w.toml"))


def world(kind: str, *, length: int = 120, instruments: int = 2) -> History:
    return load_history(world_config(kind, length=length, instruments=instruments).data, Path())


def replayed(rows: ReplayRows) -> list[Slice]:
    """Return the slices of some data as a replay feed has them."""
    from tests.unit.feeds.test_replay_feed import slices_of

    return slices_of(rows)


def assembler_of(
    hello: wire.Hello,
    *,
    trading: bool = True,
    symbols: Sequence[str] | None = None,
    resumption: Resumption | None = None,
) -> Assembler:
    """Return an assembler for a stream's instruments, or some of them."""
    every = [entry.to_instrument() for entry in hello.instruments]
    chosen = [one for one in every if symbols is None or one.symbol in symbols]
    assert hello.starts_ns is not None
    calendar = CalendarEvents([one.calendar for one in chosen], hello.starts_ns, trading=trading)
    listings = listings_of(chosen, hello)
    return Assembler(
        listings,
        calendar,
        reports=reports_of(listings, hello),
        freshness=Freshness([0] * len(chosen), 120.0),
        resumption=resumption,
    )


def assembled(tape: Tape, assembler: Assembler, after: int = 0) -> list[FeedItem]:
    """Return what a tape becomes without a wire."""
    items: list[FeedItem] = []
    for numbered in tape.messages(after):
        message = wire.parse(numbered.content)
        assert not isinstance(message, wire.Hello | wire.Time | wire.End)
        items += assembler.take(numbered.seq, message)
    return items + assembler.finish(tape.last_ns)


def only_slices(items: Iterable[FeedItem]) -> list[Slice]:
    return [item for item in items if isinstance(item, Slice)]


def notices(items: Iterable[FeedItem], *kinds: NoticeKind) -> list[Notice]:
    return [i for i in items if isinstance(i, Notice) and (not kinds or i.kind in kinds)]


def times(items: Iterable[FeedItem]) -> list[int]:
    return [item.now_ns for item in items if isinstance(item, TimePassed)]


def expect_same(found: Iterable[FeedItem], known: Sequence[Slice]) -> None:
    """Assert that slices have the same rows; cursors count other things."""
    slices = only_slices(found)
    for n, (one, other) in enumerate(zip(slices, known, strict=False)):
        assert one.ts_ns == other.ts_ns, n
        assert np.array_equal(one.events, other.events), (n, one.events, other.events)
    assert len(slices) == len(known)


def rows_of(history: History, *, trading: bool = True, marks: bool = False) -> ReplayRows:
    return replay_rows(history, trading=trading, marks=marks)
