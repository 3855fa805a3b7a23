"""A certificate as a file: what it says, how that is written, and whose signatures it has.

Two lines. The first is the body, canonical JSON; the second its signatures by role. What a role signs is
``trader/ROLE/1``, a line break, and the first line without its own: any Ed25519 tool can check it.

    gate        with the gate's key: the evidence has passed
    approver    with a person's key: this may trade
    author      with a person's key, where two persons are needed: I have asked for it
    request     with the gate's key, over the body without an approver: what an approver is shown

`author` and `request` are over the body as it was requested. A request has `request` (and `author`), an
approval has `approver` besides, a certificate has `gate` in the place of `request`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from engine.model.units import NS_PER_DAY
from runtime.promotion.canonical import canonical_bytes, sha256_of
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.limits import AllowedLimits
from runtime.promotion.problems import Code, Problem
from runtime.promotion.signing import APPROVER, AUTHOR, GATE, REQUEST, is_signed

FORMAT = 2
VALID_DAYS = 30


class Stage(Enum):
    """How much of its limits a strategy may use, in percent."""

    PROBATION = "PROBATION"
    FULL = "FULL"

    @property
    def limits_percent(self) -> int:
        """The part of every limit."""
        return 25 if self is Stage.PROBATION else 100


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed. Times are ns UTC; hashes 64 hexadecimal digits; keys are public, the same.

    Parameters
    ----------
    serial
        Of an account and a family, ascending: one that is lower than one seen is refused.
    strategy, family
        The strategy's name, and its family in the registry (code and market).
    fingerprint, parts
        `Fingerprint.core` of what was judged, and all its parts, with environment and account.
    account
        `account_hash` of the venue's number.
    evidence_class
        ``real`` or ``rehearsal``; the latter opens rehearsal venues only.
    evidence, report
        Hashes of what the gate has looked at, by name, and of its report when the certificate was
        requested.
    profile, policy, gate_version
        Of the gate that has judged; `policy` is the hash of its thresholds.
    stage
        See `Stage`.
    limits
        The workspace's when it was requested: larger ones are not traded under it.
    attempts
        Of this family at the gate, this one included.
    open_checks
        What was not passed and has to be waived by whoever approves.
    waivers
        Check -> why the approver does without it.
    author, approver
        Names; `author_key` is empty where one person may do both.
    gate_key
        The gate's.
    issued_ns
        When the gate has judged. `approved_ns`: when the approver has signed.
    """

    serial: int
    strategy: str
    family: str
    fingerprint: str
    parts: dict[str, str]
    venue: str
    environment: str
    account: str
    evidence_class: str
    evidence: dict[str, str]
    report: str
    profile: str
    policy: str
    gate_version: str
    stage: str
    limits: AllowedLimits
    attempts: int
    open_checks: list[str]
    author: str
    author_key: str
    gate_key: str
    issued_ns: int
    expires_ns: int
    approver: str = ""
    approver_key: str = ""
    approved_ns: int = 0
    waivers: dict[str, str] = {}
    format: int = FORMAT

    @property
    def id(self) -> str:
        """SHA-256 of the body: what revocations name."""
        return sha256_of(msgspec.to_builtins(self))


@dataclass(frozen=True, slots=True)
class Trusted:
    """Whose signatures count.

    Parameters
    ----------
    gates
        Public keys of gates.
    approvers
        Public keys of persons.
    four_eyes
        Whether author and approver have to be two of them.
    """

    gates: frozenset[str]
    approvers: frozenset[str]
    four_eyes: bool = False


# --- the file -----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Document:
    """A request, an approval or a certificate: the body and the signatures by role."""

    body: Certificate
    signatures: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return b"%s\n%s\n" % (body_bytes(self.body), canonical_bytes(dict(self.signatures)))


def body_bytes(body: Certificate) -> bytes:
    """Return the first line, which is what is signed."""
    return canonical_bytes(msgspec.to_builtins(body))


def requested(body: Certificate) -> Certificate:
    """Return a body as it was requested: without an approver and his waivers."""
    return msgspec.structs.replace(body, approver="", approver_key="", approved_ns=0, waivers={})


def read_document(content: bytes | None) -> Document | Problem:
    """Return what a file says, if it is written as it has to be and does not contradict itself."""
    if content is None:
        return Problem(
            Code.MISSING, "there is no certificate", "`trader promote` says what is missing"
        )
    try:
        first, second = content.split(b"\n")[:2]
        body = msgspec.json.decode(first, type=Certificate)
        document = Document(body, msgspec.json.decode(second, type=dict[str, str]))
        is_whole = document.to_bytes() == content
    except (ValueError, TypeError, RecursionError):
        is_whole = False
    if not is_whole:
        other = _format_of(content)
        if other not in (None, FORMAT):
            return _of_other_format(other)
        return Problem(
            Code.DAMAGED,
            "the file is torn or was edited: it is not written as it was signed",
            "bring back the file as it was issued",
        )
    if body.format != FORMAT:
        return _of_other_format(body.format)
    wrong = _contradiction(body)
    if wrong:
        return Problem(Code.FORMAT, f"the certificate {wrong}", "request a new one")
    return document


