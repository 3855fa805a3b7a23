"""A replay feed shows what a backtest runs on: every row once, in its order, from any slice on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from data.streams import open_stream
from engine.errors import InputError
from engine.jit import as_plain
from engine.model import layout as at
from engine.model.units import NS_PER_SECOND
from engine.ports import EvidenceClass, FeedItem, Slice, TimePassed
from runtime.backtest.histories import load_history
from runtime.backtest.run import prepare
from runtime.config import StrategyConfig, load_strategy, parse_strategy
from runtime.feeds.replay import ReplayFeed
from runtime.feeds.rows import ReplayRows, replay_rows
from sims.replay.source import Source
from sims.replay.stream import Stream
from sims.virtual_time import VirtualClock, run_virtual
from tests.property.by_rows import slice_end
from tests.property.window_worlds import make_dataset

Ints = NDArray[np.int64]
EXAMPLES = Path(__file__).parents[3] / "examples"
WORLDS = ["daily_bars", "minute_bars", "quotes", "trades", "events"]


def taken(feed: ReplayFeed, after: int = 0, limit: int | None = None) -> list[FeedItem]:
    """Return what a feed yields, in virtual time."""

    async def take() -> list[FeedItem]:
        found: list[FeedItem] = []
        async for item in feed.items(after):
            found.append(item)
            if len(found) == limit:
                break
        return found

    return run_virtual(take())


def slices_of(rows: ReplayRows, after: int = 0) -> list[Slice]:
    items = taken(ReplayFeed(rows, VirtualClock()), after)
    assert all(isinstance(item, Slice) for item in items)
    return [item for item in items if isinstance(item, Slice)]


def stream_rows(sources: Sequence[Source]) -> tuple[Ints, list[int]]:
    """Return the rows of a backtest's stream, and where its loop ends each slice."""
    chunks = [chunk.events[: chunk.rows].copy() for chunk in Stream(sources).chunks()]
    rows = np.concatenate(chunks)
    plain, ends = as_plain(rows), [0]
    while ends[-1] < len(rows):
        ends.append(slice_end(plain, ends[-1], len(rows)))
    return rows, ends[1:]


def expect(slices: Sequence[Slice], rows: Ints, ends: Sequence[int]) -> None:
    assert np.array_equal(np.concatenate([one.events for one in slices]), rows)
    assert np.cumsum([len(one.events) for one in slices]).tolist() == list(ends)
    assert [one.cursor for one in slices] == list(range(1, len(ends) + 1))
    assert all((one.events[:, at.EVENT_TS] == one.ts_ns).all() for one in slices)
    assert {one.received_ns for one in slices} == {0}


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


@pytest.mark.parametrize(
    "name",
    ["sma_cross.toml", "full_loop.toml", "momentum.toml", "event_contracts.toml",
     "compiled/cross.toml", "python_class/mean_reversion.toml"],
)  # fmt: skip
def test_an_example_is_fed_the_rows_of_its_backtest(name: str) -> None:
    config = load_strategy(EXAMPLES / name)
    history = load_history(config.data, Path())
    if len(history.parts) > 5:
        history = history.select(history.symbols[:5])
    job = prepare(config, history, "interpreted").job
    rows, ends = stream_rows(job.sources)
    expect(slices_of(replay_rows(history, trading=config.is_trading)), rows, ends)


@pytest.mark.parametrize("kind", WORLDS)
def test_a_synthetic_world_is_fed_as_the_stream_has_it(kind: str) -> None:
    history = load_history(world_config(kind).data, Path())
    rows = replay_rows(history, trading=True)
    stream, ends = stream_rows(whole_sources(rows))
    expect(slices_of(replace(rows, chunk_rows=7)), stream, ends)


def whole_sources(rows: ReplayRows) -> list[Source]:
    (sources,) = rows._windows()
    return sources


