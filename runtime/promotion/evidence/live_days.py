"""The live days of a strategy on an account, out of the journals of sessions under its certificates."""

from __future__ import annotations

from itertools import islice

import msgspec

from engine.gate.evidence import LiveDays
from runtime.journal.records import Continued, Noted
from runtime.journal.sessions import SessionStore
from runtime.promotion.document import Document, read_document
from runtime.promotion.events import Seen, Suspended
from runtime.promotion.evidence.sessions import opened_sessions
from runtime.promotion.store import PromotionStore
from runtime.session.drifting import ALARM, KIND, STATE, Followed
from runtime.session.opening import FINGERPRINT_CORE


def collect(
    store: SessionStore, record: PromotionStore, broker: str, account: str, core: str
) -> LiveDays:
    """Return the days that the monitors have followed, in the order of the sessions, and their alarms.

    Days count of sessions that the record of promotions has seen under a certificate of `core`; alarms of
    every session that ran it. A journal that does not hold, and a suspension that it does not have, are as
    an alarm at its end.

    Parameters
    ----------
    broker
        Its name in journals, e.g. ``alpaca live``.
    account
        The venue's number.
    core
        Of the fingerprint; sessions of another one have traded something else.
    """
    certified = _sessions_under(record, core)
    suspended = {each.session for each in record.withdrawn() if isinstance(each, Suspended)}
    followed: list[int] = []
    alarms: list[int] = []
    for session, opened in opened_sessions(store):
        if (opened.broker, opened.account) != (broker, account):
            continue
        verdict = store.verify(session.id)
        is_sound = verdict.is_sound and verdict.anchors > 0
        running = opened.data.get(FINGERPRINT_CORE, "")
        is_ours, has_alarm = running == core, False
        for entry in islice(store.entries(session.id), verdict.records):
            match entry.record:
                case Continued():
                    running = entry.record.fingerprint
                    is_ours = is_ours or running == core
                case Noted(kind=kind, subject=subject) if (kind, subject) == (KIND, ALARM):
                    if running == core:
                        alarms.append(len(followed))
                        has_alarm = True
                case Noted(kind=kind, subject=subject, text=text) if (kind, subject) == (
                    KIND,
                    STATE,
                ):
                    day = _day(text, core)
                    if day is not None and is_sound and session.id in certified:
                        followed.append(day)
                case _:
                    pass
        is_unsaid = session.id in suspended and not has_alarm
        if is_ours and (is_unsaid or not is_sound):
            alarms.append(len(followed))
    return LiveDays(tuple(followed), tuple(alarms))


def _day(text: str, core: str) -> int | None:
    found = msgspec.json.decode(text, type=Followed)
    return found.state.last_day if found.fingerprint == core else None


def _sessions_under(record: PromotionStore, core: str) -> frozenset[str]:
    """Return the sessions that have traded under a certificate of a core."""
    issued = [read_document(each.content.encode()) for each in record.issued()]
    ours = {
        each.body.id
        for each in issued
        if isinstance(each, Document) and each.body.fingerprint == core
    }
    seen = (event for _, event in record.events() if isinstance(event, Seen))
    return frozenset(each.session for each in seen if each.certificate in ours)
