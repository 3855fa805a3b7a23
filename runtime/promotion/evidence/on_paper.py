"""The evidence of paper trading: every session of a strategy on its account, from its journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.errors import InputError, TraderError
from engine.gate.evidence import (
    DailySeries,
    Drill,
    Paper,
    PaperDay,
    PaperSession,
    SessionIntegrity,
)
from engine.model import layout as at
from engine.model.units import NS_PER_SECOND
from engine.ports import Environment, EvidenceClass
from runtime.config import StrategyConfig
from runtime.journal.records import Opened
from runtime.journal.sessions import SessionRecord, SessionStore
from runtime.journal.verifying import Verdict
from runtime.promotion.evidence.again import BarsAgain, Fetch, not_asked
from runtime.promotion.evidence.days import DayFacts, days_of, merged
from runtime.promotion.evidence.seen import Seen
from runtime.promotion.evidence.series import daily_series
from runtime.promotion.evidence.sessions import opened_sessions
from runtime.promotion.evidence.shadow import intents_of, shadow_of, shortfalls_bps
from runtime.promotion.fingerprint import (
    OUTSIDE_CORE,
    Fingerprint,
    differences,
    program_hash,
)
from runtime.results.output import RunOutput
from runtime.session import drill
from runtime.session.opening import FINGERPRINT_CORE, fingerprint_in, strategy_of
from runtime.session.replaying import Divergence, Replayed, replay
from runtime.store.identity import code_of

Progress = Callable[[str], None]
NO_VENUE = "the feed was a replay or a stream, which shows nothing of a venue"


@dataclass(frozen=True, slots=True)
class OnPaper:
    """What the journals say; `newest` is what the newest session ran."""

    paper: Paper
    integrity: tuple[SessionIntegrity, ...]
    drills: tuple[Drill, ...]
    newest: Fingerprint | None = None


@dataclass(frozen=True, slots=True)
class _One:
    """A session, played again, beside its shadow."""

    record: SessionRecord
    opened: Opened
    replayed: Replayed | None
    shadow: RunOutput | None
    seen: Seen
    verdict: Verdict

    @property
    def core(self) -> str:
        """The core of the newest fingerprint; empty where the journal is from before it was written."""
        return self.seen.cores[-1] if self.seen.cores else ""

    @property
    def only_core(self) -> str:
        """The one core that it ever had; empty where there were several, or it is not known."""
        return self.core if len(set(self.seen.cores)) == 1 else ""


def collect(
    store: SessionStore,
    config: StrategyConfig,
    account: str,
    family: str,
    core: str,
    progress: Progress = lambda step: None,
    fetch: Fetch = not_asked,
) -> OnPaper:
    """Read every session of a strategy's code on a paper account, play it again, and run its shadow.

    Sessions of other parameters or of an older engine are among them: which of them count is the
    gate's to say, by their fingerprints. What is compared with a shadow is of the fingerprint `core`.
    """
    digest = code_of(config).digest
    found = []
    for record, opened in opened_sessions(store):
        if (opened.account, opened.broker) != (account, "paper"):
            continue
        if _code_of(opened) == digest:
            progress(f"session {record.id}")
            found.append(_one(store, record, opened))
    found.sort(key=lambda one: one.seen.slices[0][0] if one.seen.slices else 0)
    same = [each for each in found if core in each.seen.cores]
    played = [(each.replayed.output, each.shadow) for each in same if each.replayed is not None]
    pairs = [(paper, shadow) for paper, shadow in played if shadow is not None]
    is_whole = bool(same) and len(pairs) == len(same)
    daily = [paired_days(daily_series(ours), daily_series(shadow)) for ours, shadow in pairs]
    paper = Paper(
        sessions=tuple(_session(each) for each in found),
        days=tuple(_days(found, fetch)),
        daily=_joined([ours for ours, _ in daily]) if is_whole else None,
        shadow_daily=_joined([shadow for _, shadow in daily]) if is_whole else None,
        intents=_texts(pairs, 0) if is_whole else None,
        shadow_intents=_texts(pairs, 1) if is_whole else None,
        shortfalls_bps=tuple(bps for pair in pairs for bps in shortfalls_bps(*pair))
        if is_whole
        else None,
    )
    return OnPaper(
        paper,
        (
            *(_integrity(store, each, family) for each in found),
            *(_lost(name, family) for name in store.lost()),
        ),
        drills_of(store),
        found[-1].seen.parts if found else None,
    )


def unlike(newest: Fingerprint | None, wanted: Fingerprint) -> tuple[str, ...]:
    """Say what the newest session ran otherwise than what is to be promoted, wherever both are.

    A feed that is no venue's has none to compare: most often it is a replay.
    """
    if newest is None:
        return ()
    elsewhere = {name: wanted.parts[name] for name in OUTSIDE_CORE if name in wanted.parts}
    is_nowhere = not newest.venue
    if is_nowhere:
        elsewhere["venue"] = wanted.venue
    told = differences(Fingerprint({**newest.parts, **elsewhere}), wanted)
    return (*([NO_VENUE] if is_nowhere else []), *told)


def first_account(store: SessionStore, core: str, *, is_real: bool) -> str:
    """Return the paper account on which a fingerprint has first traded: its days count, and no other's.

    Otherwise an author could trade on several and choose the one that went well. Empty: it never has.

    Parameters
    ----------
    is_real
        Whether what was rehearsed is passed over, as it does not count.
    """
    for _, opened in opened_sessions(store):
        if opened.broker == "paper" and opened.data.get(FINGERPRINT_CORE) == core:
            if opened.evidence == EvidenceClass.REAL or not is_real:
                return opened.account
    return ""


def replays_of(
    store: SessionStore, config: StrategyConfig, start_ns: int, end_ns: int
) -> tuple[str, ...]:
    """Return sessions of a strategy's code, on whatever account, that have replayed data of a span."""
    digest = code_of(config).digest
    found = []
    for record, opened in opened_sessions(store):
        if opened.evidence == EvidenceClass.REAL or _code_of(opened) != digest:
            continue
        seen = Seen().take(entry.record for entry in store.entries(record.id))
        if any(start_ns <= ts <= end_ns for ts, _, _ in seen.slices):
            found.append(f"session {record.id}")
    return tuple(found)


