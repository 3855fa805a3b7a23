"""What the gate is told: raw facts, no verdicts and no summaries.

Whoever collects evidence states what was seen, counted or recomputed; the gate computes every number
itself. A section or field that is ``None`` was not collected, and the checks that need it answer
INSUFFICIENT. An empty tuple was collected and holds nothing.

Units, unless a field says otherwise: times are nanoseconds since 1970 UTC (``_ns``), days are counted
since 1970-01-01 by the venue's calendar (``day_number``), money is in minor units of the account's
currency (10^-8, ``_minor``), hashes are lower-case hexadecimal text, ratios are fractions.
"""

from engine.gate.evidence.backtest import (
    Backtest,
    CapacityOrder,
    CutTest,
    Holdout,
    Lookahead,
    Stressed,
    Trials,
)
from engine.gate.evidence.integrity import (
    Approval,
    Drill,
    Integrity,
    Recomputed,
    SessionIntegrity,
    Waiver,
)
from engine.gate.evidence.places import AccountState, BrokerFacts, RiskConfig, RiskLimit, Subject
from engine.gate.evidence.series import DailySeries, pack_returns, unpack_returns
from engine.gate.evidence.trading import ClockObservation, LiveDays, Paper, PaperDay, PaperSession
from engine.gate.evidence.whole import (
    Evidence,
    combined_hash,
    evidence_class,
    evidence_hash,
    section_hashes,
)

__all__ = [
    "AccountState",
    "Approval",
    "Backtest",
    "BrokerFacts",
    "CapacityOrder",
    "ClockObservation",
    "CutTest",
    "DailySeries",
    "Drill",
    "Evidence",
    "Holdout",
    "Integrity",
    "LiveDays",
    "Lookahead",
    "Paper",
    "PaperDay",
    "PaperSession",
    "Recomputed",
    "RiskConfig",
    "RiskLimit",
    "SessionIntegrity",
    "Stressed",
    "Subject",
    "Trials",
    "Waiver",
    "combined_hash",
    "evidence_class",
    "evidence_hash",
    "pack_returns",
    "section_hashes",
    "unpack_returns",
]
