"""Sessions side by side in one process: each decides as if it were alone, and breaks alone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.model import layout as at
from runtime.backtest.histories import load_history
from runtime.config.moments import parse_moment
from runtime.session.host import run_all
from runtime.session.intake import Intake
from runtime.session.replaying import replay
from runtime.session.starting import start_paper
from runtime.session.states import SessionState
from sims.virtual_time import run_virtual
from tests.unit.session.papers import Desk

MANY = 20


def test_each_decides_as_alone_and_what_breaks_breaks_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk.of_example("sma_cross.toml", tmp_path, speed=864_000.0)
    desk.config = desk.config.with_data(end_ns=parse_moment("2005-06-01", name="end"))
    desk.history = load_history(desk.config.data, Path())
    configs = [
        desk.config.with_parameters({"fast": Decimal(fast)}) for fast in list(range(2, 2 + MANY))
    ]
    desks = [Desk(each, desk.history, tmp_path, desk.speed) for each in configs]
    broken: list[str] = []
    take = Intake.slice

    async def breaking(self: Intake, one: Any) -> None:
        if self._core is cores[3] and one.ts_ns > parse_moment("2005-01-01", name="t"):
            raise ZeroDivisionError("in one of them")
        await take(self, one)

    monkeypatch.setattr(Intake, "slice", breaking)
    cores: list[Any] = []
    with desk.store() as store:

        async def story() -> list[Any]:
            sessions = []
            for number, each in enumerate(desks):
                plan = each.plan(store)
                plan.account = f"paper:{number}"
                sessions.append(start_paper(store, plan))
                cores.append(sessions[-1].parts.core)
            return [*await run_all(sessions)]

        ended = run_virtual(story())
        states = [each.state for each in ended]
        assert states.count(SessionState.FAILED) == 1
        assert states[3] is SessionState.FAILED
        broken = [each.problem for each in ended if each.problem]
        assert broken == ["in one of them"]
        for number in (0, 2, 4, MANY - 1):
            found = replay(store.entries(ended[number].session))
            alone = Desk(configs[number], desk.history, tmp_path).backtest()
            assert found.output.state_hash == alone.state_hash
            assert (alone.journal[:, at.EVENT_KIND] == at.KIND_SUBMITTED).any()