class _Format(msgspec.Struct):
    format: int


def _format_of(content: bytes) -> int | None:
    try:
        return msgspec.json.decode(content.partition(b"\n")[0], type=_Format).format
    except ValueError:
        return None


def _of_other_format(number: int | None) -> Problem:
    return Problem(
        Code.FORMAT,
        f"the certificate has format {number}, and this version of trader reads {FORMAT}",
        "use the version that has issued it, or request a new one",
    )


def _contradiction(body: Certificate) -> str:
    of_parts = Fingerprint(body.parts)
    place = (of_parts.strategy, of_parts.venue, of_parts.environment, of_parts.account)
    if body.stage not in Stage.__members__:
        return f"has an unknown stage {body.stage!r}"
    if not 0 < body.expires_ns - body.issued_ns <= VALID_DAYS * NS_PER_DAY:
        return f"is not valid for up to {VALID_DAYS} days"
    if of_parts.core != body.fingerprint:
        return "has a fingerprint that is not that of its parts"
    if place != (body.strategy, body.venue, body.environment, body.account):
        return "names another place than its parts do: it was edited"
    return ""


# --- the signatures -----------------------------------------------------------------------------------
def check_signed(document: Document, roles: Sequence[str], trusted: Trusted) -> Problem | None:
    """Say what is wrong with the signatures of some roles; four eyes are looked at with the approver's."""
    body = document.body
    if trusted.four_eyes or body.author_key:
        roles = (*roles, AUTHOR)
    for role in roles:
        problem = _check_signature(document, role, trusted)
        if problem is not None:
            return problem
    if APPROVER in roles and not _is_waived(body):
        return Problem(
            Code.WAIVER,
            _told_of_waivers(body),
            "the approver waives exactly what was not passed, each with its reason",
        )
    if trusted.four_eyes and APPROVER in roles and body.author_key == body.approver_key:
        return Problem(
            Code.FOUR_EYES,
            f"{body.author} has asked for the certificate and approved it too",
            "somebody else has to approve it: this workspace knows several approvers",
        )
    return None


def _is_waived(body: Certificate) -> bool:
    has_reasons = all(each.strip() for each in body.waivers.values())
    return has_reasons and sorted(body.waivers) == sorted(body.open_checks)


def _told_of_waivers(body: Certificate) -> str:
    with_reason = {each for each, reason in body.waivers.items() if reason.strip()}
    missing = ", ".join(sorted(set(body.open_checks) - with_reason))
    needless = ", ".join(sorted(set(body.waivers) - set(body.open_checks)))
    told = [
        f"not passed, and not waived with a reason: {missing}" if missing else "",
        f"waived, though it was passed or may not be: {needless}" if needless else "",
    ]
    return "; ".join(filter(None, told))


def _check_signature(document: Document, role: str, trusted: Trusted) -> Problem | None:
    body = document.body
    keys = {GATE: body.gate_key, REQUEST: body.gate_key, APPROVER: body.approver_key}
    key = keys.get(role, body.author_key)
    who = "the gate" if role in (GATE, REQUEST) else f"the {role}"
    signature = document.signatures.get(role, "")
    if role == AUTHOR and not key:
        return Problem(
            Code.FOUR_EYES,
            "no signature says who has asked for it",
            "request it with a key of the author's: this workspace knows several approvers",
        )
    if not signature:
        return Problem(
            Code.UNSIGNED,
            f"the signature of {who} is missing",
            "a request has to be approved, and an approval taken in, with `trader promote --approve`",
        )
    known = trusted.gates if role in (GATE, REQUEST) else trusted.approvers
    if key not in known:
        return Problem(
            Code.UNKNOWN_KEY,
            f"the key of {who} is not known here: {key[:16]}",
            "`trader keys list` shows which are; `trader keys trust FILE` takes in another",
        )
    is_of_request = role in (AUTHOR, REQUEST)
    signed = body_bytes(requested(body) if is_of_request else body)
    if not is_signed(key, role, signed, signature):
        return Problem(
            Code.SIGNATURE,
            f"the signature of {who} does not fit: the file was edited",
            "bring back the file as it was issued, or request a new one",
        )
    return None
