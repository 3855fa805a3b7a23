"""What was recorded is what came, whenever the process died, and backtests to the same hash."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from data import spool as spool_module
from data.catalog import Catalog
from data.fingerprint import action_line
from data.history import History
from data.manifest import InstrumentEntry
from data.spool import Block, Header, Spool
from engine.errors import DataError
from engine.model import layout as at
from engine.model.units import NS_PER_HOUR
from engine.ports import FeedItem, NoticeKind, Slice
from runtime.backtest import run_backtest
from runtime.backtest.histories import load_history
from runtime.clocks import SystemClock
from runtime.config import load_strategy
from runtime.feeds import recording
from runtime.feeds.faults import REPAIRABLE, FaultKind, random_schedule
from runtime.feeds.recording import RecordingFeed
from runtime.feeds.replay import ReplayFeed
from runtime.feeds.server import StreamServer
from runtime.feeds.tape import Tape
from sims.virtual_time import VirtualClock, run_virtual
from tests.property.window_worlds import make_dataset
from tests.unit.feeds.tapes import expect_same, notices, only_slices, replayed, rows_of, world
from tests.unit.feeds.test_stream_feed import TICK, feed_of, run

EXAMPLES = Path(__file__).parents[3] / "examples"


def record(
    history: History, root: Path, *, after: int = 0, limit: int | None = None, seal: bool = True
) -> list[FeedItem]:
    """Record a replay, up to a number of items; without `seal` the process dies there."""

    async def story() -> list[FeedItem]:
        clock = VirtualClock()
        feed = RecordingFeed(ReplayFeed(rows_of(history), clock), root, "kept", clock)
        items: list[FeedItem] = []
        stream = feed.items(after)
        async for item in stream:
            items.append(item)
            if len(items) == limit:
                break
        if seal:
            await stream.aclose()  # type: ignore[attr-defined]
            await feed.close()
        else:
            feed._cursor = feed._spool.cursor  # what waits in memory is gone
            await stream.aclose()  # type: ignore[attr-defined]
            feed._spool.close()
        return items

    return run_virtual(story())


def same_data(recorded: History, known: History) -> None:
    """Assert that two histories have the same content, to the last row and action."""
    assert recorded.fingerprint == known.fingerprint


@pytest.mark.parametrize("seed", range(4))
def test_a_recording_has_everything_that_came(seed: int, tmp_path: Path) -> None:
    history = make_dataset(tmp_path / "source", seed, bars=60).load()
    record(history, tmp_path)
    kept = Catalog(tmp_path).dataset("kept").load(history.symbols)
    for symbol in history.symbols:
        for name in ("bars", "quotes"):
            columns, known = getattr(kept[symbol], name), getattr(history[symbol], name)
            assert (columns is None) == (known is None or not len(known))
            if columns is not None:
                for column in known.__slots__:
                    assert np.array_equal(getattr(columns, column), getattr(known, column))
    span = history.span_ns()
    assert span is not None
    inside = [a for a in history.actions if span[0] <= a.ts_ex_ns <= span[1]]
    assert sorted(map(action_line, kept.actions)) == sorted(map(action_line, inside))


@pytest.mark.parametrize("name", ["sma_cross.toml", "event_contracts.toml", "full_loop.toml"])
def test_what_was_recorded_backtests_to_the_same_hash(name: str, tmp_path: Path) -> None:
    config = load_strategy(EXAMPLES / name)
    history = load_history(config.data, Path())
    span = history.span_ns()
    assert span is not None
    if name == "event_contracts.toml":  # the last part of one contract, with its settlement
        history = history.select(history.symbols[:1]).between(span[1] - NS_PER_HOUR // 4, None)
    record(history, tmp_path)
    kept = Catalog(tmp_path).dataset("kept").load(history.symbols)
    hashes = {
        run_backtest(config, history=each, engine="interpreted").state_hash
        for each in (history, kept)
    }
    assert len(hashes) == 1


def test_so_does_what_was_recorded_of_a_stream_with_faults(tmp_path: Path) -> None:
    config = load_strategy(EXAMPLES / "sma_cross.toml")
    history = load_history(config.data, Path())
    rows = rows_of(history)
    kinds = [k for k in REPAIRABLE if k is not FaultKind.MUTE]
    tape = Tape(rows, random_schedule(3, len(history["GOOG"].bars or ()), count=25, kinds=kinds))

    async def story() -> list[FeedItem]:
        async with StreamServer(tape, SystemClock(), tick_seconds=TICK) as server:
            feed = RecordingFeed(feed_of(tape, server.url), tmp_path, "kept", SystemClock())
            items = [item async for item in feed.items()]
            await feed.finish()
            return items

    items = run(story())
    expect_same(items, replayed(rows))
    kept = Catalog(tmp_path).dataset("kept").load()
    same_data(kept, history)
    assert not list(tmp_path.glob("*.recording"))
    assert run_backtest(config, history=kept).state_hash == run_backtest(config, history=history).state_hash  # fmt: skip


def test_a_recording_goes_on_where_it_was(tmp_path: Path) -> None:
    history = world("minute_bars", length=50)
    every = only_slices(record(history, tmp_path / "whole"))
    record(history, tmp_path, limit=30)
    record(
        history, tmp_path, after=10, limit=30
    )  # a session that goes on from an earlier checkpoint
    rest = record(history, tmp_path, after=35)
    expect_same(rest, every[35:])
    same_data(Catalog(tmp_path).dataset("kept").load(), history)


def test_what_was_not_certain_when_the_process_died_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session went on to slice 40 and knows it; of the recording only some is certain."""
    monkeypatch.setattr(recording, "COMMIT_ROWS", 16)
    history = world("minute_bars", length=50)
    every = only_slices(record(history, tmp_path / "whole"))
    record(history, tmp_path, limit=40, seal=False)
    rest = record(history, tmp_path, after=40)
    expect_same(rest, every[40:])
    same_data(Catalog(tmp_path).dataset("kept").load(), history)


