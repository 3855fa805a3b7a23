"""A plain source: any server that hands out a table in pages over HTTP.

Request, one page each::

    GET URL?symbol=BTCUSD&kind=bars&timeframe=1d&start=2024-01-01T00:00:00Z&end=...&limit=5000&token=...

`token` is left out for the first page, `start`, `end` and `timeframe` where nothing was said.
Answer, status 200, either

- ``text/csv``: a line of column names, then rows; the next page's token in the header
  ``Next-Token``, which the last page has not;
- ``application/json``: ``{"columns": [...], "rows": [[...], ...], "next": "token"}``; the last page
  has no ``next``, or null.

The columns are those of the import; times are UTC, as ISO text with Z or epoch numbers. Asked
twice with one token the server answers the same. 429, 500, 502, 503 and 504 are tried again (with
``Retry-After`` where it is sent); every other status ends the download with the server's words. A
body must have a length or be chunked: otherwise one that was cut would look whole.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from data.download.port import HistoryRequest, RateBudget
from data.views import format_instant
from engine.errors import DataError

if TYPE_CHECKING:
    from aiohttp import ClientResponse

PAGE_ROWS = 5_000
_TIMEOUT_S = 60.0
_BODY_MAX = 256_000_000
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_NEXT = "Next-Token"


@dataclass(frozen=True, slots=True)
class HttpPage:
    """One page of an HTTP source; a `HistoryPage`."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    next_token: str


class BusyError(ConnectionError):
    """The server may answer later; `retry_after_s` is its own wish, if it said one."""

    def __init__(self, problem: str, retry_after_s: float | None = None) -> None:
        super().__init__(problem)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A server that speaks the protocol above; a `HistorySource`.

    Parameters
    ----------
    url
        Where the pages are; with a user and password it is refused.
    budget
        How often to ask.
    token
        A secret that is sent as ``Authorization: Bearer``; empty for none.
    page_rows
        How many rows a page should have; the server may send fewer.
    """

    url: str
    budget: RateBudget = field(default_factory=lambda: RateBudget(10, 1.0))
    token: str = field(default="", repr=False)
    page_rows: int = PAGE_ROWS

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _refused(f"{self.url!r} is no web address", "write http://HOST/PATH", "--url")
        if parts.username or parts.password:
            raise _refused(
                "a password in an address ends up in files and logs",
                "put it into an environment variable: --auth-env NAME",
                "--url",
            )

    @property
    def name(self) -> str:
        """The address without its query."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    async def fetch(self, request: HistoryRequest, token: str) -> HttpPage:
        """Return one page; see `HistorySource`."""
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.get(
                    self.url, params=self._params(request, token), allow_redirects=False
                ) as response,
            ):
                return await self._read(response)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise BusyError(f"the connection broke: {error}") from None
        except TimeoutError:
            raise BusyError(f"no answer within {_TIMEOUT_S:g} seconds") from None
        except aiohttp.ClientError as error:
            raise _refused(f"the answer cannot be read: {error}", "", self.name) from None

    def _params(self, request: HistoryRequest, token: str) -> Mapping[str, str]:
        said = {
            "symbol": request.symbol,
            "kind": request.kind,
            "timeframe": request.timeframe,
            "start": "" if request.start_ns is None else format_instant(request.start_ns),
            "end": "" if request.end_ns is None else format_instant(request.end_ns),
            "limit": str(self.page_rows),
            "token": token,
        }
        return {key: value for key, value in said.items() if value}

    async def _read(self, response: ClientResponse) -> HttpPage:
        if response.status in _TRY_AGAIN:
            wait = _seconds(response.headers.get("Retry-After"))
            raise BusyError(f"status {response.status} {response.reason}", wait)
        if response.status != 200:
            text = (await response.content.read(500)).decode("utf-8", errors="replace")
            raise _refused(
                f"the server refused with status {response.status} {response.reason}: "
                f"{' '.join(text.split())[:200]}",
                "check the address, the symbol and the secret",
                self.name,
            )
        if response.content_length is None and "chunked" not in response.headers.get(
            "Transfer-Encoding", ""
        ):
            raise _refused(
                "the server does not say how long its answer is",
                "a cut answer could not be told from a whole one: the server must send "
                "Content-Length, or chunks",
                self.name,
            )
        if (response.content_length or 0) > _BODY_MAX:
            raise _refused("a page of more than 256 MB", "ask for fewer rows a page", self.name)
        body = await response.read()
        if response.content_type == "application/json":
            return _json_page(body, self.name)
        return _csv_page(body, response.headers.get(_NEXT, ""), self.name)


def _csv_page(body: bytes, next_token: str, where: str) -> HttpPage:
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(body.decode("utf-8-sig"))) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(f"the page is no CSV: {error}", "", where) from None
    if not rows:
        raise _refused("the page is empty: not even column names", "", where)
    return HttpPage(rows[0], tuple(rows[1:]), next_token)


def _json_page(body: bytes, where: str) -> HttpPage:
    try:
        # Numbers stay the text they are: no price goes through a float.
        page = json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
        header = tuple(str(name) for name in page["columns"])
        rows = tuple(tuple("" if v is None else str(v) for v in row) for row in page["rows"])
        return HttpPage(header, rows, str(page.get("next") or ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(
            f"the page is not of the form {{columns, rows, next}}: {type(error).__name__} {error}",
            "",
            where,
        ) from None


def _seconds(text: str | None) -> float | None:
    """Return the seconds of a Retry-After; a date there is left to our own waiting."""
    return float(text) if text is not None and text.strip().isdigit() else None


def _refused(problem: str, remedy: str, where: str) -> DataError:
    return DataError(problem, where=where, remedy=remedy, code="data.source_refused")
