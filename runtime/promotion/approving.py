"""From a report that passed to a certificate: request, approval, certificate, each a file of its own.

    request        made where the gate ran, signed with its key; with a second person, also by the author
    approval       made where the approver's key is, which may be another machine without a network
    certificate    made where the gate's key is, out of the approval

Author and approver sign what they see; the gate signs last, what both of them have seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine.errors import InputError
from engine.gate.verdicts import Report, Verdict, report_hash
from engine.model.units import NS_PER_DAY
from engine.ports import Environment, EvidenceClass
from runtime.promotion.certificate import CLOCK_TOLERANCE_NS, Known
from runtime.promotion.document import (
    VALID_DAYS,
    Certificate,
    Document,
    Stage,
    Trusted,
    body_bytes,
    check_signed,
    read_document,
    requested,
)
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.keys import Signer
from runtime.promotion.limits import AllowedLimits
from runtime.promotion.problems import Code, Problem
from runtime.promotion.signing import APPROVER, AUTHOR, GATE, REQUEST

APPROVAL_CHECK = "R12"
REQUEST_DAYS = 7  # so long a request may wait: the evidence gets old


def new_body(
    report: Report,
    fingerprint: Fingerprint,
    *,
    family: str,
    serial: int,
    attempts: int,
    author: str,
    gate_key: str,
    author_key: str = "",
    limits: AllowedLimits,
    stage: Stage = Stage.PROBATION,
    evidence: Mapping[str, str] | None = None,
) -> Certificate:
    """Return what a report that passed lets be requested.

    Parameters
    ----------
    report
        Only the approval may be missing, and what an approver may waive.
    fingerprint
        What was judged, where and for whom.
    limits
        Of the workspace.
    evidence
        More hashes by name, beside that of the whole evidence.

    Raises
    ------
    InputError
        If the report is no PASS, is of something else, or of evidence that cannot open the environment.
    """
    _require_pass(report, fingerprint)
    return Certificate(
        serial=serial,
        strategy=fingerprint.strategy,
        family=family,
        fingerprint=fingerprint.core,
        parts=dict(fingerprint.parts),
        venue=fingerprint.venue,
        environment=fingerprint.environment,
        account=fingerprint.account,
        evidence_class=report.evidence_class.value,
        evidence={**(evidence or {}), "evidence": report.evidence_hash},
        report=report_hash(report),
        profile=report.profile,
        policy=report.policy_hash,
        gate_version=report.gate_version,
        stage=stage.value,
        limits=limits,
        attempts=attempts,
        open_checks=[each.id for each in report.open_checks if each.id != APPROVAL_CHECK],
        author=author,
        author_key=author_key,
        gate_key=gate_key,
        issued_ns=report.evaluated_ns,
        expires_ns=report.evaluated_ns + VALID_DAYS * NS_PER_DAY,
    )


def _require_pass(report: Report, fingerprint: Fingerprint) -> None:
    if report.overall is not Verdict.PASS and not report.awaits_approval:
        problem = f"the gate has answered {report.overall.value}"
    elif (report.fingerprint, report.strategy) != (fingerprint.core, fingerprint.strategy):
        problem = "the report is of another strategy, or of another state of it"
    elif not fingerprint.account or not fingerprint.venue:
        problem = "a certificate is for one account at one venue"
    elif (
        report.evidence_class is not EvidenceClass.REAL
        and fingerprint.environment != Environment.REHEARSAL
    ):
        problem = "evidence of a rehearsal opens rehearsal venues only"
    else:
        return
    raise InputError(
        f"no certificate can be requested: {problem}",
        remedy="`trader promote` says what is missing",
        code="promotion.no_pass",
    )


def new_request(body: Certificate, gate: Signer, author: Signer | None = None) -> Document:
    """Return a request, signed with the gate's key and, with a second person, by its author."""
    assert gate.key == body.gate_key, "the body names another gate"
    assert (author.key if author else "") == body.author_key, "the body names another author"
    content = body_bytes(requested(body))
    signatures = {REQUEST: gate.sign(REQUEST, content)}
    if author is not None:
        signatures[AUTHOR] = author.sign(AUTHOR, content)
    return Document(requested(body), signatures)


