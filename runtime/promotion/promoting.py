"""`trader promote`: evidence is collected, the gate is asked, and what passes can be requested."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from data.history import History
from engine.errors import InputError, VenueError
from engine.gate.drift import baseline_of
from engine.gate.evaluate import evaluate
from engine.gate.evidence import (
    AccountState,
    BrokerFacts,
    Evidence,
    Integrity,
    LiveDays,
    Recomputed,
    Subject,
)
from engine.gate.policy import Policy
from engine.gate.stages import may_ask_for_all
from engine.gate.verdicts import Report, Verdict, report_hash
from engine.model.instruments import Instrument
from engine.ports import Clock, Environment
from engine.rules.bootstrap import seed_of
from runtime.backtest.histories import load_history
from runtime.config import StrategyConfig
from runtime.gateway.checks import Limits
from runtime.gateway.limits import limits_of
from runtime.journal.sessions import SessionStore
from runtime.promotion.approving import new_body, new_request
from runtime.promotion.canonical import sha256_of
from runtime.promotion.document import Document, Stage
from runtime.promotion.events import PromotionAttempted
from runtime.promotion.evidence import live_days, on_paper, places, tested
from runtime.promotion.evidence.again import not_asked
from runtime.promotion.evidence.books import books_of, instruments_traded
from runtime.promotion.evidence.witnessed import recomputed
from runtime.promotion.fingerprint import Fingerprint, fingerprint_of, program_hash
from runtime.promotion.keys import Signer
from runtime.promotion.limits import AllowedLimits, allowed_by
from runtime.promotion.policies import policy_of
from runtime.promotion.store import BASELINE, PromotionStore
from runtime.store import Store
from runtime.venues.accounts import AlpacaAccount
from runtime.venues.bars_again import Refetcher
from runtime.venues.market_access import ALPACA
from runtime.venues.needs import costs_of, lacks
from runtime.workspace import Workspace

Progress = Callable[[float, str], None]
REQUEST = "request"
LOOK = "look"
STATUS = "status"
_REHEARSAL = Environment.REHEARSAL


@dataclass(slots=True)
class Ground:
    """What a promotion is judged on.

    Parameters
    ----------
    account
        Of the venue; None where none is configured: then broker and account are not known.
    paper_account
        Where the strategy has traded on paper, by name; it has to be the first one on which it has.
    author
        Who asks.
    """

    config: StrategyConfig
    registry: Store
    sessions: SessionStore
    record: PromotionStore
    catalog_root: Path
    clock: Clock
    author: str
    workspace: Workspace | None = None
    account: AlpacaAccount | None = None
    paper_account: str = ""
    progress: Progress = field(default=lambda fraction, step: None)

    @property
    def policy(self) -> Policy:
        """What the workspace asks for."""
        return policy_of(self.workspace)


@dataclass(frozen=True, slots=True)
class Judged:
    """A report, and what it is about."""

    report: Report
    evidence: Evidence
    fingerprint: Fingerprint
    problem: str  # why the venue was not asked, or has not answered; empty: it has
    limits: AllowedLimits  # of the workspace


def judge(ground: Ground, asked: str = STATUS) -> Judged:
    """Collect all evidence, ask the gate, and keep in the record that it was asked.

    Parameters
    ----------
    asked
        ``request`` reads what is held out, and counts as an attempt of the family; ``status`` does not.
    """
    config, is_look = ground.config, asked == REQUEST
    history = load_history(config.data, ground.catalog_root)
    traded = partial(
        fingerprint_of,
        config,
        venue=ALPACA,
        instruments=history.instruments,
        timeframe=history.passport.timeframe,
    )
    core = traded().core
    paper_account = _paper_account(ground, core)
    known = tested.collect(
        config,
        ground.registry,
        ground.catalog_root,
        _counted(ground, history, core, is_look=is_look),
        lambda fraction, step: ground.progress(0.7 * fraction, step),
    )
    ground.progress(0.7, "paper")
    paper = on_paper.collect(
        ground.sessions,
        config,
        paper_account,
        known.family,
        core,
        lambda step: ground.progress(0.8, step),
        not_asked if ground.account is None else Refetcher(ground.account, ground.clock),
    )
    ground.progress(0.95, "venue")  # last: what it says is old in a minute
    venue = asyncio.run(_ask(ground, history.instruments))
    environment = ground.account.environment if ground.account else Environment.LIVE
    fingerprint = traded(environment=environment.value, account=venue.number)
    now_ns = ground.clock.now_ns()
    evidence = Evidence(
        evaluated_ns=now_ns,
        market_now_ns=venue.market_now_ns or now_ns,
        subject=Subject(
            strategy=config.name,
            family=known.family,
            fingerprint=fingerprint.core,
            code_hash=program_hash(fingerprint),
            seed=seed_of(fingerprint.core),
            venue=ALPACA,
            account=venue.number,
            currency=config.account.currency,
            environment=Environment.REHEARSAL
            if environment is Environment.REHEARSAL
            else Environment.LIVE,
            author=ground.author,
        ),
        backtest=known.backtest,
        lookahead=known.lookahead,
        trials=known.trials,
        holdout=known.holdout,
        stressed=known.stressed,
        paper=msgspec.structs.replace(
            paper.paper, unlike=on_paper.unlike(paper.newest, fingerprint)
        ),
        risk=places.risk_config(
            config,
            fingerprint,
            paper.newest,
            [each.problem for each in lacks(config, history.instruments, ALPACA)],
        ),
        broker=venue.broker,
        account=venue.account,
        integrity=Integrity(
            paper.integrity,
            (
                *known.values,
                *_lost_trials(ground, known),
                recomputed(ground.registry, ground.record.acceptances(), known.family),
            ),
        ),
        drills=paper.drills,
        live=_live_days(ground, venue.number, core),
    )
    judged = Judged(
        evaluate(evidence, ground.policy),
        evidence,
        fingerprint,
        venue.problem,
        allowed_by(_limits(ground, history.instruments), history.instruments),
    )
    if asked == STATUS or not judged.report.awaits_approval:
        _note(ground, judged, asked)
    return judged


def request(ground: Ground, judged: Judged, gate: Signer, author: Signer | None = None) -> Document:
    """Return a request for what was judged, signed with the gate's key.

    Raises
    ------
    InputError
        If anything but the approval is missing.
    """
    account = judged.fingerprint.account
    family = judged.evidence.subject.family
    baseline = msgspec.json.encode(baseline_of(judged.evidence)).decode()
    body = new_body(
        judged.report,
        judged.fingerprint,
        limits=judged.limits,
        stage=Stage.FULL if may_ask_for_all(judged.evidence) else Stage.PROBATION,
        family=family,
        serial=ground.record.next_serial(account, family),
        attempts=len(ground.record.attempts(family)) + 1,
        author=ground.author,
        gate_key=gate.key,
        author_key="" if author is None else author.key,
        evidence={BASELINE: sha256_of(baseline)},
    )
    document = new_request(body, gate, author)
    _note(ground, judged, REQUEST, document, baseline)
    return document


def _note(
    ground: Ground,
    judged: Judged,
    asked: str,
    document: Document | None = None,
    baseline: str = "",
) -> None:
    report, subject = judged.report, judged.evidence.subject
    verdict = Verdict.PASS if document is not None else report.overall
    ground.record.add(
        PromotionAttempted(
            strategy=subject.strategy,
            family=subject.family,
            fingerprint=subject.fingerprint,
            asked=asked,
            verdict=verdict.value,
            report=report_hash(report),
            evidence=report.evidence_hash,
            who=ground.author,
            account=judged.fingerprint.account,
            certificate="" if document is None else document.body.id,
            serial=0 if document is None else document.body.serial,
            trials=_trials(judged.evidence),
            baseline=baseline,
        )
    )


def _paper_account(ground: Ground, core: str) -> str:
    """Return the account whose days count.

    Raises
    ------
    InputError
        If another one is named.
    """
    named, is_real = ground.paper_account, not _is_rehearsal(ground)
    first = on_paper.first_account(ground.sessions, core, is_real=is_real)
    if named and first not in ("", named):
        raise InputError(
            f"this version has first traded on the paper account {first}: its days count, not those of "
            f"{named}",
            where="--account",
            remedy=f"leave it out, or name {first}",
            code="promotion.paper_account",
        )
    return first or named or f"paper:{ground.config.name}"


def _is_rehearsal(ground: Ground) -> bool:
    return ground.account is not None and ground.account.environment is _REHEARSAL


def _trials(evidence: Evidence) -> int:
    return 0 if evidence.trials is None else evidence.trials.count


def _lost_trials(ground: Ground, known: tested.Tested) -> tuple[Recomputed, ...]:
    """Return how many trials the family had when the gate was last asked, where it has fewer now."""
    asked = ground.record.questions(known.family)
    most = max((each.trials for each in asked), default=0)
    count = ground.registry.count_trials(known.family)
    if count >= most:
        return ()
    return (Recomputed("the number of trials in the registry of runs", str(most), str(count)),)


def _counted(ground: Ground, history: History, core: str, *, is_look: bool) -> tested.Asked:
    """Return how often the family was at the gate; its name does not matter."""
    config, who = ground.config, ground.author
    family = tested.family_of(config, history, ground.catalog_root)
    asked = ground.record.questions(family)
    look = PromotionAttempted(config.name, family, core, LOOK, "", "", "", who)
    # A rehearsal plays at its venue what is held out, and opens nothing else.
    is_rehearsal = _is_rehearsal(ground)
    return tested.Asked(
        core,
        failed_attempts=sum(
            each.asked == REQUEST and each.verdict == Verdict.FAIL.value for each in asked
        ),
        looks=sum(each.asked == LOOK for each in asked),
        is_look=is_look,
        seed=seed_of(core) % 2**31,
        looking=lambda: ground.record.add(look),
        replayed=tested.no_replays
        if is_rehearsal
        else partial(on_paper.replays_of, ground.sessions, config),
        costs=costs_of(ALPACA, history.instruments),
    )


def _live_days(ground: Ground, number: str, core: str) -> LiveDays | None:
    """Return the live days on the account that was asked; None: none was."""
    if ground.account is None or not number:
        return None
    return live_days.collect(ground.sessions, ground.record, _broker(ground.account), number, core)


def _broker(account: AlpacaAccount) -> str:
    """Return what journals call the broker of an account."""
    return f"{account.venue} {account.environment}"


# --- the venue ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Venue:
    number: str = ""
    broker: BrokerFacts | None = None
    account: AccountState | None = None
    market_now_ns: int = 0
    problem: str = ""


def _limits(ground: Ground, instruments: Sequence[Instrument]) -> Limits:
    said = None if ground.workspace is None else ground.workspace.limits
    return limits_of(said, instruments)


async def _ask(ground: Ground, instruments: tuple[Instrument, ...]) -> _Venue:
    account = ground.account
    if account is None:
        return _Venue(problem="no account at a venue is configured")
    name = _broker(account)
    traded = instruments_traded(ground.sessions, name, instruments)
    broker = account.broker(traded, ground.clock)
    try:
        facts, now_ns = await places.ask_broker(
            broker,
            ground.clock,
            is_withdrawal_acknowledged=account.is_withdrawal_acknowledged,
        )
        state = await places.ask_account(
            broker,
            ground.clock,
            ground.config,
            _limits(ground, instruments),
            traded,
            partial(books_of, ground.sessions, name),
        )
    except VenueError as error:
        return _Venue(problem=str(error))
    finally:
        await broker.close()
    return _Venue(state.account, facts, state, now_ns)
