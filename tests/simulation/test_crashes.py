"""A process that dies before, in and after each of its effects; the next one goes on as if nothing had been.

What an effect is says `tests.simulation.crashing`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.errors import TraderError
from engine.model import layout as at
from runtime.config.moments import parse_moment
from runtime.journal.records import Intents
from runtime.session.parts import Options
from runtime.session.replaying import replay
from tests.simulation.crashing import Dead, Fate, living_with
from tests.unit.session.papers import Desk

POINTS = 24


def desk_of(folder: Path) -> Desk:
    folder.mkdir(exist_ok=True)
    desk = Desk.of_example("full_loop.toml", folder, speed=86_400.0)
    desk.config = desk.config.with_parameters({"trend": Decimal(20)}).with_data(
        start_ns=parse_moment("2004-12-01", name="start"),
        end_ns=parse_moment("2005-02-01", name="end"),
    )
    return Desk(desk.config, *_history(desk), desk.folder, 86_400.0)


def _history(desk: Desk) -> tuple[Any]:
    from runtime.backtest.histories import load_history

    return (load_history(desk.config.data, Path()),)


def run_until_dead(desk: Desk, fate: Fate) -> None:
    try:
        with living_with(fate):
            desk.run(options=Options(checkpoint_seconds=8.0))
    except (Dead, TraderError, AssertionError, RuntimeError):
        assert fate.is_dead


def test_a_crash_at_any_effect_changes_nothing(tmp_path: Path) -> None:
    whole = Fate(0, after=False)
    desk = desk_of(tmp_path / "whole")
    run_until_dead(desk, whole)
    expected = desk.backtest()
    assert (expected.journal[:, at.EVENT_KIND] == at.KIND_FILL).sum() >= 6
    assert whole.effects > POINTS
    stride = max(whole.effects // POINTS, 1)
    for number in range(1, whole.effects + 1, stride):
        for after in (False, True):
            where = f"effect {number} of {whole.effects}, {'after' if after else 'before'} it"
            desk = desk_of(tmp_path / f"{number}{after}")
            fate = Fate(number, after=after)
            run_until_dead(desk, fate)
            assert fate.is_dead, where
            desk.run()
            with desk.store() as store:
                sessions = store.list()
                found = replay(store.entries(sessions[0].id))
                records = [each.record for each in store.entries(sessions[0].id)]
            assert found.output.state_hash == expected.state_hash, where
            sent = [
                i.client_id
                for r in records
                if isinstance(r, Intents)
                for i in r.intents
                if i.kind == at.KIND_SUBMITTED
            ]
            assert len(sent) == len(set(sent)), f"{where}: an order was sent twice"
