"""What all seeded worlds are: processes that die by a plan, a story, and the first thing that was wrong."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from sims.virtual_time import VirtualLoop
from tests.simulation.auditor import Violation
from tests.simulation.outages import Outages
from tests.simulation.processes import WHOSE, Fate


class SeededWorld(ABC):
    """One seed, run: what its processes, their feed and the auditor know as their world."""

    plan: Any
    life: Any
    auditor: Any

    def __init__(self, plan: Any, folder: Path, begins_ns: int, *, keeps_story: bool) -> None:
        self.plan, self.folder, self.begins_ns = plan, folder, begins_ns
        self.keeps_story = keeps_story
        self.story: list[str] = []
        self.life = None
        self.lives, self.session_id = 0, ""
        self.problem: BaseException | None = None
        self.random = Random(plan.seed * 7 + 1)
        self._ended = asyncio.Event()

    @abstractmethod
    async def run(self) -> None:
        """Run to the end; raise what is wrong."""

    # --- processes -----------------------------------------------------------------------------------
    def next_fate(self) -> Fate:
        """Count a process that starts; each dies where the plan says, after the faults none does."""
        deaths = self.plan.deaths
        is_mortal = self.lives < len(deaths) and self.seconds < self.plan.faults_end - 60
        number, after = deaths[self.lives] if is_mortal else (0, False)
        self.lives += 1
        self.note(f"process {self.lives} starts")
        return Fate(number, after=after, mourn=self._mourn)

    def _mourn(self, what: str) -> None:
        self.note(f"process {self.lives} dies at {what}")
        asyncio.get_running_loop().call_soon(self._bury, self.life)

    def _bury(self, life: Any) -> None:
        if life is not None and not life.is_over:
            life.end()

    # --- what is wrong -------------------------------------------------------------------------------
    def audit(self, check: Callable[[Any], None]) -> None:
        """Have something checked; a violation ends the world, whoever caught it."""
        try:
            check(self.auditor)
        except Violation as error:
            self.fail(error)
            raise

    def fail(self, error: BaseException) -> None:
        """The seed has found something."""
        self.problem = self.problem or error
        self._ended.set()

    def fail_by(self, error: Exception) -> None:
        """The seed has found an error by which no session should end."""
        if isinstance(error, Violation):
            self.fail(error)
        else:
            wrong = Violation(f"I15: the session ends by {type(error).__name__}: {error}")
            wrong.__cause__ = error
            self.fail(wrong)

    # --- what is so ----------------------------------------------------------------------------------
    @property
    def seconds(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def market_ns(self) -> int:
        """The market's time: of what it does later nobody knows."""
        return self.begins_ns + round(self.seconds * 1e9)

    @property
    def feed_outage(self) -> float | None:
        """When the feed's outage ends; None where there is none."""
        return Outages(self.plan.feed_outages).end(self.seconds)

    @property
    def until_outage(self) -> float:
        return Outages(self.plan.feed_outages).until_next(self.seconds)

    def note(self, text: str) -> None:
        if self.keeps_story:
            self.story.append(f"{self.seconds:9.3f}  {text}")


W = TypeVar("W", bound=SeededWorld)


def run_world(seed: int, make: Callable[[], W]) -> W:
    """Run a world in a time of its own; raise what it finds, with its seed and its story."""
    found: list[W] = []

    async def whole() -> None:
        found.append(make())
        await found[0].run()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            runner.run(whole())
        except BaseException as error:
            error.add_note(f"seed {seed}")
            for line in found[0].story if found else ():
                error.add_note(line)
            raise
    return found[0]


def tagged(loop: Any, coro: Any, **keys: Any) -> asyncio.Task[Any]:
    """Make a task that its process knows."""
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **keys)
    life = WHOSE.get()
    if life is not None:
        life.tasks.append(task)
    return task
