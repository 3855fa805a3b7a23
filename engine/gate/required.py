"""The checks that every profile requires, R01 to R12: plumbing, freshness, identity and permission."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation

from engine.gate.evidence import CutTest, Drill, SessionIntegrity, evidence_hash
from engine.gate.findings import (
    SECONDS_PER_DAY,
    Case,
    Objection,
    contradicted,
    date,
    days_between,
    judge,
    lacking,
    settle,
    span,
    text,
)
from engine.gate.paper_days import paper_days
from engine.gate.verdicts import Finding
from engine.model.units import NS_PER_SECOND
from engine.ports import Environment

WAIVABLE = ("S10", "S11", "S12", "P06")
DRAWDOWN_PERCENT_MIN, DRAWDOWN_PERCENT_MAX = Decimal(1), Decimal(99)
_REASONS_SHOWN = 3
_ON_PAPER = "Run `trader paper` with it on a venue's market: `--feed`."


def backtest_sharpe(case: Case) -> Finding:
    """Annualized Sharpe ratio of the backtest's daily returns, holdout left out."""
    return judge(
        case.sample.sharpe,
        what=f"The Sharpe ratio of {case.sample.count} days",
        at_least=case.asked.sharpe_min,
        would_change="A strategy with a better ratio over these data.",
    )


def _foremost(reasons: Sequence[str]) -> str:
    """Return why a date does not count: that it was replayed, from which most else follows, or the first."""
    return next((each for each in reasons if each.startswith("(h)")), reasons[0])


def qualifying_days(case: Case) -> Finding:
    """Venue dates that count as paper days, and the fills on them."""
    days, asked = paper_days(case), case.asked
    count = len(days.counted)
    refused = "".join(
        f" {date(each.day_number)} does not: {_foremost(each.reasons)}."
        for each in days.refused[-_REASONS_SHOWN:]
    )
    objections = []
    if count < asked.paper_days_min:
        objections.append(
            lacking(
                f"{count} of {asked.paper_days_min} paper days count.{refused}",
                f"{asked.paper_days_min - count} more paper days that count.",
            )
        )
    if days.fills < asked.paper_fills_min:
        objections.append(
            lacking(
                f"There were {days.fills} fills on them; {asked.paper_fills_min} are asked for.",
                f"{asked.paper_fills_min - days.fills} more fills on paper.",
            )
        )
    empty = days.bars_empty
    silent = f" {empty} bars without trades were proven empty at the venue." if empty else ""
    passed = f"{count} paper days count, with {days.fills} fills.{silent}{refused}"
    return settle(objections, passed, value=count, threshold=asked.paper_days_min)


# --- R03 ----------------------------------------------------------------------------------------------
def risk_config(case: Case) -> Finding:
    """Limits that are there, sound, inside the workspace's policy and the same everywhere."""
    risk, fix = case.risk, "Correct the strategy file, and run backtest and paper with it."
    objections = [contradicted(f"{problem}.", fix) for problem in risk.problems]
    if not risk.limits:
        objections.append(contradicted("No limit is set.", fix))
    values = {each.name: _decimal(each.value) for each in risk.limits}
    for name, value in values.items():
        if not (value.is_finite() and value > 0):
            objections.append(contradicted(f"{name} is {value}, not a number over 0.", fix))
    drawdown = _decimal(risk.drawdown_percent or "NaN")
    if not (drawdown.is_finite() and DRAWDOWN_PERCENT_MIN <= drawdown <= DRAWDOWN_PERCENT_MAX):
        shown = "not set" if risk.drawdown_percent is None else f"{risk.drawdown_percent} %"
        objections.append(
            contradicted(
                f"The drawdown cap is {shown}; it has to be 1 to 99 %.",
                "Set [guards] drawdown in the strategy file, and run backtest and paper with it.",
            )
        )
    for maximum in case.policy.risk_maxima:
        found, most = values.get(maximum.name), _decimal(maximum.value)
        if found is None or found > most:
            shown = "not set" if found is None else str(found)
            objections.append(
                contradicted(f"{maximum.name} is {shown}; the policy allows {most}.", fix)
            )
    objections += _same_risk(risk.hash, {"backtest": risk.backtest_hash, "paper": risk.paper_hash})
    return settle(objections, f"{len(risk.limits)} limits are set, the same in backtest and paper.")


def _same_risk(ours: str, others: dict[str, str | None]) -> Iterator[Objection]:
    for name, other in others.items():
        if other is None:
            yield lacking(f"The limits of the {name} are not known.", f"Run `trader {name}`.")
        elif not ours or other != ours:
            yield contradicted(
                f"The {name} ran with other limits.", f"Run the {name} with these limits."
            )


