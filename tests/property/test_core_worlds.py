"""The whole core in seeded worlds: exact books, one journal, whatever runs it.

A failing seed is the whole bug report.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest

from engine.errors import InputError
from engine.model import layout as at
from tests.architecture.source import ROOT
from tests.property.core_audit import Auditor
from tests.property.core_worlds import hash_of, make_world, play, played
from tests.seeds import seeds

SEEDS = seeds(60)
TWINS = seeds(20)


@cache
def audited(seed: int) -> Auditor:
    """Return who has looked at a world after every event."""
    auditor = Auditor(make_world(seed))
    with pytest.MonkeyPatch.context() as patch, auditor.watching(patch):
        machine = play(auditor.world, watch=auditor.after_slice)
    assert machine.plain.account[at.ACCOUNT_FAULT] == at.FAULT_NONE
    return auditor


@pytest.mark.parametrize("seed", SEEDS)
def test_after_every_event_the_books_are_exact_and_the_broker_agrees(seed: int) -> None:
    """The ledger against the reference account, the orders against the fill book: `core_audit`."""
    assert audited(seed).events > 100


def is_of_the_trading_loop(kind: at.EventKind) -> bool:
    """Return whether only runs with signals, risk, exits or guards have events of a kind."""
    inputs = at.EventKind.API_ERROR <= kind <= at.EventKind.COMPONENT
    return inputs or kind in (at.EventKind.WAKE, at.EventKind.LINKED) or kind >= 80


def test_the_worlds_meet_everything_that_can_happen() -> None:
    met: Counter[str] = Counter()
    for seed in SEEDS:
        met.update(audited(seed).seen)
    decisions = {"SUBMITTED", "DENIED", "CANCEL_SENT", "REPLACE_SENT"}
    effects = {"POSITION_CHANGED", "CASH_CHANGED", "EQUITY_MARKED", "FEE_IN_KIND"}
    elsewhere = decisions | effects | {"CONVERSION_RATE", "POSTING", "UNITS_KEPT"}
    kinds = {kind.name for kind in at.EventKind if not is_of_the_trading_loop(kind)}
    assert kinds - set(met) <= elsewhere
    assert met["FILL"] > 1_000


@pytest.mark.parametrize("seed", TWINS)
def test_the_size_of_chunks_decides_nothing(seed: int) -> None:
    world = make_world(seed)
    hashes = {hash_of(play(world, chunk_rows=rows)) for rows in (1, 13, 500)}
    assert hashes == {hash_of(played(world))}


def test_different_worlds_have_different_hashes() -> None:
    assert len({hash_of(played(make_world(seed))) for seed in TWINS}) == len(TWINS)


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_another_process_with_another_hash_seed_decides_the_same(hash_seed: str) -> None:
    seeds = ["3", "5", "8", "13"]
    answer = subprocess.run(
        [sys.executable, "-m", "tests.property.core_worlds", *seeds],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [hash_of(played(make_world(int(seed)))) for seed in seeds]
    assert answer.stdout.split() == here


def test_a_world_that_leaves_the_range_of_money_stops_with_clean_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seed 764 sells 60,000 where 50 trade: the slippage model answers 456 million a share."""
    auditor = Auditor(make_world(764))
    with auditor.watching(monkeypatch), pytest.raises(InputError, match="left the range") as caught:
        play(auditor.world, watch=auditor.after_slice)
    assert caught.value.code == "engine.out_of_range"
