"""The evidence of a strategy's backtest: made again, cut, stressed, and on what was held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from data.history import History
from engine.gate.evidence import (
    Backtest,
    CutTest,
    Holdout,
    Lookahead,
    Recomputed,
    Stressed,
    Trials,
)
from engine.ports import EvidenceClass
from engine.rules.metrics import daily_returns
from engine.rules.venue_costs import ANYWHERE, CostProfile
from runtime.backtest import run_backtest
from runtime.backtest.clockwork import clockwork_of
from runtime.backtest.histories import load_history
from runtime.backtest.run import choose_engine
from runtime.checks.findings import Report, Test
from runtime.checks.lookahead import CUTS, STARTS, Settings, check_lookahead
from runtime.config import StrategyConfig
from runtime.promotion.evidence.capacity import capacity_orders
from runtime.promotion.evidence.series import daily_series, open_profits, series_of, trade_profits
from runtime.promotion.evidence.stress import stressed, stressed_percent
from runtime.promotion.evidence.trials import readers_of, trials_of
from runtime.results import BacktestResult
from runtime.results.daily import daily_closes, trading_days
from runtime.store import Store
from runtime.store.figures import figures_of, to_bytes
from runtime.store.identity import Identity, data_identity, identity_of
from runtime.store.records import RunRecord, State

Progress = Callable[[float, str], None]


def no_replays(start_ns: int, end_ns: int) -> tuple[str, ...]:
    """Return that nothing was replayed."""
    return ()


_KINDS = {Test.CUT: "cut", Test.SCRAMBLE: "scramble", Test.START: "start"}
_RUNS = 100_000
_LOOKAHEAD_RUNS = 2 * CUTS + STARTS


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be collected.

    Parameters
    ----------
    core
        The strategy's fingerprint as certificates have it, without environment and account.
    failed_attempts, looks
        Of the family at the gate, before this evaluation.
    is_look
        Whether what is held out is read this time.
    seed
        Of the look-ahead test's scrambled futures.
    looking
        Told before what is held out is read: that counts even where nothing comes of it.
    replayed
        Names sessions that have replayed data of the span of what is held out.
    costs
        Of the venue that the certificate is to be for: what trading costs at least, whatever the file says.
    """

    core: str
    failed_attempts: int = 0
    looks: int = 0
    is_look: bool = False
    seed: int = 0
    looking: Callable[[], None] = lambda: None
    replayed: Callable[[int, int], tuple[str, ...]] = no_replays
    costs: CostProfile = ANYWHERE


@dataclass(frozen=True, slots=True)
class Tested:
    """The sections of the evidence that a backtest has; None where there was no backtest."""

    family: str
    backtest: Backtest | None = None
    lookahead: Lookahead | None = None
    trials: Trials | None = None
    holdout: Holdout | None = None
    stressed: Stressed | None = None
    values: tuple[Recomputed, ...] = ()


def collect(
    config: StrategyConfig,
    store: Store,
    catalog_root: Path,
    asked: Asked,
    progress: Progress = lambda fraction, step: None,
) -> Tested:
    """Run a strategy again in all the ways that the gate asks for.

    The latest backtest of exactly this strategy, data and engine must stand in the registry: what was
    never looked at by its author is not evidence.
    """
    history = load_history(config.data, catalog_root)
    identity = identity_of(config, data_identity(config, history, catalog_root))
    run = latest_run(store, identity)
    evaluations = store.evaluations(identity.family)
    whole_history = _unsealed_history(config, history, catalog_root)
    if run is None:
        return Tested(identity.family, holdout=holdout_of(config, whole_history))
    progress(0.0, "backtest")
    result = run_backtest(config, history=history)
    daily = daily_series(result.pessimistic)
    looks = asked.looks + asked.is_look
    progress(0.1, "look-ahead")
    report = check_lookahead(
        config,
        history,
        Settings(seed=asked.seed, is_compiled=_pays_to_compile(config, history)),
        progress=lambda fraction, step: progress(0.1 + 0.6 * fraction, f"look-ahead: {step}"),
    )
    progress(0.7, "dearer trading")
    dear = run_backtest(stressed(config, asked.costs), history=history)
    holdout = holdout_of(config, whole_history)
    if holdout is not None:
        readers = (
            *readers_of(evaluations, holdout.start_ns),
            *asked.replayed(holdout.start_ns, _end_ns(whole_history)),
        )
        holdout = structs.replace(holdout, read_by=readers)
        if asked.is_look and not readers and holdout.days:
            progress(0.85, "data that were held out")
            asked.looking()
            holdout = looked_at(config, holdout, whole_history)
    return Tested(
        identity.family,
        Backtest(
            run=run.id,
            family=identity.family,
            fingerprint=asked.core,
            evidence=_class_of(config),
            data_end_ns=_end_ns(whole_history),
            periods_per_year=int(clockwork_of(history).periods_per_year),
            daily=daily,
            trade_profits_minor=trade_profits(result),
            open_profits_minor=open_profits(result),
            recorded_hash=run.state_hash,
            rerun_hash=result.state_hash,
            orders=capacity_orders(result.pessimistic, history),
        ),
        _lookahead(report, asked.seed),
        trials_of(
            evaluations,
            daily,
            (run.start_ns, run.end_ns),
            failed_attempts=asked.failed_attempts,
            looks=looks,
        ),
        holdout,
        Stressed(
            fees_percent=stressed_percent(config),
            slippage_percent=stressed_percent(config),
            delay_bars=1,
            daily=daily_series(dear.pessimistic),
        ),
        _recomputed(run, result),
    )


