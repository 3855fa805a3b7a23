"""`InOrder`: numbered messages back in order, and what is missing named.

Numbers count from 1 without holes. A message that is too early waits for those before it; one that was
there before is a duplicate. When something is missing for good, the numbers are given up, by name.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class InOrder(Generic[T]):
    """Messages by number.

    Parameters
    ----------
    last
        The number of the last message that was dealt with.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last  # all up to it were given out
        self.known = last  # the highest number that anybody has spoken of
        self._early: dict[int, T] = {}

    def put(self, number: int, message: T) -> bool:
        """Take a message; return False for one that was there before."""
        if number <= self.last or number in self._early:
            return False
        self._early[number] = message
        self.known = max(self.known, number)
        return True

    def expect(self, number: int) -> None:
        """Note that there are messages up to a number."""
        self.known = max(self.known, number)

    def take(self) -> T | None:
        """Return the next message in order, or None while it is not there."""
        message = self._early.pop(self.last + 1, None)
        if message is not None:
            self.last += 1
        return message

    @property
    def early(self) -> int:
        """How many messages wait for those before them."""
        return len(self._early)

    def missing(self) -> tuple[int, int] | None:
        """Return the first run of missing numbers, first and last, or None."""
        if self.known == self.last:
            return None
        if not self._early:
            return self.last + 1, self.known
        first = min(self._early)
        return None if first == self.last + 1 else (self.last + 1, first - 1)

    def give_up(self, number: int) -> None:
        """Go on as if the missing messages up to a number had come."""
        assert not any(n <= number for n in self._early)
        self.last = max(self.last, number)
        self.known = max(self.known, number)
