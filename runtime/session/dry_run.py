"""A broker that sends nothing: what would have left is kept, and refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from engine.approved import CancelApproved, ReplaceApproved, RiskApproved
from engine.ports import (
    AccountFacts,
    Broker,
    BrokerEvent,
    ClientIds,
    Execution,
    SubmitOutcome,
    SubmitStatus,
    VenueOrder,
    VenuePosition,
)

_REFUSED = SubmitOutcome(
    SubmitStatus.REFUSED, code="dry_run", problem="nothing is sent in a dry run"
)


class Unsent(msgspec.Struct, frozen=True):
    """An order that would have left, under this name."""

    order: RiskApproved
    client_id: str


class DryBroker:
    """See `engine.ports.Broker`: questions go to the venue, requests nowhere.

    Parameters
    ----------
    told
        Called with each order that would have left.
    """

    def __init__(self, broker: Broker, told: Callable[[Unsent], None]) -> None:
        self._broker, self._told = broker, told
        self.name, self.client_ids = broker.name, ClientIds(broker.client_ids)

    async def submit(self, order: RiskApproved, client_id: str) -> SubmitOutcome:
        """Tell an order, and refuse it."""
        self._told(Unsent(order, client_id))
        return _REFUSED

    async def cancel(self, order: CancelApproved, client_id: str) -> SubmitOutcome:
        """Refuse it."""
        return _REFUSED

    async def replace(self, order: ReplaceApproved, client_id: str) -> SubmitOutcome:
        """Refuse it."""
        return _REFUSED

    async def connect(self) -> AccountFacts:
        """Connect to the venue."""
        return await self._broker.connect()

    async def close(self) -> None:
        """Give everything back."""
        await self._broker.close()

    async def account(self) -> AccountFacts:
        """Ask the venue."""
        return await self._broker.account()

    async def positions(self) -> Sequence[VenuePosition]:
        """Ask the venue."""
        return await self._broker.positions()

    async def open_orders(self) -> Sequence[VenueOrder]:
        """Ask the venue."""
        return await self._broker.open_orders()

    async def order(self, client_id: str) -> VenueOrder | None:
        """Ask the venue."""
        return await self._broker.order(client_id)

    async def executions(self, since: str) -> Sequence[Execution]:
        """Ask the venue."""
        return await self._broker.executions(since)

    def events(self) -> AsyncIterator[BrokerEvent]:
        """Listen to the venue."""
        return self._broker.events()
