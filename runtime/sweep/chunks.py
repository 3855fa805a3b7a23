"""Cutting trials into chunks: large enough that handing them out costs nothing, small enough that
little is lost when a search is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runtime.sweep.trial import Task

CHUNK_FIRST = 10  # the first says how long trials take
CHUNK_MAX = 200  # of trials that take no time; a kill loses at most a few chunks
CHUNK_SECONDS = (0.5, 3.0)


class Chunks:
    """An iterator over chunks of consecutive trials, whose size follows how long trials take.

    Parameters
    ----------
    tasks
        The trials, ascending by number.
    count
        How many they are.
    jobs
        How many workers there are: each should get several chunks.
    """

    def __init__(self, tasks: Iterable[Task], *, count: int, jobs: int) -> None:
        self._tasks = iter(tasks)
        self._held: Task | None = None
        self._share = max(1, count // (4 * jobs))
        self.size = min(CHUNK_FIRST, self._share)

    def __iter__(self) -> Iterator[list[Task]]:
        return self

    def __next__(self) -> list[Task]:
        chunk: list[Task] = [] if self._held is None else [self._held]
        self._held = None
        while len(chunk) < self.size:
            task = next(self._tasks, None)
            if task is None:
                break
            if chunk and task.number != chunk[-1].number + 1:
                self._held = task  # a part file holds consecutive trials
                break
            chunk.append(task)
        if not chunk:
            raise StopIteration
        return chunk

    def note(self, count: int, seconds: float) -> None:
        """Learn how long a chunk took."""
        least, most = CHUNK_SECONDS
        if seconds > most:
            self.size = max(1, min(self.size, int(count * most / seconds)))
        elif seconds < least and count == self.size:
            self.size = min(2 * self.size, CHUNK_MAX, self._share)
