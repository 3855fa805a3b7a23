"""A session keeps the limits that it began with, and tells a person whose trader.toml says others."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from engine.errors import ConfigError
from runtime.clocks import SystemClock
from runtime.gateway.checks import Limits
from runtime.promotion.limits import AllowedLimits
from runtime.session.limits_kept import LimitsKept
from runtime.session.live import go_live
from tests.unit.live.rehearsals import Rehearsal, SharedMarket, until
from tests.unit.live.test_endings import of_class

KEPT = AllowedLimits(10**12, 0, 200_000, 100, ["GME"])


class Notebook:
    """Takes the notes of a session."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def note(self, kind: str, severity: str, subject: str, text: str) -> None:
        self.told.append((severity, text))


def test_what_is_changed_is_told_once_and_so_is_its_end() -> None:
    said: list[AllowedLimits | ConfigError] = [KEPT]

    def read() -> AllowedLimits:
        if isinstance(said[-1], ConfigError):
            raise said[-1]
        return said[-1]

    kept, book = LimitsKept(KEPT, read, SystemClock()), Notebook()
    session: Any = book
    for now in (
        KEPT,
        replace(KEPT, order_value_minor=2 * 10**12),
        replace(KEPT, order_value_minor=2 * 10**12),
        replace(KEPT, restricted=[]),
        ConfigError("it is no TOML", where="trader.toml: line 3"),
        KEPT,
    ):
        said.append(now)
        asyncio.run(kept.look(session))
    severities, texts = zip(*book.told, strict=True)
    assert severities == ("warning", "warning", "warning", "info")
    assert texts[:2] == (
        "its limits were changed: order_value 20000; until it is begun again the session keeps order_value 10000",
        "its limits were changed: nothing is restricted; until it is begun again the session keeps restricted GME",
    )
    assert "cannot be read" in texts[2] and "line 3" in texts[2]


def test_a_live_session_looks_and_trades_within_its_own(here: Rehearsal) -> None:
    of_class(here)

    async def story() -> None:
        with here.desk() as desk, here.store() as store:
            async with here.venue() as venue:
                feed = SharedMarket(venue, here.slices)
                plan = here.plan(venue, feed=feed, limits_now=lambda: Limits(order_value_minor=1))
                feed.session = session = await go_live(store, plan, desk)
                running = asyncio.create_task(session.run())
                await until(lambda: len(venue.books.open_orders) == 2)
                session.stop("a test")
                await running

    asyncio.run(story())
    with here.store() as store:
        rows = store.rows(store.list()[0].id, "incidents")
    (told,) = (row for row in rows if row["kind"] == "limits")
    assert told["severity"] == "warning" and "order_value 0.00000001" in str(told["text"])
