"""Evidence that passes every check of the strictest profile, to be spoilt one fact at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.gate.evidence import (
    AccountState,
    Approval,
    Backtest,
    BrokerFacts,
    CapacityOrder,
    ClockObservation,
    CutTest,
    DailySeries,
    Drill,
    Evidence,
    Holdout,
    Integrity,
    Lookahead,
    Paper,
    PaperDay,
    PaperSession,
    Recomputed,
    RiskConfig,
    RiskLimit,
    SessionIntegrity,
    Stressed,
    Subject,
    Trials,
    evidence_hash,
    pack_returns,
)
from engine.ports import Environment, EvidenceClass

Floats = NDArray[np.float64]

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
FRIDAY = (
    20_770  # 2026-11-13, the last day of the data; the evaluation is on the evening of the 20th
)
HOLDOUT_DAYS = 126
BACKTEST_END = FRIDAY - HOLDOUT_DAYS
NOW = (FRIDAY + 7) * DAY + 22 * HOUR
CLOSE = 21 * HOUR  # of the venue, UTC
START_MINOR = 100_000 * 10**8
FINGERPRINT, FAMILY, CODE = "f1" * 32, "fa" * 32, "c0" * 32


# --- series -------------------------------------------------------------------------------------------
def series(returns: Sequence[float] | Floats, *, ends: int = BACKTEST_END) -> DailySeries:
    """An account that begins with 100,000 and has these returns; its last day is `ends`."""
    equity = START_MINOR * np.concatenate((np.ones(1), np.cumprod(1.0 + np.asarray(returns))))
    days = range(ends - len(returns), ends + 1)
    return DailySeries(tuple(days), tuple(int(each) for each in equity.round()), (0,) * len(equity))


def shaped(raw: Floats, *, mean: float, deviation: float) -> Floats:
    """These returns with exactly this mean and sample deviation."""
    moved: Floats = (raw - raw.mean()) / raw.std(ddof=1) * deviation + mean
    return moved


def earning(sharpe: float, *, days: int = 504, seed: int = 1, deviation: float = 0.01) -> Floats:
    """Returns with exactly this Sharpe ratio, 252 days a year."""
    raw = np.random.default_rng(seed).normal(size=days)
    return shaped(raw, mean=sharpe * deviation / np.sqrt(252), deviation=deviation)


def search(best: Floats, *, trials: int = 12, seed: int = 2) -> Floats:
    """The rows of a search in which one trial is better than the others, everywhere."""
    noise = np.random.default_rng(seed).normal(0.0, 0.01, size=(trials - 1, best.size))
    return np.vstack((best, noise - noise.mean(axis=1, keepdims=True) - 0.0001))


# --- paper ----------------------------------------------------------------------------------------------
def right_clock(day: int) -> tuple[ClockObservation, ...]:
    """A clock that is looked at every half hour of the session and is right."""
    times = range(day * DAY + 14 * HOUR, day * DAY + CLOSE + 1, HOUR // 2)
    return tuple(ClockObservation(1, ts, ts - 100 * DAY, ts) for ts in times)


def paper_day(day: int, **changes: Any) -> PaperDay:
    """A day that counts, with changes."""
    good = PaperDay(
        day_number=day,
        is_open_day=True,
        closed_ns=day * DAY + CLOSE,
        market_time_ns=NOW,
        decisions_expected=78,
        decisions_made=78,
        bars_expected=78,
        bars_received=78,
        age_p99_ns=SECOND,
        fills=4,
        orders=4,
        shadow_orders=4,
        is_holding=True,
        fingerprints=(FINGERPRINT,),
        feed=EvidenceClass.REAL,
        is_reconciled=True,
        clock=right_clock(day),
        tape_bars=78,
        tape_agreeing=78,
        tape_hashes=(f"{day:064x}",),
    )
    return msgspec.structs.replace(good, **changes)


SHADOW_RETURNS = (0.002, -0.001, 0.003, 0.0005, 0.001)
WEEK = tuple(range(FRIDAY + 3, FRIDAY + 8))  # Monday to Friday


def good_paper() -> Paper:
    """A week on paper that does what its shadow does."""
    returns = np.array(SHADOW_RETURNS)
    intents = tuple(f"{day} buy 10 ABC" for day in WEEK for _ in range(4))
    return Paper(
        sessions=(
            PaperSession(
                session="p1", violations=0, unresolved_orders=0, unexplained_differences=0
            ),
        ),
        days=tuple(paper_day(day) for day in WEEK),
        daily=series(returns - 0.00005, ends=WEEK[-1]),
        shadow_daily=series(returns, ends=WEEK[-1]),
        intents=intents,
        shadow_intents=intents,
        shortfalls_bps=(0.5, 1.0, 1.5, 0.0) * 5,
    )


# --- the whole ----------------------------------------------------------------------------------------
def good_backtest(returns: Floats | None = None, **changes: Any) -> Backtest:
    """Two years with a Sharpe ratio of 2.5 and 60 trades, with changes."""
    returns = earning(2.5) if returns is None else returns
    good = Backtest(
        run="20261113-210000-aaaaa",
        family=FAMILY,
        fingerprint=FINGERPRINT,
        evidence=EvidenceClass.REAL,
        data_end_ns=FRIDAY * DAY + CLOSE,
        periods_per_year=252,
        daily=series(returns),
        trade_profits_minor=(10**10,) * 60,
        recorded_hash="ab" * 16,
        rerun_hash="ab" * 16,
        orders=tuple(CapacityOrder(BACKTEST_END - n, 10**12, 0.0005, 0.01) for n in range(60)),
    )
    return msgspec.structs.replace(good, **changes)


def trials_of(rows: Floats, **changes: Any) -> Trials:
    """All rows as counted trials, one look at the holdout."""
    good = Trials(
        count=rows.shape[0],
        failed_attempts=0,
        holdout_looks=1,
        day_numbers=tuple(range(BACKTEST_END - rows.shape[1] + 1, BACKTEST_END + 1)),
        returns=pack_returns(rows),
    )
    return msgspec.structs.replace(good, **changes)


def evidence_of(returns: Floats | None = None, rows: Floats | None = None) -> Evidence:
    """Evidence in which all passes, as far as these returns and this search do."""
    returns = earning(2.5) if returns is None else returns
    rows = search(returns) if rows is None else rows
    return Evidence(
        evaluated_ns=NOW,
        market_now_ns=NOW,
        subject=Subject(
            strategy="sma_cross",
            family=FAMILY,
            fingerprint=FINGERPRINT,
            code_hash=CODE,
            seed=7,
            venue="alpaca",
            account="account-1",
            currency="USD",
            environment=Environment.LIVE,
            author="ann",
        ),
        backtest=good_backtest(returns),
        lookahead=Lookahead(7, tuple(CutTest("cut", n * DAY, 3, "aa", "aa") for n in range(20))),
        trials=trials_of(rows),
        holdout=Holdout(
            start_ns=(BACKTEST_END + 1) * DAY,
            days=HOLDOUT_DAYS,
            data_days=5 * HOLDOUT_DAYS,
            daily=series(earning(2.0, days=HOLDOUT_DAYS, seed=3), ends=FRIDAY),
        ),
        stressed=Stressed(
            fees_percent=200,
            slippage_percent=200,
            delay_bars=1,
            daily=series(earning(1.5, seed=4)),
        ),
        paper=good_paper(),
        risk=RiskConfig(
            problems=(),
            limits=(RiskLimit("risk.gross_percent", "100"), RiskLimit("risk.positions", "5")),
            drawdown_percent="20",
            hash="d1" * 16,
            backtest_hash="d1" * 16,
            paper_hash="d1" * 16,
        ),
        broker=BrokerFacts(
            answered_ns=NOW - 5 * SECOND,
            environment=Environment.LIVE,
            clock_offset_ns=SECOND // 100,
            can_trade=True,
            can_withdraw=False,
        ),
        account=AccountState(
            asked_ns=NOW - 4 * SECOND,
            account="account-1",
            status="active",
            is_blocked=False,
            currency="USD",
            equity_minor=START_MINOR,
            buying_power_minor=START_MINOR,
            minimum_equity_minor=10**11,
            largest_order_minor=10**12,
            is_reconciled=True,
            unknown_orders=0,
            foreign_orders=0,
        ),
        integrity=Integrity(
            sessions=(
                SessionIntegrity(
                    session="p1",
                    family=FAMILY,
                    fingerprint=FINGERPRINT,
                    records=900,
                    head="11" * 16,
                    recomputed_head="11" * 16,
                    anchored_head="22" * 16,
                    recomputed_anchor="22" * 16,
                ),
            ),
            values=(Recomputed("the Sharpe ratio of the run", "2.5", "2.5"),),
        ),
        drills=(
            Drill(
                session="d1",
                code_hash=CODE,
                environment=Environment.PAPER,
                done_ns=NOW - 2 * DAY,
                last_send_ns=SECOND // 10,
                cancels_ns=SECOND // 2,
            ),
        ),
    )


def approved(evidence: Evidence, **changes: Any) -> Evidence:
    """The same with somebody else's approval of it."""
    given = Approval(
        approver="bob",
        is_signature_valid=True,
        evidence_hash=evidence_hash(evidence),
        known_keys=2,
        approved_ns=NOW + HOUR,
    )
    return msgspec.structs.replace(evidence, approval=msgspec.structs.replace(given, **changes))


def passing() -> Evidence:
    """Evidence that passes everything, approved."""
    return approved(evidence_of())


def changed(evidence: Any, path: str, value: object) -> Any:
    """The same with one field, named with dots (``broker.answered_ns``), of another value."""
    name, _, rest = path.partition(".")
    inner = changed(getattr(evidence, name), rest, value) if rest else value
    return msgspec.structs.replace(evidence, **{name: inner})
