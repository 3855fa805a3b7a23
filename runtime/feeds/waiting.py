"""Waiting that ends early when everything is to end."""

from __future__ import annotations

import asyncio

from engine.ports import Clock


async def pause(clock: Clock, seconds: float, closed: asyncio.Event) -> None:
    """Wait for some seconds of the clock, but not when everything is to end."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    closing = asyncio.ensure_future(closed.wait())
    try:
        await asyncio.wait((sleeping, closing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        closing.cancel()
