"""From the name of some data to a feed over them, or to a server that streams them."""

from __future__ import annotations

from pathlib import Path

from data.history import History
from data.streams import HistoryStream
from engine.errors import InputError
from engine.ports import Clock
from runtime.backtest.histories import load_history, stream_of
from runtime.backtest.run import ROWS_IN_MEMORY
from runtime.config import DataSection, WorldSource
from runtime.feeds.faults import FaultSchedule
from runtime.feeds.replay import ReplayFeed
from runtime.feeds.rows import replay_rows
from runtime.feeds.server import StreamServer
from runtime.feeds.tape import Tape
from sims.worlds.spec import WorldKind, WorldSpec

_WORLD = "world:"


def data_named(
    name: str, *, seed: int = 1, length: int = 1_000, instruments: int = 1
) -> DataSection:
    """Return what a name means: ``sample:goog``, ``world:minute_bars``, or a dataset of the catalog.

    Parameters
    ----------
    seed, length, instruments
        Of a synthetic world only.

    Raises
    ------
    InputError
        If there is no world of that kind.
    """
    if not name.startswith(_WORLD):
        return DataSection(name)
    kind = name.removeprefix(_WORLD)
    known = [each.value for each in WorldKind]
    if kind not in known:
        raise InputError(
            f"there is no world {kind!r}",
            remedy=f"there are: {', '.join(_WORLD + each for each in known)}",
            code="data.unknown_world",
        )
    spec = WorldSpec(kind=WorldKind(kind), length=length, instruments=instruments)
    return DataSection(name, world=WorldSource(spec, seed))


def open_market(
    data: DataSection, catalog_root: Path, *, rows_in_memory: int = ROWS_IN_MEMORY
) -> History | HistoryStream:
    """Return data in memory, or as a stream where they are larger than that."""
    stream = stream_of(data, catalog_root, rows_in_memory)
    return load_history(data, catalog_root) if stream is None else stream


def open_replay(
    data: DataSection,
    catalog_root: Path,
    clock: Clock,
    *,
    speed: float | None = None,
    trading: bool = False,
) -> ReplayFeed:
    """Return a replay of some data; see `ReplayFeed`."""
    return ReplayFeed.over(open_market(data, catalog_root), clock, speed=speed, trading=trading)


def open_server(
    data: DataSection,
    catalog_root: Path,
    clock: Clock,
    *,
    speed: float | None = None,
    port: int = 0,
    schedule: FaultSchedule | None = None,
) -> StreamServer:
    """Return a server of some data, which `runtime.feeds.server.serve` runs; see `StreamServer`."""
    rows = replay_rows(open_market(data, catalog_root), trading=False)
    return StreamServer(Tape(rows, schedule), clock, speed=speed, port=port)
