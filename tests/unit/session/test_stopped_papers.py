"""A paper session that is stopped closes or withdraws what was wanted, as a live one does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime.session.parts import Options
from runtime.session.session import Session
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk


@pytest.mark.parametrize(
    ("on_stop", "holds"), [("keep", True), ("cancel", True), ("flatten", False)]
)
def test_a_stop_flattens_where_that_is_wanted(tmp_path: Path, on_stop: str, holds: bool) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=86_400.0)

    async def story() -> Session:
        session = desk.session(store, options=Options(on_stop=on_stop, settle_seconds=86_400))
        running = asyncio.create_task(session.run())
        while not session.parts.core.positions():
            await store.clock.sleep(0.5)
        session.stop("a test")
        assert await running is SessionState.STOPPED
        return session

    with desk.store() as store:
        session = run_virtual(story())
    assert bool(session.left.held) is holds
    assert session.left.working == ()
    assert session.cause == "a test"