# --- The spool ----------------------------------------------------------------------------------------
HEADER = Header((InstrumentEntry.of(world("trades").instruments[0]),), "a test")


def fill(root: Path, commits: int) -> list[dict[str, bytes]]:
    """Commit some rows; return what was on the disk after each commit."""
    spool = Spool(root, "kept", HEADER)
    rng, seen = Random(5), []
    for n in range(1, commits + 1):
        rows = np.array([[n * 10 + k, 5, 7, 1] for k in range(rng.randint(1, 3))], dtype=np.int64)
        spool.commit(n, [Block("trades", 0, rows)])
        seen.append({p.name: p.read_bytes() for p in spool.folder.iterdir()})
    spool.close()
    return seen


def test_a_spool_that_was_cut_anywhere_has_its_last_whole_commit(tmp_path: Path) -> None:
    """As after a power cut: any part of the last commit's rows, and of its frame, may be missing."""
    before, after = fill(tmp_path / "filled", 6)[-2:]
    rng, name = Random(1), "trades-0.rows"
    for n in range(30):
        root = tmp_path / str(n)
        folder = root / "kept.recording"
        folder.mkdir(parents=True)
        (folder / "header.json").write_bytes(after["header.json"])
        grown = after["commits"][: rng.randint(len(before["commits"]), len(after["commits"]))]
        (folder / "commits").write_bytes(grown)
        is_whole = grown == after["commits"]
        end = len(after[name]) if is_whole else rng.randint(len(before[name]), len(after[name]))
        (folder / name).write_bytes(after[name][:end])
        spool = Spool(root, "kept", HEADER)
        assert spool.cursor == (6 if is_whole else 5)
        spool.commit(7, [Block("trades", 0, np.array([[999, 5, 7, 1]], dtype=np.int64))])
        spool.seal()
        spool.close()
        kept = Catalog(root).dataset("kept").load().parts[0].trades
        known = np.frombuffer(after[name] if is_whole else before[name], dtype="<i8")
        assert kept is not None
        assert kept.ts_ns.tolist() == [*known.reshape(-1, 4)[:, 0].tolist(), 999]


