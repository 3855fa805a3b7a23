"""Every way in which a certificate does not let a strategy trade, and the one in which it does."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gate.policy import DEFAULT, Policy, Profile, RiskMaximum
from runtime.promotion.certificate import Known, VerifiedCertificate, verify
from runtime.promotion.document import Document, Trusted, read_document
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.limits import AllowedLimits
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
    body_of,
    file_of,
    like,
    signed,
)

GOOD = file_of()
NOTHING_KNOWN = Known()
THIS = body_of()
PLACE = (THIS.account, THIS.family)


def capped(percent: str, name: str = "exits.stop_loss_percent") -> Policy:
    """Return the policy of a workspace that bounds a limit; the certificate's strategy has 15."""
    return Policy(risk_maxima=(RiskMaximum(name, percent),))


@dataclass(frozen=True)
class At:
    """A situation in which a certificate is verified; each test changes one thing of it."""

    content: bytes | None = GOOD
    runs: Fingerprint = RUNS
    known: Known = NOTHING_KNOWN
    trusted: Trusted = ALONE
    now_ns: int = NOW
    gate_version: str = "1"
    policy: Policy = DEFAULT

    def verdict(self) -> VerifiedCertificate | Problem:
        return verify(
            self.content,
            fingerprint=self.runs,
            known=self.known,
            trusted=self.trusted,
            now_ns=self.now_ns,
            gate_version=self.gate_version,
            policy=self.policy,
        )


def test_a_certificate_for_what_runs_is_verified() -> None:
    verdict = At().verdict()
    assert isinstance(verdict, VerifiedCertificate)
    assert verdict.certificate == THIS
    assert verdict.stage.limits_percent == 25
    assert verdict.verified_ns == NOW


def test_a_full_certificate_lets_the_whole_limits_be_used() -> None:
    verdict = At(file_of(stage="FULL")).verdict()
    assert isinstance(verdict, VerifiedCertificate)
    assert verdict.stage.limits_percent == 100


@pytest.mark.parametrize(
    ("profile", "policy"),
    [
        ("strict", Policy()),
        ("seed", Policy(profile=Profile.SEED)),
        ("standard", capped("15")),
    ],
)
def test_a_certificate_of_as_much_as_the_workspace_asks_for_or_more_is_verified(
    profile: str, policy: Policy
) -> None:
    verdict = At(file_of(profile=profile), policy=policy).verdict()
    assert isinstance(verdict, VerifiedCertificate)


def edited(before: bytes, after: bytes) -> bytes:
    assert GOOD.count(before) == 1
    return GOOD.replace(before, after)


REHEARSAL = like(RUNS, environment="rehearsal")
ONE_PERSON_TWICE = body_of(author_key=ANNA.key, author="anna")
TWO_PERSONS = body_of(author_key=BERT.key, author="bert")

