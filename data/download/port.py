"""The port of a download: what a source of history must do, and no more.

A source hands out history in pages. A page carries the token of the next one; asking twice with one
token must give the same rows, so that a page whose answer was lost can be asked for again. Venues
fulfil this in their own packages; they need not import anything from here, since only the shape
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

FIRST_PAGE = ""  # the token of the first page


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """What of one instrument is asked for, the same for every page.

    Parameters
    ----------
    kind
        ``bars``, ``quotes``, ``trades`` or ``actions``.
    timeframe
        The length of a bar, ``1d``; empty for other kinds.
    start_ns, end_ns
        [start, end) in ns UTC; None leaves an end open.
    """

    symbol: str
    kind: str = "bars"
    timeframe: str = ""
    start_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class RateBudget:
    """How many requests a source takes in how many seconds."""

    requests: float
    seconds: float


class HistoryPage(Protocol):
    """Some rows of a table and where to go on."""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, as the import knows them; the same on every page."""

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The values as text, exactly as the source wrote them; times in UTC."""

    @property
    def next_token(self) -> str:
        """The token of the next page; empty on the last one."""


class HistorySource(Protocol):
    """A place to download history from."""

    @property
    def name(self) -> str:
        """What it is called in files and messages; without secrets."""

    @property
    def budget(self) -> RateBudget:
        """What the source allows."""

    async def fetch(self, request: HistoryRequest, token: str) -> HistoryPage:
        """Return one page.

        Raises
        ------
        ConnectionError
            If it may be tried again: the connection broke, the source is busy. An attribute
            `retry_after_s`, where there is one, says how long to wait.
        DataError
            If trying again would not help.
        """
