"""Latches a second time: a dictionary of what is set, written from docs/explain/guards.md section 2."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model.trading import Latch, Severity

HOUR = 3600 * 10**9
RESUMES = 3  # "more than 3 automatic resumes an hour: manual"
MIRRORS = {  # what is known now, not an attempt
    Latch.UNTRUSTED,
    Latch.TIER,
    Latch.RECONCILING,
    Latch.DATA,
}


@dataclass
class Set:
    """A latch that is set: how severe, whether a person is needed, when it may end by itself."""

    severity: Severity
    is_manual: bool = False
    until: int | None = None


@dataclass
class Latches:
    """All that is set, and when each has resumed by itself."""

    found: dict[Latch, Set] = field(default_factory=dict)
    resumed: dict[Latch, list[int]] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """The worst one counts."""
        return max((one.severity for one in self.found.values()), default=Severity.ACTIVE)

    def set(
        self, latch: Latch, severity: Severity, *, is_manual: bool = False, until: int | None = None
    ) -> bool:
        """Set, or make worse, manual or longer; never better. Return whether it has become worse."""
        known = self.found.get(latch)
        if known is None:
            self.found[latch] = Set(severity, is_manual, until)
            return True
        is_worse = severity > known.severity
        known.severity = max(severity, known.severity)
        known.is_manual = known.is_manual or is_manual
        known.until = None if until is None or known.until is None else max(until, known.until)
        return is_worse

    def reset(self, latch: Latch) -> bool:
        """A person clears exactly this one; what was counted before counts no more."""
        self.resumed.pop(latch, None)
        return self.found.pop(latch, None) is not None

    def resume(self, latch: Latch, now: int) -> bool:
        """Clear by itself what no person is needed for; the fourth time in an hour one is."""
        known = self.found.get(latch)
        if known is None or known.is_manual:
            return False
        times = [ts for ts in self.resumed.get(latch, []) if now - ts < HOUR]
        if latch not in MIRRORS and len(times) >= RESUMES:
            known.is_manual, known.until = True, None
            return False
        self.resumed[latch] = [*times, now]
        del self.found[latch]
        return True