def read_request(content: bytes, trusted: Trusted, now_ns: int) -> Document | Problem:
    """Return a request if it is one that may be approved now."""
    document = read_document(content)
    if isinstance(document, Problem):
        return document
    if APPROVER in document.signatures or GATE in document.signatures:
        return Problem(
            Code.UNSIGNED, "this is no request: it was approved already", "give the request's file"
        )
    if document.body != requested(document.body):
        return Problem(
            Code.DAMAGED,
            "the request names an approver or waivers already",
            "bring back the file as it was written",
        )
    return (
        check_signed(document, (REQUEST,), trusted) or _check_age(document.body, now_ns) or document
    )


def approve(
    request: Document,
    approver: Signer,
    trusted: Trusted,
    now_ns: int,
    waivers: Mapping[str, str] | None = None,
) -> Document | Problem:
    """Return a request as approved.

    Parameters
    ----------
    request
        Of `read_request`.
    waivers
        Each of the request's open checks, and why it is done without.
    """
    body = msgspec.structs.replace(
        request.body,
        approver=approver.public.name,
        approver_key=approver.key,
        approved_ns=now_ns,
        waivers=dict(waivers or {}),
    )
    signature = approver.sign(APPROVER, body_bytes(body))
    document = Document(body, {**request.signatures, APPROVER: signature})
    return _check_approval(document, trusted, now_ns) or document


def read_approval(content: bytes, trusted: Trusted, now_ns: int) -> Document | Problem:
    """Return an approval if a certificate may be issued for it now."""
    document = read_document(content)
    if isinstance(document, Problem):
        return document
    return _check_approval(document, trusted, now_ns) or document


def issue(
    approval: Document, gate: Signer, trusted: Trusted, known: Known, now_ns: int
) -> Document | Problem:
    """Return the certificate of an approval.

    Parameters
    ----------
    approval
        Of `approve` or `read_approval`.
    """
    body = approval.body
    problem = _check_approval(approval, trusted, now_ns) or _check_serial(body, known)
    if problem is not None:
        return problem
    if gate.key != body.gate_key:
        return Problem(
            Code.UNKNOWN_KEY,
            "the request was signed with another gate key",
            "issue the certificate with the key that has signed its request",
        )
    kept = {role: text for role, text in approval.signatures.items() if role in (AUTHOR, APPROVER)}
    return Document(body, {**kept, GATE: gate.sign(GATE, body_bytes(body))})


def _check_approval(document: Document, trusted: Trusted, now_ns: int) -> Problem | None:
    return check_signed(document, (REQUEST, APPROVER), trusted) or _check_age(document.body, now_ns)


def _check_age(body: Certificate, now_ns: int) -> Problem | None:
    if now_ns < max(body.issued_ns, body.approved_ns) - CLOCK_TOLERANCE_NS:
        return Problem(
            Code.NOT_YET, "the request is of a time that has not come", "set the clock right"
        )
    if now_ns >= body.issued_ns + REQUEST_DAYS * NS_PER_DAY:
        return Problem(
            Code.EXPIRED,
            f"the request is older than {REQUEST_DAYS} days",
            "`trader promote --request` judges the strategy anew",
        )
    return None


def _check_serial(body: Certificate, known: Known) -> Problem | None:
    if known.problem:
        return Problem(Code.RECORD, known.problem, "restore the newest copy")
    seen = known.serials.get((body.account, body.family), 0)
    if body.serial <= seen:
        return Problem(
            Code.SERIAL,
            f"the request has serial {body.serial}, and {seen} was issued already",
            "approve the newest request",
        )
    return None
