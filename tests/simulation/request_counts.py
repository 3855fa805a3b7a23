"""I20: what leaves stays under the venue's limit of requests, and nothing leaves inside a ban.

What a process cannot know it is not held to: what one before it has sent is in its budget as soon as the venue has
told it what is left of the minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sims.request_limit import Admission, Purpose

MINUTE = 60.0
RESERVE = 10  # percent of the limit, for cancels alone


@dataclass
class RequestCounts:
    """The requests of one process after the other. Times in seconds of the loop."""

    per_minute: int
    seconds: Callable[[], float]
    epoch_seconds: float  # of the venue's clock, when the loop's time is 0
    process: int = 0
    sent: deque[float] = field(default_factory=deque)  # by this process, in the last minute
    left: float = 0  # of the venue's minute, as it has said
    left_until: float = 0.0
    paused_until: float = 0.0
    banned_until: float = 0.0

    def leaves(self, process: int, purpose: Purpose) -> str:
        """A request is about to leave; return what is wrong with that."""
        self._require_process(process)
        now = self.seconds()
        while self.sent and self.sent[0] <= now - MINUTE + 1e-6:
            self.sent.popleft()
        self.sent.append(now)
        self.left -= 1
        if now < self.banned_until - 1e-6:
            return f"it is banned for {self.banned_until - now:.3f} s"
        most = self.per_minute
        if purpose is not Purpose.CANCEL:
            if now < self.paused_until - 1e-6:
                return f"it was told to wait for {self.paused_until - now:.3f} s"
            most -= most * RESERVE // 100
        if len(self.sent) > most:
            return f"it is the {len(self.sent)}th in a minute, of {most}"
        if now < self.left_until - 1e-6 and self.left < 0:
            return "nothing was left of the minute"
        return ""

    def answered(self, process: int, admission: Admission) -> None:
        """The venue's word has reached a process."""
        self._require_process(process)
        now, headers = self.seconds(), admission.headers
        if "X-RateLimit-Remaining" in headers:
            self.left = int(headers["X-RateLimit-Remaining"])
            self.left_until = int(headers["X-RateLimit-Reset"]) - self.epoch_seconds
        if admission.is_refused:
            until = now + admission.seconds
            self.paused_until = max(self.paused_until, until)
            if admission.status == 418:
                self.banned_until = max(self.banned_until, until)

    def _require_process(self, process: int) -> None:
        """Forget what another process was told."""
        if process != self.process:
            self.process, self.sent = process, deque()
            self.left_until = self.paused_until = self.banned_until = 0.0
