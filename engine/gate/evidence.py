"""What the gate is told: raw facts, no verdicts and no summaries.

Whoever collects evidence states what was seen, counted or recomputed; the gate computes every number
itself. A section or field that is ``None`` was not collected, and the checks that need it answer
INSUFFICIENT. An empty tuple was collected and holds nothing.

Units, unless a field says otherwise: times are nanoseconds since 1970 UTC (``_ns``), days are counted
since 1970-01-01 by the venue's calendar (``day_number``), money is in minor units of the account's
currency (10^-8, ``_minor``), hashes are lower-case hexadecimal text, ratios are fractions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.ports import Environment, EvidenceClass


# --- series -------------------------------------------------------------------------------------------
class DailySeries(msgspec.Struct, frozen=True):
    """An account at the daily closes of its venue; the three tuples have one length.

    Parameters
    ----------
    day_numbers
        Ascending. The first is the day before the first return.
    equity_minor
        Marked equity at each day's close, marks at the side at which the position could be closed.
        ``n + 1`` closes are ``n`` daily returns.
    flows_minor
        Deposits minus withdrawals of each day, booked at its end; the first is ignored.
    """

    day_numbers: tuple[int, ...]
    equity_minor: tuple[int, ...]
    flows_minor: tuple[int, ...]


def pack_returns(rows: Sequence[Sequence[float]] | NDArray[np.float64]) -> bytes:
    """Return daily returns, one row per trial, as `Trials.returns` holds them.

    Examples
    --------
    >>> unpack_returns(pack_returns([[0.01, -0.02]]), days=2).tolist()
    [[0.01, -0.02]]
    """
    return np.ascontiguousarray(rows, dtype="<f8").tobytes()


def unpack_returns(packed: bytes, *, days: int) -> NDArray[np.float64]:
    """Return the rows of `pack_returns`, shape ``(trials, days)``.

    Raises
    ------
    InputError
        If the bytes are not whole rows of that many days.
    """
    if len(packed) % max(8 * days, 1):
        raise InputError(f"{len(packed)} bytes are not whole rows of {days} daily returns")
    rows = np.frombuffer(packed, dtype="<f8").astype(np.float64)
    return rows.reshape(-1, days) if days else np.empty((0, 0))


# --- what is to be promoted ---------------------------------------------------------------------------
class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: this strategy, on this account, in this environment.

    Parameters
    ----------
    strategy
        Its name, for people.
    family
        Hash of its code with names and comments stripped, and of its market.
    fingerprint
        Hash over all that decides without `environment` and `account`, computed now from the files.
    code_hash
        Hash of the code that would run (engine, adapters, strategy, versions of what decides).
    seed
        Whole number made of the fingerprint, for resampling (`engine.rules.bootstrap.seed_of`).
    venue, account, currency
        As the request names them.
    environment
        LIVE for a certificate that opens the venue, REHEARSAL for one that opens a loopback venue.
    author
        Identity of whoever asks.
    """

    strategy: str
    family: str
    fingerprint: str
    code_hash: str
    seed: int
    venue: str
    account: str
    currency: str
    environment: Environment
    author: str


# --- backtest -----------------------------------------------------------------------------------------
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


# --- paper --------------------------------------------------------------------------------------------
class ClockObservation(msgspec.Struct, frozen=True):
    """What the clocks showed at one moment of a session; in a rehearsal they are the rehearsal's.

    Parameters
    ----------
    boot
        Which start of the machine, counted: monotonic times of two are not comparable.
    wall_ns, monotonic_ns
        The host's clocks.
    venue_ns
        The venue's time at that moment; None where it was not asked.
    """

    boot: int
    wall_ns: int
    monotonic_ns: int
    venue_ns: int | None = None


class PaperDay(msgspec.Struct, frozen=True, kw_only=True):
    """One venue date on which paper sessions of this family ran; one per date, restarts merged.

    Parameters
    ----------
    is_open_day
        Whether the venue's calendar has a session that day.
    closed_ns
        End of that session by the calendar; None where there is none.
    market_time_ns
        The latest time that market data of these sessions have reached, on any day.
    decisions_expected, decisions_made
        Moments at which the strategy had to be asked, by the calendar, and at which it was.
    bars_expected, bars_received
        By the calendar and by the journal; back-filled bars are not received ones.
    age_p99_ns
        99 % quantile over bars of the time from a bar's close to its receipt.
    fills, orders
        Of that day.
    shadow_orders
        Orders of a backtest over the recorded tape of that day; None where it was not replayed.
    is_holding
        Whether a position was open at any moment of the day.
    fingerprints
        All that a session of this account had on that day, distinct, in order of appearance.
    feed
        REAL for a live feed, REHEARSAL for a replayed, accelerated or simulated one.
    is_reconciled
        Whether books and broker were compared after the close and were equal.
    clock
        Observations of the day, in order.
    tape_bars, tape_agreeing
        Recorded bars that were fetched again from the venue, and those of them with OHLC within one
        tick; None where they were not fetched.
    tape_hashes
        For each instrument a hash over the content of the day's bars without their times.
    """

    day_number: int
    is_open_day: bool
    closed_ns: int | None
    market_time_ns: int
    decisions_expected: int
    decisions_made: int
    bars_expected: int
    bars_received: int
    age_p99_ns: int | None
    fills: int
    orders: int
    shadow_orders: int | None
    is_holding: bool
    fingerprints: tuple[str, ...]
    feed: EvidenceClass
    is_reconciled: bool
    clock: tuple[ClockObservation, ...]
    tape_bars: int | None = None
    tape_agreeing: int | None = None
    tape_hashes: tuple[str, ...] = ()


