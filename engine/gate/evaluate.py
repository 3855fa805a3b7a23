"""`evaluate`: evidence and policy in, report out. Nothing else decides about a promotion."""

from __future__ import annotations

import math

from engine.gate.evidence import (
    Evidence,
    Waiver,
    combined_hash,
    evidence_class,
    evidence_hash,
    section_hashes,
)
from engine.gate.findings import Case, NotCollected
from engine.gate.policy import Policy, policy_hash
from engine.gate.registry import ALWAYS_READ, CHECKS, Definition
from engine.gate.verdicts import GATE_VERSION, Check, Finding, Report, Verdict, overall_of
from engine.ports import EvidenceClass


def evaluate(evidence: Evidence, policy: Policy) -> Report:
    """Judge evidence: every check, whether required or not, and all required ones together.

    Parameters
    ----------
    evidence
        Raw facts; see `engine.gate.evidence`.
    policy
        The profile and the thresholds.

    Returns
    -------
    Report
        Equal for equal evidence and policy, to the byte (`verdicts.report_bytes`).

    Raises
    ------
    InputError
        If a field of the evidence does not hold what its type says: then there is no report.
    """
    case = Case(evidence, policy)
    hashes = section_hashes(evidence)
    findings = [(each, _finding_of(each, case)) for each in CHECKS]
    waivers = _waivers(evidence, findings)
    checks = tuple(_check_of(each, found, case, hashes, waivers) for each, found in findings)
    return Report(
        gate_version=GATE_VERSION,
        profile=policy.profile.value,
        strategy=evidence.subject.strategy,
        fingerprint=evidence.subject.fingerprint,
        overall=overall_of(checks),
        evidence_class=evidence_class(evidence),
        evaluated_ns=evidence.evaluated_ns,
        evidence_hash=evidence_hash(evidence),
        policy_hash=policy_hash(policy),
        checks=checks,
    )


def _finding_of(definition: Definition, case: Case) -> Finding:
    """Run a check; whatever happens in it is an answer, and never PASS."""
    try:
        found = definition.check(case)
    except NotCollected as missing:
        return Finding(
            verdict=Verdict.INSUFFICIENT,
            sentence=f"Not there: {missing}.",
            would_change=missing.would_change,
        )
    except Exception as error:  # noqa: BLE001  (a check that breaks has found nothing in favour)
        return Finding(
            verdict=Verdict.FAIL,
            sentence=f"The evidence cannot be judged: {error or type(error).__name__}.",
            would_change="Evidence without this fault.",
        )
    if found.verdict is Verdict.PASS and not _is_finite(found.value):
        return Finding(
            verdict=Verdict.FAIL,
            sentence=f"Its figure is no finite number: {found.sentence}",
            would_change="Evidence without this fault.",
        )
    return found


def _is_finite(value: float | None) -> bool:
    return value is None or math.isfinite(value)


def _waivers(evidence: Evidence, findings: list[tuple[Definition, Finding]]) -> dict[str, Waiver]:
    """Return the waivers of an approval that holds, by check."""
    approved = any(each.id == "R12" and found.verdict is Verdict.PASS for each, found in findings)
    if not approved or evidence.approval is None:
        return {}
    return {waiver.check: waiver for waiver in evidence.approval.waivers}


def _check_of(
    definition: Definition,
    found: Finding,
    case: Case,
    hashes: dict[str, str],
    waivers: dict[str, Waiver],
) -> Check:
    exempt = definition.is_real_only and case.evidence_class is EvidenceClass.REHEARSAL
    waiver = waivers.get(definition.id) if definition.is_waivable else None
    is_waived = waiver is not None and found.verdict is not Verdict.PASS
    return Check(
        id=definition.id,
        name=definition.name,
        verdict=found.verdict,
        value=found.value,
        threshold=found.threshold,
        unit=definition.unit,
        sentence=found.sentence,
        would_change=found.would_change,
        is_required=case.policy.profile in definition.profiles and not exempt,
        is_waivable=definition.is_waivable,
        is_waived=is_waived,
        waiver=waiver.reason if waiver is not None and is_waived else "",
        inputs_hash=combined_hash([hashes[name] for name in (*ALWAYS_READ, *definition.reads)]),
    )
