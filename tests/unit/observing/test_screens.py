"""What a person sees of a session: the live view, its end, and `sessions show`; 80 columns, PAPER on it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from cli.live_view import rendered, rendered_many
from engine.model.layout import ACCOUNT_FILLS, KIND_FILL
from engine.model.units import from_minor
from runtime.observing.glance import Glance
from runtime.observing.observer import Looks, SessionObserver
from runtime.session.paper import Wanted
from runtime.session.results import output_of, result_of
from sims.virtual_time import VirtualClock
from tests.architecture.source import ROOT
from tests.unit.session.papers import Desk, example

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def looked_at(desk: Desk) -> tuple[SessionObserver, list[Glance]]:
    glances: list[Glance] = []
    looks = Looks(
        VirtualClock(), strategy=desk.config.name, span_ns=desk.history.span_ns(),
        glanced=glances.append,
    )  # fmt: skip
    observer = SessionObserver(looks)
    desk.run(observers=observer.observers)
    return observer, glances


def test_every_look_fits_eighty_columns_and_says_paper(tmp_path: Path) -> None:
    _, glances = looked_at(Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0))
    with_rows = [each for each in glances if each.positions and each.orders]
    assert len(glances) > 100 and with_rows
    for glance in (*glances[::10], *with_rows[:5]):
        page = StringIO()
        Console(file=page, width=80, color_system=None).print(rendered(glance))
        lines = page.getvalue().splitlines()
        assert lines[0].startswith("PAPER full_loop ")
        assert all(len(line) <= 80 for line in lines), lines


def test_the_time_is_not_cut_by_a_long_feed_and_is_empty_before_the_first_data(
    tmp_path: Path,
) -> None:
    _, glances = looked_at(Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0))
    last = next(each for each in reversed(glances) if each.events)
    early = msgspec.structs.replace(
        last, ts_ns=0, events=tuple(msgspec.structs.replace(each, ts_ns=0) for each in last.events)
    )
    for glance, told in ((last, "2006-"), (early, " - ")):
        page = StringIO()
        look = msgspec.structs.replace(glance, feed="alpaca rehearsal iex")
        Console(file=page, width=80, color_system=None).print(rendered(look))
        text = page.getvalue()
        assert told in text.splitlines()[0] and "1970-01-01" not in text


def test_of_several_sessions_each_has_a_line_and_what_is_worst_comes_first(tmp_path: Path) -> None:
    _, glances = looked_at(Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0))
    last = next(each for each in reversed(glances) if each.events)
    calm = msgspec.structs.replace(last, unhealthy=(), latches=(), state="running")
    looks = [
        msgspec.structs.replace(calm, session=str(k), strategy=f"strategy {k:02}")
        for k in range(30)
    ]
    looks[27] = msgspec.structs.replace(looks[27], state="failed")
    page = StringIO()
    Console(file=page, width=80, color_system=None).print(rendered_many(looks))
    lines = page.getvalue().splitlines()
    assert lines[0] == "PAPER 30 sessions"
    assert lines[2].startswith("strategy 27") and " failed " in lines[2]
    assert lines[3].startswith("strategy 00") and f" {calm.fills} " in lines[3]
    assert lines[22].startswith("and 10 more")
    assert len(lines) == 31 and "strategy 2" in lines[-1], "eight events, each with its strategy"
    assert all(len(line) <= 80 for line in lines), lines


def test_a_look_has_what_the_engine_has(tmp_path: Path) -> None:
    observer, glances = looked_at(Desk.of_example("full_loop.toml", tmp_path, speed=864_000.0))
    assert observer.session is not None
    last = glances[-1]
    core = observer.session.parts.core
    assert last.equity_minor == core.equity_minor
    assert len(last.positions) == len(core.positions())
    assert last.fills == core.plain.account[ACCOUNT_FILLS] > 20
    assert last.slices == observer.session.cursor and last.progress == 1.0
    held = next(each for each in glances if len(each.positions) == 1)
    (row,) = held.positions
    assert row.symbol == "GOOG" and float(row.quantity) > 0 and float(row.last) > 0
    assert [each.progress for each in glances] == sorted(each.progress or 0.0 for each in glances)


@pytest.mark.parametrize("example", ["sma_cross.toml", "full_loop.toml"])
def test_the_result_of_a_session_is_that_of_its_backtest(example: str, tmp_path: Path) -> None:
    desk = Desk.of_example(example, tmp_path)
    session = desk.run()
    wanted = Wanted(desk.config, Path(), history=desk.history)
    with desk.store() as store:
        wanted.market = desk.plan(store).market
        session_id = store.get("last").id
        output = output_of(session, wanted, store.entries(session_id))
        result = result_of(session, wanted, store.entries(session_id), elapsed_ns=10**9)
    expected = desk.backtest()
    assert output.state_hash == expected.state_hash
    assert result is not None
    assert result.final_equity == from_minor(expected.final_equity_minor)
    assert "trader replay" in result.tearsheet()


def test_the_result_of_a_stream_is_of_its_own_days_and_prices(tmp_path: Path) -> None:
    """The strategy's own data are of other years: no date and no shortfall is taken from them."""
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    session, other = desk.run(), Desk.of_example("momentum.toml", tmp_path)
    wanted = Wanted(desk.config, Path(), feed="alpaca", history=other.history)
    with desk.store() as store:
        wanted.market = desk.plan(store).market
        entries = store.entries(store.get("last").id)
        result = result_of(session, wanted, entries, elapsed_ns=10**9)
    assert result is not None
    assert "2004-08-19 to 2006-07-19" in result.tearsheet()


