"""Walk-forward: windows as drawn, choices from the past alone, one stitched curve."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.history import History
from engine.errors import InputError
from runtime.backtest.lean import Bench
from runtime.sweep import (
    Length,
    Place,
    SweepResult,
    WalkForward,
    parse_length,
    prepare_sweep,
    run_sweep,
    space_of,
)
from runtime.sweep.windows import bar_times, windows_of
from tests.unit.sweep.sweep_samples import CROSS, WEIGHTS, config_of, history_of
from tests.unit.sweep.test_lean import bar_time, doubled_from

HERE = Place(jobs=1, engine="interpreted")
ROLLING = WalkForward("rolling", Length(50), Length(20), Length(3), Length(2))


def windows_drawn(plan: WalkForward, bars: int) -> list[str]:
    """Draw windows over so many bars: t train, T test, a point where nothing is traded."""
    history = history_of(config_of(CROSS))
    history = history.between(None, bar_time(history, bars))
    times = bar_times(history).tolist()
    lines = []
    for each in windows_of(plan, history):
        line = ["."] * len(times)
        for first, last, mark in (
            (each.train_start_ns, each.train_end_ns, "t"),
            (each.test_start_ns, each.test_end_ns, "T"),
        ):
            for place, ts in enumerate(times):
                if first <= ts < last:
                    line[place] = mark
        lines.append("".join(line))
    return lines


def bars(kind: str, *lengths: int) -> WalkForward:
    return WalkForward(kind, *map(Length, lengths))


@pytest.mark.parametrize(
    ("plan", "count", "drawn"),
    [
        (
            bars("rolling", 6, 3),
            15,
            ["ttttttTTT......",
             "...ttttttTTT...",
             "......ttttttTTT"],
        ),
        (
            bars("anchored", 6, 3),
            15,
            ["ttttttTTT......",
             "tttttttttTTT...",
             "ttttttttttttTTT"],
        ),
        (
            bars("rolling", 6, 3, 2, 0),  # purged from the training
            12,
            ["tttt..TTT...",
             "...tttt..TTT"],
        ),
        (
            bars("rolling", 6, 3, 0, 2),  # left out before the test
            14,
            ["tttttt..TTT...",
             "...tttttt..TTT"],
        ),
        (
            bars("anchored", 6, 3, 1, 1),
            13,
            ["ttttt..TTT...",
             "tttttttt..TTT"],
        ),
        (
            bars("rolling", 6, 4),  # the last test may be shorter, down to half
            12,
            ["ttttttTTTT..",
             "....ttttttTT"],
        ),
        (
            bars("rolling", 6, 4),
            11,
            ["ttttttTTTT."],
        ),
    ],
)  # fmt: skip
def test_windows_are_cut_as_drawn(plan: WalkForward, count: int, drawn: list[str]) -> None:
    assert windows_drawn(plan, count) == drawn


def test_windows_in_days_follow_the_calendar() -> None:
    history = history_of(config_of(CROSS))
    plan = WalkForward("rolling", Length(60, "days"), Length(30, "days"), Length(7, "days"))
    found = windows_of(plan, history)
    day = 86_400 * 10**9
    assert len(found) == 4
    for each, after in pairwise(found):
        assert after.test_start_ns == each.test_end_ns
        assert 28 <= (each.test_end_ns - each.test_start_ns) / day <= 33
        assert 7 <= (each.test_start_ns - each.train_end_ns) / day <= 11
        assert 48 <= (each.train_end_ns - each.train_start_ns) / day <= 57


@pytest.mark.parametrize("plan", [bars("rolling", 200, 20), bars("rolling", 4, 2, 4)])
def test_a_history_without_room_for_a_window_is_refused(plan: WalkForward) -> None:
    with pytest.raises(InputError, match="too short for one window"):
        windows_of(plan, history_of(config_of(CROSS)))


@pytest.mark.parametrize(
    ("text", "length"),
    [("250", "250b"), ("250b", "250b"), ("10 bars", "10b"), ("365d", "365d"), ("1 day", "1d")],
)
def test_lengths_are_bars_or_days(text: str, length: str) -> None:
    assert str(parse_length(text, option="--train")) == length


@pytest.mark.parametrize("text", ["", "1y", "-5", "2.5d", "d"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no length"):
        parse_length(text, option="--train")


def walked(out: Path, text: str = CROSS, history: History | None = None) -> SweepResult:
    config = config_of(text)
    params = ["fast=2:5:1", "slow=6:14:4"] if text is CROSS else ["lookback=4:24:5"]
    sweep = prepare_sweep(
        config, space_of(config, params, []), walk_forward=ROLLING, history=history
    )
    return run_sweep(sweep, out, place=HERE)


@pytest.mark.parametrize("text", [CROSS, WEIGHTS])
def test_nothing_after_a_window_can_change_its_choice_or_its_result(
    tmp_path: Path, text: str
) -> None:
    history = history_of(config_of(text))
    whole = walked(tmp_path / "whole", text).walk()
    assert len(whole.steps) >= 3
    for k, step in enumerate(whole.steps):
        future = doubled_from(history, step.test_ns[1])
        assert (
            walked(tmp_path / f"test{k}", text, future).walk().steps[: k + 1]
            == whole.steps[: k + 1]
        )
        # Prices of the test itself change its result and not the choice.
        future = doubled_from(history, step.train_ns[1])
        changed = walked(tmp_path / f"train{k}", text, future).walk().steps[k]
        assert changed.parameters == step.parameters
        assert changed.train_metric == step.train_metric


def test_the_choice_is_the_best_of_its_training_window(tmp_path: Path) -> None:
    result = walked(tmp_path / "out")
    train = result.trials.filter(pl.col("walk_phase") == "train")
    for step in result.walk().steps:
        scores = train.filter(pl.col("walk_window") == step.window)["sharpe"]
        assert step.train_metric == scores.max()
    assert len(result.trials) == len(result.walk().steps) * (12 + 1)


def test_the_stitched_curve_is_the_test_runs_one_after_the_other(tmp_path: Path) -> None:
    result = walked(tmp_path / "out")
    walk, config = result.walk(), config_of(CROSS)
    history = history_of(config)
    runs = []
    for step in walk.steps:
        start, end = step.test_ns
        assert step.parameters is not None
        bench = Bench(config, history, compiled=False, start_ns=start, end_ns=end)
        runs.append(bench.run(step.parameters))
    assert walk.returns.tolist() == np.concatenate([run.returns for run in runs]).tolist()
    assert walk.days.tolist() == np.concatenate([run.days for run in runs]).tolist()
    assert (np.diff(walk.days) > 0).all()
    curve = pl.read_parquet(tmp_path / "out" / "out-of-sample.parquet")
    assert curve["growth"][-1] == pytest.approx(np.prod(1.0 + walk.returns))
    windows = pl.read_parquet(tmp_path / "out" / "windows.parquet")
    assert windows["test_return"].to_list() == [step.test_return for step in walk.steps]