def _decimal(value: str) -> Decimal:
    """Return a number, infinity for what is none."""
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal("NaN")
    return Decimal("Infinity") if found.is_nan() else found


# --- R04, R05 -----------------------------------------------------------------------------------------
def broker_connected(case: Case) -> Finding:
    """A signed call was answered just now, by the right environment, with the right permissions."""
    broker, asked = case.broker, case.asked
    age = (case.now_ns - broker.answered_ns) / NS_PER_SECOND
    objections = list(_stale(age, asked.broker_age_seconds_max, "The venue's answer"))
    wanted = Environment.REHEARSAL if case.is_rehearsal else Environment.LIVE
    if case.subject.environment is not wanted:
        objections.append(
            contradicted(
                f"Evidence of a rehearsal opens no {case.subject.environment} venue.",
                "Evidence of real data and a live feed.",
            )
        )
    if broker.environment is not wanted:
        objections.append(
            contradicted(
                f"The venue's environment is {broker.environment}, not {wanted}.",
                f"Connect to the {wanted} environment.",
            )
        )
    if broker.clock_offset_ns is None:
        objections.append(lacking("Its clock is not known.", "An answer that has its time."))
    elif abs(broker.clock_offset_ns) > asked.broker_offset_seconds_max * NS_PER_SECOND:
        offset = text(broker.clock_offset_ns / NS_PER_SECOND)
        objections.append(
            contradicted(f"The host's clock is {offset} s off its own.", "Set the host's clock.")
        )
    objections += _permissions(case)
    passed = f"The {wanted} environment answered {span(age)} ago."
    return settle(objections, passed, value=age, threshold=asked.broker_age_seconds_max)


def _permissions(case: Case) -> Iterator[Objection]:
    broker = case.broker
    if broker.can_trade is None:
        yield lacking("Whether the key may trade is not known.", "An answer that says so.")
    elif not broker.can_trade:
        yield contradicted("The key may not trade.", "Allow the key to trade.")
    if broker.can_withdraw is not False and not broker.is_withdrawal_acknowledged:
        acknowledge = "Use a key that cannot withdraw, or acknowledge it."
        if broker.can_withdraw:
            yield contradicted("The key may withdraw money.", acknowledge)
        else:
            yield lacking("Whether the key may withdraw money is not known.", acknowledge)


def _stale(age_seconds: float, age_max: float, what: str) -> Iterator[Objection]:
    if age_seconds < 0.0:
        yield contradicted(f"{what} is from the future.", "Set the host's clock.")
    elif age_seconds > age_max:
        yield contradicted(
            f"{what} is {span(age_seconds)} old; at most {text(age_max)} s.", "Ask it again."
        )


def account_verified(case: Case) -> Finding:
    """The account that was asked for, able to trade, with enough money and nothing unexplained."""
    account, subject = case.account, case.subject
    age = (case.now_ns - account.asked_ns) / NS_PER_SECOND
    objections = list(_stale(age, case.asked.broker_age_seconds_max, "The account's state"))
    minimum, largest = account.minimum_equity_minor, account.largest_order_minor
    wrong = (
        (not account.account or account.account != subject.account, "It is another account."),
        (account.status.lower() != "active", f"The account is {account.status!r}, not active."),
        (account.is_blocked, "The account is blocked."),
        (account.currency != subject.currency, f"Its currency is {account.currency!r}."),
        (account.equity_minor < minimum, "Its equity is under the strategy's minimum."),
        (account.buying_power_minor < largest, "Its buying power is under the largest order."),
        (not account.is_reconciled, _not_equal(account.differences)),
        (account.unknown_orders != 0, f"{account.unknown_orders} orders have unknown outcomes."),
        (account.foreign_orders != 0, f"{account.foreign_orders} working orders are not ours."),
        (largest <= 0, "The largest allowed order is not known."),
    )
    fix = "Put the account in order, or name the right one."
    objections += [contradicted(sentence, fix) for is_wrong, sentence in wrong if is_wrong]
    return settle(objections, f"Account {account.account} is active and in order.")


def _not_equal(differences: Sequence[str]) -> str:
    if not differences:
        return "Books and broker were not compared."
    return f"Books and broker differ: {_first_of(differences)}."


def _first_of(reasons: Sequence[str]) -> str:
    more = len(reasons) - _REASONS_SHOWN
    return "; ".join(reasons[:_REASONS_SHOWN]) + (f"; and {more} more" if more > 0 else "")


