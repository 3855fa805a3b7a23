"""Signals with their answers, what people said to them, and incidents."""

from __future__ import annotations

from typing import Final

from engine.model import layout as at
from engine.model import trading_layout as loop
from runtime.journal.projections.draft import Draft, Values
from runtime.journal.records import Noted, OperatorInput
from runtime.results.guards import (
    ALERT_SEVERITIES,
    ALERTS,
    CLEARED_BY,
    EVENTS,
    LATCHES,
    LEVELS,
    SEVERITIES,
)
from runtime.results.signals import ANSWERS, SOURCES, signal_id
from runtime.store.rows import storable

SIGNALS = "session_signals"
QUIET: Final = ("", "debug", "info", "information")
GUARDS: Final = tuple(range(at.KIND_LATCH_SET, at.KIND_ALERT + 1))


def received(draft: Draft, row: list[int]) -> None:
    """SIGNAL_RECEIVED."""
    instrument, side = row[at.EVENT_INSTRUMENT], row[loop.RECEIVED_SIDE]
    symbol, fingerprint = draft.symbol(instrument), str(draft.session["fingerprint"])
    draft.put(
        SIGNALS,
        {
            "number": row[loop.RECEIVED_NUMBER],
            "signal_id": signal_id(fingerprint, symbol, side, row[at.EVENT_TS]),
            "ts_ns": row[at.EVENT_TS],
            "instrument": instrument,
            "symbol": symbol,
            "side": side,
            "source": SOURCES.get(row[loop.RECEIVED_SOURCE], ""),
            "edge_ppb": _given(row[loop.RECEIVED_EDGE]),
            "confidence_ppb": _given(row[loop.RECEIVED_CONFIDENCE]),
            "goal_ticks": _given(row[loop.RECEIVED_GOAL]),
            "price_ticks": _given(row[loop.RECEIVED_PRICE]),
            "expires_ns": _given(row[loop.RECEIVED_EXPIRES]),
            "answer": "",
            **dict.fromkeys(("order_id", "lots", "code"), 0),
            "answered_ns": None,
        },
    )


def answered(draft: Draft, row: list[int]) -> None:
    """SIGNAL_APPROVED or SIGNAL_DENIED."""
    signal = draft.get(SIGNALS, row[loop.ANSWER_NUMBER], "signal_row")
    if signal is not None:
        signal["answer"] = ANSWERS[row[at.EVENT_KIND]]
        signal["order_id"], signal["lots"] = row[loop.ANSWER_ORDER], row[loop.ANSWER_LOTS]
        signal["code"], signal["answered_ns"] = row[loop.ANSWER_CODE], row[at.EVENT_TS]


def approval(draft: Draft, sequence: int, one: OperatorInput) -> None:
    """What a person said, to a signal or to the session; `subject` names the signal."""
    draft.put(
        "session_approvals",
        {
            "sequence": sequence,
            "ts_ns": one.now_ns,
            "signal_id": storable(one.subject),
            "verb": storable(one.verb),
            "who": storable(one.who),
            "why": storable(one.why),
        },
    )


def noted(draft: Draft, place: int, ts_ns: int, one: Noted) -> None:
    """A record for people; what is only information is no incident."""
    if one.severity not in QUIET:
        texts = (one.kind, one.severity, one.subject, one.text)
        _incident(draft, place, one.ts_ns or ts_ns, *texts)


def went_wrong(draft: Draft, place: int, ts_ns: int, after: str, cause: str) -> None:
    """A session was halted or has failed."""
    _incident(draft, place, ts_ns, "state", "critical", after, cause)


def guard(draft: Draft, place: int, row: list[int]) -> None:
    """A latch, a change of trust, tier or tilt, a time without protection, an alert."""
    kind = row[at.EVENT_KIND]
    symbol = draft.symbol(row[at.EVENT_INSTRUMENT])
    severity, subject, text = "warning", symbol, ""
    if kind in (at.KIND_LATCH_SET, at.KIND_LATCH_CLEARED):
        subject = LATCHES.get(row[loop.LATCHED_LATCH], "")
        severity = SEVERITIES.get(row[loop.LATCHED_SEVERITY], "")
        text = symbol
        if kind == at.KIND_LATCH_CLEARED:
            severity, text = "information", f"by {CLEARED_BY.get(row[loop.LATCHED_BY], '')}"
    elif kind == at.KIND_ALERT:
        severity = ALERT_SEVERITIES.get(row[loop.ALERT_SEVERITY], "warning")
        text = ALERTS.get(row[loop.ALERT_CODE], "")
    elif kind in LEVELS:
        names = LEVELS[kind]
        before, after = (row[loop.CHANGED_FROM], row[loop.CHANGED_TO])
        text = f"{names.get(before, before)} to {names.get(after, after)}"
    else:
        text = "begins" if row[loop.PROTECTION_BEGINS] else "ends"
    _incident(draft, place, row[at.EVENT_TS], EVENTS[kind], severity, subject, text)


def _incident(
    draft: Draft, place: int, ts_ns: int, kind: str, severity: str, subject: str, text: str
) -> None:
    told: Values = {"kind": kind, "severity": severity, "subject": subject, "text": text}
    row = {name: storable(value) for name, value in told.items()}
    draft.put("incidents", {"row": place, "ts_ns": ts_ns, **row})


def _given(value: int) -> int | None:
    return None if value in (loop.NOT_GIVEN, loop.NEVER) else value
