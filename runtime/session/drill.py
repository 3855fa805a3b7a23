"""A rehearsal of the kill switch: a small paper session is halted for real, and what it did is proven.

The session is recorded like any other, under an account of its own: its journal is the proof that the
promotion gate asks for. The kill file is one of its own too, so that nothing else is halted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from engine.errors import NegativeAnswer
from engine.gate.policy import Thresholds
from engine.model.units import NS_PER_SECOND
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.feeds.replay import ReplayFeed
from runtime.journal.records import Noted, Record
from runtime.journal.sessions import DRILL_ACCOUNT, SessionStore
from runtime.session.kill_switch import NAME, Halt, KillSwitch, Release
from runtime.session.session import Session
from runtime.session.starting import PaperPlan, start_paper
from runtime.session_core.assembling import market_of

ACCOUNT = DRILL_ACCOUNT
_STRATEGY = """\
[strategy]
name = "drill"
description = "Always in the market, with a protective stop and a target that work."
[data]
dataset = "sample:goog"
[rules]
entry = "close > 0"
[execution]
stop_loss_percent = 60
take_profit_percent = 900
"""
_SPEED = 86_400.0 * 20  # twenty days of the sample in a second
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 20.0


class Drilled(msgspec.Struct, frozen=True):
    """What a drill has shown; times from the halt, in seconds.

    Parameters
    ----------
    heard, withdrawn, flat
        When the session followed, when no order worked any more, and when nothing was held.
    refused
        How many orders were refused while it was halted.
    """

    session: str
    heard: float
    withdrawn: float
    flat: float
    refused: int


async def drill(store: SessionStore) -> Drilled:
    """Halt a paper session with everything open, release it, and see that all went as it should.

    Raises
    ------
    NegativeAnswer
        If something was not withdrawn, not closed, entered while halted, or not released; and if all went
        well but slower than the gate allows, which is recorded as well.
    """
    with TemporaryDirectory(prefix="trader-drill-") as folder:
        switch, refused = KillSwitch(Path(folder) / NAME), list[object]()
        session = _session(store, Path(folder), switch, refused)
        running = asyncio.ensure_future(session.run())
        try:
            done = await _halted(session, switch, refused)
            session.stop("the drill is over")
            await running
        except BaseException:
            session.stop("the drill has failed")
            await asyncio.gather(running, return_exceptions=True)
            raise
        return done


def passed(record: Record) -> Drilled | None:
    """Return what a record says of a drill that has passed; None for any other record."""
    match record:
        case Noted(kind="drill", subject="passed", text=text):
            return msgspec.json.decode(text, type=Drilled)
        case _:
            return None


async def _halted(session: Session, switch: KillSwitch, refused: list[object]) -> Drilled:
    core, books, clock = session.parts.core, session.gateway.books, session.parts.clock
    await _until(session, lambda: bool(core.positions() and books.live()), "it never traded")
    began = clock.monotonic_ns()

    def since() -> float:
        return (clock.monotonic_ns() - began) / NS_PER_SECOND

    switch.set(Halt("drill", "a rehearsal", clock.now_ns(), flatten=True))
    await _until(session, lambda: session.is_killed, "the session did not hear the switch")
    heard = since()
    await _until(session, lambda: not books.live(), "an order still works")
    withdrawn = since()
    await _until(session, lambda: not core.positions(), "a position is still held")
    flat = since()
    before = len(refused)
    await _until(session, lambda: len(refused) > before + 2, "it did not try to enter")
    if core.positions():
        raise NegativeAnswer("something was entered while everything was halted")
    switch.release(Release("drill", "the rehearsal is over", clock.now_ns()))
    await _until(session, lambda: bool(core.positions()), "it does not trade after the release")
    done = Drilled(session.parts.journal.session_id, heard, withdrawn, flat, len(refused))
    session.parts.journal.append(
        Noted("drill", "info", "passed", msgspec.json.encode(done).decode(), core.now_ns)
    )
    require_quick(done)
    return done


def require_quick(done: Drilled) -> None:
    """See that a drill was as quick as the gate asks.

    Raises
    ------
    NegativeAnswer
        If it was not.
    """
    asked = Thresholds()
    for what, took, allowed in (
        ("the session followed", done.heard, asked.drill_send_seconds_max),
        ("no order worked any more", done.withdrawn, asked.drill_cancel_seconds_max),
    ):
        if took > allowed:
            raise NegativeAnswer(
                f"the drill was too slow: {what} {took:.1f} s after the halt, at most {allowed:g} s count",
                remedy="run it again when the machine has less to do; the latest drill counts",
                code="drill.slow",
            )


async def _until(session: Session, is_so: Callable[[], bool], problem: str) -> None:
    """Wait until something is so."""
    for _ in range(round(_PATIENCE_SECONDS / _LOOK_SECONDS)):
        if is_so():
            return
        await session.parts.clock.sleep(_LOOK_SECONDS)
    raise NegativeAnswer(
        f"the drill failed: {problem}",
        remedy=f"`trader sessions show {session.parts.journal.session_id}` has its journal",
        code="drill.failed",
    )


def _session(
    store: SessionStore, folder: Path, switch: KillSwitch, refused: list[object]
) -> Session:
    path = folder / "drill.toml"
    path.write_text(_STRATEGY, encoding="utf-8")
    config = load_strategy(path)
    history = load_history(config.data, Path())
    feed = ReplayFeed.over(history, store.clock, speed=_SPEED)
    plan = PaperPlan(
        config,
        feed,
        market_of(history, clockwork_of(history)),
        ACCOUNT,
        command="drill",
        switch=switch,
    )
    plan.observers.refused = lambda command, why: refused.append(why)
    return start_paper(store, plan)