@pytest.mark.parametrize("seed", range(5))
def test_what_is_read_in_windows_is_fed_like_what_is_in_memory(seed: int, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, seed, bars=90)
    whole = replay_rows(dataset.load(), trading=bool(seed % 2))
    rows, ends = stream_rows(whole_sources(whole))
    expect(slices_of(whole), rows, ends)
    for window_rows in (3, 50, 100_000):
        stream = open_stream(dataset)
        trading = bool(seed % 2)
        cut = replay_rows(stream, trading=trading, window_rows=window_rows, chunk_rows=16)
        expect(slices_of(cut), rows, ends)


@pytest.mark.parametrize("seed", range(4))
def test_a_feed_goes_on_from_any_slice(seed: int, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, seed, bars=60)
    rng = Random(seed)
    for rows in (
        replay_rows(dataset.load(), trading=True),
        replay_rows(open_stream(dataset), trading=True, window_rows=20),
    ):
        every = slices_of(rows)
        places = [0, 1, len(every) - 1, len(every), *(rng.randrange(len(every)) for _ in range(12))]
        for after in places:
            rest = slices_of(rows, after)
            assert [one.cursor for one in rest] == list(range(after + 1, len(every) + 1))
            for one, known in zip(rest, every[after:], strict=True):
                assert np.array_equal(one.events, known.events), (seed, after)


def test_a_window_is_not_read_before_it_is_due(tmp_path: Path) -> None:
    """What is larger than memory is fed while it is read."""
    stream = open_stream(make_dataset(tmp_path, 2))
    rows = replay_rows(stream, trading=False, marks=False, window_rows=10)
    read: list[int] = []
    windows = type(stream).windows

    def counted(self: object, count: int | None = None) -> object:
        for window in windows(stream, count):
            read.append(window.rows)
            yield window

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(stream), "windows", counted)
        taken(ReplayFeed(rows, VirtualClock()), limit=5)
    assert len(read) <= 2 and len(stream) > 50


def at_speed(speed: float | None, count: int) -> tuple[list[tuple[float, FeedItem]], list[Slice]]:
    """Return the items of some slices of quotes, each with the time at which it came."""
    history = load_history(world_config("quotes", length=count, instruments=1).data, Path())
    clock = VirtualClock()
    feed = ReplayFeed.over(history, clock, speed=speed, marks=False)

    async def take() -> list[tuple[float, FeedItem]]:
        found: list[tuple[float, FeedItem]] = []
        async for item in feed.items():
            found.append((clock.monotonic_ns() / NS_PER_SECOND, item))
            if sum(isinstance(each, Slice) for _, each in found) == count:
                break  # the session's close is hours away
        return found

    items = run_virtual(take())
    return items, [item for _, item in items if isinstance(item, Slice)]


@pytest.mark.parametrize("speed", [1.0, 60.0, 0.5])
def test_slices_come_when_their_time_has_come(speed: float) -> None:
    items, slices = at_speed(speed, 20)
    first_ns = slices[0].ts_ns
    for came, item in items:
        if isinstance(item, Slice):
            due = (item.ts_ns - first_ns) / NS_PER_SECOND / speed
            assert came == pytest.approx(due, abs=1e-6)


def test_time_passes_between_slices_and_never_beyond_the_next() -> None:
    items, slices = at_speed(1.0, 20)
    seen_ns = 0
    ticks = [item for _, item in items if isinstance(item, TimePassed)]
    assert ticks and slices[-1] is items[-1][1]
    for _, item in items:
        now_ns = item.ts_ns if isinstance(item, Slice) else item.now_ns  # type: ignore[union-attr]
        assert now_ns >= seen_ns
        if isinstance(item, TimePassed):
            assert now_ns > seen_ns
        seen_ns = now_ns


def test_as_fast_as_possible_takes_no_time_and_lets_others_run() -> None:
    items, _ = at_speed(None, 600)
    assert {came for came, _ in items} == {0.0}
    assert all(isinstance(item, Slice) for _, item in items)


def test_a_replay_is_a_rehearsal_and_a_speed_of_nothing_is_refused() -> None:
    history = load_history(world_config("quotes").data, Path())
    feed = ReplayFeed.over(history, VirtualClock(), speed=10.0)
    assert feed.evidence is EvidenceClass.REHEARSAL and feed.instruments == history.instruments
    for speed in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="speed"):
            ReplayFeed.over(history, VirtualClock(), speed=speed)
