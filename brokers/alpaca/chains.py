"""Which of the venue's orders are one order of ours: it makes a new one of every replacement. Pure.

The first carries our client id, its replacements that id with a number, so a chain is found again after a
crash from any of its links. What is known of one is learned from whatever the venue shows; what is not is
asked for by the broker.

A pair is two orders of ours and one of the venue: the target, by its name, with the stop as its leg. The
venue gives legs names of its own: a leg is known by the target that it is shown with, once.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from brokers.alpaca import wire
from brokers.alpaca.translating import link_number, own_id
from engine.ports import leg_id

CHAINS_KEPT: Final = 10_000


@dataclass(slots=True)
class Chain:
    """The links of one order, oldest first, as far as they are known.

    Parameters
    ----------
    filled
        Of links that were replaced: what they had filled. A link whose predecessor is not among them does
        not work (yet): the venue may still refuse it.
    is_whole
        The first link is the order that was submitted.
    number
        Of its last replacement.
    side
        As the venue says it.
    """

    client_id: str
    links: list[str] = field(default_factory=list)
    filled: dict[str, Decimal] = field(default_factory=dict)
    is_whole: bool = False
    number: int = 0
    side: str = ""

    @property
    def head(self) -> str:
        """The venue's id of the order that works, if one does, as far as is known."""
        for n in range(len(self.links) - 1, 0, -1):
            if self.links[n - 1] in self.filled:
                return self.links[n]
        return self.links[0] if self.links else ""

    def was_filled_before(self, order_id: str) -> bool | None:
        """Return whether anything was filled before a link; None where that is not known."""
        earlier = self.links[: self.links.index(order_id)]
        if any(self.filled.get(each) for each in earlier):
            return True
        is_known = self.is_whole and all(each in self.filled for each in earlier)
        return False if is_known else None


class Chains:
    """The chains of an account."""

    def __init__(self) -> None:
        self._chains: OrderedDict[str, Chain] = OrderedDict()
        self._of: dict[str, Chain] = {}  # by the venue's ids
        self._legs: dict[str, str] = {}  # by the venue's id of a leg our client id

    def find(self, client_id: str) -> Chain | None:
        """Return the chain of one of our client ids."""
        return self._chains.get(client_id)

    def of(self, order_id: str) -> Chain | None:
        """Return the chain that one of the venue's orders is a link of."""
        return self._of.get(order_id)

    def may_be_leg(self, order: wire.Order) -> bool:
        """Return whether an order may be the leg of a pair that has not been seen with its target."""
        is_stop = order.order_class == "oco" and order.type in ("stop", "stop_limit")
        return is_stop and order.id not in self._legs

    def see(self, order: wire.Order) -> Chain:
        """Learn from an order that the venue has shown; return its chain."""
        for leg in wire.legs_of(order):
            if leg.id not in self._legs:
                self._legs[leg.id] = leg_id(own_id(order.client_order_id))
                self._of.pop(leg.id, None)  # it was a stranger's
            self.see(leg)
        chain = self._of.get(order.id) or self._of.get(order.replaces or "")
        chain = chain or self._of.get(order.replaced_by or "") or self._begin(order)
        self._link(chain, order)
        chain.number = max(chain.number, link_number(order.client_order_id))
        chain.side = chain.side or (order.side or "")
        if order.replaces is None:
            chain.is_whole = True
        if order.status == "replaced":
            chain.filled[order.id] = order.filled_qty
        return chain

    def _begin(self, order: wire.Order) -> Chain:
        name = self._legs.get(order.id) or own_id(order.client_order_id)
        if name not in self._chains:
            self._chains[name] = Chain(name)
            if len(self._chains) > CHAINS_KEPT:
                _, oldest = self._chains.popitem(last=False)
                for each in oldest.links:
                    self._of.pop(each, None)
        return self._chains[name]

    def _link(self, chain: Chain, order: wire.Order) -> None:
        """Put an order, what it replaces and what replaces it, into their places."""
        links = chain.links
        if order.id not in links:
            if order.replaces in links:
                links.insert(links.index(order.replaces) + 1, order.id)
            elif order.replaced_by in links:
                links.insert(links.index(order.replaced_by), order.id)
            elif links and link_number(order.client_order_id) < chain.number:
                links.insert(0, order.id)
            else:
                links.append(order.id)
        place = links.index(order.id)
        if order.replaces and order.replaces not in links:
            links.insert(place, order.replaces)
            place += 1
        if order.replaced_by and order.replaced_by not in links:
            links.insert(place + 1, order.replaced_by)
        for each in (order.id, order.replaces, order.replaced_by):
            if each:
                self._of[each] = chain
