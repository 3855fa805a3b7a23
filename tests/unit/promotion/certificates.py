"""Keys, fingerprints and certificates for tests; everything in them is invented and the same each time."""

from __future__ import annotations

import asyncio

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from engine.model.units import NS_PER_DAY
from runtime.promotion.document import Certificate, Document, Trusted, body_bytes, requested
from runtime.promotion.fingerprint import Fingerprint
from runtime.promotion.keys import PublicKey, Role, Signer
from runtime.promotion.limits import AllowedLimits
from runtime.promotion.signing import APPROVER, AUTHOR, GATE

NOW = 1_800_000_000 * 10**9
DAY = NS_PER_DAY


def signer(name: str, role: Role, seed: int) -> Signer:
    """Return a key that is the same in each run."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(PublicKey(name, role, private.public_key().public_bytes_raw().hex()), private)


THE_GATE = signer("gate", Role.GATE, 1)
ANNA = signer("anna", Role.APPROVER, 2)
BERT = signer("bert", Role.APPROVER, 3)
MALLORY = signer("mallory", Role.APPROVER, 4)
FALSE_GATE = signer("gate", Role.GATE, 5)

UNLIMITED = AllowedLimits(0, 0, 0, 0, [])
ALONE = Trusted(frozenset({THE_GATE.key}), frozenset({ANNA.key}))
FOUR_EYES = Trusted(frozenset({THE_GATE.key}), frozenset({ANNA.key, BERT.key}), four_eyes=True)

RUNS = Fingerprint(
    {
        "account": "a" * 64,
        "code.engine": "e" * 64,
        "environment": "live",
        "exits.stop_loss_percent": "15",
        "strategy": "momentum",
        "venue": "alpaca",
    }
)


def like(fingerprint: Fingerprint, **parts: str) -> Fingerprint:
    """Return a fingerprint with other parts; ``__`` in a name is a dot."""
    changed = {name.replace("__", "."): text for name, text in parts.items()}
    return Fingerprint({**fingerprint.parts, **changed})


def body_of(fingerprint: Fingerprint = RUNS, **fields: object) -> Certificate:
    """Return the body of a certificate that covers a fingerprint, approved by Anna."""
    made = Certificate(
        serial=3,
        strategy=fingerprint.strategy,
        family="f" * 64,
        fingerprint=fingerprint.core,
        parts=dict(fingerprint.parts),
        venue=fingerprint.venue,
        environment=fingerprint.environment,
        account=fingerprint.account,
        evidence_class="real",
        evidence={"evidence": "b" * 64},
        report="c" * 64,
        profile="standard",
        policy="d" * 64,
        gate_version="1",
        stage="PROBATION",
        limits=UNLIMITED,
        attempts=2,
        open_checks=["S10"],
        author="bert@desk",
        author_key="",
        gate_key=THE_GATE.key,
        issued_ns=NOW - DAY,
        expires_ns=NOW + 29 * DAY,
        approver="anna",
        approver_key=ANNA.key,
        approved_ns=NOW - DAY // 2,
        waivers={"S10": "one large trade was a takeover, which is what it trades"},
    )
    return replace(made, **fields)


def signed(
    body: Certificate,
    *,
    gate: Signer | None = THE_GATE,
    approver: Signer | None = ANNA,
    author: Signer | None = None,
) -> Document:
    """Return a certificate with the signatures of whoever is named."""
    signatures = {}
    if gate is not None:
        signatures[GATE] = gate.sign(GATE, body_bytes(body))
    if approver is not None:
        signatures[APPROVER] = approver.sign(APPROVER, body_bytes(body))
    if author is not None:
        signatures[AUTHOR] = author.sign(AUTHOR, body_bytes(requested(body)))
    return Document(body, signatures)


def file_of(fingerprint: Fingerprint = RUNS, **fields: object) -> bytes:
    """Return the file of a certificate that one person has approved."""
    return signed(body_of(fingerprint, **fields)).to_bytes()


class MovableClock:
    """A clock that a test moves; both times begin at `NOW`."""

    def __init__(self) -> None:
        self.wall_ns = NOW
        self.steady_ns = NOW

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.steady_ns

    async def sleep(self, seconds: float) -> None:
        self.pass_seconds(seconds)
        await asyncio.sleep(0)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_ns += int(seconds * 10**9)
        self.steady_ns += int(seconds * 10**9)
