"""How a stream is listened to, and how long to wait before trying again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How a stream is listened to. All times are seconds of the clock.

    Parameters
    ----------
    silence_seconds
        A connection on which nothing comes for so long is dead, whatever it says.
    connect_seconds, request_seconds
        How long connecting and a request of the history may take.
    stale_seconds
        An instrument whose market is open and of which nothing came for so long is stale, in the data's
        time; bars may take their own length besides.
    disorder_seconds, disorder_messages
        How long, and for how many messages, one that is missing is waited for before it is fetched.
    grace_seconds
        On a stream in wall time, how long after its time data may come.
    held_seconds
        A venue that tells nothing of something held for so long is asked for its price, so often at most.
    history_seconds
        How long a new feed waits for a venue's history of before, where that cannot be read.
    fill_attempts
        After so many answers without what is missing it is given up as lost.
    wait_seconds_min, wait_seconds_max
        Before trying again: doubled each time, times a factor between a half and one.
    seed
        Of these factors.
    """

    silence_seconds: float = 15.0
    connect_seconds: float = 10.0
    request_seconds: float = 10.0
    stale_seconds: float = 120.0
    disorder_seconds: float = 0.2
    disorder_messages: int = 64
    grace_seconds: float = 2.0
    held_seconds: float = 30.0
    history_seconds: float = 300.0
    fill_attempts: int = 5
    wait_seconds_min: float = 0.1
    wait_seconds_max: float = 30.0
    seed: int = 0


class Backoff:
    """How long to wait before each attempt: min(max, min * 2^n) times a number from [0.5, 1]."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings, self._random = settings, Random(settings.seed)
        self.attempts = 0

    def next_seconds(self, *, at_least: float = 0.0) -> float:
        """Count an attempt that failed and return how long to wait."""
        one = self._settings
        doubled = one.wait_seconds_min * 2.0 ** min(self.attempts, 60)
        self.attempts += 1
        waited = min(one.wait_seconds_max, doubled) * self._random.uniform(0.5, 1.0)
        return max(waited, at_least)

    def reset(self) -> None:
        """Forget what failed."""
        self.attempts = 0