def test_a_session_that_has_seen_nothing_has_no_result(tmp_path: Path) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path)
    with desk.store() as store:
        from sims.virtual_time import run_virtual

        async def made() -> None:
            session = desk.session(store)
            wanted = Wanted(
                desk.config, Path(), history=desk.history, market=desk.plan(store).market
            )
            assert result_of(session, wanted, (), elapsed_ns=0) is None
            await session.parts.journal.close()

        run_virtual(made())


def paper(*more: str) -> list[str]:
    line = [sys.executable, "-m", "trader", "paper", str(example("full_loop.toml"))]
    return [*line, "--new", *more]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder), "NO_COLOR": "1",
            "TERM": "xterm", "COLUMNS": "80"}  # fmt: skip


def test_on_a_terminal_there_is_a_live_view_and_then_the_tear_sheet(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        paper("--speed", "86400000"), stdout=theirs, stderr=theirs, env=environment(tmp_path),
        cwd=tmp_path,
    )  # fmt: skip
    os.close(theirs)
    shown, end = b"", time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([ours], [], [], 1.0)[0]:
            try:
                part = os.read(ours, 65_536)
            except OSError:
                break
            if not part:
                break
            shown += part
    assert process.wait(20) == 0
    text = shown.decode()
    assert "\x1b[31m" not in text and "\x1b[32m" not in text, "NO_COLOR"
    plain = _ESCAPES.sub("", text).replace("\r", "")
    for part in (
        "PAPER full_loop running",
        "equity ",
        "health up",
        "replay ━",
        "Total return",
        "Exits",
    ):
        assert part in plain
    rest = plain[plain.index("Results") :]  # before it lines are drawn over one another
    assert all(len(line) <= 80 for line in rest.split("\n"))


def test_in_a_pipe_there_are_json_lines_beside_the_json_answer(tmp_path: Path) -> None:
    done = subprocess.run(
        paper("--json", "--log", "a.log"), capture_output=True, text=True, cwd=tmp_path,
        env=environment(tmp_path), timeout=120, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["state"] == "stopped" and answer["environment"] == "PAPER"
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["environment"] for line in lines} == {"PAPER"}
    assert [json.loads(line) for line in (tmp_path / "a.log").read_text().splitlines()] == lines
    fills = len(Desk.of_example("full_loop.toml", tmp_path).backtest().rows_by_kind[KIND_FILL])
    assert sum(line["event"] == "TRADE_EXECUTED" for line in lines) == fills
    shown = subprocess.run(
        [sys.executable, "-m", "trader", "sessions", "show", "last"], capture_output=True, text=True,
        cwd=tmp_path, env=environment(tmp_path), timeout=60, check=True,
    )  # fmt: skip
    for part in ("PAPER", "checkpoints", "anchors", "Positions", "Working orders"):
        assert part in shown.stdout
    assert all(len(line) <= 80 for line in shown.stdout.splitlines())
