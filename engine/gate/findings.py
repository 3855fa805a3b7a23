"""What the checks are written with: the case they look at, and the ways to answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engine.gate.evidence import (
    AccountState,
    Approval,
    Backtest,
    BrokerFacts,
    Drill,
    Evidence,
    Holdout,
    Integrity,
    Lookahead,
    Paper,
    RiskConfig,
    Stressed,
    Subject,
    Trials,
    evidence_class,
)
from engine.gate.policy import Policy, Thresholds
from engine.gate.statistics import Sample, returns_of, sample_of
from engine.gate.verdicts import Finding, Verdict
from engine.model.units import NS_PER_SECOND
from engine.ports import EvidenceClass

SECONDS_PER_DAY = 86_400
NS_PER_DAY = SECONDS_PER_DAY * NS_PER_SECOND
_UNITS = (  # of spans of time: seconds in each, and up to how many it is used
    ("s", 1, 120),
    ("minutes", 60, 7_200),
    ("hours", 3_600, 2 * SECONDS_PER_DAY),
    ("days", SECONDS_PER_DAY, math.inf),
)

_Section = TypeVar("_Section")
_BACKTEST = "Run `trader backtest`, from which the gate makes it."
_PAPER = "Run `trader paper`."
_VENUE = "An answer of the venue that trader.toml names under [venues]."


class NotCollected(Exception):
    """A section of the evidence that a check needs is not there: the check answers INSUFFICIENT.

    Parameters
    ----------
    missing
        What is not there.
    would_change
        Where it comes from, as a sentence.
    """

    def __init__(self, missing: str, would_change: str) -> None:
        super().__init__(missing)
        self.would_change = would_change


@dataclass(frozen=True, slots=True)
class Case:
    """Evidence and policy; reading a section that was not collected ends the check."""

    evidence: Evidence
    policy: Policy

    @property
    def asked(self) -> Thresholds:
        """The thresholds."""
        return self.policy.thresholds

    @property
    def evidence_class(self) -> EvidenceClass:
        """What the evidence is good for."""
        return evidence_class(self.evidence)

    @property
    def is_rehearsal(self) -> bool:
        """Whether a certificate could only open a loopback venue."""
        return self.evidence_class is EvidenceClass.REHEARSAL

    @property
    def subject(self) -> Subject:
        """What is to be promoted."""
        return self.evidence.subject

    @property
    def now_ns(self) -> int:
        """The host's time of the evaluation."""
        return self.evidence.evaluated_ns

    @property
    def market_now_ns(self) -> int:
        """The time that market data are compared with: in a rehearsal its own, else the host's."""
        return self.evidence.market_now_ns if self.is_rehearsal else self.evidence.evaluated_ns

    @property
    def backtest(self) -> Backtest:
        """The latest backtest."""
        return _collected(
            self.evidence.backtest, "a backtest of this strategy as it is now", _BACKTEST
        )

    @property
    def lookahead(self) -> Lookahead:
        """The comparisons of the look-ahead test."""
        return _collected(self.evidence.lookahead, "a look-ahead test", _BACKTEST)

    @property
    def trials(self) -> Trials:
        """What was tried."""
        return _collected(self.evidence.trials, "the count of trials", _BACKTEST)

    @property
    def holdout(self) -> Holdout:
        """The sealed end of the data."""
        return _collected(
            self.evidence.holdout,
            "a holdout",
            "A date in `[data] holdout`: what is after it is sealed, and read by a request.",
        )

    @property
    def stressed(self) -> Stressed:
        """The run with dearer trading."""
        return _collected(self.evidence.stressed, "a run with dearer trading", _BACKTEST)

    @property
    def paper(self) -> Paper:
        """All paper trading."""
        return _collected(self.evidence.paper, "paper trading", _PAPER)

    @property
    def risk(self) -> RiskConfig:
        """The limits."""
        return _collected(
            self.evidence.risk, "the risk configuration", "Limits in the strategy file."
        )

    @property
    def broker(self) -> BrokerFacts:
        """The venue's answer."""
        return _collected(self.evidence.broker, "an answer of the venue", _VENUE)

    @property
    def account(self) -> AccountState:
        """The account."""
        return _collected(self.evidence.account, "the account's state", _VENUE)

    @property
    def integrity(self) -> Integrity:
        """Recorded against recomputed."""
        return _collected(self.evidence.integrity, "the check of the journals", _PAPER)

    @property
    def drills(self) -> tuple[Drill, ...]:
        """Rehearsals of the kill switch."""
        return _collected(self.evidence.drills, "a drill of the kill switch", "Run `trader drill`.")

    @property
    def approval(self) -> Approval:
        """A person's answer."""
        return _collected(
            self.evidence.approval,
            "an approval",
            "A person approves what `trader promote --request` has written.",
        )

    @property
    def sample(self) -> Sample:
        """The backtest's daily returns with their moments."""
        backtest = self.backtest
        sample = sample_of(returns_of(backtest.daily), backtest.periods_per_year)
        return _collected(sample, "20 daily returns that vary", "A longer backtest.")


