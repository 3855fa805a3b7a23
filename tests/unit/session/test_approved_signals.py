"""What a person approves is checked once more, sent once, and told; held where its market is closed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.denials import Denial
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.session.operators import REFUSED
from runtime.session.parts import Asked
from runtime.session.replaying import Replayed, replay
from runtime.session.session import Session
from runtime.session_core.core import SessionCore
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

MINUTES = """
[strategy]
name = "asked"
[data]
dataset = "world:minute_bars"
end = "2020-01-04"
[data.world]
seed = 2
instruments = 1
"""
DAYS = """
[strategy]
name = "asked"
[data]
dataset = "sample:goog"
end = "2004-10-10"
"""
RULES = """
[rules]
entry = "close > sma(close, 5)"
exit = "close < sma(close, 5)"
[signals]
expiry = "30m"
[risk]
max_position_percent = 100
"""
WEIGHT = """
[rules]
weight = "where(close > sma(close, 5), 0.5, 0)"
[signals]
expiry = "30m"
"""
OWN = """
[signals]
expiry = "30m"
"""
CLASS = """
from trader import Strategy


class Own(Strategy):
    def on_start(self):
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        if self.position() or self.working_orders():
            return
        stop = self.price(bar.close * 0.9, "down")
        self.buy(10, stop_loss=stop)
"""


def desk_of(text: str, folder: Path, *, days: bool) -> Desk:
    data = DAYS if days else MINUTES
    if text is OWN:
        (folder / "own.py").write_text(CLASS)
        data = data.replace('"asked"', '"asked"\nclass = "own.py:Own"', 1)
    path = folder / "asked.toml"
    path.write_text(data + text)
    config = load_strategy(path)
    # A day passes in about eight seconds of the session, or in six minutes.
    speed = 10_000.0 if days else 240.0
    return Desk(config, load_history(config.data, Path()), folder, speed=speed)


@dataclass
class Person:
    """Somebody beside a session."""

    session: Session

    @property
    def core(self) -> SessionCore:
        return self.session.parts.core

    async def sleeps(self, seconds: float = 0.05) -> None:
        await self.session.parts.clock.sleep(seconds)

    async def waits(self, condition: Callable[[], Any]) -> None:
        while not condition():
            await self.sleeps()

    async def sees(self) -> dict[str, Any]:
        """Look until a signal is listed, and return the first."""
        while not (found := await self.lists()):
            await self.sleeps()
        return found[0]

    async def lists(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = msgspec.json.decode(
            await self.session.ask(Asked("signals", "ann"))
        )
        return found

    async def says(self, verb: str, number: int | str) -> str:
        return await self.session.ask(Asked(verb, "ann", argument=str(number)))

    async def waits_until_closed(self, *, is_closed: bool = True) -> None:
        await self.waits(lambda: self.is_closed is is_closed)

    @property
    def is_closed(self) -> bool:
        return bool(self.core.plain.calendars[0, loop.CALENDAR_OPEN] < 0)


@asynccontextmanager
async def attended(desk: Desk, *, killed: bool = False) -> AsyncIterator[Person]:
    """Run a session that asks, with a person beside it."""
    async with desk.running(mode="approve", killed=killed) as session:
        yield Person(session)


def replayed(desk: Desk) -> Replayed:
    """Play the journal again: it raises where anything is decided otherwise."""
    with desk.store() as store:
        return replay(store.entries(store.get("last").id))


def rows_of(found: Replayed, kind: int) -> list[list[int]]:
    rows = found.output.journal
    return rows[rows[:, at.EVENT_KIND] == kind].tolist()


def sent(found: Replayed) -> int:
    return len(rows_of(found, at.KIND_SIGNAL_APPROVED))


@pytest.mark.parametrize("text", [RULES, WEIGHT, OWN], ids=["rules", "weight", "own"])
@pytest.mark.parametrize("days", [False, True], ids=["minutes", "days"])
def test_what_is_approved_is_sent_once_whoever_sized_it(
    text: str, days: bool, tmp_path: Path
) -> None:
    desk = desk_of(text, tmp_path, days=days)

    async def story() -> None:
        async with attended(desk) as person:
            shown = await person.sees()
            number, symbol = shown["number"], shown["symbol"]
            if days:
                await person.waits_until_closed()
            both = [person.says("approve", number), person.says("approve", number)]
            first, second = await asyncio.gather(*both)
            said = rf"approve: done; signal {number} is sent: buy (\d+) {symbol}, (limit \d+.\d\d|market)"
            order = re.match(said, first)
            assert order and 0 < int(order[1]) <= float(shown["quantity"])
            assert ("when the market opens" in first) is days
            assert second == (
                f"{REFUSED}: signal {number} was approved before, and its order was placed"
            )
            await person.sleeps(30.0 if days else 1.0)
            assert person.core.positions()

    run_virtual(story())
    assert sent(replayed(desk)) == 1


def test_what_hangs_on_an_order_goes_with_it(tmp_path: Path) -> None:
    desk = desk_of(OWN, tmp_path, days=True)

    async def story() -> None:
        async with attended(desk) as person:
            signal = await person.sees()
            assert signal["order"].startswith("market, stop ")
            await person.says("approve", signal["number"])
            await person.waits(person.core.positions)
            (stop,) = person.core.orders()
            assert stop[at.ORDER_TYPE] == at.TYPE_STOP and stop[at.ORDER_QUANTITY] == 10

    run_virtual(story())


def test_a_signal_of_the_close_is_listed_for_the_next_open(tmp_path: Path) -> None:
    desk = desk_of(RULES, tmp_path, days=True)

    async def story() -> None:
        async with attended(desk) as person:
            signal = await person.sees()
            assert signal["why"] == "entry = close > sma(close, 5)"
            assert signal["order"].startswith("limit ") and signal["state"] == "waiting"
            cost = float(signal["price"]) * float(signal["quantity"])
            assert float(signal["value"]) == pytest.approx(cost)
            assert signal["opens_ns"] - signal["since_ns"] < 5 * NS_PER_DAY
            assert signal["expires_ns"] - signal["opens_ns"] == 30 * NS_PER_MINUTE
            await person.waits_until_closed()
            await person.waits_until_closed(is_closed=False)
            found = await person.lists()
            assert [each["expires_ns"] for each in found] == [signal["expires_ns"]]

    run_virtual(story())


def test_nobody_said_anything_and_it_expires_after_the_open(tmp_path: Path) -> None:
    desk = desk_of(RULES, tmp_path, days=True)

    async def story() -> None:
        async with attended(desk) as person:
            signal = await person.sees()
            await person.waits(lambda: person.core.now_ns > signal["expires_ns"])
            told = await person.says("approve", signal["number"])
            assert told == f"{REFUSED}: signal 1: the signal expired before a person approved it"

    run_virtual(story())
    found = replayed(desk)
    (denied,) = rows_of(found, at.KIND_SIGNAL_DENIED)[:1]
    assert denied[loop.ANSWER_CODE] == Denial.APPROVAL_LATE
    assert sent(found) == 0


EVENING = """
from trader import Strategy


