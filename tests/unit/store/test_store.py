"""The registry keeps what it is given, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from engine.errors import InputError, InternalFault, StrategyError
from runtime.store import NewRun, NewSweep, ReturnFigures, RunOutcome, State, Store, Trial
from runtime.store.figures import figures_of, to_bytes

FAMILY = "fa" * 32
RUN = NewRun(
    family=FAMILY,
    fingerprint="f0" * 32,
    strategy="sma_cross",
    parameters={"slow": "50", "fast": "20"},
    path="my strategies/ü.toml",
    dataset="sample:goog",
    data_id="da" * 16,
    start_ns=-1,
    end_ns=9_223_372_036_854_775_807,
    configuration='{"a":1}',
    engine="e" * 64,
    command="trader backtest x",
    origin="cli",
)
RETURNS = np.array([0.01, -0.005, 1e-17, 0.0])
OUTCOME = RunOutcome(
    final_equity=Decimal("180183.10000001"),
    currency="USD",
    state_hash="5" * 32,
    figures=figures_of(RETURNS),
    returns=to_bytes(RETURNS),
    summary='{"sharpe":0.79}',
)
SWEEP = NewSweep(family=FAMILY, strategy="sma_cross", method="grid", planned=3)


def trial(number: int, *, family: str = FAMILY) -> Trial:
    parameters = f'{{"fast":"{number}"}}'
    return Trial(family, f"{number:064x}", parameters, "da", 1, 2, OUTCOME.figures, OUTCOME.returns)


# --- runs -------------------------------------------------------------------------------------------
def test_a_run_that_has_begun_is_running_and_has_no_result(store: Store) -> None:
    run = store.run(store.begin(RUN))
    assert run.state is State.RUNNING
    assert (run.ended_ns, run.duration_ns, run.final_equity) == (None, None, None)
    assert run.figures == ReturnFigures()
    assert run.return_series().tolist() == []


def test_a_finished_run_comes_back_as_it_was_given_to_the_last_digit(store: Store) -> None:
    run_id = store.begin(RUN)
    store.finish(run_id, OUTCOME)
    run = store.run(run_id)
    for name in NewRun.__slots__:
        assert getattr(run, name) == getattr(RUN, name), name
    for name in RunOutcome.__slots__:
        assert getattr(run, name) == getattr(OUTCOME, name), name
    assert run.state is State.FINISHED
    assert run.return_series().tolist() == RETURNS.tolist()
    assert run.duration_ns is not None and run.duration_ns >= 0


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (
            StrategyError("x is not y", where="a.py, line 3"),
            State.FAILED,
            "a.py, line 3: x is not y",
        ),
        (ZeroDivisionError("division by zero"), State.FAILED, "ZeroDivisionError"),
        (MemoryError(), State.FAILED, "MemoryError"),
        (KeyboardInterrupt(), State.INTERRUPTED, "stopped by the user"),
        (SystemExit(1), State.INTERRUPTED, "stopped by the user"),
    ],
)
def test_a_run_that_breaks_says_how(
    store: Store, error: BaseException, state: State, told: str
) -> None:
    run_id = store.begin(RUN)
    store.fail(run_id, error)
    run = store.run(run_id)
    assert run.state is state
    assert told in run.error
    assert run.ended_ns is not None


def test_texts_that_are_no_text_are_kept_readable(store: Store) -> None:
    run_id = store.begin(replace(RUN, path="caf\udce9.toml", strategy="a\x00b"))
    store.fail(run_id, ValueError("\x00 in \udcff"))
    run = store.run(run_id)
    assert (run.path, run.strategy) == ("caf\\udce9.toml", "ab")
    assert run.error == "ValueError:  in \\udcff"


def test_a_summary_with_an_odd_file_name_is_kept(store: Store) -> None:
    run_id = store.begin(RUN)
    store.finish(run_id, replace(OUTCOME, summary='{"file":"caf\udce9.toml"}'))
    assert store.run(run_id).state is State.FINISHED


def test_an_ended_run_never_changes_again(store: Store) -> None:
    run_id = store.begin(RUN)
    store.finish(run_id, OUTCOME)
    before = store.run(run_id)
    with pytest.raises(InternalFault):
        store.fail(run_id, ValueError())
    with pytest.raises(InternalFault):
        store.finish(run_id, replace(OUTCOME, currency="EUR"))
    assert store.run(run_id) == before


def test_runs_come_newest_first_and_of_one_family_when_asked(store: Store) -> None:
    ids = [store.begin(replace(RUN, family=family * 32)) for family in ("aa", "bb", "aa")]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert [run.id for run in store.runs(limit=2)] == ids[:0:-1]
    assert [run.id for run in store.runs(family="aa" * 32)] == [ids[2], ids[0]]
    assert [run.id for run in store.runs(family="aaa")] == [ids[2], ids[0]]
    assert store.runs(family="cc") == []


def test_a_run_is_named_by_its_beginning_its_end_or_as_the_last(store: Store) -> None:
    first, second = store.begin(RUN), store.begin(RUN)
    for name in (first, first[-5:], first[:-1] if first[:-1] != second[:-1] else first):
        assert store.run(name).id == first
    assert store.run("last").id == second


@pytest.mark.parametrize(
    ("name", "problem"), [("2", "several runs"), ("nothing", "no run"), ("%", "no run"), ("", "no")]
)
def test_a_name_that_means_no_single_run_is_refused(store: Store, name: str, problem: str) -> None:
    store.begin(RUN), store.begin(RUN)
    with pytest.raises(InputError, match=problem):
        store.run(name)


def test_ids_sort_by_the_time_at_which_runs_begin(store: Store) -> None:
    ids = [store.begin(RUN) for _ in range(3)]
    assert len(set(ids)) == 3
    assert sorted(each[:15] for each in ids) == [each[:15] for each in ids]


# --- sweeps and trials ------------------------------------------------------------------------------
def test_a_resumed_sweep_never_counts_a_trial_twice(store: Store) -> None:
    sweep = store.begin_sweep(SWEEP)
    store.add_trials(sweep, [trial(1), trial(2)])
    store.finish_sweep(sweep, "interrupted")
    store.resume_sweep(sweep)
    assert store.trial_fingerprints(sweep) == {trial(1).fingerprint, trial(2).fingerprint}
    store.add_trials(sweep, [trial(2), trial(3), trial(3)])
    store.finish_sweep(sweep, "finished")
    assert store.trials(sweep) == [trial(1), trial(2), trial(3)]
    assert store.count_trials(FAMILY) == 3
    (found,) = store.sweeps()
    assert (found.state, found.trials, found.planned) == (State.FINISHED, 3, 3)


def test_runs_and_trials_of_any_sweep_count_once_for_each_evaluation(store: Store) -> None:
    first, second = store.begin_sweep(SWEEP), store.begin_sweep(SWEEP)
    store.add_trials(first, [trial(1), trial(2)])
    store.add_trials(second, [trial(2), trial(3)])
    store.begin(replace(RUN, fingerprint=trial(3).fingerprint))
    store.fail(store.begin(replace(RUN, fingerprint="9" * 64)), ValueError())
    store.add_trials(second, [trial(4, family="other")])
    assert store.count_trials(FAMILY) == 4
    assert store.count_trials("nobody") == 0
    assert store.count_families() == {FAMILY: 4, "other": 1}
    assert store.trial_fingerprints(second) >= {trial(2).fingerprint}


def test_a_bad_trial_undoes_the_whole_batch(store: Store) -> None:
    sweep = store.begin_sweep(SWEEP)
    with pytest.raises(ValueError, match="not a valid State"):
        store.add_trials(sweep, [trial(1), replace(trial(2), state="lost")])  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.add_trials("no such sweep", [trial(1)])
    assert store.count_trials(FAMILY) == 0


def test_many_trials_are_quick_to_add_and_to_count(store: Store) -> None:
    sweep = store.begin_sweep(SWEEP)
    store.add_trials(sweep, [trial(number) for number in range(2_000)])
    assert store.count_trials(FAMILY) == 2_000


def test_two_openings_see_the_same(store: Store, url: str) -> None:
    other = Store.open(url)
    run_id = store.begin(RUN)
    assert other.run(run_id).state is State.RUNNING
    other.finish(run_id, OUTCOME)
    assert store.run(run_id).state is State.FINISHED
    other.close()