def _code_of(opened: Opened) -> str:
    """Return the digest of a session's strategy code; empty where this version cannot read it."""
    with TemporaryDirectory(prefix="trader-gate-") as folder:
        try:
            config, _ = strategy_of(opened, Path(folder))
            return code_of(config).digest
        except InputError:
            return ""


def _one(store: SessionStore, record: SessionRecord, opened: Opened) -> _One:
    """Play one session again and run its shadow; what cannot be played again has neither."""
    verdict = store.verify(record.id)
    sound = islice(store.entries(record.id), verdict.records)
    seen = Seen().take(entry.record for entry in sound)
    replayed: Replayed | None = None
    shadow: RunOutput | None = None
    try:
        replayed = replay(store.entries(record.id))
        with TemporaryDirectory(prefix="trader-gate-") as folder:
            config, market = strategy_of(opened, Path(folder))
            shadow = shadow_of(config, market, seen, record.id)
    except (Divergence, TraderError):
        seen.violations += 1  # what was decided is not what would be decided
    return _One(record, opened, replayed, shadow, seen, verdict)


def _session(one: _One) -> PaperSession:
    return PaperSession(
        session=one.record.id,
        fingerprint=one.only_core,
        violations=one.seen.violations,
        unresolved_orders=0,  # a paper market answers at once
        unexplained_differences=one.seen.differences,
    )


def _days(found: Sequence[_One], fetch: Fetch) -> list[PaperDay]:
    """Return the days of all sessions, each once."""
    latest = max((ts for one in found for ts, _, _ in one.seen.slices), default=0)
    every = [
        day
        for one in found
        if one.replayed is not None
        for day in days_of(
            DayFacts(
                one.seen,
                one.replayed.output,
                one.shadow,
                EvidenceClass(one.opened.evidence),
                latest,
                _told_again(one, fetch),
            )
        )
    ]
    return merged(every)


def _told_again(one: _One, fetch: Fetch) -> BarsAgain | None:
    """Ask the venue again for the bars of a session that had a live feed."""
    if one.replayed is None or one.opened.evidence != EvidenceClass.REAL:
        return None
    tape = one.seen.tape
    bars = tape[tape[:, at.EVENT_KIND] == at.KIND_BAR]
    return fetch(one.replayed.market.instruments, bars)


