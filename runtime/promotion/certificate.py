"""Whether a certificate covers what runs.

Nothing but `verify` makes a `VerifiedCertificate`, and whatever goes wrong in it denies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TypeAlias

from engine.gate.policy import DEFAULT, Policy, Profile
from engine.gate.verdicts import GATE_VERSION
from engine.model.units import NS_PER_MINUTE
from engine.ports import Environment, EvidenceClass
from runtime.config.moments import format_moment
from runtime.promotion.document import (
    Certificate,
    Stage,
    Trusted,
    check_signed,
    read_document,
)
from runtime.promotion.fingerprint import Fingerprint, differences
from runtime.promotion.problems import Code, Problem
from runtime.promotion.signing import APPROVER, GATE

CLOCK_TOLERANCE_NS = NS_PER_MINUTE  # between machines that share a database
RECORD_REMEDY = "restore the newest copy; `trader promote --show` says what is wrong with it"
_TOLD = 3  # differences in a message


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of certificates here, from the database and from the file beside it.

    Parameters
    ----------
    serials
        (account, family) -> the highest serial seen.
    revoked, suspended
        Id of a certificate -> why.
    last_ns
        When something was last recorded: a clock before it was moved back.
    problem
        Why nothing of this can be trusted: damaged, or put back to an old copy; empty: it can.
    """

    serials: Mapping[tuple[str, str], int] = field(default_factory=dict)
    revoked: Mapping[str, str] = field(default_factory=dict)
    suspended: Mapping[str, str] = field(default_factory=dict)
    last_ns: int = 0
    problem: str = ""


@dataclass(frozen=True)
class VerifiedCertificate:
    """A certificate that covers what runs; only `verify` makes one."""

    certificate: Certificate
    verified_ns: int

    @cached_property
    def id(self) -> str:
        """The certificate's id."""
        return self.certificate.id

    @property
    def stage(self) -> Stage:
        """How much of the limits may be used."""
        return Stage(self.certificate.stage)

    def covers(self, fingerprint: Fingerprint, now_ns: int) -> bool:
        """Whether it still does: the same code and configuration, not expired. For every send."""
        body = self.certificate
        return fingerprint.core == body.fingerprint and body.issued_ns <= now_ns < body.expires_ns


Verdict: TypeAlias = VerifiedCertificate | Problem


def verify(
    content: bytes | None,
    *,
    fingerprint: Fingerprint,
    known: Known,
    trusted: Trusted,
    now_ns: int,
    gate_version: str = GATE_VERSION,
    policy: Policy = DEFAULT,
) -> Verdict:
    """Return the certificate if it covers what runs, and what is wrong first if it does not.

    Parameters
    ----------
    content
        Of a file or of the database; None where there is none.
    fingerprint
        What runs, where and for whom: venue, environment and account as they were proven.
    known
        Serials, revocations, suspensions.
    trusted
        Whose signatures count.
    now_ns
        The wall clock.
    gate_version
        Of this program's gate.
    policy
        What the workspace asks for: a certificate of less opens nothing.
    """
    try:
        return _verified(content, fingerprint, known, trusted, gate_version, policy, now_ns)
    except Exception as error:  # noqa: BLE001  whatever cannot be checked is not allowed
        return Problem(
            Code.FAULT,
            f"the certificate could not be checked: {type(error).__name__}: {error}",
            "this is our mistake, please report it; nothing is entered meanwhile",
        )


def _verified(
    content: bytes | None,
    fingerprint: Fingerprint,
    known: Known,
    trusted: Trusted,
    gate_version: str,
    policy: Policy,
    now_ns: int,
) -> Verdict:
    if known.problem:
        return Problem(Code.RECORD, known.problem, RECORD_REMEDY)
    document = read_document(content)
    if isinstance(document, Problem):
        return document
    body = document.body
    problem = (
        check_signed(document, (GATE, APPROVER), trusted)
        or _check_time(body, known, now_ns)
        or _check_withdrawn(body, known)
        or _check_judged(body, fingerprint, gate_version, policy)
        or _check_covers(body, fingerprint)
    )
    return problem or VerifiedCertificate(body, now_ns)


