"""An answer of the market data address that comes in pages, read whole."""

from __future__ import annotations

from typing import Protocol, TypeVar

from brokers.alpaca.budget import Use
from brokers.alpaca.client import AlpacaClient
from brokers.alpaca.wire import Unreadable
from engine.errors import VenueError

T = TypeVar("T")


class Page(Protocol[T]):
    """One page; `next_page_token` where there is more."""

    @property
    def next_page_token(self) -> str | None:
        """What the next page is asked for with."""

    def read(self) -> list[T]:
        """Return what stands on it.

        Raises
        ------
        Unreadable
            If something of it cannot be read.
        """


async def read_pages(
    client: AlpacaClient,
    path: str,
    page_type: type[Page[T]],
    query: dict[str, str],
    most: int,
    use: Use = Use.QUESTION,
) -> list[T]:
    """Return what stands on all pages of an answer, of which there are `most` at most.

    Raises
    ------
    VenueError
        If the venue does not answer, or not as it should.
    """
    found: list[T] = []
    asked = dict(query)
    for _ in range(most):
        page = await client.ask(path, page_type, asked, use)
        try:
            found += page.read()
        except Unreadable as error:
            raise VenueError(f"the venue's answer to {path} cannot be read: {error}") from None
        if page.next_page_token is None:
            return found
        asked["page_token"] = page.next_page_token
    raise VenueError(f"the venue's answer to {path} does not end")
