"""What is asked for: the profile, and every threshold. They may be made stricter, never laxer."""

from __future__ import annotations

import hashlib
import math
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

import msgspec

from engine.errors import InputError


class Profile(StrEnum):
    """Which of the statistical checks are required."""

    SEED = "seed"  # none of them
    STANDARD = "standard"
    STRICT = "strict"


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Every number that a check compares with; the defaults are the laxest allowed values.

    Sharpe ratios are annualized. Names end in their unit; shares and probabilities are fractions.
    """

    sharpe_min: float = 1.0
    paper_days_min: int = 5
    paper_fills_min: int = 10
    idle_share_max: float = 0.4
    decisions_share_min: float = 0.90
    bars_share_min: float = 0.95
    bar_age_seconds_max: float = 5.0
    clock_offset_seconds_max: float = 5.0
    clock_back_seconds_max: float = 1.0
    clock_drift_seconds_max: float = 2.0
    broker_age_seconds_max: float = 60.0
    broker_offset_seconds_max: float = 1.0
    backtest_age_days_max: float = 45.0
    paper_age_days_max: float = 7.0
    paper_window_days_max: float = 30.0
    cuts_min: int = 20
    drill_age_days_max: float = 30.0
    drill_send_seconds_max: float = 1.0
    drill_cancel_seconds_max: float = 2.0
    sample_days_min: int = 252
    sample_trades_min: int = 30
    hac_sharpe_min: float = 1.0
    skill_probability_min: float = 0.95
    selection_pass_max: float = 0.05
    selection_fail_over: float = 0.20
    deflated_probability_min: float = 0.95
    overfitting_pass_max: float = 0.20
    overfitting_fail_over: float = 0.50
    holdout_share_min: float = 0.5
    holdout_days_min: int = 60
    stressed_sharpe_min: float = 0.5
    largest_trade_share_max: float = 0.25
    plausible_sharpe_max: float = 5.0
    winning_days_share_max: float = 0.95
    capacity_sharpe_min: float = 0.5
    capacity_adv_share_max: float = 0.01
    intents_share_min: float = 0.99
    shortfall_fills_min: int = 20
    shortfall_bps_max: float = 5.0
    tracking_max: float = 0.25
    consistency_z_min: float = -2.326348
    tape_share_min: float = 0.99
    envelope_quantile_max: float = 0.95


class RiskMaximum(msgspec.Struct, frozen=True):
    """The most that a limit of a strategy may be, as decimal text: the workspace's policy."""

    name: str
    value: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace asks of a strategy before it may trade.

    Parameters
    ----------
    profile
        Which statistical checks are required.
    thresholds
        At least as strict as the defaults.
    four_eyes
        Whether the approver has to be somebody else than the author; so in any case as soon as the
        workspace knows two keys.
    risk_maxima
        For each limit that the workspace bounds.

    Raises
    ------
    InputError
        If a threshold is laxer than its default or no number, or a maximum is no number over 0.
    """

    profile: Profile = Profile.STANDARD
    thresholds: Thresholds = Thresholds()
    four_eyes: bool = False
    risk_maxima: tuple[RiskMaximum, ...] = ()

    def __post_init__(self) -> None:
        for name in Thresholds.__struct_fields__:
            _require_stricter(name, getattr(self.thresholds, name), getattr(_DEFAULTS, name))
        for maximum in self.risk_maxima:
            _require_positive(maximum)


_DEFAULTS: Final = Thresholds()


def may_only_rise(name: str) -> bool:
    """Return whether a threshold gets stricter by rising: those that are a minimum."""
    return name.endswith("_min")


def _require_stricter(name: str, value: float, default: float) -> None:
    is_stricter = value >= default if may_only_rise(name) else value <= default
    if not (math.isfinite(value) and is_stricter):
        direction = "raised" if may_only_rise(name) else "lowered"
        raise InputError(
            f"{name} may only be {direction}: {value} is no stricter than {default}",
            remedy="leave it out, or make it stricter",
            code="gate.laxer_threshold",
        )


def _require_positive(maximum: RiskMaximum) -> None:
    try:
        is_good = Decimal(maximum.value).is_finite() and Decimal(maximum.value) > 0
    except InvalidOperation:
        is_good = False
    if not is_good:
        raise InputError(
            f"the policy's maximum of {maximum.name} is {maximum.value!r}, not a number over 0",
            code="gate.wrong_maximum",
        )


def policy_hash(policy: Policy) -> str:
    """Return the SHA-256 over everything that a policy asks."""
    typed = msgspec.msgpack.decode(msgspec.msgpack.encode(policy), type=Policy)
    return hashlib.sha256(msgspec.msgpack.encode(typed)).hexdigest()


DEFAULT: Final = Policy()  # of a workspace that says nothing
