"""All of the evidence together, and its hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from engine.errors import InputError
from engine.gate.evidence.backtest import Backtest, Holdout, Lookahead, Stressed, Trials
from engine.gate.evidence.integrity import Approval, Drill, Integrity
from engine.gate.evidence.places import AccountState, BrokerFacts, RiskConfig, Subject
from engine.gate.evidence.trading import LiveDays, Paper
from engine.ports import Environment, EvidenceClass


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
    live: LiveDays | None = None
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