# What is wrong, the situation, the code, and what the sentence has to tell.
REFUSALS: list[tuple[str, At, Code, str]] = [
    ("no certificate", At(None), Code.MISSING, "there is no certificate"),
    ("an empty file", At(b""), Code.DAMAGED, "torn"),
    ("a torn file", At(GOOD[:-20]), Code.DAMAGED, "torn"),
    ("a file without its last line break", At(GOOD[:-1]), Code.DAMAGED, "torn"),
    ("a file with spaces", At(edited(b'"serial":', b'"serial": ')), Code.DAMAGED, "edited"),
    ("a file with one more line", At(GOOD + b"\n"), Code.DAMAGED, "edited"),
    ("a field more", At(edited(b'"serial":3', b'"serial":3,"size":1')), Code.DAMAGED, "edited"),
    ("a fraction", At(edited(b'"serial":3', b'"serial":3.0')), Code.DAMAGED, "edited"),
    ("a field twice", At(edited(b'"serial":3', b'"serial":3,"serial":3')), Code.DAMAGED, "edited"),
    ("another format", At(edited(b'"format":2', b'"format":3')), Code.FORMAT, "format 3"),
    (
        "another format with other fields",
        At(edited(b'"format":2', b'"format":3,"more":1')),
        Code.FORMAT,
        "format 3",
    ),
    (
        "one of before there were limits",
        At(re.sub(rb'"limits":{.*?},', b"", edited(b'"format":2', b'"format":1'))),
        Code.FORMAT,
        "the certificate has format 1, and this version of trader reads 2",
    ),
    ("an unknown stage", At(file_of(stage="HALF")), Code.FORMAT, "'HALF'"),
    (
        "parts that are not the fingerprint's",
        At(file_of(parts=dict(like(RUNS, venue="x").parts))),
        Code.FORMAT,
        "parts",
    ),
    ("a place that is not the parts'", At(file_of(venue="binance")), Code.FORMAT, "another place"),
    ("31 days", At(file_of(expires_ns=NOW + 30 * DAY)), Code.FORMAT, "30 days"),
    ("an edited field", At(edited(b'"serial":3', b'"serial":4')), Code.SIGNATURE, "was edited"),
    ("an edited waiver", At(edited(b"takeover", b"mistake!")), Code.SIGNATURE, "was edited"),
    (
        "an unknown gate",
        At(signed(body_of(gate_key=FALSE_GATE.key), gate=FALSE_GATE).to_bytes()),
        Code.UNKNOWN_KEY,
        "key of the gate",
    ),
    (
        "an unknown approver",
        At(signed(body_of(approver_key=MALLORY.key), approver=MALLORY).to_bytes()),
        Code.UNKNOWN_KEY,
        "key of the approver",
    ),
    (
        "an approver's key in the gate's place",
        At(signed(body_of(gate_key=ANNA.key), gate=ANNA).to_bytes()),
        Code.UNKNOWN_KEY,
        "key of the gate",
    ),
    (
        "a signature of somebody else",
        At(signed(THIS, approver=MALLORY).to_bytes()),
        Code.SIGNATURE,
        "signature of the approver",
    ),
    (
        "the gate's signature in the approver's place",
        At(
            Document(
                THIS, {role: signed(THIS).signatures["gate"] for role in ("gate", "approver")}
            ).to_bytes()
        ),
        Code.SIGNATURE,
        "signature of the approver",
    ),
    (
        "no signature of the gate",
        At(signed(THIS, gate=None).to_bytes()),
        Code.UNSIGNED,
        "signature of the gate is missing",
    ),
    (
        "no signature of the approver",
        At(signed(THIS, approver=None).to_bytes()),
        Code.UNSIGNED,
        "signature of the approver is missing",
    ),
    (
        "a check that was not passed and not waived",
        At(file_of(waivers={})),
        Code.WAIVER,
        "S10",
    ),
    ("a waiver without a reason", At(file_of(waivers={"S10": " "})), Code.WAIVER, "S10"),
    (
        "a waiver of what cannot be waived",
        At(file_of(waivers={"S10": "once", "R01": "it looks good"})),
        Code.WAIVER,
        "may not be: R01",
    ),
    (
        "an author who approves alone what needs two",
        At(trusted=FOUR_EYES),
        Code.FOUR_EYES,
        "who has asked",
    ),
    (
        "an author who approves himself",
        At(signed(ONE_PERSON_TWICE, author=ANNA).to_bytes(), trusted=FOUR_EYES),
        Code.FOUR_EYES,
        "anna has asked for the certificate and approved it too",
    ),
    (
        "an author who has not signed",
        At(signed(TWO_PERSONS).to_bytes(), trusted=FOUR_EYES),
        Code.UNSIGNED,
        "signature of the author is missing",
    ),
    (
        "an author whose name somebody has used",
        At(signed(TWO_PERSONS, author=ANNA).to_bytes(), trusted=FOUR_EYES),
        Code.SIGNATURE,
        "signature of the author",
    ),
    (
        "an expired one",
        At(now_ns=THIS.expires_ns),
        Code.EXPIRED,
        "expired at 2027-02-13T08:00:00Z",
    ),
    ("one from the future", At(now_ns=THIS.issued_ns - 1), Code.NOT_YET, "was issued at"),
    (
        "a clock that was moved back to when it was valid",
        At(known=Known(last_ns=NOW + 61 * 10**9)),
        Code.CLOCK,
        "the clock was moved back",
    ),
    (
        "a revoked one",
        At(known=Known(revoked={THIS.id: "wrong account (anna)"})),
        Code.REVOKED,
        "wrong account (anna)",
    ),
    (
        "a suspended one",
        At(known=Known(suspended={THIS.id: "drift: fast"})),
        Code.SUSPENDED,
        "drift: fast",
    ),
    ("an older serial", At(known=Known({PLACE: 4})), Code.SERIAL, "serial 3, and 4"),
    (
        "a record that was put back",
        At(known=Known(problem="the database was put back to an old copy")),
        Code.RECORD,
        "old copy",
    ),
    (
        "that of another strategy",
        At(runs=like(RUNS, strategy="reversion")),
        Code.STRATEGY,
        "'momentum', not of 'reversion'",
    ),
    ("an older gate", At(file_of(gate_version="0")), Code.GATE, "version 0"),
    ("a newer gate", At(gate_version="2"), Code.GATE, "this is 2"),
    ("a weaker profile", At(file_of(profile="seed")), Code.PROFILE, "standard, and it has seed"),
    ("an unknown profile", At(file_of(profile="lax")), Code.PROFILE, "'lax' is unknown"),
    (
        "a stricter workspace",
        At(policy=Policy(profile=Profile.STRICT)),
        Code.PROFILE,
        "strict, and it has standard",
    ),
    ("a limit that is lower now", At(policy=capped("14.99")), Code.PROFILE, "14.99, and it has 15"),
    ("a limit that it lacks", At(policy=capped("5", "risk.none")), Code.PROFILE, "has none"),
    (
        "an edited file",
        At(runs=like(RUNS, exits__stop_loss_percent="50")),
        Code.FINGERPRINT,
        "[exits] stop_loss_percent was changed: 50, it was 15",
    ),
    (
        "other code",
        At(runs=like(RUNS, code__engine="0" * 64)),
        Code.FINGERPRINT,
        "the engine's code is another",
    ),
    (
        "another venue",
        At(runs=like(RUNS, venue="binance")),
        Code.FINGERPRINT,
        "the venue is binance, it was alpaca",
    ),
    ("another account", At(runs=like(RUNS, account="0" * 64)), Code.ACCOUNT, "another account"),
    ("no account", At(runs=like(RUNS, account="")), Code.ACCOUNT, "another account"),
    (
        "a live one on paper",
        At(runs=like(RUNS, environment="paper")),
        Code.ENVIRONMENT,
        "for the environment 'live', and this is 'paper'",
    ),
    (
        "that of a rehearsal at a live venue",
        At(file_of(REHEARSAL, evidence_class="rehearsal")),
        Code.ENVIRONMENT,
        "for the environment 'rehearsal', and this is 'live'",
    ),
    (
        "evidence of a rehearsal for a live venue",
        At(file_of(evidence_class="rehearsal")),
        Code.REHEARSAL,
        "rehearsal venues only",
    ),
]


