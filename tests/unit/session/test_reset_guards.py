"""A guard that waits for a person is released by its name, with a reason; and its alert says how."""

from __future__ import annotations

from pathlib import Path

from runtime.backtest.histories import load_history
from runtime.config import load_strategy
from runtime.observing.alerting import Told
from runtime.observing.observer import Looks, SessionObserver
from runtime.session.operators import REFUSED
from runtime.session.parts import Asked
from runtime.session.states import SessionState
from sims.virtual_time import VirtualClock, run_virtual
from tests.unit.session.papers import Desk

LOSES = """
[strategy]
name = "loses"
[data]
dataset = "world:minute_bars"
end = "2020-01-04"
[data.world]
seed = 2
instruments = 1
[rules]
entry = "close > 0"
exit = "close < 0"
[fills.fees]
model = "per_share"
per_unit = 0.5
[guards]
daily_loss = { amount = 100 }
"""


def test_a_loss_locks_until_a_person_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "loses.toml"
    path.write_text(LOSES)
    config = load_strategy(path)
    desk = Desk(config, load_history(config.data, Path()), tmp_path, speed=60.0)
    told: list[Told] = []
    observer = SessionObserver(Looks(VirtualClock(), outlets=(told.append,)))
    answers: list[str] = []

    async def story() -> None:
        async with desk.running(observers=observer.observers) as session:

            async def ask(verb: str, argument: str) -> None:
                answers.append(await session.ask(Asked(verb, "ann", "it was a test", argument)))

            await session.parts.clock.sleep(0.5)
            await ask("reset", "daily_loss")
            while session.state is not SessionState.HALTED:
                await session.parts.clock.sleep(1.0)
            while session.parts.core.positions():
                await session.parts.clock.sleep(1.0)
            await ask("reset", "dayly_loss")
            await ask("reset", "daily_loss")

    run_virtual(story())
    assert answers[0] == f"{REFUSED}: the guard daily_loss is not set"
    assert answers[1].startswith(f"{REFUSED}: there is no guard called 'dayly_loss'")
    assert answers[2] == "reset: done; the session is running"
    text = next(each.text for each in told if each.episode == "guard:daily_loss")
    assert text.startswith("daily loss (-")
    assert "against -100.00): orders are withdrawn and every position is closed" in text
    assert "daily_loss --why TEXT` lets it trade again" in text
