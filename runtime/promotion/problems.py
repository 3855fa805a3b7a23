"""Why a certificate does not let a strategy trade: a stable code, a sentence, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Code(Enum):
    """Stable names of what can be wrong with a certificate; their order is their precedence."""

    RECORD = "certificate.record"  # what is known of certificates cannot be trusted itself
    MISSING = "certificate.missing"
    DAMAGED = "certificate.damaged"
    FORMAT = "certificate.format"
    UNSIGNED = "certificate.unsigned"
    UNKNOWN_KEY = "certificate.unknown_key"
    SIGNATURE = "certificate.signature"
    WAIVER = "certificate.waiver"
    FOUR_EYES = "certificate.four_eyes"
    CLOCK = "certificate.clock"
    NOT_YET = "certificate.not_yet"
    EXPIRED = "certificate.expired"
    REVOKED = "certificate.revoked"
    SUSPENDED = "certificate.suspended"
    SERIAL = "certificate.serial"
    STRATEGY = "certificate.strategy"
    GATE = "certificate.gate"
    PROFILE = "certificate.profile"
    FINGERPRINT = "certificate.fingerprint"
    ACCOUNT = "certificate.account"
    ENVIRONMENT = "certificate.environment"
    REHEARSAL = "certificate.rehearsal"
    LIMITS = "certificate.limits"
    FAULT = "certificate.fault"  # our mistake; it denies as well


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in a sentence that a person understands, and what to do about it."""

    code: Code
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.sentence}; {self.remedy}"
