"""Connections that go where they are told and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from engine.errors import DataError
from runtime.feeds.settings import StreamSettings


class Redirected(Exception):
    """Somebody wants to be asked elsewhere."""


@asynccontextmanager
async def client_session(settings: StreamSettings) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session that follows no redirect."""
    trace = aiohttp.TraceConfig()

    async def refuse(*_: object) -> None:
        raise Redirected("a redirect")

    trace.on_request_redirect.append(refuse)
    timeout = aiohttp.ClientTimeout(total=None, connect=settings.connect_seconds)
    async with aiohttp.ClientSession(trace_configs=[trace], timeout=timeout) as client:
        yield client


def require_hope(error: Exception) -> None:
    """Raise where trying again cannot help.

    Raises
    ------
    DataError
        For a redirect, a wrong certificate, or a server that forbids it.
    """
    hopeless = isinstance(error, aiohttp.ClientSSLError | Redirected)
    if isinstance(error, aiohttp.WSServerHandshakeError):
        hopeless = 300 <= error.status < 500 and error.status not in (408, 425, 429)
    if hopeless:
        raise DataError(
            f"the stream cannot be used: {error}",
            remedy="check its address; redirects and wrong certificates are not followed",
            code="feed.refused",
        ) from error