@pytest.mark.parametrize("name", ["commits", "trades-0.rows"])
def test_a_flipped_bit_in_what_was_certain_is_named(name: str, tmp_path: Path) -> None:
    content = fill(tmp_path, 6)[-1][name]
    path = tmp_path / "kept.recording" / name
    rng = Random(2)
    for _ in range(40):
        place = rng.randrange(len(content) // 2)
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(DataError, match="damaged") as told:
            Spool(tmp_path, "kept", HEADER)
        assert name in told.value.where
    path.write_bytes(content)
    Spool(tmp_path, "kept", HEADER).close()


def test_rows_that_were_certain_and_are_gone_are_named(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    path = tmp_path / "kept.recording" / "trades-0.rows"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="not there"):
        Spool(tmp_path, "kept", HEADER)


def test_one_recording_has_one_writer_and_its_own_instruments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "kept", HEADER)
    with pytest.raises(DataError, match="another process"):
        Spool(tmp_path, "kept", HEADER)
    spool.close()
    other = Header((InstrumentEntry.of(world("events").instruments[0]),), "a test")
    with pytest.raises(DataError, match="other instruments"):
        Spool(tmp_path, "kept", other)
    Spool(tmp_path, "kept", HEADER).close()


def test_a_full_disk_ends_the_recording_and_not_the_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "COMMIT_ROWS", 16)
    history = world("minute_bars", length=50)
    written: list[int] = []
    write_at = spool_module._write_at

    def full(path: Path, offset: int, content: bytes) -> None:
        written.append(len(content))
        if len(written) > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_at(path, offset, content)

    monkeypatch.setattr(spool_module, "_write_at", full)
    items = record(history, tmp_path)
    expect_same(items, replayed(rows_of(history)))
    (notice,) = notices(items)
    assert notice.kind is NoticeKind.LOST and "No space left" in notice.detail
    monkeypatch.setattr(spool_module, "_write_at", write_at)
    record(history, tmp_path, after=len(only_slices(items)))  # once there is room again
    same_data(Catalog(tmp_path).dataset("kept").load(), history)


KILLED = """
import asyncio, sys
from pathlib import Path
from runtime.clocks import SystemClock
from runtime.feeds import recording
from runtime.feeds.recording import RecordingFeed
from runtime.feeds.replay import ReplayFeed
from tests.unit.feeds.tapes import rows_of, world

async def main():
    recording.COMMIT_ROWS = 4
    clock = SystemClock()
    feed = ReplayFeed(rows_of(world("minute_bars", length=400)), clock, speed=60 * 200)
    kept = RecordingFeed(feed, Path(sys.argv[1]), "kept", clock)
    async for item in kept.items():
        print(getattr(item, "cursor", ""), flush=True)

asyncio.run(main())
"""


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen = int(line) if line.strip() else seen
        if seen >= 60:
            break
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    history = world("minute_bars", length=400)
    rest = only_slices(record(history, tmp_path, after=seen))
    assert rest[0].cursor == seen + 1
    same_data(Catalog(tmp_path).dataset("kept").load(), history)


class _Halting:
    """A feed with a halt, which the catalog does not keep, and bars of which some have no volume."""

    def __init__(self, history: History) -> None:
        self.name, self.instruments = "halting", history.instruments
        self.evidence = ReplayFeed(rows_of(history), VirtualClock()).evidence
        self._slices = replayed(rows_of(history))

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        for one in self._slices[after:]:
            events = one.events.copy()
            if one.cursor == 3:
                halt = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
                halt[0, :2] = one.ts_ns, at.KIND_HALT
                events = np.concatenate([halt, events])
            events[events[:, at.EVENT_KIND] == at.KIND_BAR, at.BAR_VOLUME] = at.UNKNOWN
            yield Slice(one.ts_ns, events, one.cursor)

    async def close(self) -> None:
        pass


def test_what_the_catalog_does_not_know_is_left_out(tmp_path: Path) -> None:
    halting = _Halting(world("minute_bars", length=20))

    async def story() -> None:
        feed = RecordingFeed(halting, tmp_path, "kept", VirtualClock())
        async for _ in feed.items():
            pass
        await feed.close()

    run_virtual(story())
    kept = Catalog(tmp_path).dataset("kept").load()
    assert kept.actions == () and all(p.bars and not p.bars.has_volume for p in kept.parts)