class Own(Strategy):
    def on_start(self):
        self.last = None

    def on_bar(self, bar):
        minute = bar.ts_ns // 60_000_000_000 % 1440
        if minute == 21 * 60 and not self.position():
            self.buy(10)
"""


def evening_desk(folder: Path) -> Desk:
    """A strategy of minute bars that wants to buy at each close, 21:00 UTC."""
    desk = desk_of(OWN, folder, days=False)
    (folder / "own.py").write_text(EVENING)
    config = load_strategy(folder / "asked.toml")
    return Desk(config, desk.history, folder, speed=2_400.0)


@pytest.mark.parametrize("verdict", ["kept", "rejected", "killed"])
def test_an_approval_of_the_evening_is_held_until_the_first_price(
    verdict: str, tmp_path: Path
) -> None:
    """It survives the end of its process, can be taken back, and replays bit for bit."""
    desk = evening_desk(tmp_path)

    async def evening() -> int:
        async with attended(desk, killed=verdict == "killed") as person:
            number: int = (await person.sees())["number"]
            await person.waits_until_closed()
            told = await person.says("approve", number)
            assert "is held until the first price" in told
            (signal,) = await person.lists()
            assert signal["state"] == "approved"
            assert "approved already" in await person.says("approve", number)
            if verdict == "rejected":
                assert "is not sent" in await person.says("reject", number)
            if verdict != "killed":
                await person.waits_until_closed(is_closed=False)
                await person.sleeps(0.2)
            return number

    async def morning(number: int) -> None:
        async with attended(desk) as person:
            await person.waits(lambda: person.core.plain.account[at.ACCOUNT_SUBMITTED])
            assert "approved before" in await person.says("approve", number)

    number = run_virtual(evening())
    if verdict == "killed":
        run_virtual(morning(number))
    found = replayed(desk)
    assert sent(found) == (0 if verdict == "rejected" else 1)
    held = [
        row
        for row in rows_of(found, at.KIND_SIGNAL_QUEUED)
        if row[loop.QUEUED_CODE] == Denial.APPROVAL_HELD
    ]
    assert len(held) == 1
    if verdict != "rejected":
        ((opened, *_),) = rows_of(found, at.KIND_SIGNAL_APPROVED)
        assert opened > held[0][at.EVENT_TS], "not before the market has opened"


def test_a_number_that_no_signal_can_have_is_refused(tmp_path: Path) -> None:
    desk = desk_of(RULES, tmp_path, days=True)

    async def story() -> list[str]:
        async with attended(desk) as person:
            return [
                await person.says("approve", text)
                for text in ("0", "99", "-1", "9" * 30, "\u0663", "one", "")
            ]

    answers = run_virtual(story())
    assert all(each.startswith(REFUSED) for each in answers)
    assert "there is no signal 99" in answers[1]
