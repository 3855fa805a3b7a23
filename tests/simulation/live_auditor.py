"""Holds live sessions to the invariants; what it adds to `tests.simulation.auditor` is of the real wire.

=====  =====================================================================================
I1     what is filled of an order is not more than was ordered, but where the venue itself overfills
I2     what the venue takes has an intent that would survive a power cut
I3     at the end also the money that was spent is the venue's, to the unit
I4     no entry leaves that the venue's truth and the workspace's limit leave no room for
I5     after a certificate has ended nothing leaves that is not proven to close
I8     the journal, played again, has every fill of the venue once
I14    the account's keys stand in nothing that was written
I20    see `tests.simulation.live_truth.Wire`
=====  =====================================================================================
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.approved import RiskApproved
from engine.model import layout as at
from engine.model.units import from_minor
from runtime.journal.entries import Entry
from runtime.journal.records import Intents
from runtime.journal.sessions import SessionStore
from runtime.session.replaying import replay
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.availability import Availability
from tests.simulation.databases import open_file
from tests.simulation.live_plans import LIMIT_PERCENT, POSITION_LIMIT, LivePlan

if TYPE_CHECKING:
    from tests.simulation.live_truth import Truth

_LIMIT = Decimal(POSITION_LIMIT) * LIMIT_PERCENT / 100


class LiveAuditor(Auditor):
    """See the module.

    Parameters
    ----------
    names
        Takes the orders whose intent is durable, by their client ids.
    """

    exchange: Truth  # type: ignore[assignment]

    def __init__(self, truth: Truth, plan: LivePlan, names: dict[str, int]) -> None:
        ground, self.names = plan.ground, names
        instruments, is_trading = len(ground.market.instruments), ground.config.is_trading
        market = Availability(plan.slices, instruments, is_trading=is_trading)
        super().__init__(truth, None, market)  # type: ignore[arg-type]  # `Wire` counts requests

    def kept(self, entries: list[Entry]) -> None:
        super().kept(entries)
        for entry in entries:
            if isinstance(entry.record, Intents):
                self.names |= {each.client_id: each.order_id for each in entry.record.intents}

    def on_send(self, life: Any, order: RiskApproved, client_id: str) -> None:
        super().on_send(life, order, client_id)
        if life.session.gateway.can_only_close(order):
            return
        if life.world.switch.flags()[0]:
            raise Violation(f"I9: order {order.order_id} takes new risk while everything is halted")
        if self._is_all_booked(life, order.instrument):
            self._require_room(life, order)

    def kept_lots(self, life: Any, i: int) -> tuple[int, int]:
        asset = self.exchange.venue.exchange.assets[i]
        found = {True: 0, False: 0}
        for each in self.exchange.venue.exchange.cash_activities:
            if each.units and each.symbol == asset.symbol.replace("/", ""):
                is_booked = each.activity_id in life.inbox.cash.known
                found[is_booked] += asset.instrument.quantity_to_lots(each.units)
        return found[True], found[False]

    def _is_all_booked(self, life: Any, instrument: int) -> bool:
        mine = [one for _, one in self.exchange.executions if one.instrument == instrument]
        return all(life.inbox.has_execution(one.execution_id) for one in mine)

    def _require_room(self, life: Any, order: RiskApproved) -> None:
        """What is held, works and is asked for now, at its price, has room in the limit."""
        i = order.instrument
        buys, sells = self.exchange.working(i)
        held = self.exchange.positions[i]
        last = int(life.core.plain.positions[i, at.POSITION_LAST])
        lots = max(held + buys, sells - held) + order.quantity_lots
        value = Decimal(max(order.limit_ticks, last)) / 100 * lots
        if value > _LIMIT:
            raise Violation(
                f"I4: order {order.order_id} may make a position of {value} of {_LIMIT}"
            )

    def on_taken(self, client_id: str) -> None:
        """The venue has taken an order."""
        if client_id not in self.intents:
            raise Violation(f"I2: the venue has order {client_id}, which nobody intended")
        live = [
            each.client_id for each in self.exchange.orders.values() if not each.status.is_closed
        ]
        if len(live) != len(set(live)):
            raise Violation(f"I1: the venue has orders twice: {live}")

    def at_end(self, life: Any) -> None:
        super().at_end(life)
        for each in self.exchange.venue.books.orders:
            if each.filled_lots > each.lots and not self.exchange.overfilled:
                raise Violation(f"I1: {each.filled_lots} are filled of {each.lots} lots")

    def afterwards(self, life: Any) -> None:
        """The session has ended: what it leaves behind is enough to know all of it."""
        world = life.world
        store = open_file(world.url, world.clock)
        try:
            if not store.verify(world.session_id).is_sound:
                raise Violation("I11: the chain is not whole")
            self._play_again(store, life)
        finally:
            store.close()
        secrets = (world.settings.secret_key.encode(), world.settings.key_id.encode())
        for path in (each for each in world.folder.rglob("*") if each.is_file()):
            content = path.read_bytes()
            if any(each in content for each in secrets):
                raise Violation(f"I14: {path.name} has a key of the account")

    def _play_again(self, store: SessionStore, life: Any) -> None:
        played = replay(store.entries(life.world.session_id)).output
        if life.inbox.quarantined:
            return
        fills = len(played.rows_by_kind.get(at.KIND_FILL, []))
        theirs = self.exchange.venue.books
        if fills != len(theirs.executions):
            raise Violation(f"I8: {fills} fills are played, the venue has {len(theirs.executions)}")
        expected = life.inbox.cash.expected(int(played.ledger[0, at.LEDGER_CASH]))
        assert expected is not None, "the account was read"
        if from_minor(expected) != theirs.cash:
            raise Violation(f"I3: cash {from_minor(expected)}, the venue's {theirs.cash}")
        if any(each.kind == "cash_differs" for each in self.told):
            raise Violation("I19: cash_differs is told, and all is explained")
