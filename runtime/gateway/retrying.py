"""How long to wait before a question is asked again. Orders are never repeated by it."""

from __future__ import annotations

from typing import Final

FIRST_SECONDS: Final = 0.1
MOST_SECONDS: Final = 30.0
_DOUBLINGS: Final = 20  # beyond, the most is reached anyway


def wait_seconds(attempt: int, draw: float, retry_after_seconds: float = 0.0) -> float:
    """Return the wait after failed attempt `attempt` (from 0).

    min(30 s, 0.1 s x 2^attempt) x (0.5 to 1); what the venue asks for, where that is longer.

    Parameters
    ----------
    draw
        From a seeded source, in [0, 1].

    Examples
    --------
    >>> wait_seconds(0, 1.0), wait_seconds(3, 0.0), wait_seconds(99, 1.0), wait_seconds(0, 0.0, 7.0)
    (0.1, 0.4, 30.0, 7.0)
    """
    whole = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt, _DOUBLINGS))
    return max(whole * (0.5 + draw / 2), retry_after_seconds)