def _collected(section: _Section | None, what: str, would_change: str) -> _Section:
    if section is None:
        raise NotCollected(what, would_change)
    return section


# --- answers ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that keeps a check from PASS."""

    verdict: Verdict
    sentence: str
    would_change: str


def contradicted(sentence: str, would_change: str) -> Objection:
    """Return an objection by which the check fails."""
    return Objection(Verdict.FAIL, sentence, would_change)


def lacking(sentence: str, would_change: str) -> Objection:
    """Return an objection that more time or data could remove."""
    return Objection(Verdict.INSUFFICIENT, sentence, would_change)


def settle(
    objections: Sequence[Objection],
    passed: str,
    *,
    value: float | None = None,
    threshold: float | None = None,
) -> Finding:
    """Return PASS without an objection, else the worst verdict; objections of it come first."""
    ordered = sorted(objections, key=lambda each: each.verdict is not Verdict.FAIL)
    return Finding(
        verdict=ordered[0].verdict if ordered else Verdict.PASS,
        value=value,
        threshold=threshold,
        sentence=" ".join(each.sentence for each in ordered) if ordered else passed,
        would_change=" ".join(_distinct([each.would_change for each in ordered])),
    )


def judge(
    value: float,
    *,
    what: str,
    at_least: float | None = None,
    at_most: float | None = None,
    otherwise: Verdict = Verdict.FAIL,
    would_change: str,
) -> Finding:
    """Compare a figure with one threshold; equal passes, and what is no finite number fails."""
    threshold = at_least if at_least is not None else at_most
    assert threshold is not None and (at_least is None or at_most is None), what
    asked = f"{'at least' if at_least is not None else 'at most'} {text(threshold)} is asked for"
    if not math.isfinite(value):
        return Finding(
            verdict=Verdict.FAIL,
            value=value,
            threshold=threshold,
            sentence=f"{what} is no finite number; {asked}.",
            would_change="Find out how it came about: this is a fault, not a result.",
        )
    is_met = value >= threshold if at_least is not None else value <= threshold
    return Finding(
        verdict=Verdict.PASS if is_met else otherwise,
        value=value,
        threshold=threshold,
        sentence=f"{what} is {text(value)}; {asked}.",
        would_change="" if is_met else would_change,
    )


def text(value: float) -> str:
    """Return a figure for a sentence: six digits, so that 0.999999 is not written as 1.

    Examples
    --------
    >>> text(0.999999), text(5), text(0.25), text(-0.0)
    ('0.999999', '5', '0.25', '0')
    """
    return f"{value + 0:.6g}"  # the sum of -0.0 and 0 is 0.0


def span(seconds: float) -> str:
    """Return a span of time for a sentence, in the unit that people use; never less than it is.

    Examples
    --------
    >>> span(0.31), span(8.93), span(60.01), span(3600), span(86_400), span(45.01 * 86_400)
    ('0.4 s', '9 s', '60.1 s', '60 minutes', '24 hours', '45.1 days')
    """
    unit, size = next((unit, size) for unit, size, most in _UNITS if seconds < most)
    tenths = math.ceil(round(seconds / size * 10, 6))
    return f"{tenths / 10:.10g} {unit}"


def date(day_number: int) -> str:
    """Return a day as ``2026-11-20``.

    Examples
    --------
    >>> date(20_000)
    '2024-10-04'
    """
    return str(np.datetime64(day_number, "D"))


def days_between(earlier_ns: int, later_ns: int) -> float:
    """Return a span of time in days; under 0 where `later_ns` is earlier."""
    return (later_ns - earlier_ns) / NS_PER_DAY


def _distinct(sentences: list[str]) -> list[str]:
    return list(dict.fromkeys(each for each in sentences if each))
