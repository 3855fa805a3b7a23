"""A kill switch that was rehearsed under virtual time: what it took says nothing of the machine's load."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runtime.session.drill import Drilled, drill
from sims.virtual_time import VirtualClock, VirtualLoop
from tests.simulation.databases import open_file


def rehearse(folder: Path, at_ns: int) -> Drilled:
    """Rehearse the kill switch of a workspace's database at a time."""

    async def rehearsal() -> Drilled:
        store = open_file(f"sqlite:///{folder / 'trader.db'}", VirtualClock(at_ns))
        try:
            return await drill(store)
        finally:
            store.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(rehearsal())
