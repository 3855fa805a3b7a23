"""An instrument of which nothing comes is not entered; the session goes on, and so does the instrument later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from engine.ports import FeedItem, Notice, NoticeKind, Slice
from runtime.feeds.replay import ReplayFeed
from runtime.journal.records import Noted
from runtime.session.session import Session
from runtime.session.starting import start_paper
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk


class Thin:
    """A feed of which one instrument is silent for a while after its hundredth slice."""

    def __init__(self, whole: ReplayFeed) -> None:
        self._whole = whole
        self.name, self.evidence, self.instruments = whole.name, whole.evidence, whole.instruments
        self.close = whole.close

    async def items(self, after: int = 0) -> AsyncIterator[FeedItem]:
        slices = 0
        async for item in self._whole.items(after):
            yield item
            slices += isinstance(item, Slice)
            if slices == 100 and isinstance(item, Slice):
                yield Notice(NoticeKind.STALE, "nothing has come", instrument=0)


def test_silence_of_one_instrument_holds_nothing_else_and_ends_with_its_data(
    tmp_path: Path,
) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    looked: list[tuple[SessionState, frozenset[int]]] = []

    with desk.store() as store:

        async def whole() -> Session:
            plan = desk.plan(store)
            assert isinstance(plan.feed, ReplayFeed)
            session = start_paper(store, replace(plan, feed=Thin(plan.feed)))

            def look(item: FeedItem) -> None:
                looked.append((session.state, session.gateway._situation().silent))

            session.parts.observers.item = look
            await session.run()
            return session

        session = run_virtual(whole())
        noted = [
            entry.record.text
            for entry in store.entries(session.parts.journal.session_id)
            if isinstance(entry.record, Noted) and entry.record.kind == "feed"
        ]
    assert (SessionState.RUNNING, frozenset({0})) in looked
    assert (SessionState.RECONCILING, frozenset({0})) not in looked
    assert looked[-1][1] == frozenset()
    assert "GOOG: its data come again" in noted
    assert session.parts.core.equity_minor == desk.backtest().final_equity_minor
