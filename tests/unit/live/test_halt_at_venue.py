"""`trader halt --at-venue` empties an account by its keys, when no session, database or strategy is of use."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from runtime.session.live import go_live
from runtime.session.parts import Options
from sims.venues.alpaca import AlpacaVenue
from tests.unit.live.rehearsals import NUMBER, Rehearsal, SharedMarket, until
from tests.unit.live.test_endings import of_class, stopped


def told(
    here: Rehearsal,
    monkeypatch: pytest.MonkeyPatch,
    words: Sequence[str],
    answer: str | None = None,
) -> tuple[Result, int, int]:
    """Leave ten shares and an order to sell them, halt, and return what was said, and what is left of both."""

    async def story() -> tuple[Result, int, int]:
        async with of_class(here).venue() as venue:
            await stopped(here, venue, Options(on_stop="keep"))
            ruin(here, venue, monkeypatch)
            halting = asyncio.create_task(
                asyncio.to_thread(CliRunner().invoke, app, ["halt", *words], answer)
            )
            await until(lambda: halting.done() or is_asked(venue))
            for one in here.slices:
                if halting.done() or one.ts_ns <= venue.time.now_ns():
                    continue
                venue.advance_to(one.ts_ns)
                await asyncio.sleep(0.03)
            result = await halting
            lots = [each for each in venue.books.positions.values() if each]
            return result, len(venue.books.open_orders), len(lots)

    return asyncio.run(story())


def is_asked(venue: AlpacaVenue) -> bool:
    """Whether the venue was asked to cancel all orders."""
    return ("DELETE", "/v2/orders") in {(each.method, each.path) for each in venue.requests}


def ruin(here: Rehearsal, venue: AlpacaVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage the database, the strategy, and a table of the workspace's file."""
    (here.folder / "trader.db").write_bytes(b"no database")
    here.file.write_text("[strategy")
    (here.folder / "trader.toml").write_text(
        '[database]\nurl = "sqlite:///trader.db"\n[limits]\nmax = true\n'
        f'[venues.alpaca]\nurl = "{venue.url}"\n'
    )
    monkeypatch.setenv("TRADER_ALPACA_KEY_ID", venue.settings.key_id)
    monkeypatch.setenv("TRADER_ALPACA_SECRET_KEY", venue.settings.secret_key)
    monkeypatch.delenv("TRADER_DATABASE_URL", raising=False)
    monkeypatch.chdir(here.folder)


def test_it_cancels_and_closes_with_nothing_but_keys(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, orders, held = told(
        here, monkeypatch, ["--at-venue", "alpaca", "--flatten", "--yes", "--json"]
    )
    assert (orders, held) == (0, 0), result.output
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said["venue"]["before"] == {"orders": ["sell 10 AAPL"], "positions": ["10 AAPL"]}
    assert said["venue"]["after"] == {"orders": [], "positions": []}
    assert (here.folder / "trader.sessions" / "HALT").is_file()
    assert "which sessions run is not known" in result.stderr


def test_without_flatten_what_is_held_stays(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, orders, held = told(here, monkeypatch, ["--at-venue", NUMBER, "--yes"])
    assert (result.exit_code, orders, held) == (0, 0, 1), result.output
    assert "At the venue now:    working: nothing; held: 10 AAPL" in result.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--at-venue", "other", "--yes"], "not of other"),
        (["--at-venue", "alpaca"], "nobody can be asked"),
    ],
)
def test_what_is_not_meant_or_not_confirmed_is_left_alone(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch, words: list[str], why: str
) -> None:
    result, orders, held = told(here, monkeypatch, words)
    assert (orders, held) == (1, 1) and result.exit_code in (1, 2)
    assert why in " ".join(result.stderr.split())


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_without_an_account_every_session_is_halted_all_the_same(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("TRADER_DATABASE_URL", here.url)
    monkeypatch.chdir(here.folder)
    result = CliRunner().invoke(app, ["halt", "--at-venue", "alpaca", "--yes", *words])
    assert result.exit_code == 1, "2 would say that nothing was done"
    assert "no account at alpaca is configured" in result.stderr
    assert "every session is halted all the same" in " ".join(result.stderr.split())
    assert (here.folder / "trader.sessions" / "HALT").is_file()
    if words:
        said = json.loads(result.stdout)
        assert said["running"] == [] and "no account" in said["problem"]
    else:
        assert "No session runs in sqlite:///" in result.stdout


def test_a_halt_says_which_sessions_have_followed(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADER_DATABASE_URL", here.url)

    async def halted(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["halt", *words])

    async def story() -> Result:
        async with of_class(here).venue() as venue:
            with here.desk() as desk, here.store() as store:
                feed = SharedMarket(venue, here.slices)
                session = await go_live(store, here.plan(venue, feed=feed), desk)
                feed.session = session
                running = asyncio.create_task(session.run())
                await until(lambda: venue.books.open_orders)
                result = await halted()
                session.stop("a test")
                await running
                assert f"{session.parts.journal.session_id} alpaca rehearsal" in result.stdout
                return result

    result = asyncio.run(story())
    assert "Running in sqlite:///" in result.stdout and "simulated: halted" in result.stdout
    result = CliRunner().invoke(app, ["halt"])
    assert "No session runs in sqlite:///" in result.stdout
    assert "nobody withdraws anything" in result.stdout
