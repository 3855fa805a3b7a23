"""`HistoryClient`: what a stream has told before, over HTTP."""

from __future__ import annotations

import aiohttp

from engine.errors import DataError
from runtime.feeds import wire
from runtime.feeds.settings import StreamSettings

_TAIL_MESSAGES = 512
_RETRY_SECONDS_MAX = 3600.0


class HistoryFault(Exception):
    """The history has not answered as it should.

    Parameters
    ----------
    is_gone
        It never will: it does not go back so far.
    retry_after
        Seconds after which it wants to be asked again.
    """

    def __init__(self, text: str, *, is_gone: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.is_gone, self.retry_after = is_gone, retry_after


class HistoryClient:
    """The history of a stream.

    Parameters
    ----------
    client
        Whose connections it uses.
    url
        The stream's, ``ws://`` or ``wss://``.
    """

    def __init__(self, client: aiohttp.ClientSession, url: str, settings: StreamSettings) -> None:
        self._client, self._url = client, "http" + url.removeprefix("ws")
        self._timeout = aiohttp.ClientTimeout(total=settings.request_seconds)

    async def messages(self, first: int, last: int) -> list[wire.Market | wire.Refused]:
        """Return messages by number, as many as are given at once; only those with numbers.

        Raises
        ------
        HistoryFault
            If there is no usable answer.
        """
        query = {"after": str(first - 1), "until": str(last)}
        try:
            async with self._client.get(
                self._url + "/history", params=query, timeout=self._timeout, allow_redirects=False
            ) as response:
                _require_answer(response)
                content = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise HistoryFault(f"the history cannot be reached: {error}") from None
        parsed = [wire.parse(line) for line in content.splitlines()]
        return [
            each
            for each in parsed
            if not isinstance(each, wire.Hello | wire.Time | wire.End)
            and each.seq is not None
            and first <= each.seq <= last
        ]

    async def tail(self, last: int, reach: int) -> list[wire.Market | wire.Refused]:
        """Return the last messages up to a number, `reach` times some hundred of them."""
        first = max(last - _TAIL_MESSAGES * reach + 1, 1)
        found: list[wire.Market | wire.Refused] = []
        while first <= last:
            more = await self.messages(first, last)
            if not more:
                break
            found += more
            first = max(each.seq or 0 for each in more) + 1
        return found


def _require_answer(response: aiohttp.ClientResponse) -> None:
    if response.status == 200:
        if response.content_type == "application/x-ndjson":
            return
        raise HistoryFault(f"the history answered with {response.content_type}")
    raise HistoryFault(
        f"the history answered {response.status}",
        is_gone=response.status == 410,
        retry_after=_retry_after(response.headers.get("Retry-After", "")),
    )


def _retry_after(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return min(seconds, _RETRY_SECONDS_MAX) if seconds > 0 else 0.0


async def fetch_hello(url: str, settings: StreamSettings | None = None) -> wire.Hello:
    """Ask a stream what it is.

    Raises
    ------
    DataError
        If it cannot be reached, or is no stream.
    """
    settings = settings or StreamSettings()
    timeout = aiohttp.ClientTimeout(total=settings.request_seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as client:
            asked = client.get("http" + url.removeprefix("ws") + "/hello", allow_redirects=False)
            async with asked as response:
                hello = wire.parse(await response.read())
    except (aiohttp.ClientError, OSError) as error:
        raise DataError(
            f"the stream cannot be reached: {error}",
            where=url,
            remedy="start it: trader feed serve",
            code="feed.unreachable",
        ) from None
    if not isinstance(hello, wire.Hello):
        raise DataError("this is no stream", where=url, code="feed.no_stream")
    return hello
