"""The port that the venue listens at: loopback, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from engine.errors import InputError

LOOPBACK: Final = "127.0.0.1"


class Door:
    """An application on a loopback port, which can be shut for a while.

    Parameters
    ----------
    port
        0: a free one, which stays the same from then on.
    """

    def __init__(self, app: web.Application, port: int) -> None:
        self.port = port
        self.router = app.router.named_resources()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        self._site: web.TCPSite | None = None

    async def open(self) -> None:
        """Listen.

        Raises
        ------
        InputError
            If the port is taken.
        """
        await self._runner.setup()
        try:
            await self._listen()
        except OSError as error:
            await self._runner.cleanup()
            raise InputError(
                f"port {self.port} cannot be listened at: {error.strerror}",
                remedy="choose another one, or 0 for one that is free",
                code="venue.port",
            ) from None
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop for good."""
        await self._runner.cleanup()

    async def shut_for(self, seconds: float) -> None:
        """Refuse and tear all connections for a while."""
        assert self._site is not None, "it is open"
        await self._site.stop()
        server = self._runner.server
        for connection in server.connections if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(seconds)
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, LOOPBACK, self.port, reuse_address=True)
        await self._site.start()
