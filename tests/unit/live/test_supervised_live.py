"""`trader live --supervise`: killed it goes on by itself; a person is asked once."""

from __future__ import annotations

import json
import os
import signal
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import live as command
from cli.main import app
from engine.ports import Environment
from runtime.journal.sessions import SessionRecord, SessionStore
from tests.unit.live.processes import KEYS, issue_for, market, start, when
from tests.unit.live.rehearsals import NUMBER, Rehearsal
from tests.unit.live.test_killed_live_sessions import require_the_venues_books


def test_killed_it_goes_on_by_itself_and_the_books_are_the_venues(here: Rehearsal) -> None:
    with market(here) as venue:
        issue_for(here, "busy")
        store = SessionStore.open(here.url)

        def running(since: SessionRecord | None = None) -> SessionRecord | None:
            """Return the session that trades, since it has begun again."""
            found = next((each for each in store.list() if each.account == NUMBER), None)
            is_later = since is None or (found is not None and found.changed_ns > since.changed_ns)
            return found if found is not None and found.state == "running" and is_later else None

        try:
            venue.goes_on.set()
            process = start(here.folder, "live", "busy", "--supervise", "--json")
            when(lambda: venue.books()["executions"] and running() is not None, process)
            first = running()
            assert first is not None
            os.kill(first.pid, signal.SIGKILL)
            when(lambda: running(first) is not None, process)
            venue.goes_on.clear()
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate()
            assert process.returncode == 0, process.told()
            assert "is begun again: it was killed by SIGKILL" in process.told()
            assert json.loads(told)["cause"] == "SIGTERM"
            require_the_venues_books(store, venue.books())
        finally:
            store.close()


@pytest.mark.parametrize(
    ("typed", "exit_code", "given"), [("77", 0, ["--yes", "77"]), ("78", 1, [])]
)
def test_a_person_is_asked_once_before_anything_is_watched(
    here: Rehearsal, monkeypatch: pytest.MonkeyPatch, typed: str, exit_code: int, given: list[str]
) -> None:
    """A real account is only pretended here: what is known of it, and who types."""
    monkeypatch.chdir(here.folder)
    for name, value in {**KEYS, "TRADER_DATABASE_URL": here.url}.items():
        monkeypatch.setenv(name, value)
    begun: list[str] = []

    async def shown(wanted: Any, *_: Any) -> None:
        wanted.confirm(SimpleNamespace(proven=SimpleNamespace(facts=SimpleNamespace(account="77"))))

    def supervised(heartbeat: float, seconds: float | None, *more: str) -> int:
        begun.extend(["watched", *more])
        return 0

    account = SimpleNamespace(environment=Environment.LIVE)
    going_live = "runtime.session.going_live"
    monkeypatch.setattr(f"{going_live}.account_here", lambda masker: account)
    monkeypatch.setattr(f"{going_live}.rehearsed", shown)
    monkeypatch.setattr(command, "supervised", supervised)
    terminal = SimpleNamespace(isatty=lambda: True)
    seen: dict[str, Any] = {
        "argv": [],
        "stdin": terminal,
        "stdout": sys.stdout,
        "stderr": sys.stderr,
    }
    monkeypatch.setattr(command, "sys", SimpleNamespace(**seen))
    answer = CliRunner().invoke(
        app, ["live", "sma_cross", "--supervise", "--json"], input=f"{typed}\n"
    )
    assert answer.exit_code == exit_code, answer.output
    assert begun == (["watched", *given] if given else [])
