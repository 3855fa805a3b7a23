"""A session that is restored at any slice goes on as if nothing had happened; time between slices changes
nothing that the next slice would not change.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import numpy as np
import pytest

from engine.errors import InputError, StrategyError
from engine.model import layout as at
from engine.model.trading_layout import NEVER
from runtime.config import StrategyConfig
from runtime.session_core.playing import play
from tests.property.session_slices import Session, require_same, slices_of
from tests.property.test_session_strategies import class_config, function_config
from tests.property.test_trading_backtests import config_of
from tests.property.test_windows import config_of as plain_config_of
from tests.property.window_worlds import make_dataset

RULES = ["inputs and all tables", "limit orders that wait"]
PLAIN = ["crossing", "higher", "weights"]


def config_for(name: str, folder: Path) -> StrategyConfig:
    """Return one of the strategies that have a memory."""
    if name == "function":
        return function_config(folder, "indicators", loop=True)
    return config_of(name) if name in RULES else plain_config_of(name)


@pytest.mark.parametrize("name", [*RULES, *PLAIN, "function"])
def test_a_restored_session_goes_on_equal(name: str, tmp_path: Path) -> None:
    rng = Random(name)
    for seed in (1, 2):
        config = config_for(name, tmp_path / f"code{seed}")
        history = make_dataset(tmp_path / str(seed), seed, bars=80).load()
        slices = slices_of(config, history)
        place = rng.randrange(len(slices))
        whole = Session(config, history)
        whole.run(slices[:place])
        core, broker = whole.core.snapshot(), whole.broker.snapshot()
        restored = Session(config, history)
        restored.run(slices[: rng.randrange(place + 1)])  # whatever it has done before
        restored.core.restore(core)
        restored.broker.restore(broker)
        assert restored.core.state_hash == whole.core.state_hash, f"seed {seed}, slice {place}"
        restored.journal = list(whole.journal)
        whole.run(slices[place:])
        restored.run(slices[place:])
        require_same(restored.output(), whole.output())
        assert restored.core.state_hash == whole.core.state_hash
        assert restored.broker.snapshot() == whole.broker.snapshot()


SAVING = """
    def save_state(self):
        return {"draw": list(self.draw.getstate()[1]), "told": self.told, "bars": self.bars}

    def restore_state(self, state):
        self.draw, self.told, self.bars = Random(), state["told"], state["bars"]
        self.draw.setstate((3, tuple(state["draw"]), None))