# --- R06 ----------------------------------------------------------------------------------------------
def evidence_integrity(case: Case) -> Finding:
    """Journals that are whole, of this strategy and this fingerprint, and figures that come out again."""
    integrity, subject, backtest = case.integrity, case.subject, case.backtest
    fix = "Run it again; what was changed cannot be evidence."
    objections: list[Objection] = []
    if (backtest.family, backtest.fingerprint) != (subject.family, subject.fingerprint):
        objections.append(contradicted("The backtest is of another strategy or version.", fix))
    journals = {each.session: each for each in integrity.sessions}
    for session in case.paper.sessions:
        if session.session not in journals:
            objections.append(lacking(f"Journal {session.session} was not checked.", "Check it."))
    for journal in integrity.sessions:
        objections += _journal_problems(journal, subject.family)
    for value in integrity.values:
        if value.recorded is None:
            remedy = value.remedy or fix
            objections.append(lacking(f"The record of {value.name} is lost.", remedy))
        elif value.recorded != value.recomputed:
            remedy = value.remedy or fix
            objections.append(contradicted(f"{value.name} is not what was recorded.", remedy))
    if not any(each.fingerprint == subject.fingerprint for each in integrity.sessions):
        objections.append(lacking(f"There is no journal of this version{_but(case)}.", _ON_PAPER))
    passed = (
        f"{len(integrity.sessions)} journals and {len(integrity.values)} figures are as recorded."
    )
    return settle(objections, passed)


def _but(case: Case) -> str:
    """Return what the newest session ran otherwise, as the end of a sentence."""
    unlike = case.paper.unlike
    return f": in the newest {_first_of(unlike)}" if unlike else ""


def _journal_problems(journal: SessionIntegrity, family: str) -> Iterator[Objection]:
    fix = "Paper trading with a journal that is whole."
    if not journal.head or journal.head != journal.recomputed_head:
        yield contradicted(f"The chain of journal {journal.session} is broken.", fix)
    if journal.anchored_head is None or journal.recomputed_anchor is None:
        yield lacking(f"Journal {journal.session} has no anchor.", fix)
    elif journal.anchored_head != journal.recomputed_anchor:
        yield contradicted(f"Journal {journal.session} is not the one that was anchored.", fix)
    if journal.family != family:
        yield contradicted(f"Journal {journal.session} is of another strategy.", fix)


# --- R07 to R11 ---------------------------------------------------------------------------------------
def evidence_fresh(case: Case) -> Finding:
    """Ages of the backtest's data and of the paper days that are needed."""
    asked, now_ns = case.asked, case.market_now_ns
    age = days_between(case.backtest.data_end_ns, now_ns)
    objections = list(
        _older(age, asked.backtest_age_days_max, "The backtest's data", "Newer data.")
    )
    closes = [each.closed_ns for each in paper_days(case).counted if each.closed_ns is not None]
    if not closes:
        objections.append(lacking("No paper day counts.", "Paper days that count."))
    else:
        newest = closes[-asked.paper_days_min :]  # older days do not hurt
        more = "Paper days that are newer."
        last, first = days_between(newest[-1], now_ns), days_between(newest[0], now_ns)
        objections += _older(last, asked.paper_age_days_max, "The last paper day", more)
        objections += _older(first, asked.paper_window_days_max, "The first paper day", more)
    passed = (
        f"The backtest's data are {span(age * SECONDS_PER_DAY)} old, and the paper days recent."
    )
    return settle(objections, passed, value=age, threshold=asked.backtest_age_days_max)


def _older(age: float, age_max: float, what: str, fix: str) -> Iterator[Objection]:
    if age < 0.0:
        yield contradicted(f"{what} is from the future.", "Find out whose clock is wrong.")
    elif age > age_max:
        old = span(age * SECONDS_PER_DAY)
        yield contradicted(f"{what}: {old} old; at most {text(age_max)} days.", fix)


def determinism(case: Case) -> Finding:
    """The latest backtest, run again, event for event."""
    recorded, rerun = case.backtest.recorded_hash, case.backtest.rerun_hash
    objections = []
    if rerun is None:
        objections.append(lacking("The backtest was not run again.", "Run it again."))
    elif not recorded or recorded != rerun:
        objections.append(
            contradicted(
                "The backtest, run again, has other events.",
                "Find what it depends on: changed data or code, a clock, random numbers.",
            )
        )
    return settle(objections, "The backtest, run again, has the same events.")


