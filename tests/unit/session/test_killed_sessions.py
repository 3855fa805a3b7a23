"""A real process with a real database, killed with -9 at random moments, goes on as if nothing had been.

`KILLS` in the environment is how often (the suite: twice, so that what went on is killed too); the figure in
docs/explain/sessions.md is of two hundred on each database.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from engine.model.layout import KIND_SUBMITTED
from runtime.backtest import run_backtest
from runtime.config import load_strategy
from runtime.journal.records import Intents
from runtime.journal.sessions import SessionStore
from runtime.session.replaying import replay
from tests.architecture.source import ROOT
from tests.unit.session.papers import example

KILLS = int(os.environ.get("KILLS", "2"))
EXAMPLE = example("full_loop.toml")
FAST = 40_000_000 // (KILLS + 1)  # of data a second: they last until all are killed
SLOWER_START = 1.0  # seconds: nothing is killed before it can have begun


def test_a_session_that_is_killed_ends_as_its_backtest(url: str, tmp_path: Path) -> None:
    rng = random.Random(7)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TRADER_DATABASE_URL": url}
    line = [sys.executable, "-m", "trader", "paper", str(EXAMPLE), "--json", "--speed", str(FAST)]
    kills, answer = 0, None
    while answer is None:
        process = subprocess.Popen(
            line,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lives = rng.uniform(SLOWER_START, SLOWER_START + 1.5) if kills < KILLS else None
        try:
            told, problem = process.communicate(timeout=lives)
            assert process.returncode == 0, problem
            answer = json.loads(told)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
    assert kills == KILLS, "its data ended before"
    expected = run_backtest(load_strategy(EXAMPLE), engine="interpreted").pessimistic
    store = SessionStore.open(url)
    try:
        (session,) = store.list()
        found = replay(store.entries(session.id))
        assert store.verify(session.id).is_sound
        records = [each.record for each in store.entries(session.id)]
    finally:
        store.close()
    assert found.output.state_hash == expected.state_hash, f"after {kills} kills"
    sent = [
        intent.client_id
        for record in records
        if isinstance(record, Intents)
        for intent in record.intents
        if intent.kind == KIND_SUBMITTED
    ]
    assert len(sent) == len(set(sent)), "an order was sent twice"