"""


@pytest.mark.parametrize("loop", [False, True], ids=["plain", "trading loop"])
@pytest.mark.parametrize("name", ["bar", "bars", "both with indicators"])
def test_a_class_that_saves_its_state_is_restored_without_its_past(
    name: str, loop: bool, tmp_path: Path
) -> None:
    rng = Random(name)
    for seed in (1, 2, 3):
        config = class_config(tmp_path / f"code{seed}", name, seed, loop=loop)
        code = config.strategy.code_path
        assert code is not None
        code.write_text(code.read_text() + SAVING)
        history = make_dataset(tmp_path / str(seed), seed, bars=80).load()
        slices = slices_of(config, history)
        place = rng.randrange(10, len(slices))
        whole, restored = Session(config, history), Session(config, history)
        play(whole.core.start(), whole.broker)
        whole.run(slices[:place])
        assert whole.core.why_no_snapshot() == ""
        restored.core.restore(whole.core.snapshot())
        restored.broker.restore(whole.broker.snapshot())
        assert restored.core.state_hash == whole.core.state_hash, f"seed {seed}, slice {place}"
        restored.journal = list(whole.journal)
        for each in (whole, restored):
            each.run(slices[place:])
            play(each.core.stop(), each.broker)
        require_same(restored.output(), whole.output())
        assert restored.core.state_hash == whole.core.state_hash
        assert restored.core._driver.memory() == whole.core._driver.memory()


WRONG = {
    "return {1: 2}": "the state has the key 1, which is no text",
    "return [[0.5], (1,)]": r"the state\[1\] is a tuple",
    "return {'bars': 2**70}": "the state cannot be saved",
    "return self.nothing": "has no attribute 'nothing'",
    "return [self.told]": "restore_state",  # that takes a dict
    "return {'told': self.told, 'at': id(self)}": "does not bring back what",
}


@pytest.mark.parametrize("body", WRONG)
def test_no_snapshot_is_made_of_a_state_that_does_not_come_back(body: str, tmp_path: Path) -> None:
    config = class_config(tmp_path / "code", "bar", 1, loop=False)
    code = config.strategy.code_path
    assert code is not None
    text = "\n    def save_state(self):\n        {}\n\n    def restore_state(self, state):\n        {}\n"
    code.write_text(code.read_text() + text.format(body, "self.told = state.get('told', 0)"))
    history = make_dataset(tmp_path / "1", 1, bars=20).load()
    session = Session(config, history)
    play(session.core.start(), session.broker)
    assert re.search(WRONG[body], session.core.why_no_snapshot())
    session.run(slices_of(config, history))  # which it does not mind
    assert session.core.take_fault() is None


def test_a_class_that_saves_and_does_not_restore_is_refused(tmp_path: Path) -> None:
    config = class_config(tmp_path / "code", "bar", 1, loop=False)
    code = config.strategy.code_path
    assert code is not None
    code.write_text(code.read_text() + "\n    def save_state(self):\n        return 1\n")
    history = make_dataset(tmp_path / "1", 1, bars=20).load()
    with pytest.raises(StrategyError, match="only one of save_state and restore_state"):
        Session(config, history)


@pytest.mark.parametrize("name", RULES)
def test_time_between_slices_lets_waits_end_and_changes_nothing_else(
    name: str, tmp_path: Path
) -> None:
    rng, config = Random(name), config_of(name)
    history = make_dataset(tmp_path, 1).load()
    slices = slices_of(config, history)
    expected = Session(config, history).run_all(slices)
    told, waited = Session(config, history), 0
    for one, after in zip(slices, [*slices[1:], None]):
        told.run([one])
        if after is not None and rng.random() < 0.5:
            now_ns = rng.randrange(one.ts_ns, after.ts_ns) if after.ts_ns > one.ts_ns else 0
            waited += one.ts_ns < told.core.next_wake_ns <= now_ns
            if now_ns:
                play(told.core.time(now_ns), told.broker)
    require_same(told.output(), expected)
    assert waited > 0


def test_warming_up_is_seeing_without_deciding(tmp_path: Path) -> None:
    config = config_of("inputs and all tables")
    history = make_dataset(tmp_path, 2).load()
    slices = slices_of(config, history)
    ran, warmed = Session(config, history), Session(config, history)
    ran.run(slices)
    warmed.core.warm(np.concatenate([one.events for one in slices]))
    assert len(warmed.core.take_journal()) == 0
    assert warmed.core._driver.memory() == ran.core._driver.memory()
    assert warmed.core.now_ns == 0 and warmed.core.next_wake_ns == NEVER


def test_a_restored_session_is_as_silent_as_it_was(tmp_path: Path) -> None:
    config = plain_config_of("crossing")
    history = make_dataset(tmp_path, 1, bars=80).load()
    slices = slices_of(config, history)
    silent, restored = Session(config, history), Session(config, history)
    silent.run(slices[:50])
    before = silent.core.state_hash
    silent.core.silence()
    assert silent.core.state_hash != before
    restored.core.restore(silent.core.snapshot())
    restored.broker.restore(silent.broker.snapshot())
    assert restored.core.state_hash == silent.core.state_hash
    restored.journal = list(silent.journal)
    silent.run(slices[50:])
    restored.run(slices[50:])
    require_same(restored.output(), silent.output())


def test_a_snapshot_of_other_instruments_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    config = plain_config_of("crossing")
    sessions = [
        Session(config, make_dataset(tmp_path / str(seed), seed, bars=40).load())
        for seed in range(6)
    ]
    one = sessions[0]
    other = next(each for each in sessions if len(each.setup.terms) != len(one.setup.terms))
    snapshot = one.core.snapshot()
    with pytest.raises(InputError, match="another strategy or of other instruments"):
        other.core.restore(snapshot)
    with pytest.raises(InputError, match="damaged"):
        one.core.restore(snapshot[:-1] + bytes([snapshot[-1] ^ 1]))
    with pytest.raises(InputError, match="other instruments"):
        other.broker.restore(one.broker.snapshot())
    with pytest.raises(InputError, match="expected session core"):
        one.core.restore(one.broker.snapshot())


def test_a_journal_that_nobody_takes_is_kept(tmp_path: Path) -> None:
    """The block of journal rows is half as large as what is written here."""
    config = plain_config_of("every")
    history = make_dataset(tmp_path, 1, bars=60).load()
    slices = slices_of(config, history)
    expected = Session(config, history).run_all(slices)
    session = Session(config, history)
    session.core._room = 50
    for one in slices:
        play(session.core.slice(one), session.broker, one.events)
    found = session.core.take_journal()
    assert len(found) > 100 and np.array_equal(found, expected.journal)
    assert session.core.plain.account[at.ACCOUNT_JOURNAL] == 0
