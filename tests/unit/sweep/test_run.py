"""A search keeps what it has done, counts it, and gives the same rows however it got there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from engine.errors import InputError
from engine.rules.metrics import daily_returns
from runtime.backtest import run_backtest
from runtime.backtest.recorded import recorded_backtest
from runtime.config import StrategyConfig
from runtime.results.daily import daily_closes
from runtime.store import State, Store
from runtime.sweep import Place, Search, Sweep, SweepResult, prepare_sweep, run_sweep, space_of
from runtime.sweep.files import only_writer
from runtime.sweep.recording import StoreRecorder
from tests.unit.sweep.sweep_samples import CROSS, class_config, config_of, numbers

GRID = Search()
HERE = Place(jobs=1, engine="interpreted")
POOL = Place(jobs=2, engine="interpreted")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    yield opened
    opened.close()


def cross_sweep(
    *params: str,
    search: Search = GRID,
    config: StrategyConfig | None = None,
) -> Sweep:
    config = config or config_of(CROSS)
    given = params or ("fast=2:6:1", "slow=4:12:2")
    return prepare_sweep(config, space_of(config, given, ["fast < slow"]), search=search)


def stopping_after(trials: int) -> Callable[[int, int, int], None]:
    """Return a progress function that presses Ctrl-C."""

    def tell(done: int, _total: int, _failed: int) -> None:
        if done >= trials:
            raise KeyboardInterrupt

    return tell


def same_rows(one: SweepResult, other: SweepResult) -> bool:
    assert_frame_equal(one.trials, other.trials)
    assert_frame_equal(one.returns, other.returns)
    return True


def test_each_row_is_the_backtest_of_its_parameters(tmp_path: Path) -> None:
    sweep = cross_sweep("fast=2,5", "slow=7,12")
    result = run_sweep(sweep, tmp_path / "out", place=Place(1, engine="interpreted", hashed=True))
    for row, days in zip(result.trials.to_dicts(), result.returns.to_dicts(), strict=True):
        chosen = numbers(fast=row["fast"], slow=row["slow"])
        full = run_backtest(
            sweep.config.with_parameters(chosen), history=sweep.history, engine="interpreted"
        )
        assert row["state_hash"] == full.state_hash
        assert row["final_equity"] == full.final_equity
        assert row["sharpe"] == full.metric("sharpe") and row["alpha"] == full.metric("alpha")
        assert row["closed_trades"] == full.summary.pessimistic.trades.closed
        closes = daily_closes(full.pessimistic)
        assert days["return"] == daily_returns(closes.equity, closes.flow).tolist()
        assert days["day"] == full.equity["day"].to_list()[1:]


def test_processes_give_the_rows_of_one(tmp_path: Path) -> None:
    here = run_sweep(cross_sweep(), tmp_path / "here", place=HERE)
    there = run_sweep(cross_sweep(), tmp_path / "there", place=POOL)
    assert same_rows(here, there)
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [
        "manifest.json",
        "results.parquet",
        "returns.parquet",
    ]


@pytest.mark.parametrize("place", [HERE, POOL], ids=["inline", "pool"])
def test_a_stopped_search_goes_on_where_it_stopped(
    tmp_path: Path, store: Store, place: Place
) -> None:
    whole = run_sweep(cross_sweep(), tmp_path / "whole", place=HERE)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_sweep(
            cross_sweep(),
            out,
            place=place,
            recorder=StoreRecorder(store),
            progress=stopping_after(7),
        )
    (stopped,) = store.sweeps()
    assert stopped.state is State.INTERRUPTED and 7 <= stopped.trials < stopped.planned == 21
    with pytest.raises(InputError, match="add --resume"):
        run_sweep(cross_sweep(), out, place=HERE)
    seen: list[int] = []
    resumed = run_sweep(
        cross_sweep(),
        out,
        place=place,
        resume=True,
        recorder=StoreRecorder(store),
        progress=lambda done, _total, _failed: seen.append(done),
    )
    assert seen[0] == stopped.trials and seen[-1] == 21
    assert same_rows(whole, resumed)
    (finished,) = store.sweeps()
    assert finished.state is State.FINISHED and finished.trials == 21
    assert resumed.family_trials == 21


def test_what_a_kill_left_out_of_the_registry_is_recorded_on_resuming(
    tmp_path: Path, store: Store
) -> None:
    run_sweep(cross_sweep(), tmp_path / "out", place=HERE)  # nobody counted
    resumed = run_sweep(
        cross_sweep(), tmp_path / "out", place=HERE, resume=True, recorder=StoreRecorder(store)
    )
    assert resumed.family_trials == 21
    (sweep,) = store.sweeps()
    returns = {trial.parameters: trial.returns for trial in store.trials(sweep.id)}
    assert len(returns) == 21 and all(returns.values())


def test_the_same_trial_counts_once_whoever_runs_it(tmp_path: Path, store: Store) -> None:
    sweep = cross_sweep()
    first = run_sweep(sweep, tmp_path / "a", place=HERE, recorder=StoreRecorder(store))
    again = run_sweep(sweep, tmp_path / "b", place=HERE, recorder=StoreRecorder(store))
    assert first.family_trials == again.family_trials == 21
    assert first.best_parameters is not None
    config = sweep.config.with_parameters(first.best_parameters)
    recorded_backtest(config, engine="interpreted", store=store)
    wider = cross_sweep("fast=2:6:1", "slow=4:14:2")
    last = run_sweep(wider, tmp_path / "c", place=HERE, recorder=StoreRecorder(store))
    assert last.family_trials == 26


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("fast=2:6:1", "slow=4:10:2"), "--param slow: was 4:12:2, now 4:10:2"),
        (("slow=4:12:2", "fast=2:6:1"), "the order of --param"),
        (("fast=2:6:1",), "--param slow: was 4:12:2, now not given"),
    ],
)
def test_a_resume_with_other_settings_is_refused_and_says_which(
    tmp_path: Path, changed: tuple[str, ...], words: str
) -> None:
    run_sweep(cross_sweep("fast=2:6:1", "slow=4:12:2"), tmp_path / "out", place=HERE)
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "out").iterdir())
    with pytest.raises(InputError) as caught:
        run_sweep(cross_sweep(*changed), tmp_path / "out", place=HERE, resume=True)
    assert words in str(caught.value)
    assert before == sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "out").iterdir())


def test_a_resume_of_another_strategy_or_seed_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_sweep(cross_sweep(search=Search("random", 5, 1)), out, place=HERE)
    other = config_of(CROSS.replace("cross_below", "cross_above"))
    for sweep, words in (
        (cross_sweep(search=Search("random", 5, 2)), "--seed: was 1, now 2"),
        (cross_sweep(), "the method: was random, now grid"),
        (cross_sweep(search=Search("random", 5, 1), config=other), "the strategy file or its code"),
    ):
        with pytest.raises(InputError) as caught:
            run_sweep(sweep, out, place=HERE, resume=True)
        assert words in str(caught.value)


def test_a_folder_of_something_else_or_of_another_process_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch")
    with pytest.raises(InputError, match="not the folder of a sweep"):
        run_sweep(cross_sweep(), tmp_path / "mine", place=HERE, resume=True)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    run_sweep(cross_sweep(), tmp_path / "busy", place=HERE)
    with only_writer(tmp_path / "busy"), pytest.raises(InputError, match="another search"):
        run_sweep(cross_sweep(), tmp_path / "busy", place=HERE, resume=True)


def test_a_combination_that_raises_is_a_row_with_its_error(tmp_path: Path, store: Store) -> None:
    config = class_config(tmp_path)
    sweep = prepare_sweep(config, space_of(config, ["window=5:9:1"], []))
    result = run_sweep(sweep, tmp_path / "out", place=HERE, recorder=StoreRecorder(store))
    failed = result.trials.filter(pl.col("error").is_not_null())
    assert failed["window"].to_list() == [7] and result.failed == 1
    assert "seven is not my number" in failed["error"][0]
    assert failed["sharpe"].to_list() == [None] and failed["state_hash"].to_list() == [None]
    assert len(result.ranked) == 4
    assert result.family_trials == 5  # a failed trial is a trial
    (recorded,) = store.sweeps()
    states = {trial.state for trial in store.trials(recorded.id)}
    assert states == {State.FINISHED, State.FAILED}


def test_a_combination_that_kills_its_process_is_a_row_with_its_error(tmp_path: Path) -> None:
    config = class_config(tmp_path)
    config = config.with_parameters(numbers(die=8))
    sweep = prepare_sweep(config, space_of(config, ["window=2:17:1"], []))
    result = run_sweep(sweep, tmp_path / "out", place=POOL)
    errors = dict(result.trials.select("window", "error").iter_rows())
    assert "process died" in errors[8] and "seven" in errors[7]
    assert [window for window, error in errors.items() if error is None] == [
        2, 3, 4, 5, 6, *range(9, 18),
    ]  # fmt: skip


def test_optuna_stopped_and_resumed_asks_what_it_would_have_asked(tmp_path: Path) -> None:
    search = Search("optuna", 40, 3)
    params = ("fast=2:20:1", "slow=4:40:1")
    whole = run_sweep(cross_sweep(*params, search=search), tmp_path / "whole", place=HERE)
    assert len(whole.trials) == 40 and whole.failed == 0
    assert (whole.trials["fast"] < whole.trials["slow"]).all()
    out = tmp_path / "out"
    for stop in (5, 20):
        with pytest.raises(KeyboardInterrupt):
            run_sweep(
                cross_sweep(*params, search=search),
                out,
                place=HERE,
                resume=True,
                progress=stopping_after(stop),
            )
    resumed = run_sweep(cross_sweep(*params, search=search), out, place=HERE, resume=True)
    assert same_rows(whole, resumed)


def test_the_best_follows_the_metric_and_its_direction(tmp_path: Path) -> None:
    sweep = cross_sweep()
    run_sweep(sweep, tmp_path / "out", place=HERE)
    for metric, is_best in (("sharpe", max), ("max_drawdown", max), ("volatility", min)):
        again = prepare_sweep(sweep.config, sweep.plan.space, metric=metric)
        result = run_sweep(again, tmp_path / "out", place=HERE, resume=True)
        assert result.best is not None
        assert result.best[metric] == is_best(result.trials[metric].drop_nulls())
    with pytest.raises(InputError, match="unknown metric 'sharp'"):
        prepare_sweep(sweep.config, sweep.plan.space, metric="sharp")
