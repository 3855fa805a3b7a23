"""What is told of a strategy's backtests: the latest one, and all that were made to try it."""

from __future__ import annotations

import msgspec

from engine.gate.evidence.series import DailySeries
from engine.ports import EvidenceClass


class CapacityOrder(msgspec.Struct, frozen=True):
    """What an order of the backtest was beside the market it met.

    Parameters
    ----------
    day_number
        Its trading day, one of the series'.
    value_minor
        Absolute value, over 0.
    adv_share
        Its quantity over the instrument's average daily volume of the 20 days before.
    sigma_day
        Standard deviation of the instrument's daily returns over the same days.
    """

    day_number: int
    value_minor: int
    adv_share: float
    sigma_day: float


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """The latest backtest of this fingerprint, its pessimistic end, over all data but the holdout.

    Parameters
    ----------
    run
        Its id in the registry of runs.
    evidence
        REHEARSAL where its data are synthetic, else REAL.
    data_end_ns
        Time of the last bar that the strategy could have been tested on, the holdout included.
    periods_per_year
        Daily closes in a year of the venue's calendar: 252 or 365. Never a user's input.
    daily
        Equity at the closes.
    trade_profits_minor
        Of each round trip that has ended: net of all its fees.
    open_profits_minor
        Of each that has not, at the last price.
    recorded_hash, rerun_hash
        Hash over all of its events, as recorded and when it was run again for this evaluation.
    orders
        For the capacity check; None where volumes are not known.
    """

    run: str
    family: str
    fingerprint: str
    evidence: EvidenceClass
    data_end_ns: int
    periods_per_year: int
    daily: DailySeries
    trade_profits_minor: tuple[int, ...]
    recorded_hash: str
    rerun_hash: str | None = None
    orders: tuple[CapacityOrder, ...] | None = None
    open_profits_minor: tuple[int, ...] = ()


class CutTest(msgspec.Struct, frozen=True):
    """One comparison of the look-ahead or the warm-up test, at one time.

    Parameters
    ----------
    kind
        ``cut`` (the data ends at `ts_ns`), ``scramble`` (other data follow) or ``start`` (the data begin
        there: decisions after the warm-up are compared).
    decisions
        How many decisions were compared.
    whole_hash, other_hash
        Hash over those decisions in the whole run and in the other one.
    """

    kind: str
    ts_ns: int
    decisions: int
    whole_hash: str
    other_hash: str


class Lookahead(msgspec.Struct, frozen=True):
    """The comparisons of the look-ahead and warm-up tests; `seed` chose the times."""

    seed: int
    tests: tuple[CutTest, ...]


class Trials(msgspec.Struct, frozen=True, kw_only=True):
    """All that was tried for this family, under whatever name.

    Parameters
    ----------
    count
        Distinct evaluations in the registry of runs, the promoted one among them.
    failed_attempts
        Distinct requests of promotion that were answered with FAIL.
    holdout_looks
        How often the sealed holdout has been read, this evaluation's look among them.
    day_numbers
        The days of the returns below: those of the backtest's returns.
    returns
        `pack_returns` of the daily returns of those evaluations that have them on all these days, in
        the order of their first evaluation.
    """

    count: int
    failed_attempts: int
    holdout_looks: int
    day_numbers: tuple[int, ...]
    returns: bytes


class Holdout(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the data that only the gate reads.

    Parameters
    ----------
    start_ns
        Where it begins.
    days
        Trading days in it, known without reading it.
    data_days
        Trading days of all data, the holdout's among them.
    read_by
        Runs of the family that ended inside it: each breaks the seal.
    daily
        Equity of a run over all data, from the close before the holdout on; None while it is sealed.
    """

    start_ns: int
    days: int
    data_days: int
    read_by: tuple[str, ...] = ()
    daily: DailySeries | None = None


class Stressed(msgspec.Struct, frozen=True, kw_only=True):
    """The backtest again with dearer trading.

    Parameters
    ----------
    fees_percent, slippage_percent
        Of the configured ones: 200 is twice as dear.
    delay_bars
        Bars between decision and order that the configuration does not have.
    """

    fees_percent: int
    slippage_percent: int
    delay_bars: int
    daily: DailySeries