def no_lookahead(case: Case) -> Finding:
    """Decisions before a cut that do not depend on what follows it."""
    tests, asked = case.lookahead.tests, case.asked
    cuts = dict.fromkeys(each.ts_ns for each in tests if each.kind == "cut")
    objections = [
        contradicted(
            f"{_WORDS.get(each.kind, each.kind)} {date(_day(each))} changes decisions.",
            "A strategy that looks only back: `trader check lookahead` names bar and value.",
        )
        for each in tests
        if not each.whole_hash or each.whole_hash != each.other_hash
    ][:_REASONS_SHOWN]
    if len(cuts) < asked.cuts_min:
        objections.append(
            lacking(f"{len(cuts)} of {asked.cuts_min} cuts were tried.", "More data to cut.")
        )
    if not any(each.decisions for each in tests if each.kind == "cut"):
        objections.append(lacking("No decision was compared.", "A strategy that decides."))
    passed = f"Cut at {len(cuts)} times, no decision before the cut changes."
    return settle(objections, passed, value=len(cuts), threshold=asked.cuts_min)


_WORDS = {
    "cut": "Ending the data on",
    "scramble": "Other data after",
    "start": "Beginning the data on",
}


def _day(test: CutTest) -> int:
    return test.ts_ns // (86_400 * NS_PER_SECOND)


def clean_run(case: Case) -> Finding:
    """Paper sessions without a broken invariant, an unresolved order or an unexplained difference."""
    own = ("", case.subject.fingerprint)
    sessions = [each for each in case.paper.sessions if each.fingerprint in own]
    counts = (
        (sum(each.violations for each in sessions), "invariants did not hold"),
        (sum(each.unresolved_orders for each in sessions), "orders are unresolved"),
        (sum(each.unexplained_differences for each in sessions), "differences are unexplained"),
    )
    fix = "Find the cause; then paper trading with a new fingerprint."
    objections = [contradicted(f"{count} {what}.", fix) for count, what in counts if count]
    if not sessions:
        sentence = f"There was no paper session of this version{_but(case)}."
        objections.append(lacking(sentence, _ON_PAPER))
    total = sum(count for count, _ in counts)
    return settle(objections, f"{len(sessions)} sessions were clean.", value=total, threshold=0)


def kill_drill(case: Case) -> Finding:
    """The latest drill of the kill switch with this code."""
    asked, fix = case.asked, "Run `trader drill` on paper."
    drills = [each for each in case.drills if each.code_hash == case.subject.code_hash]
    if not drills:
        return settle([lacking("There was no drill with this code.", fix)], "")
    latest = max(drills, key=lambda each: each.done_ns)
    age = days_between(latest.done_ns, case.now_ns)
    objections = list(_older(age, asked.drill_age_days_max, "The drill", fix))
    objections += _slow(latest, asked.drill_send_seconds_max, asked.drill_cancel_seconds_max)
    cancels = latest.cancels_ns / NS_PER_SECOND
    passed = f"{span(age * SECONDS_PER_DAY)} ago all orders were withdrawn in {text(cancels)} s."
    return settle(objections, passed, value=cancels, threshold=asked.drill_cancel_seconds_max)


def _slow(drill: Drill, send_max: float, cancel_max: float) -> Iterator[Objection]:
    for took_ns, allowed, what in (
        (drill.last_send_ns, send_max, "The last order left"),
        (drill.cancels_ns, cancel_max, "The last order was withdrawn"),
    ):
        if not 0 <= took_ns <= allowed * NS_PER_SECOND:
            yield contradicted(
                f"{what} {text(took_ns / NS_PER_SECOND)} s after the halt; at most {text(allowed)}.",
                "Find what is slow, and run the drill again.",
            )


# --- R12 ----------------------------------------------------------------------------------------------
def approval(case: Case) -> Finding:
    """A separate yes to exactly this evidence, by somebody who may give it."""
    given, author = case.approval, case.subject.author
    is_four_eyes = case.policy.four_eyes or given.known_keys >= 2
    wrong = (
        (not given.approver, "Nobody approved."),
        (not given.is_signature_valid, "Its signature is not that of a known key."),
        (given.evidence_hash != evidence_hash(case.evidence), "It is for other evidence."),
        (is_four_eyes and given.approver == author, "The approver is the author."),
        (is_four_eyes and not author, "Who the author is, is not known."),
    )
    objections = [
        contradicted(sentence, "An approval of this request.") for is_so, sentence in wrong if is_so
    ]
    for waiver in given.waivers:
        if waiver.check not in WAIVABLE:
            objections.append(
                contradicted(f"{waiver.check} cannot be waived.", "An approval without it.")
            )
        elif not waiver.reason.strip():
            objections.append(
                contradicted(f"The waiver of {waiver.check} has no reason.", "A reason.")
            )
    return settle(objections, f"Approved by {given.approver}.")