def paired_days(ours: DailySeries, shadow: DailySeries) -> tuple[DailySeries, DailySeries]:
    """Return both from the first day to the last that both have.

    A session that ends within a day has no close of it; its shadow, which ends with the tape, does. One that
    begins after a day's last bar has its close, and no bar of it for a shadow (coins, a minute before
    midnight). Any other difference stays, for the gate to see.
    """
    first = max(ours.day_numbers[0], shadow.day_numbers[0])
    last = min(ours.day_numbers[-1], shadow.day_numbers[-1])
    return _between(ours, first, last), _between(shadow, first, last)


def _between(daily: DailySeries, first: int, last: int) -> DailySeries:
    begin = sum(number < first for number in daily.day_numbers)
    end = sum(number <= last for number in daily.day_numbers)
    return DailySeries(
        daily.day_numbers[begin:end], daily.equity_minor[begin:end], daily.flows_minor[begin:end]
    )


def _joined(series: Sequence[DailySeries]) -> DailySeries | None:
    """Return the daily closes of sessions one after the other.

    A session begins with an account of its own: what it has more or less than the one before it counts
    as paid in. A day on which one ends and the next begins has what both have earned.
    """
    days: list[int] = []
    equity: list[int] = []
    flows: list[int] = []
    for one in series:
        if not days:
            days, equity, flows = (
                list(one.day_numbers),
                list(one.equity_minor),
                list(one.flows_minor),
            )
            continue
        if days[-1] in one.day_numbers[1:]:
            place = one.day_numbers.index(days[-1])
            gain = one.equity_minor[place] - one.equity_minor[place - 1] - one.flows_minor[place]
            equity[-1] += gain
        first = next((n for n, day in enumerate(one.day_numbers) if n and day > days[-1]), None)
        if first is None:
            continue
        before = one.equity_minor[first - 1]
        days += one.day_numbers[first:]
        flows += (one.flows_minor[first] + before - equity[-1], *one.flows_minor[first + 1 :])
        equity += one.equity_minor[first:]
    return DailySeries(tuple(days), tuple(equity), tuple(flows)) if days else None


def _texts(pairs: Sequence[tuple[RunOutput, RunOutput]], place: int) -> tuple[str, ...]:
    return tuple(text for pair in pairs for text in intents_of(pair[place]))


# --- integrity ----------------------------------------------------------------------------------------
def _integrity(store: SessionStore, one: _One, family: str) -> SessionIntegrity:
    """Walk through a journal; the anchors stand outside of the database."""
    session_id = one.record.id
    verdict, head = one.verdict, store.head(session_id)
    anchors = store.anchors(session_id)
    hashes = {entry.sequence: entry.hash for entry in store.entries(session_id)}
    newest = anchors[-1] if anchors else None
    return SessionIntegrity(
        session=session_id,
        family=family,
        fingerprint=one.core,
        records=verdict.records,
        head=head.hash.hex(),
        recomputed_head=verdict.hash_hex,
        anchored_head=None if newest is None else newest.hash.hex(),
        recomputed_anchor=None
        if newest is None or newest.sequence not in hashes
        else hashes[newest.sequence].hex(),
    )


def _lost(session: str, family: str) -> SessionIntegrity:
    """Return a journal that the file beside the database knows, and the database does not any more.

    Nobody can say whose it was, so it is held against every strategy.
    """
    return SessionIntegrity(
        session=session,
        family=family,
        fingerprint="",
        records=0,
        head="",
        recomputed_head="",
        anchored_head=None,
        recomputed_anchor=None,
    )


def drills_of(store: SessionStore) -> tuple[Drill, ...]:
    """Return the rehearsals of the kill switch, the earliest first."""
    found = []
    for record, opened in opened_sessions(store):
        if opened.account == drill.ACCOUNT:
            found += _drill(store, record, opened)
    return tuple(found)


def _drill(store: SessionStore, record: SessionRecord, opened: Opened) -> list[Drill]:
    """Return what a drill that has passed has shown; nothing of a journal that was altered."""
    fingerprint = fingerprint_in(opened)
    verdict = store.verify(record.id)
    if fingerprint is None or not (verdict.is_sound and verdict.anchors):
        return []
    return [
        Drill(
            session=record.id,
            code_hash=program_hash(fingerprint),
            environment=Environment.PAPER,
            done_ns=entry.ts_ns,
            last_send_ns=round(done.heard * NS_PER_SECOND),  # nothing leaves from then on
            cancels_ns=round(done.withdrawn * NS_PER_SECOND),
        )
        for entry in store.entries(record.id)
        if entry.kind == "noted" and (done := drill.passed(entry.record)) is not None
    ]