class PaperSession(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal of one paper session says of itself, recomputed record by record.

    Parameters
    ----------
    fingerprint
        Under which it ran. Sessions of another one than the promoted are not judged; empty where it is
        not known, and then it is.
    violations
        Invariants that did not hold.
    unresolved_orders
        Orders whose outcome is not known at its end.
    unexplained_differences
        Differences between books and broker that nothing explains.
    """

    session: str
    violations: int
    unresolved_orders: int
    unexplained_differences: int
    fingerprint: str = ""


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """Paper trading of this family on this account.

    Parameters
    ----------
    sessions, days
        Of every fingerprint, days ascending by date: which of them count is the gate's to say. All else
        here is of the sessions with the fingerprint to be promoted, and of no other.
    daily, shadow_daily
        Equity on paper, and of a backtest over the recorded tape, at the same closes.
    intents, shadow_intents
        Every order that was decided on, as text that two equal decisions share (time, instrument, side,
        type, quantity, prices), in order; a decision made twice is there twice.
    shortfalls_bps
        For each fill on paper: its price against that of the same fill in the shadow, in basis points,
        adverse positive; in order.
    """

    sessions: tuple[PaperSession, ...]
    days: tuple[PaperDay, ...]
    daily: DailySeries | None = None
    shadow_daily: DailySeries | None = None
    intents: tuple[str, ...] | None = None
    shadow_intents: tuple[str, ...] | None = None
    shortfalls_bps: tuple[float, ...] | None = None


# --- risk, broker, account ----------------------------------------------------------------------------
class RiskLimit(msgspec.Struct, frozen=True):
    """One limit as the strategy file names it (``risk.gross_percent``), its value as decimal text."""

    name: str
    value: str


class RiskConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that would be live.

    Parameters
    ----------
    problems
        What the schema has against it, one sentence each; empty when it is valid.
    limits
        Every numeric limit that is set.
    drawdown_percent
        The drawdown guard's cap, as decimal text; None where there is none.
    backtest_hash, paper_hash
        Hash of the risk configuration of the backtest and of the paper days; `hash` is the one to be
        promoted.
    """

    problems: tuple[str, ...]
    limits: tuple[RiskLimit, ...]
    drawdown_percent: str | None
    hash: str
    backtest_hash: str | None
    paper_hash: str | None


class BrokerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed call to the venue has shown.

    Parameters
    ----------
    answered_ns
        When it was answered, by the host's clock.
    environment
        What its host proves: LIVE, PAPER, or REHEARSAL for a loopback address.
    clock_offset_ns
        Host's clock minus venue's clock; in a rehearsal minus the rehearsal's clock.
    can_trade, can_withdraw
        Permissions of the key; None where the venue does not tell.
    is_withdrawal_acknowledged
        Whether a person has written that a key which can withdraw is wanted.
    """

    answered_ns: int
    environment: Environment
    clock_offset_ns: int | None
    can_trade: bool | None
    can_withdraw: bool | None
    is_withdrawal_acknowledged: bool = False


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """The account as its venue states it, and what reconciling with it has found.

    Parameters
    ----------
    asked_ns
        When it was answered, by the host's clock.
    status
        ``active`` when it may trade.
    minimum_equity_minor, largest_order_minor
        Of the strategy's configuration: its minimum equity, and the value of the largest order that
        its limits allow.
    is_reconciled
        Whether positions and orders were read and compared.
    unknown_orders, foreign_orders
        Orders of ours whose outcome is not known; working orders that are not ours.
    """

    asked_ns: int
    account: str
    status: str
    is_blocked: bool
    currency: str
    equity_minor: int
    buying_power_minor: int
    minimum_equity_minor: int
    largest_order_minor: int
    is_reconciled: bool
    unknown_orders: int
    foreign_orders: int


# --- integrity, drills, approval ----------------------------------------------------------------------
class Recomputed(msgspec.Struct, frozen=True):
    """Something recorded and the same computed again, as text; `recorded` is None where it is lost."""

    name: str
    recorded: str | None
    recomputed: str


class SessionIntegrity(msgspec.Struct, frozen=True, kw_only=True):
    """One journal of which evidence was taken.

    Parameters
    ----------
    head, recomputed_head
        Hash at the journal's end as recorded, and by walking through all records.
    anchored_head, recomputed_anchor
        The newest anchored hash (kept outside the database), and the hash by walking through the
        records up to its place; the first is None where there is no anchor.
    """

    session: str
    family: str
    fingerprint: str
    records: int
    head: str
    recomputed_head: str
    anchored_head: str | None
    recomputed_anchor: str | None


class Integrity(msgspec.Struct, frozen=True):
    """Whether what was recorded is what was recorded; `values` are stored figures computed again."""

    sessions: tuple[SessionIntegrity, ...]
    values: tuple[Recomputed, ...]


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal of the kill switch.

    Parameters
    ----------
    session
        The drill's journal.
    environment
        Where it was: PAPER, or REHEARSAL on a loopback venue.
    done_ns
        When, by the host's clock.
    last_send_ns
        From the halt to the last order that left after it; 0 where none did.
    cancels_ns
        From the halt to the moment at which no order worked any more.
    """

    session: str
    code_hash: str
    environment: Environment
    done_ns: int
    last_send_ns: int
    cancels_ns: int


class Waiver(msgspec.Struct, frozen=True):
    """A check that the approver does without, by its id, and why."""

    check: str
    reason: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer to a request, its signature verified by whoever collected it.

    Parameters
    ----------
    approver
        Identity behind the key.
    is_signature_valid
        Whether the signature over `evidence_hash` and the waivers is that of a known approver's key.
    evidence_hash
        `evidence_hash` of what was approved.
    known_keys
        How many approvers' keys the workspace knows; two or more mean four eyes.
    approved_ns
        When, as the approver states it.
    """

    approver: str
    is_signature_valid: bool
    evidence_hash: str
    known_keys: int
    approved_ns: int
    waivers: tuple[Waiver, ...] = ()


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gate is told. ``None`` means not collected.

    Parameters
    ----------
    evaluated_ns
        When it was collected, by the host's clock: ages are counted from here.
    market_now_ns
        The venue's time at that moment; in a rehearsal the rehearsal's, from which the ages of market
        data are counted.
    """

    evaluated_ns: int
    market_now_ns: int
    subject: Subject
    backtest: Backtest | None = None
    lookahead: Lookahead | None = None
    trials: Trials | None = None
    holdout: Holdout | None = None
    stressed: Stressed | None = None
    paper: Paper | None = None
    risk: RiskConfig | None = None
    broker: BrokerFacts | None = None
    account: AccountState | None = None
    integrity: Integrity | None = None
    drills: tuple[Drill, ...] | None = None
    approval: Approval | None = None


def evidence_class(evidence: Evidence) -> EvidenceClass:
    """Return the weakest class among what is asked for and what it is shown by.

    Paper days are not asked: on the way to a live venue those of a rehearsal do not count.
    """
    weak = (
        evidence.subject.environment is not Environment.LIVE
        or (evidence.backtest is not None and evidence.backtest.evidence is not EvidenceClass.REAL)
        or (evidence.broker is not None and evidence.broker.environment is Environment.REHEARSAL)
    )
    return EvidenceClass.REHEARSAL if weak else EvidenceClass.REAL


def evidence_hash(evidence: Evidence) -> str:
    """Return the SHA-256 over all sections of evidence but its approval: what an approver signs.

    Raises
    ------
    InputError
        If a field does not hold what its type says.
    """
    hashes = section_hashes(evidence)
    return combined_hash([hashes[name] for name in hashes if name != "approval"])


def section_hashes(evidence: Evidence) -> dict[str, str]:
    """Return the SHA-256 of each section; equal sections have equal hashes (1 is 1.0 in a float's place)."""
    try:
        typed = msgspec.msgpack.decode(msgspec.msgpack.encode(evidence), type=Evidence)
    except (msgspec.ValidationError, OverflowError, TypeError) as error:
        raise InputError(
            f"the evidence is not what its types say: {error}", code="gate.wrong_evidence"
        ) from error
    return {
        name: hashlib.sha256(msgspec.msgpack.encode(getattr(typed, name))).hexdigest()
        for name in Evidence.__struct_fields__
    }


def combined_hash(hashes: Sequence[str]) -> str:
    """Return the SHA-256 over hashes in their order."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
