"""A signal that a person approves is checked once more, and the person is told what became of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.session.operators import REFUSED
from runtime.session.parts import Asked
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

ASKED = """
[strategy]
name = "asked"
[data]
dataset = "world:minute_bars"
end = "2020-01-03"
[data.world]
seed = 2
instruments = 1
[rules]
entry = "close > sma(close, 5)"
exit = "close < sma(close, 5)"
[signals]
expiry = "7d"
"""
DAILY = ASKED.split("[data]")[0] + """[data]
dataset = "sample:goog"
end = "2004-09-10"
[rules]""" + ASKED.split("[rules]")[1]  # fmt: skip


@pytest.mark.parametrize(("text", "is_sent"), [(ASKED, True), (DAILY, False)])
def test_who_approves_is_told_whether_it_was_sent(text: str, is_sent: bool, tmp_path: Path) -> None:
    """A day's bar closes with its market, so its signal cannot be sent until that opens."""
    path = tmp_path / "asked.toml"
    path.write_text(text)
    config = load_strategy(path)
    speed = 60.0 if is_sent else 3_600.0
    desk = Desk(config, load_history(config.data, Path()), tmp_path, speed=speed)
    answers: list[str] = []

    async def story() -> None:
        with desk.store() as store:
            session = desk.session(store, mode="approve")
            running = asyncio.ensure_future(session.run())
            while await session.ask(Asked("signals", "ann")) == "[]":
                await session.parts.clock.sleep(1.0)
            answers.append(await session.ask(Asked("approve", "ann", argument="1")))
            session.stop("enough")
            await running

    run_virtual(story())
    (told,) = answers
    assert told.startswith("approve: done" if is_sent else REFUSED)
    assert is_sent or "market is closed" in told
