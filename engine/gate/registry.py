"""The table of all checks: what each reads, asks and requires. docs/reference/gate.md is written from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.gate import backtest_checks, paper_checks, required
from engine.gate.evidence import Evidence
from engine.gate.findings import Case
from engine.gate.policy import Profile
from engine.gate.required import WAIVABLE
from engine.gate.verdicts import Finding

_ALL = (Profile.SEED, Profile.STANDARD, Profile.STRICT)
_STANDARD = (Profile.STANDARD, Profile.STRICT)
_STRICT = (Profile.STRICT,)
ALWAYS_READ = ("evaluated_ns", "market_now_ns", "subject")
_EVERYTHING = tuple(name for name in Evidence.__struct_fields__ if name not in ALWAYS_READ)


@dataclass(frozen=True, slots=True)
class Definition:
    """One check.

    Parameters
    ----------
    reads
        Sections of the evidence; it answers by these and the subject alone.
    profiles
        Where it is required.
    rule
        What it asks, as the reference page says it; names in braces are thresholds.
    unit
        Of its value.
    is_real_only
        Whether it is required of real evidence only.
    """

    id: str
    name: str
    check: Callable[[Case], Finding]
    reads: tuple[str, ...]
    profiles: tuple[Profile, ...]
    rule: str
    unit: str = ""
    is_real_only: bool = False

    @property
    def is_waivable(self) -> bool:
        """Whether an approver may do without it."""
        return self.id in WAIVABLE


CHECKS: Final[tuple[Definition, ...]] = (
    Definition(
        "R01",
        "backtest_sharpe",
        required.backtest_sharpe,
        ("backtest",),
        _ALL,
        "at least {sharpe_min}; INSUFFICIENT under 20 days or without variation",
        "annualized ratio",
    ),
    Definition(
        "R02",
        "paper_days",
        required.qualifying_days,
        ("paper", "backtest", "broker"),
        _ALL,
        "at least {paper_days_min} days that count, {paper_fills_min} fills on them; else INSUFFICIENT",
        "days",
    ),
    Definition(
        "R03",
        "risk_config",
        required.risk_config,
        ("risk",),
        _ALL,
        "valid, inside the policy, every limit finite and over 0, drawdown cap 1 to 99 %, the same "
        "in backtest and paper",
    ),
    Definition(
        "R04",
        "broker_connected",
        required.broker_connected,
        ("broker", "backtest"),
        _ALL,
        "answered at most {broker_age_seconds_max} s ago, environment live, clock at most "
        "{broker_offset_seconds_max} s off, may trade, cannot withdraw or that is acknowledged",
        "seconds",
    ),
    Definition(
        "R05",
        "account_verified",
        required.account_verified,
        ("account",),
        _ALL,
        "the account asked for: active, not blocked, right currency, equity and buying power enough, "
        "reconciled, no unknown and no foreign order",
    ),
    Definition(
        "R06",
        "evidence_integrity",
        required.evidence_integrity,
        ("integrity", "backtest", "paper"),
        _ALL,
        "chains and anchors whole, fingerprints and families equal, figures recomputed equal those recorded",
    ),
    Definition(
        "R07",
        "evidence_fresh",
        required.evidence_fresh,
        ("backtest", "paper", "broker"),
        _ALL,
        "data end at most {backtest_age_days_max} days ago, last paper day {paper_age_days_max}, the "
        "{paper_days_min} newest that count within {paper_window_days_max}",
        "days",
    ),
    Definition(
        "R08",
        "determinism",
        required.determinism,
        ("backtest",),
        _ALL,
        "the latest backtest, run again, has the same hash over all events",
    ),
    Definition(
        "R09",
        "no_lookahead",
        required.no_lookahead,
        ("lookahead",),
        _ALL,
        "data cut at {cuts_min} times or more: no decision before the cut changes; nor in any other "
        "comparison of the look-ahead and warm-up tests",
        "cuts",
    ),
    Definition(
        "R10",
        "clean_run",
        required.clean_run,
        ("paper",),
        _ALL,
        "no violated invariant, unresolved order or unexplained difference on paper",
        "count",
    ),
    Definition(
        "R11",
        "kill_drill",
        required.kill_drill,
        ("drills",),
        _ALL,
        "the latest drill with this code at most {drill_age_days_max} days ago: last order at most "
        "{drill_send_seconds_max} s after the halt, all withdrawn within {drill_cancel_seconds_max} s",
        "seconds",
    ),
    Definition(
        "R12",
        "approval",
        required.approval,
        _EVERYTHING,
        _ALL,
        "signed for exactly this evidence by a known key; with two known keys not by the author",
    ),
    Definition(
        "S01",
        "sample",
        backtest_checks.sample_size,
        ("backtest",),
        _STANDARD,
        "at least {sample_days_min} days and {sample_trades_min} closed trades, else INSUFFICIENT",
        "days",
    ),
    Definition(
        "S02",
        "hac_sharpe",
        backtest_checks.hac,
        ("backtest",),
        _STANDARD,
        "the smaller of the Sharpe ratio and that by the Newey-West variance: at least {hac_sharpe_min}",
        "annualized ratio",
    ),
    Definition(
        "S03",
        "psr",
        backtest_checks.psr,
        ("backtest",),
        _STANDARD,
        "probability that the true ratio is over 0: at least {skill_probability_min}; else FAIL for a "
        "ratio not over 0, INSUFFICIENT otherwise",
        "probability",
    ),
    Definition(
        "S04",
        "min_trl",
        backtest_checks.min_trl,
        ("backtest",),
        (),
        "days that S03 needs (told, never required)",
        "days",
    ),
    Definition(
        "S05",
        "selection",
        backtest_checks.selection,
        ("backtest", "trials"),
        _STANDARD,
        "probability that the best of N trials without an edge looks so good: at most "
        "{selection_pass_max}; over {selection_fail_over} FAIL, between INSUFFICIENT",
        "probability",
    ),
    Definition(
        "S06",
        "dsr",
        backtest_checks.dsr,
        ("backtest", "trials"),
        _STRICT,
        "deflated Sharpe ratio: at least {deflated_probability_min}",
        "probability",
    ),
    Definition(
        "S07",
        "pbo",
        backtest_checks.pbo,
        ("trials",),
        _STRICT,
        "probability of backtest overfitting: at most {overfitting_pass_max}; over "
        "{overfitting_fail_over} FAIL, between or under 10 trials INSUFFICIENT",
        "probability",
    ),
    Definition(
        "S08",
        "holdout",
        backtest_checks.holdout,
        ("backtest", "holdout"),
        _STANDARD,
        "the last 20 % of the data, {holdout_days_min} days or more, read by the gate alone: ratio over "
        "0 and at least {holdout_share_min} of that before",
        "annualized ratio",
    ),
    Definition(
        "S09",
        "cost_stress",
        backtest_checks.cost_stress,
        ("backtest", "stressed"),
        _STANDARD,
        "with fees and slippage x 2 and one bar of delay: ratio at least {stressed_sharpe_min}",
        "annualized ratio",
    ),
    Definition(
        "S10",
        "concentration",
        backtest_checks.concentration,
        ("backtest",),
        _STANDARD,
        "a profit without the 5 best days; the largest trade at most {largest_trade_share_max} of it",
        "fraction",
    ),
    Definition(
        "S11",
        "plausible",
        backtest_checks.plausible,
        ("backtest",),
        _STANDARD,
        "ratio at most {plausible_sharpe_max}, at most {winning_days_share_max} of the days that moved won",
        "annualized ratio",
    ),
    Definition(
        "S12",
        "capacity",
        backtest_checks.capacity,
        ("backtest",),
        _STRICT,
        "with square-root impact on every order: ratio at least {capacity_sharpe_min}; no order over "
        "{capacity_adv_share_max} of the daily volume",
        "annualized ratio",
    ),
    Definition(
        "P01",
        "shadow_decisions",
        paper_checks.shadow_decisions,
        ("paper",),
        _STANDARD,
        "equal intents of paper and shadow over all of both: at least {intents_share_min}",
        "fraction",
    ),
    Definition(
        "P02",
        "shortfall",
        paper_checks.shortfall,
        ("paper",),
        _STANDARD,
        "upper 95 % bound of what fills cost more than the shadow's: at most {shortfall_bps_max}; under "
        "{shortfall_fills_min} fills INSUFFICIENT",
        "basis points",
    ),
    Definition(
        "P03",
        "tracking",
        paper_checks.tracking,
        ("paper",),
        _STANDARD,
        "deviation of paper less shadow over the shadow's: at most {tracking_max}",
        "ratio",
    ),
    Definition(
        "P04",
        "consistency",
        paper_checks.consistency,
        ("paper", "backtest"),
        _STANDARD,
        "mean return on paper against the backtest's, in standard errors: at least {consistency_z_min}",
        "standard errors",
    ),
    Definition(
        "P05",
        "tape",
        paper_checks.tape,
        ("paper", "backtest", "broker"),
        _STANDARD,
        "recorded bars that the venue tells again: at least {tape_share_min}; no day's bars on two dates; "
        "not required of a rehearsal",
        "fraction",
        is_real_only=True,
    ),
    Definition(
        "P06",
        "drawdown_envelope",
        paper_checks.drawdown_envelope,
        ("paper", "backtest"),
        _STRICT,
        "drawdown on paper at most the {envelope_quantile_max} quantile of 2000 bootstrapped paths",
        "fraction",
    ),
)