def family_of(config: StrategyConfig, history: History, catalog_root: Path) -> str:
    """Return the family of a strategy on its data."""
    return identity_of(config, data_identity(config, history, catalog_root)).family


def _pays_to_compile(config: StrategyConfig, history: History) -> bool:
    """Return whether the look-ahead test is sooner done compiled: it runs a strategy again and again."""
    if config.strategy.logic == "compiled":
        return False  # only where it is Python its values can be watched
    rows = sum(len(columns) for _, columns in history.columns())
    return choose_engine("auto", _LOOKAHEAD_RUNS * rows, None, with_loop=config.is_trading)


def latest_run(store: Store, identity: Identity) -> RunRecord | None:
    """Return the newest finished run of exactly this evaluation."""
    for each in store.runs(family=identity.family, limit=_RUNS):
        if each.fingerprint == identity.fingerprint and each.state is State.FINISHED:
            return store.run(each.id)
    return None


def _recomputed(run: RunRecord, result: BacktestResult) -> tuple[Recomputed, ...]:
    """Return what the registry says of a run beside what the same run says now."""
    days = daily_closes(result.pessimistic)
    returns = daily_returns(days.equity, days.flow)
    figures, recorded = figures_of(returns), run.figures
    series = to_bytes(returns)
    equity = run.final_equity
    pairs = {
        "final equity": (None if equity is None else f"{equity:f}", f"{result.final_equity:f}"),
        "daily returns": (run.returns.hex(), series.hex()),
        "observations": (str(recorded.observations), str(figures.observations)),
        "daily Sharpe": (str(recorded.sharpe_daily), str(figures.sharpe_daily)),
    }
    return tuple(
        Recomputed(f"run {run.id}: {name}", was, now) for name, (was, now) in pairs.items()
    )


def _lookahead(report: Report, seed: int) -> Lookahead:
    """Return the comparisons; what differs even between two equal runs is one that fails."""
    tests = [
        CutTest(_KINDS[each.test], each.point_ns, each.decisions, each.whole_hash, each.other_hash)
        for each in report.comparisons
    ]
    tests += [
        CutTest("cut", each.ts_ns, 0, each.one or "-", each.other or "--")
        for each in report.findings
        if each.test in (Test.REPEAT, Test.ALIGNMENT)
    ]
    return Lookahead(seed, tuple(tests))


# --- what is held out ---------------------------------------------------------------------------------
def _unsealed_history(config: StrategyConfig, history: History, catalog_root: Path) -> History:
    """Return all data: only their times are read until somebody asks for a look."""
    unsealed = config.data.unsealed()
    return history if unsealed is config.data else load_history(unsealed, catalog_root)


def holdout_of(config: StrategyConfig, whole: History) -> Holdout | None:
    """Return what is held out of all data, sealed; None where nothing is."""
    start_ns = config.data.holdout_ns
    if start_ns is None:
        return None
    days, held = _days(whole), _days(whole, start_ns)
    return Holdout(start_ns=start_ns, days=len(held), data_days=len(days))


def looked_at(config: StrategyConfig, holdout: Holdout, whole: History) -> Holdout:
    """Run over everything; the strategy comes to the holdout as it stood the day before."""
    opened = replace(config, data=config.data.unsealed())
    result = run_backtest(opened, history=whole)
    closes = daily_closes(result.pessimistic)
    first = int(_days(whole, holdout.start_ns)[0])
    return structs.replace(holdout, daily=series_of(closes, after_day=first))


def _days(history: History, from_ns: int = 0) -> NDArray[np.int64]:
    """Return the trading days on which there are data from a time on."""
    times = np.unique(np.concatenate([columns.ts_ns for _, columns in history.columns()]))
    calendar = clockwork_of(history).account_calendar
    return np.unique(trading_days(calendar, times[times >= from_ns]))


def _end_ns(history: History) -> int:
    span = history.span_ns()
    assert span is not None
    return span[1]


def _class_of(config: StrategyConfig) -> EvidenceClass:
    return EvidenceClass.REAL if config.data.world is None else EvidenceClass.REHEARSAL
