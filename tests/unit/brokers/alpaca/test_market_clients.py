"""What a feed has of a venue asks and nothing else; the imports are held to it in pyproject.toml."""

from __future__ import annotations

import asyncio

import pytest

from brokers.alpaca.budget import Use
from brokers.alpaca.client import Keys, MarketClient
from brokers.alpaca.environments import rehearsal
from runtime.clocks import SystemClock
from runtime.venues.accounts import AlpacaAccount
from runtime.venues.market_access import AlpacaMarket


@pytest.mark.parametrize(
    ("method", "use", "body"),
    [
        ("POST", Use.ORDER, b"{}"),
        ("POST", Use.QUESTION, b"{}"),
        ("DELETE", Use.CANCEL, None),
        ("PATCH", Use.ORDER, b"{}"),
        ("GET", Use.QUESTION, b"{}"),
        ("GET", Use.ORDER, None),
    ],
)
def test_a_client_of_the_market_sends_no_order(method: str, use: Use, body: bytes | None) -> None:
    async def story() -> None:
        urls, keys = rehearsal("http://127.0.0.1:1"), Keys("a", "b")  # nobody listens there
        client = MarketClient(urls, keys, SystemClock())
        try:
            with pytest.raises(AssertionError, match="only asks"):
                await client.send(method, "/v2/orders", use, body=body)
        finally:
            await client.close()

    asyncio.run(story())


def test_a_market_has_no_broker_and_an_account_has() -> None:
    assert not hasattr(AlpacaMarket, "broker")
    assert hasattr(AlpacaAccount, "broker")
