"""What happens to certificates, as events that are kept for ever."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from runtime.promotion.canonical import canonical_bytes


class PromotionAttempted(msgspec.Struct, frozen=True, tag=True):
    """The gate was asked.

    Parameters
    ----------
    asked
        ``status``, ``look`` (what was held out is about to be read) or ``request``; the last two are
        counted against the family.
    certificate, serial
        Of what was requested, empty and 0 where the verdict was no PASS.
    trials
        Of the family in the registry at that time: there cannot be fewer later.
    baseline
        What live results are compared with (`engine.gate.drift.Baseline`, as JSON); its hash stands in the
        certificate.
    """

    strategy: str
    family: str
    fingerprint: str
    asked: str
    verdict: str
    report: str
    evidence: str
    who: str
    account: str = ""
    certificate: str = ""
    serial: int = 0
    trials: int = 0
    baseline: str = ""


class Approved(msgspec.Struct, frozen=True, tag=True):
    """A person has approved a request; seen here, it may have been signed elsewhere."""

    certificate: str
    strategy: str
    approver: str
    approver_key: str


class CertificateIssued(msgspec.Struct, frozen=True, tag=True):
    """A certificate was issued; `content` is its file."""

    certificate: str
    strategy: str
    account: str
    family: str
    serial: int
    content: str


class Seen(msgspec.Struct, frozen=True, tag=True):
    """A session trades under a certificate."""

    certificate: str
    account: str
    family: str
    serial: int
    session: str


class Revoked(msgspec.Struct, frozen=True, tag=True):
    """A person has taken a certificate back. `signature` is over all the rest, without it."""

    certificate: str
    strategy: str
    serial: int
    reason: str
    who: str
    key: str
    revoked_ns: int
    signature: str = ""

    def to_sign(self) -> bytes:
        """Return what is signed."""
        return canonical_bytes(msgspec.to_builtins(msgspec.structs.replace(self, signature="")))


class Suspended(msgspec.Struct, frozen=True, tag=True):
    """Live results have left what the evidence promised: nothing is entered any more."""

    certificate: str
    strategy: str
    reason: str
    session: str


class KeyChanged(msgspec.Struct, frozen=True, tag=True):
    """A key was made, trusted or removed."""

    verb: str
    name: str
    role: str
    key: str
    who: str


class Reanchored(msgspec.Struct, frozen=True, tag=True):
    """A person has accepted the database as it is, though it was not what the files beside it say.

    Parameters
    ----------
    sequence, hash
        Where the trail ended that was accepted: an acceptance is for one place in one trail.
    witness
        Where the witness of the registry ends that begins with what was accepted; empty: it was in order.
    key
        The approver's, public. `signature` is over all the rest, without it; both are empty where it was
        accepted before signatures were asked for, and then it counts for nothing.
    """

    problem: str
    who: str
    why: str
    sequence: int = 0
    hash: str = ""
    witness: str = ""
    accepted_ns: int = 0
    key: str = ""
    signature: str = ""

    def to_sign(self) -> bytes:
        """Return what is signed."""
        return canonical_bytes(msgspec.to_builtins(msgspec.structs.replace(self, signature="")))


Event: TypeAlias = (
    PromotionAttempted
    | Approved
    | CertificateIssued
    | Seen
    | Revoked
    | Suspended
    | KeyChanged
    | Reanchored
)
# What must be known even where the database was put back to an old copy.
LASTING = (CertificateIssued, Revoked, Suspended)


def event_bytes(event: Event) -> bytes:
    """Return an event as canonical JSON."""
    return canonical_bytes(msgspec.to_builtins(event))


def event_from(content: bytes) -> Event:
    """Return the event of some bytes.

    Raises
    ------
    msgspec.MsgspecError
        If it is none.
    """
    event: Event = msgspec.json.decode(content, type=Event)
    return event
