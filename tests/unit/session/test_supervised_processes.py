"""A process of sessions that is killed, or stopped, is begun again by the small one that watches it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from runtime.clocks import SystemClock
from runtime.journal.records import Noted
from runtime.journal.sessions import SessionRecord, SessionStore
from runtime.session.parts import Again
from runtime.session.process import VARIABLE, Supervisor, Watched
from runtime.session.replaying import replay
from tests.architecture.source import ROOT
from tests.unit.session.papers import Desk, example

EXAMPLE = str(example("full_loop.toml"))
FAST = "20000000"  # the example's two years in some three seconds
BEAT = 0.3


def command(*more: str) -> list[str]:
    return [sys.executable, "-m", "trader", "paper", EXAMPLE, "--json", *more]


def environment(url: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "TRADER_DATABASE_URL": url}


def running(store: SessionStore, since: SessionRecord | None = None) -> SessionRecord:
    """Wait until the session has come to run, since it was as given; return it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for found in store.list():
            if found.state == "running" and (since is None or found.changed_ns > since.changed_ns):
                return found
        time.sleep(0.05)
    raise AssertionError("it does not run")


def test_killed_and_stopped_it_goes_on_and_ends_as_its_backtest(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trader.db'}"
    log, store = tmp_path / "log", SessionStore.open(url)
    with log.open("w") as errors:
        process = subprocess.Popen(
            command("--supervise", "--heartbeat", str(BEAT), "--speed", FAST, "--new"),
            cwd=tmp_path,
            env=environment(url),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            first = running(store)
            time.sleep(3 * BEAT)
            os.kill(first.pid, signal.SIGKILL)
            second = running(store, first)
            os.kill(second.pid, signal.SIGSTOP)
            told, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    problems = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert process.returncode == 0, problems
    assert json.loads(told)["state"] == "stopped"
    (session,) = store.list()
    notes = [each.record for each in store.entries(session.id)]
    found = replay(store.entries(session.id))
    store.close()
    assert [
        each.text for each in notes if isinstance(each, Noted) and each.kind == "supervisor"
    ] == [
        "it was killed by SIGKILL",
        f"it has shown no life for {3 * BEAT:g} seconds",
    ]
    assert sum("is begun again" in line for line in problems) == 2
    assert (
        found.output.state_hash == Desk.of_example("full_loop.toml", tmp_path).backtest().state_hash
    )


def test_a_signal_to_the_one_that_watches_stops_both_in_order(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trader.db'}"
    process = subprocess.Popen(
        command("--supervise", "--speed", "86400"), cwd=tmp_path, env=environment(url),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if '"LOOP_STARTED"' in line:
            break
    process.send_signal(signal.SIGTERM)
    told, problems = process.communicate(timeout=60)
    assert process.returncode == 0, problems
    answer = json.loads(told)
    assert (answer["state"], answer["cause"]) == ("stopped", "SIGTERM")


def test_what_was_begun_again_too_often_enters_nothing_and_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trader.db'}"
    ours, theirs = os.pipe()
    again = Again("it was killed by SIGKILL", is_too_often=True)
    watched = Watched(theirs, 10.0, again, left_seconds=2.0)
    done = subprocess.run(
        command("--supervise"), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
        env=environment(url) | {VARIABLE: msgspec.json.encode(watched).decode()},
        pass_fds=[theirs],
    )  # fmt: skip
    os.close(theirs)
    assert os.read(ours, 100) == b".e", "it showed life, and that its sessions had ended"
    os.close(ours)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    names = [line["event"] for line in lines]
    assert "SIGNAL_RECEIVED" in names and "TRADE_EXECUTED" not in names
    (told,) = [line for line in lines if line.get("episode") == "noted:supervisor:restarts"]
    assert told["level"] == "critical"
    assert "more than five times in a minute" in told["text"]


# --- the policy, with commands that only show life -------------------------------------------------------

LIVES = "import json, os; os.write(json.loads(os.environ['TRADER_SUPERVISED'])['pipe'], b'.');"
DIES = "os.kill(os.getpid(), 9)"
BORN = """
import json, os
watched = json.loads(os.environ['TRADER_SUPERVISED'])
if watched['again'] is None:
    os.write(watched['pipe'], b'.')
"""
IS_BORN_DEAD = BORN + DIES
LIVES_ONCE = BORN + f"    {DIES}\n"


def supervised(script: str) -> tuple[int, list[Again], list[Again]]:
    """Run a script until the seventh restart; return the exit code, what was told, and what was lost."""
    told: list[Again] = []
    lost: list[Again] = []

    def enough(again: Again) -> None:
        told.append(again)
        if len(told) == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    command = [sys.executable, "-S", "-c", script]
    one = Supervisor(command, SystemClock(), told=enough, lost=lost.append)
    one._sleep = lambda seconds: None  # type: ignore[method-assign]
    return one.run(), told, lost


def test_an_orderly_end_is_the_end() -> None:
    assert supervised(LIVES) == (0, [], [])


def test_a_command_that_is_refused_before_it_lives_is_not_repeated() -> None:
    assert supervised("raise SystemExit(2)") == (2, [], [])


def test_a_command_that_has_lived_and_is_refused_now_is_not_tried_again() -> None:
    code, told, lost = supervised(LIVES_ONCE + "raise SystemExit(1)")
    assert code == 1
    assert [each.reason for each in told] == ["it was killed by SIGKILL"]
    assert [each.reason for each in lost] == ["it was refused, and is not tried again"]


def test_a_command_that_says_that_its_refusal_may_pass_is_tried_again() -> None:
    says = "os.write(watched['pipe'], b'p')\nraise SystemExit(2)"
    code, told, _ = supervised(LIVES_ONCE + says)
    assert code == 130, "it was asked to stop"
    assert len(told) == 7


def test_one_that_dies_again_and_again_is_begun_without_entries() -> None:
    code, told, lost = supervised(LIVES + DIES)
    assert code == 130, "asked to stop, it is not begun again"
    assert [each.is_too_often for each in told] == [False] * 5 + [True] * 2
    assert {each.reason for each in told} == {"it was killed by SIGKILL"}
    assert lost == [], "each has lived, and tells of itself"


def test_one_that_does_not_come_up_any_more_is_told_of_once() -> None:
    _, told, lost = supervised(IS_BORN_DEAD)
    assert len(told) == 7
    assert lost == [told[5]]