@pytest.mark.parametrize(
    ("at", "code", "told"), [each[1:] for each in REFUSALS], ids=[e[0] for e in REFUSALS]
)
def test_what_is_wrong_is_refused_by_its_name(at: At, code: Code, told: str) -> None:
    verdict = at.verdict()
    assert isinstance(verdict, Problem)
    assert verdict.code is code
    assert told in verdict.sentence
    assert verdict.remedy


def test_every_code_has_a_refusal() -> None:
    by_session = {Code.LIMITS}  # it knows them: see `runtime.session.live`
    assert {each[2] for each in REFUSALS} == set(Code) - {Code.FAULT} - by_session


@pytest.mark.parametrize(
    "at",
    [
        At(signed(TWO_PERSONS, author=BERT).to_bytes(), trusted=FOUR_EYES),
        At(file_of(REHEARSAL, evidence_class="rehearsal"), runs=REHEARSAL),
        At(file_of(REHEARSAL), runs=REHEARSAL),
        At(known=Known({PLACE: 3})),
        At(known=Known({(THIS.account, "another family"): 9})),
        At(known=Known(last_ns=NOW + 60 * 10**9)),
        At(now_ns=THIS.issued_ns),
        At(now_ns=THIS.expires_ns - 1),
    ],
    ids=[
        "two persons",
        "rehearsed for a rehearsal",
        "more than a rehearsal asks for",
        "the serial that was seen",
        "a serial of another family",
        "clocks of two machines",
        "the first moment",
        "the last moment",
    ],
)
def test_what_is_right_is_verified(at: At) -> None:
    assert isinstance(at.verdict(), VerifiedCertificate)


def test_no_bit_of_a_certificate_can_be_another() -> None:
    bits = range(len(GOOD) * 8)
    assert [bit for bit in bits if not isinstance(At(flipped(GOOD, bit)).verdict(), Problem)] == []


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


@given(st.binary(max_size=300))
def test_no_bytes_that_nobody_has_signed_are_a_certificate(content: bytes) -> None:
    assert isinstance(At(content).verdict(), Problem)


@pytest.mark.parametrize("field", [each.name for each in msgspec.structs.fields(type(THIS))])
def test_each_field_is_signed(field: str) -> None:
    """A body with one other value, under the signatures of the right one."""
    value = getattr(THIS, field)
    other = (
        value + 1
        if isinstance(value, int)
        else value + "x"
        if isinstance(value, str)
        else AllowedLimits(1, 1, 1, 1, [])
        if isinstance(value, AllowedLimits)
        else type(value)()
    )
    changed = msgspec.structs.replace(THIS, **{field: other})
    assert isinstance(At(Document(changed, signed(THIS).signatures).to_bytes()).verdict(), Problem)


class Raises:
    """Something that cannot even be looked at."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("no")


@pytest.mark.parametrize("part", ["content", "runs", "known", "trusted", "now_ns"])
def test_whatever_goes_wrong_denies(part: str) -> None:
    verdict = replace(At(), **{part: Raises()}).verdict()
    assert isinstance(verdict, Problem)
    assert verdict.code is Code.FAULT


def test_a_certificate_covers_what_runs_until_it_expires() -> None:
    verdict = At().verdict()
    assert isinstance(verdict, VerifiedCertificate)
    assert verdict.covers(RUNS, NOW)
    assert not verdict.covers(RUNS, THIS.expires_ns)
    assert not verdict.covers(RUNS, THIS.issued_ns - 1)
    assert not verdict.covers(like(RUNS, code__engine="0" * 64), NOW)


def test_what_is_read_is_what_was_written() -> None:
    document = read_document(GOOD)
    assert isinstance(document, Document)
    assert document.to_bytes() == GOOD
