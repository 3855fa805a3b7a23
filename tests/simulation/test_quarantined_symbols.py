"""A person releases an instrument that was quarantined; nobody releases what is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from runtime.journal.records import Noted
from runtime.session.parts import Asked
from runtime.session.venue_hearing import Hearing
from tests.simulation.processes import Life
from tests.simulation.worlds import World, run_seed

QUARANTINES = 14  # a fill of an order that nobody knows any more


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_person_releases_what_was_quarantined(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds: list[World] = []
    answers: list[tuple[str, str]] = []
    notes: list[str] = []
    quarantine, answer, start = Hearing.quarantine, Life._answer, Life.start

    def remembered(self: Life) -> None:
        worlds.append(self.world)
        start(self)

    async def asking(self: Hearing, instrument: int, why: str) -> None:
        is_new = instrument not in self.inbox.quarantined
        await quarantine(self, instrument, why)
        if is_new and not answers:
            symbol = self.beside.core.instruments[instrument].symbol
            worlds[-1].wishes += [
                Asked("release_symbol", "ann", "it was explained", each)
                for each in ("NOTHING", symbol, symbol)
            ]

    async def answered(self: Life, asked: Asked, text: str) -> None:
        answers.append((asked.argument, text))
        await self.journal.durable(self.journal.head[0])
        notes[:] = [
            each.record.text
            for each in self.store.entries(self.world.session_id)
            if isinstance(each.record, Noted) and each.record.kind == "quarantine"
        ]
        await answer(self, asked, text)

    monkeypatch.setattr(Life, "start", remembered)
    monkeypatch.setattr(Hearing, "quarantine", asking)
    monkeypatch.setattr(Life, "_answer", answered)
    run_seed(QUARANTINES)
    (nothing, refused), (symbol, released), (_, again) = answers
    assert refused == f"refused: {nothing!r} is not quarantined; {symbol} is"
    assert released == f"{symbol} may be entered again"
    assert again == f"refused: {symbol!r} is not quarantined; nothing is"
    assert notes[-1] == "released by ann: it was explained"
