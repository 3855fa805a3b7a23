"""What the gate answers: a verdict per check, and a report that is the same bytes for the same evidence."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec

from engine.ports import EvidenceClass

GATE_VERSION = "1"


class Verdict(StrEnum):
    """The answer of a check, or of all required ones together."""

    PASS = "PASS"
    FAIL = "FAIL"  # the evidence contradicts the requirement
    INSUFFICIENT = "INSUFFICIENT"  # more time or data could change it


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check has found.

    Parameters
    ----------
    value
        What was computed; None where it is not defined.
    threshold
        What it was compared with; None where the check compares several things.
    sentence
        One plain sentence.
    would_change
        What would have to happen for another answer; empty on PASS.
    """

    verdict: Verdict
    sentence: str
    value: float | int | None = None
    threshold: float | int | None = None
    would_change: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its place in the report.

    Parameters
    ----------
    id, name
        ``R01`` and ``backtest_sharpe``.
    is_required
        Whether the overall verdict depends on it, by profile and evidence class.
    is_waivable, is_waived
        Whether an approver may do without it, and whether one has; `waiver` is the reason.
    inputs_hash
        SHA-256 over the sections of the evidence that it has read.
    """

    id: str
    name: str
    verdict: Verdict
    value: float | int | None
    threshold: float | int | None
    unit: str
    sentence: str
    would_change: str
    is_required: bool
    is_waivable: bool
    is_waived: bool
    waiver: str
    inputs_hash: str

    @property
    def counts(self) -> bool:
        """Whether the overall verdict depends on it."""
        return self.is_required and not self.is_waived


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The gate's answer.

    Parameters
    ----------
    overall
        FAIL where a check that counts failed, else INSUFFICIENT where one is, else PASS.
    evidence_class
        What a certificate out of it may open.
    evidence_hash
        Of the evidence without its approval: what an approver signs.
    policy_hash
        Of the profile and all thresholds.
    """

    gate_version: str
    profile: str
    strategy: str
    fingerprint: str
    overall: Verdict
    evidence_class: EvidenceClass
    evaluated_ns: int
    evidence_hash: str
    policy_hash: str
    checks: tuple[Check, ...]

    def __getitem__(self, check_id: str) -> Check:
        """Return a check by its id; KeyError where there is none."""
        return {check.id: check for check in self.checks}[check_id]

    @property
    def open_checks(self) -> tuple[Check, ...]:
        """The checks that keep the overall verdict from PASS."""
        return tuple(c for c in self.checks if c.counts and c.verdict is not Verdict.PASS)

    @property
    def awaits_approval(self) -> bool:
        """Whether an approval, with waivers where needed, is all that is missing: a request may be made."""
        asked = self["R12"]
        others = [check for check in self.open_checks if check.id != asked.id]
        return asked.verdict is Verdict.INSUFFICIENT and all(each.is_waivable for each in others)


def overall_of(checks: tuple[Check, ...]) -> Verdict:
    """Return the verdict of all checks that count together; no check at all is no PASS."""
    verdicts = [check.verdict for check in checks if check.counts]
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    if Verdict.INSUFFICIENT in verdicts or not verdicts:
        return Verdict.INSUFFICIENT
    return Verdict.PASS


def report_bytes(report: Report) -> bytes:
    """Return a report as canonical JSON: keys sorted, numbers other than integers as text.

    A value is written with ten significant digits, so that the last bit of a machine's arithmetic does
    not change the bytes.
    """
    return canonical_json(msgspec.to_builtins(report))


def report_hash(report: Report) -> str:
    """Return the SHA-256 of `report_bytes`."""
    return hashlib.sha256(report_bytes(report)).hexdigest()


def canonical_json(value: object) -> bytes:
    """Return JSON with sorted keys, integers and strings only.

    Examples
    --------
    >>> canonical_json({"b": 0.1, "a": (1, None, True, -0.0)})
    b'{"a":[1,null,true,"0"],"b":"0.1"}'
    """
    return msgspec.json.encode(_plain(value), order="deterministic")


def _plain(value: object) -> object:
    match value:
        case float():
            return format(value + 0, ".10g")  # the sum of -0.0 and 0 is 0.0
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
