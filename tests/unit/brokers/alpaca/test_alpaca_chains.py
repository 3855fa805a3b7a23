"""The venue makes a new order of every replacement: which of them are one order of ours."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from brokers.alpaca import wire
from brokers.alpaca.chains import Chains
from tests.unit.brokers.alpaca.messages import ORDER, encode

FIRST = {
    "id": "a",
    "client_order_id": "tr-x",
    "status": "replaced",
    "replaced_by": "b",
    "filled_qty": "2",
}
SECOND = {
    "id": "b", "client_order_id": "tr-x-r1", "status": "replaced", "replaces": "a", "replaced_by": "c",
    "filled_qty": "3",
}  # fmt: skip
THIRD = {"id": "c", "client_order_id": "tr-x-r2", "status": "new", "replaces": "b"}


def order(fields: dict[str, Any]) -> wire.Order:
    return wire.decode(encode(ORDER | fields), wire.Order)


@pytest.mark.parametrize("shown", list(permutations([FIRST, SECOND, THIRD])))
def test_the_order_of_looks_does_not_matter(shown: tuple[dict[str, Any], ...]) -> None:
    chains = Chains()
    for fields in shown:
        chains.see(order(fields))
    chain = chains.find("tr-x")
    assert chain is not None
    assert (chain.links, chain.head, chain.number) == (["a", "b", "c"], "c", 2)
    assert chain.filled == {"a": Decimal(2), "b": Decimal(3)}
    assert [chain.was_filled_before(each) for each in "abc"] == [False, True, True]
    assert all(chains.of(each) is chain for each in "abc")


def test_what_is_not_known_is_not_said() -> None:
    chains, nothing = Chains(), {"filled_qty": "0"}
    chain = chains.see(order(THIRD))
    assert chain.was_filled_before("c") is None
    chains.see(order(SECOND | nothing))
    assert chain.was_filled_before("c") is None
    chains.see(order(FIRST | nothing))
    assert chain.was_filled_before("c") is False


def test_a_replacement_works_when_what_it_replaces_has_ended() -> None:
    """Until then the venue may refuse it, and the old order goes on."""
    chains = Chains()
    old = FIRST | {"status": "pending_replace", "replaced_by": None}
    chain = chains.see(order(old))
    chains.see(order(SECOND | {"status": "pending_new", "replaced_by": None}))
    assert (chain.head, chain.number) == ("a", 1)
    refused = {"status": "rejected", "replaced_by": None}
    chains.see(order(SECOND | refused))
    chains.see(order(THIRD | {"replaces": "a"}))
    assert (chain.head, chain.number) == ("a", 2)
    chains.see(order(FIRST | {"replaced_by": "c"}))
    assert chain.head == "c"


def test_a_replacement_by_hand_belongs_to_what_it_replaces() -> None:
    chains = Chains()
    chains.see(order(FIRST | {"status": "new", "replaced_by": None}))
    by_hand = chains.see(order({"id": "z", "client_order_id": "8d4f", "replaces": "a"}))
    chains.see(order(FIRST | {"replaced_by": "z"}))
    assert by_hand.client_id == "tr-x"
    assert by_hand.head == "z"


def test_orders_of_two_names_are_two() -> None:
    chains = Chains()
    one, other = chains.see(order(FIRST)), chains.see(order({"id": "q", "client_order_id": "tr-y"}))
    assert one is not other
    assert chains.find("tr-z") is None