# --- what it says ---------------------------------------------------------------------------------------
def _check_time(body: Certificate, known: Known, now_ns: int) -> Problem | None:
    now = format_moment(now_ns)
    if now_ns < known.last_ns - CLOCK_TOLERANCE_NS:
        return Problem(
            Code.CLOCK,
            f"the clock was moved back: it is {now}, and something was recorded at "
            f"{format_moment(known.last_ns)}",
            "set the clock right",
        )
    if now_ns < body.issued_ns:
        return Problem(
            Code.NOT_YET,
            f"the certificate was issued at {format_moment(body.issued_ns)}, and it is {now}",
            "set the clock right",
        )
    if now_ns >= body.expires_ns:
        return Problem(
            Code.EXPIRED,
            f"the certificate has expired at {format_moment(body.expires_ns)}",
            "`trader promote` judges the strategy anew",
        )
    return None


def _check_withdrawn(body: Certificate, known: Known) -> Problem | None:
    if body.id in known.revoked:
        return Problem(
            Code.REVOKED,
            f"the certificate was revoked: {known.revoked[body.id]}",
            "request a new one when the reason is gone",
        )
    if body.id in known.suspended:
        return Problem(
            Code.SUSPENDED,
            f"the certificate was suspended: {known.suspended[body.id]}",
            "look into it; going on needs a new certificate",
        )
    seen = known.serials.get((body.account, body.family), 0)
    if body.serial < seen:
        return Problem(
            Code.SERIAL,
            f"the certificate has serial {body.serial}, and {seen} was issued since",
            "use the newest certificate",
        )
    return None


def _check_judged(
    body: Certificate, runs: Fingerprint, gate_version: str, policy: Policy
) -> Problem | None:
    if body.strategy != runs.strategy:
        return Problem(
            Code.STRATEGY,
            f"the certificate is of the strategy {body.strategy!r}, not of {runs.strategy!r}",
            f"each strategy needs its own: `trader promote {runs.strategy}` says what is missing",
        )
    if body.gate_version != gate_version:
        return Problem(
            Code.GATE,
            f"the certificate is of version {body.gate_version} of the gate, and this is {gate_version}",
            "`trader promote` judges the strategy anew",
        )
    weaker = _weaker(body, policy)
    if weaker:
        return Problem(
            Code.PROFILE,
            f"this workspace asks for more than the certificate was judged by: {weaker}",
            "`trader promote` judges the strategy by what [promotion] says now",
        )
    return None


def _weaker(body: Certificate, policy: Policy) -> str:
    """Say what a workspace asks for that a certificate was not judged by; empty: nothing."""
    profiles = [each.value for each in Profile]
    if body.profile not in profiles:
        return f"its profile {body.profile!r} is unknown"
    if profiles.index(body.profile) < profiles.index(policy.profile.value):
        return f"the profile {policy.profile.value}, and it has {body.profile}"
    for most in policy.risk_maxima:
        limit = body.parts.get(most.name)
        if limit is None or not Decimal(limit) <= Decimal(most.value):
            return f"{most.name} up to {most.value}, and it has {limit or 'none'}"
    return ""


def _check_covers(body: Certificate, runs: Fingerprint) -> Problem | None:
    if body.fingerprint != runs.core:
        return Problem(
            Code.FINGERPRINT,
            f"what runs is not what was judged: {_first(differences(Fingerprint(body.parts), runs))}",
            "put it back as it was, or run the new one on paper and promote it",
        )
    if body.account != runs.account:
        return Problem(
            Code.ACCOUNT,
            "the certificate is for another account than the one whose keys are used",
            "use the keys of the account that it is for, or promote the strategy on this one",
        )
    if body.environment != runs.environment:
        return Problem(
            Code.ENVIRONMENT,
            f"the certificate is for the environment {body.environment!r}, and this is "
            f"{runs.environment!r}",
            "each environment needs its own: promote the strategy there",
        )
    if body.evidence_class != EvidenceClass.REAL and body.environment != Environment.REHEARSAL:
        return Problem(
            Code.REHEARSAL,
            "the certificate was earned in rehearsal and opens rehearsal venues only",
            "collect evidence on the venue's own market data, by the clock",
        )
    return None


def _first(sentences: Sequence[str]) -> str:
    """Return what fits in a message."""
    told = "; ".join(sentences[:_TOLD]) or "it was judged in another form"
    more = len(sentences) - _TOLD
    return told if more <= 0 else f"{told}; and {more} more"
