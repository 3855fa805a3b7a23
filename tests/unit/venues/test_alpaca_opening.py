"""A simulated venue over the data that a backtest reads."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine.errors import InputError
from runtime.clocks import SystemClock
from runtime.config import load_strategy
from runtime.feeds.opening import data_named
from runtime.venues.alpaca import (
    VenuePlan,
    market_after,
    open_venue,
    parse_start,
    read_faults,
    require_loopback,
)
from runtime.workspace import examples_folder
from sims.venues.alpaca import AlpacaVenue, VenueSettings

DAY_SECONDS = 86_400


def venue_over(name: str, **more: Any) -> AlpacaVenue:
    plan = VenuePlan(data_named(name), Path("none"), VenueSettings(), **more)
    return open_venue(plan, SystemClock())


def headers(venue: AlpacaVenue) -> dict[str, str]:
    return {
        "APCA-API-KEY-ID": venue.settings.key_id,
        "APCA-API-SECRET-KEY": venue.settings.secret_key,
    }


async def subscribed(venue: AlpacaVenue, session: aiohttp.ClientSession, channel: str) -> Any:
    socket = await session.ws_connect(venue.data_stream_url())
    settings = venue.settings
    for wish in (
        {"action": "auth", "key": settings.key_id, "secret": settings.secret_key},
        {"action": "subscribe", channel: ["*"]},
    ):
        await socket.receive()
        await socket.send_json(wish)
    await socket.receive()
    return socket


def test_an_order_before_the_open_is_filled_at_the_next_bar_s_open() -> None:
    async def story() -> None:
        venue = venue_over("sample:goog", speed=10.0 * DAY_SECONDS, night_seconds=0.8)
        async with venue, aiohttp.ClientSession(headers=headers(venue)) as session:
            body = {
                "symbol": "GOOG",
                "side": "buy",
                "type": "market",
                "time_in_force": "day",
                "qty": 3,
            }
            before = venue.time.now_ns()
            async with session.post(f"{venue.url}/v2/orders", json=body) as refused:
                # nothing is known of the price before the first bar
                assert refused.status == 422
            assert venue.time.now_ns() == before  # it begins with the first subscription
            socket = await subscribed(venue, session, "dailyBars")
            first = (await socket.receive_json())[0]
            assert (first["T"], first["S"], first["o"], first["c"]) == ("d", "GOOG", 100.0, 100.34)
            async with session.post(f"{venue.url}/v2/orders", json=body) as answer:
                assert answer.status == 200
            (bar,) = await socket.receive_json()
            (fill,) = venue.books.executions
            assert (bar["o"], fill.price_ticks) == (101.01, 101_01)
            await socket.close()

    asyncio.run(story())


def test_what_is_before_the_start_is_history_and_what_is_after_is_not_shown() -> None:
    async def story() -> None:
        venue = venue_over("sample:goog", speed=None, start_ns=parse_start("2004-08-25"))
        async with venue, aiohttp.ClientSession(headers=headers(venue)) as session:
            query = {"symbols": "GOOG", "timeframe": "1Day", "start": "2004-08-01"}
            url = f"{venue.url}/v2/stocks/bars"

            async def days() -> list[str]:
                async with session.get(url, params=query) as answer:
                    return [bar["t"][:10] for bar in (await answer.json())["bars"]["GOOG"]]

            assert await days() == ["2004-08-19", "2004-08-20", "2004-08-23", "2004-08-24"]
            async with session.post(f"{venue.control_url}/_control/advance?seconds=90000") as done:
                assert done.status == 204
            assert (await days())[-1] == "2004-08-25"

    asyncio.run(story())


def test_the_control_port_tells_the_truth_and_takes_faults() -> None:
    async def story() -> None:
        venue = venue_over("sample:goog", speed=None, start_ns=parse_start("2004-08-25T15:00Z"))
        async with venue, aiohttp.ClientSession(headers=headers(venue)) as session:
            control = f"{venue.control_url}/_control"
            fault = '{"kind": "error", "on": "clock", "status": 503}'
            async with session.post(f"{control}/faults", data=fault) as added:
                assert await added.json() == {"added": 1}
            async with session.post(f"{control}/faults", data='{"kind": "flood"}') as wrong:
                assert wrong.status == 422
            async with session.get(f"{venue.url}/v2/clock") as spoiled:
                assert spoiled.status == 503
            async with session.get(f"{control}/requests") as seen:
                assert [each["status"] for each in await seen.json()] == [503]
            async with session.get(f"{control}/books") as books:
                assert (await books.json())["cash"] == "100000"
            page = {"Origin": "http://a.page"}
            async with session.get(f"{control}/books", headers=page) as refused:
                assert refused.status == 403
            async with session.get(f"{venue.url}/_control/books") as hidden:
                assert hidden.status == 404  # the venue itself has nothing of the kind

    asyncio.run(story())


def test_a_client_id_stays_used_from_one_life_to_the_next(tmp_path: Path) -> None:
    state = tmp_path / "used.jsonl"
    start = parse_start("2004-08-25T15:00Z")
    body = {
        "symbol": "GOOG",
        "side": "buy",
        "type": "limit",
        "limit_price": "50",
        "time_in_force": "day",
        "qty": "1",
        "client_order_id": "mine",
    }

    async def submit() -> tuple[int, dict[str, Any]]:
        venue = venue_over("sample:goog", speed=None, start_ns=start, state=state)
        async with (
            venue,
            aiohttp.ClientSession(headers=headers(venue)) as session,
            session.post(f"{venue.url}/v2/orders", json=body) as answer,
        ):
            return answer.status, await answer.json()

    first, second = asyncio.run(submit()), asyncio.run(submit())
    assert first[0] == 200
    assert (second[0], second[1]["message"]) == (422, "client_order_id must be unique")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.com", ""])
def test_no_other_machine_is_let_in(host: str) -> None:
    with pytest.raises(InputError, match="this machine only"):
        require_loopback(host)


def test_what_the_venue_does_not_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="binary_event"):
        venue_over("world:events")
    with pytest.raises(InputError, match="end before the start"):
        venue_over("sample:goog", start_ns=parse_start("2030-01-01"))
    with pytest.raises(InputError, match="is no moment"):
        parse_start("tomorrow")
    (tmp_path / "faults.jsonl").write_text('{"kind": "halt", "symbol": "NONE"}')
    with pytest.raises(InputError, match="'NONE' is not listed"):
        venue_over("sample:goog", faults=read_faults(tmp_path / "faults.jsonl"))
    with pytest.raises(InputError, match="cannot be read"):
        read_faults(tmp_path / "absent.jsonl")


def test_a_strategy_s_venue_begins_where_its_data_end() -> None:
    config = load_strategy(examples_folder() / "rehearsal.toml")
    market, start_ns = market_after(config, None)
    assert start_ns == parse_start("2025-04-14")
    # The market has everything: what is before is history there, what was held out too.
    assert (market.start_ns, market.end_ns, market.holdout_ns) == (None, None, None)
    assert market_after(config, parse_start("2025-04-22"))[1] == parse_start("2025-04-22")


def test_no_venue_trades_in_what_is_held_out() -> None:
    config = load_strategy(examples_folder() / "rehearsal.toml")
    with pytest.raises(InputError, match="only the promotion gate"):
        market_after(config, parse_start("2025-04-11"))


def test_the_command_says_what_it_is_and_ends_with_ctrl_c() -> None:
    command = [sys.executable, "-m", "trader", "venue", "alpaca", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--control-port", "0"], stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        lines = []
        while "Ctrl-C" not in "".join(lines):
            line = process.stdout.readline()
            assert line, "it has ended"
            lines.append(line)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        process.communicate()
    told = "".join(lines)
    assert told.startswith("REHEARSAL")
    assert re.search(r"http://127\.0\.0\.1:\d+\n", told)
    assert re.search(r"export TRADER_ALPACA_SECRET_KEY=[0-9a-f]{40}", told)
    assert process.returncode == 130


@pytest.mark.parametrize("content", [b"\xff\xfe", b'"caf\xe9"', b"[]"])
def test_a_state_that_is_another_s_file_is_refused(content: bytes, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_bytes(content)
    with pytest.raises(InputError, match="something else than client ids"):
        venue_over("sample:goog", speed=None, state=state)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.mkdir, "this is a folder"),
        (os.mkfifo, "this is no file"),
        (lambda path: path.symlink_to("/dev/full"), "this is no file"),
        (lambda path: path.parent.chmod(0o500), "cannot be kept there: Permission denied"),
    ],
)
def test_a_state_that_could_not_be_kept_is_refused_before_the_first_order(
    make: Callable[[Path], object], said: str, bound_folder: Path
) -> None:
    state = bound_folder / "state"
    make(state)
    with pytest.raises(InputError, match=said):
        venue_over("sample:goog", speed=None, state=state)


def test_a_state_is_kept_in_a_new_folder(tmp_path: Path) -> None:
    venue_over("sample:goog", speed=None, state=tmp_path / "new" / "state")
    assert (tmp_path / "new").is_dir()


def test_no_id_of_one_life_comes_again_in_another() -> None:
    async def ids(life: str) -> set[str]:
        start = parse_start("2004-08-25T15:00Z")
        settings = VenueSettings(life=life)
        plan = VenuePlan(data_named("sample:goog"), Path("none"), settings, start_ns=start)
        venue = open_venue(plan, SystemClock())
        body = {"symbol": "GOOG", "side": "buy", "type": "limit", "limit_price": "50"}
        body |= {"time_in_force": "day", "qty": "1"}
        async with (
            venue,
            aiohttp.ClientSession(headers=headers(venue)) as session,
            session.post(f"{venue.url}/v2/orders", json=body) as answer,
        ):
            told = await answer.json()
        happened = [each.payload() for each in venue.exchange.happenings]
        return {told["id"], told["client_order_id"]} | {
            str(each[name]) for each in happened for name in ("event_id", "execution_id")
        }

    first, second = asyncio.run(ids("a")), asyncio.run(ids("b"))
    assert len(first) == len(second) == 6  # two happenings: pending_new and new
    assert first & second == set()


def test_a_market_that_breaks_is_not_silent() -> None:
    async def story() -> None:
        venue = venue_over("sample:goog", speed=86_400.0)
        venue.exchange.meet = _broken  # type: ignore[method-assign]
        async with venue, asyncio.timeout(10):
            venue.begin()
            await venue.serve()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(story())


def _broken(row: list[int]) -> None:
    raise ZeroDivisionError


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="more than 10,000,000 bytes") as caught:
        read_faults(Path("/dev/zero"))
    assert caught.value.where == "/dev/zero"
