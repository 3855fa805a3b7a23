"""From a report that passed to a certificate, through hands that need not trust each other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.errors import InputError
from engine.gate.verdicts import Check, Report, Verdict, overall_of
from engine.ports import EvidenceClass
from runtime.promotion.approving import (
    approve,
    issue,
    new_body,
    new_request,
    read_approval,
    read_request,
)
from runtime.promotion.certificate import Known, VerifiedCertificate, verify
from runtime.promotion.document import Certificate, Document, Stage, Trusted
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.keys import Signer
from runtime.promotion.problems import Code, Problem
from tests.unit.promotion.certificates import (
    ALONE,
    ANNA,
    BERT,
    DAY,
    FALSE_GATE,
    FOUR_EYES,
    MALLORY,
    NOW,
    RUNS,
    THE_GATE,
    UNLIMITED,
    like,
)


def check(name: str, verdict: Verdict, *, is_waivable: bool = False) -> Check:
    return Check(
        id=name, name=name, verdict=verdict, value=1.5, threshold=1.0, unit="", sentence="",
        would_change="", is_required=True, is_waivable=is_waivable, is_waived=False,
        waiver="", inputs_hash="",
    )  # fmt: skip


AWAITING = (check("R01", Verdict.PASS), check("R12", Verdict.INSUFFICIENT))


def report(*checks: Check, runs: Fingerprint = RUNS) -> Report:
    """Return a report; by default one in which only the approval is missing."""
    checks = checks or AWAITING
    return Report(
        gate_version="1", profile="standard", strategy=runs.strategy, fingerprint=runs.core,
        overall=overall_of(checks), evidence_class=EvidenceClass.REAL, evaluated_ns=NOW - DAY,
        evidence_hash="b" * 64, policy_hash="d" * 64, checks=checks,
    )  # fmt: skip


def body(
    made: Report | None = None, runs: Fingerprint = RUNS, author: Signer | None = None
) -> Certificate:
    return new_body(
        made or report(),
        runs,
        family="f" * 64,
        serial=1,
        attempts=2,
        author="bert@desk",
        author_key="" if author is None else author.key,
        gate_key=THE_GATE.key,
        limits=UNLIMITED,
    )


def done(found: Document | Problem) -> Document:
    assert isinstance(found, Document), found
    return found


def refused(found: Document | Problem) -> Code:
    assert isinstance(found, Problem)
    return found.code


def verdict_of(document: Document, trusted: Trusted) -> VerifiedCertificate | Problem:
    return verify(document.to_bytes(), fingerprint=RUNS, known=Known(), trusted=trusted, now_ns=NOW)


@pytest.mark.parametrize(
    ("author", "approver", "trusted"),
    [(None, ANNA, ALONE), (BERT, ANNA, FOUR_EYES)],
    ids=["one person", "two persons"],
)
def test_a_request_is_approved_and_becomes_a_certificate(
    author: Signer | None, approver: Signer, trusted: Trusted
) -> None:
    """Each step reads the file of the one before, as another machine would."""
    request = new_request(body(author=author), THE_GATE, author).to_bytes()
    seen = done(read_request(request, trusted, NOW))
    approval = done(approve(seen, approver, trusted, NOW)).to_bytes()
    signed = done(read_approval(approval, trusted, NOW))
    certificate = done(issue(signed, THE_GATE, trusted, Known(), NOW))
    verdict = verdict_of(certificate, trusted)
    assert isinstance(verdict, VerifiedCertificate)
    made = verdict.certificate
    assert (made.approver, made.approved_ns) == ("anna", NOW)
    assert (made.issued_ns, made.expires_ns) == (NOW - DAY, NOW + 29 * DAY)
    assert verdict.stage is Stage.PROBATION


def test_neither_a_request_nor_an_approval_is_a_certificate() -> None:
    request = new_request(body(), THE_GATE)
    approval = done(approve(request, ANNA, ALONE, NOW))
    for document in (request, approval):
        verdict = verdict_of(document, ALONE)
        assert isinstance(verdict, Problem)
        assert verdict.code is Code.UNSIGNED


def test_the_gate_has_to_have_passed() -> None:
    for checks in (
        (check("R01", Verdict.FAIL), check("R12", Verdict.INSUFFICIENT)),
        (check("R01", Verdict.INSUFFICIENT), check("R12", Verdict.INSUFFICIENT)),
        (check("R12", Verdict.FAIL),),
    ):
        with pytest.raises(InputError, match="no certificate can be requested"):
            body(report(*checks))


def test_a_request_is_of_what_was_judged() -> None:
    with pytest.raises(InputError, match="another state of it"):
        body(report(), like(RUNS, exits__stop_loss_percent="50"))
    with pytest.raises(InputError, match="another strategy"):
        body(report(), like(RUNS, strategy="reversion"))
    nowhere = like(RUNS, account="")
    with pytest.raises(InputError, match="one account at one venue"):
        body(report(runs=nowhere), nowhere)


def test_a_rehearsal_asks_for_rehearsal_venues_only() -> None:
    rehearsed = replace(report(), evidence_class=EvidenceClass.REHEARSAL)
    with pytest.raises(InputError, match="rehearsal venues only"):
        body(rehearsed)
    made = body(rehearsed, like(RUNS, environment="rehearsal"))
    assert (made.environment, made.evidence_class) == ("rehearsal", "rehearsal")


OPEN = check("S10", Verdict.FAIL, is_waivable=True)


def test_what_may_be_waived_is_waived_by_the_approver() -> None:
    request = new_request(body(report(*AWAITING, OPEN)), THE_GATE)
    assert request.body.open_checks == ["S10"]
    assert refused(approve(request, ANNA, ALONE, NOW)) is Code.WAIVER
    assert refused(approve(request, ANNA, ALONE, NOW, {"S10": ""})) is Code.WAIVER
    assert refused(approve(request, ANNA, ALONE, NOW, {"S10": "x", "R01": "y"})) is Code.WAIVER
    approval = done(approve(request, ANNA, ALONE, NOW, {"S10": "it trades takeovers"}))
    certificate = done(issue(approval, THE_GATE, ALONE, Known(), NOW))
    assert certificate.body.waivers == {"S10": "it trades takeovers"}
    other = replace(certificate.body, waivers={"S10": "it is fine"})
    verdict = verdict_of(Document(other, certificate.signatures), ALONE)
    assert isinstance(verdict, Problem)
    assert verdict.code is Code.SIGNATURE


def test_a_request_does_not_bring_its_waivers_along() -> None:
    request = new_request(body(report(*AWAITING, OPEN)), THE_GATE)
    waived = Document(replace(request.body, waivers={"S10": "I say so"}), request.signatures)
    assert refused(read_request(waived.to_bytes(), ALONE, NOW)) is Code.DAMAGED
    nothing_open = Document(replace(request.body, open_checks=[]), request.signatures)
    assert refused(read_request(nothing_open.to_bytes(), ALONE, NOW)) is Code.SIGNATURE


def test_an_author_does_not_approve_himself() -> None:
    request = new_request(body(author=ANNA), THE_GATE, ANNA)
    assert refused(approve(request, ANNA, FOUR_EYES, NOW)) is Code.FOUR_EYES


def test_an_author_is_signed_for_where_two_persons_are_needed() -> None:
    request = new_request(body(), THE_GATE)
    assert refused(read_request(request.to_bytes(), FOUR_EYES, NOW)) is Code.FOUR_EYES


def test_an_author_who_is_named_has_signed_also_where_one_person_is_enough() -> None:
    request = new_request(body(author=ANNA), THE_GATE, ANNA)
    alone = Document(request.body, {"request": request.signatures["request"]})
    assert refused(read_request(alone.to_bytes(), ALONE, NOW)) is Code.UNSIGNED


def test_somebody_who_is_not_known_approves_nothing() -> None:
    request = new_request(body(), THE_GATE)
    assert refused(approve(request, MALLORY, ALONE, NOW)) is Code.UNKNOWN_KEY


def test_a_request_of_a_false_gate_is_not_approved() -> None:
    made = replace(body(), gate_key=FALSE_GATE.key)
    request = new_request(made, FALSE_GATE)
    assert refused(read_request(request.to_bytes(), ALONE, NOW)) is Code.UNKNOWN_KEY
    forged = new_request(replace(made, gate_key=FALSE_GATE.key), FALSE_GATE)
    as_ours = Document(replace(forged.body, gate_key=THE_GATE.key), forged.signatures)
    assert refused(read_request(as_ours.to_bytes(), ALONE, NOW)) is Code.SIGNATURE


def test_what_is_approved_is_what_was_requested() -> None:
    request = new_request(body(), THE_GATE)
    larger = Document(replace(request.body, stage="FULL"), request.signatures)
    assert refused(approve(larger, ANNA, ALONE, NOW)) is Code.SIGNATURE


def test_an_approval_is_no_request_and_cannot_be_approved_twice() -> None:
    approval = done(approve(new_request(body(), THE_GATE), ANNA, ALONE, NOW))
    assert refused(read_request(approval.to_bytes(), ALONE, NOW)) is Code.UNSIGNED


def test_a_request_gets_old() -> None:
    request = new_request(body(), THE_GATE)  # of yesterday
    late = NOW + 6 * DAY
    assert isinstance(read_request(request.to_bytes(), ALONE, late - 1), Document)
    assert refused(read_request(request.to_bytes(), ALONE, late)) is Code.EXPIRED
    assert refused(approve(request, ANNA, ALONE, late)) is Code.EXPIRED
    approval = done(approve(request, ANNA, ALONE, NOW))
    assert refused(issue(approval, THE_GATE, ALONE, Known(), late)) is Code.EXPIRED


def test_a_request_is_not_of_tomorrow() -> None:
    request = new_request(body(), THE_GATE)
    assert refused(read_request(request.to_bytes(), ALONE, NOW - 2 * DAY)) is Code.NOT_YET


def test_a_serial_is_issued_once() -> None:
    approval = done(approve(new_request(body(), THE_GATE), ANNA, ALONE, NOW))
    place = (RUNS.account, "f" * 64)
    assert isinstance(issue(approval, THE_GATE, ALONE, Known({place: 0}), NOW), Document)
    assert refused(issue(approval, THE_GATE, ALONE, Known({place: 1}), NOW)) is Code.SERIAL


def test_nothing_is_issued_on_a_record_that_cannot_be_trusted() -> None:
    approval = done(approve(new_request(body(), THE_GATE), ANNA, ALONE, NOW))
    assert refused(issue(approval, THE_GATE, ALONE, Known(problem="altered"), NOW)) is Code.RECORD


def test_the_gate_that_has_asked_issues() -> None:
    trusted = Trusted(ALONE.gates | {FALSE_GATE.key}, ALONE.approvers)
    approval = done(approve(new_request(body(), THE_GATE), ANNA, trusted, NOW))
    assert refused(issue(approval, FALSE_GATE, trusted, Known(), NOW)) is Code.UNKNOWN_KEY
