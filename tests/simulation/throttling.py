"""The budget that an adapter keeps, in front of the simulated venue, with the auditor looking on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokers.alpaca.budget import Budget, Use
from sims.request_limit import Admission, Purpose

if TYPE_CHECKING:
    from tests.simulation.processes import Life


class BudgetThrottle:
    """One process's budget: it knows nothing of the processes before it."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._budget = Budget(life.world.clock, life.world.plan.requests_per_minute)

    async def wait(self, purpose: Purpose, most: float) -> float:
        """Wait for room, as an adapter does."""
        lacking = await self._budget.wait(Use[purpose.name], most)
        if not lacking:
            self._budget.spend()
            self._life.world.audit(lambda a: a.on_request(self._life, purpose))
        return lacking

    def heed(self, admission: Admission) -> None:
        """Hear what the venue says."""
        self._budget.learn(admission.status, admission.headers)
        self._life.world.auditor.requests.answered(self._life.number, admission)
