"""Questions and orders over HTTP: one session, deadlines of our own, and every request once.

Nothing is repeated in here, whatever happens, and nothing is followed: no redirect, no proxy out of the
environment, no certificate that is not valid. Who asks decides what is asked again.

What has become of a request that got no answer is known by where its bytes got to. aiohttp tells when the
head of a request goes to the connection's socket (`on_request_headers_sent`); before that, it has not
left: no address, no connection, no TLS. After that, nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Final, TypeVar

import aiohttp
import msgspec

from brokers.alpaca import wire
from brokers.alpaca.budget import Budget, Use, shared_budget
from brokers.alpaca.environments import Urls
from brokers.alpaca.problems import Problem
from engine.errors import VenueError
from engine.ports import Clock

T = TypeVar("T")
_RAW: Final = 2000
_MASK: Final = b"***"
_SHORTEST: Final = 6  # what is shorter is no secret, and may be anywhere
_AGENT: Final = "trader"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who we are to the venue; never shown.

    Parameters
    ----------
    folder
        Where it is kept what the venue asks whoever has these keys to wait; None: nowhere.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    folder: Path | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"APCA-API-KEY-ID": self.key_id, "APCA-API-SECRET-KEY": self.secret}

    def masked(self, content: bytes) -> bytes:
        """Return what somebody has said without them: a proxy may repeat what it was sent."""
        for each in (self.secret, self.key_id):
            if len(each) >= _SHORTEST:
                content = content.replace(each.encode(), _MASK)
        return content


class Deadlines(msgspec.Struct, frozen=True):
    """How long is waited, in seconds."""

    order: float = 10.0  # for the answer to a submit, a replacement, a cancel
    question: float = 15.0
    read: float = 2.0  # for an order that is to be replaced
    stream: float = 10.0  # until the order stream listens
    look: float = 0.5  # between two looks for an order that is not there
    heartbeat: float = 10.0  # between pings on the stream; half of it for the answer
    mute: float = 15.0  # from an order taken to the stream's first word of it


class Answer(msgspec.Struct, frozen=True):
    """What the venue has answered, without our secrets."""

    status: int
    body: bytes
    raw: str  # for people: status, its number of the request, the body


class NoAnswer(Exception):
    """There is none.

    Parameters
    ----------
    has_left
        The request, or some of it, may have reached the venue.
    """

    def __init__(
        self,
        problem: str,
        *,
        has_left: bool,
        code: Problem = Problem.NO_ANSWER,
        retry_after_seconds: float = 0.0,
    ) -> None:
        super().__init__(problem)
        self.problem, self.has_left, self.code = problem, has_left, code
        self.retry_after_seconds = retry_after_seconds


class _Lost(aiohttp.ClientError):
    """A connection that broke. aiohttp would ask again over a new one where it broke by its kind."""


class AlpacaClient:
    """The venue over HTTP; to be made inside a running loop, and closed.

    Parameters
    ----------
    budget
        Where it is left out, the one that all share who ask for this account in this process: one for trading,
        one for market data, as the venue has them.
    base
        The address that is asked: that of trading, where it is left out.
    """

    def __init__(
        self,
        urls: Urls,
        keys: Keys,
        clock: Clock,
        *,
        deadlines: Deadlines | None = None,
        budget: Budget | None = None,
        base: str = "",
    ) -> None:
        self.urls, self.keys, self.clock = urls, keys, clock
        self._base = base or urls.trading
        self.deadlines = deadlines or Deadlines()
        family = "data" if base else "trading"
        self.budget = budget or shared_budget(
            clock, family, self._base, keys.key_id, folder=keys.folder
        )
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_leaves)
        trace.on_request_redirect.append(_refuse)
        self.session = aiohttp.ClientSession(
            trace_configs=[trace],
            timeout=aiohttp.ClientTimeout(total=None),  # the deadline is asyncio's
            middlewares=[_once],
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT},
        )

    async def close(self) -> None:
        """Give its connections back."""
        await self.session.close()

    async def send(
        self,
        method: str,
        path: str,
        use: Use,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send one request, once.

        Orders that the budget has no room for are not sent; others wait for it as long as their
        deadline lets them.

        Raises
        ------
        NoAnswer
            If there is none; it says whether the request may have arrived.
        """
        is_order = use is Use.ORDER or use is Use.CANCEL
        seconds = self.deadlines.order if is_order else self.deadlines.question
        mark = SimpleNamespace(has_left=False)
        try:
            async with asyncio.timeout(seconds):
                if (lacking := await self.budget.wait(use, seconds)) > 0:
                    raise NoAnswer(
                        f"the budget of requests has no room for {lacking:.1f} s",
                        has_left=False,
                        code=Problem.RATE_LIMITED,
                        retry_after_seconds=lacking,
                    )
                return await self._send(method, path, query, body, mark)
        except TimeoutError:
            raise self._none(f"no answer in {seconds:g} s", method, path, mark) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            is_ours = isinstance(error, aiohttp.ClientSSLError)
            code = Problem.AUTH_FAILED if is_ours else Problem.NO_ANSWER
            raise self._none(why, method, path, mark, code) from None

    async def ask(
        self,
        path: str,
        type_: type[T],
        query: Mapping[str, str] | None = None,
        use: Use = Use.QUESTION,
    ) -> T:
        """Return what the venue says of something.

        Raises
        ------
        VenueError
            If it does not, or not as it should.
        """
        answer = await self.question(path, query, use)
        if answer.status != 200:
            raise self.refusal(answer, path)
        return self.read(answer, path, type_)

    async def question(
        self, path: str, query: Mapping[str, str] | None = None, use: Use = Use.QUESTION
    ) -> Answer:
        """Return the answer to a question, whatever it is.

        Raises
        ------
        VenueError
            If there is none.
        """
        try:
            return await self.send("GET", path, use, query=query)
        except NoAnswer as error:
            raise VenueError(
                error.problem,
                is_authorization=error.code is Problem.AUTH_FAILED,
                retry_after_seconds=error.retry_after_seconds,
            ) from None

    def read(self, answer: Answer, path: str, type_: type[T]) -> T:
        """Return an answer's body as what it should be; raises as `ask`."""
        try:
            return wire.decode(answer.body, type_)
        except wire.Unreadable as error:
            raise VenueError(f"the venue's answer to {path} cannot be read: {error}") from None

    def refusal(self, answer: Answer, path: str) -> VenueError:
        """Return what it means that a question was not answered by 200."""
        wait = 0.0
        if answer.status in (429, 418):
            wait = self.budget.wait_seconds(Use.QUESTION)
        return VenueError(
            f"the venue answered {path} with {answer.raw}",
            is_authorization=answer.status in (401, 403),
            retry_after_seconds=wait,
        )

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        mark: SimpleNamespace,
    ) -> Answer:
        self.budget.spend()
        headers = self.keys.headers
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self.session.request(
            method,
            self._base + path,
            params=query,
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=mark,
        ) as response:
            self.budget.learn(response.status, response.headers)
            content = self.keys.masked(await response.read())
            number = response.headers.get("X-Request-ID", "-")
            raw = f"{response.status} {number} {content[:_RAW].decode('utf-8', 'replace')}"
            return Answer(response.status, content, raw)

    def _none(
        self,
        why: str,
        method: str,
        path: str,
        mark: SimpleNamespace,
        code: Problem = Problem.NO_ANSWER,
    ) -> NoAnswer:
        has_left = bool(mark.has_left)
        if not has_left and code is Problem.NO_ANSWER:
            code = Problem.NOT_SENT
        place = path.partition("?")[0]
        return NoAnswer(f"{method} {place}: {why}", has_left=has_left, code=code)


class MarketClient(AlpacaClient):
    """One that asks and nothing else: of a feed, from which no order may leave."""

    async def send(
        self,
        method: str,
        path: str,
        use: Use,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send a question, as `AlpacaClient.send` does; anything else is a mistake of ours."""
        if method != "GET" or body is not None or use in (Use.ORDER, Use.CANCEL):
            raise AssertionError(f"{method} {path}: a client of the market only asks")
        return await super().send(method, path, use, query=query)


class Redirected(aiohttp.ClientError):
    """Somebody wants us to go elsewhere."""


async def _refuse(*_: object) -> None:
    raise Redirected("it is a redirect, which is not followed")


async def _leaves(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.has_left = True


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Have a request that broke its connection not be sent again by aiohttp."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # no connection: never sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(f"{type(error).__name__}: {error}") from error
