"""Answers that a proxy, a dying process or a full venue would give."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from aiohttp import web

from sims.venues.alpaca.faults import Fault, FaultKind
from sims.venues.alpaca.refusals import TOO_MANY
from sims.venues.alpaca.spoiling import spoiled
from sims.venues.alpaca.trading_routes import answer

_PAGE: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1>nginx</body></html>"
_POLL_SECONDS: Final = 0.02


async def wrong_answer(
    request: web.Request, fault: Fault, right: web.StreamResponse | None
) -> web.StreamResponse:
    """Return what a client gets instead of an answer.

    Parameters
    ----------
    right
        The answer, where the venue has done what was asked.
    """
    match fault.kind:
        case FaultKind.ERROR:
            return _error(fault.status)
        case FaultKind.HTML:
            page = _PAGE.format(f"{fault.status} Bad Gateway")
            return web.Response(status=fault.status, text=page, content_type="text/html")
        case FaultKind.REDIRECT:
            target = str(fault.value or "http://127.0.0.1:9/elsewhere")
            return web.Response(status=307, headers={"Location": target})
        case FaultKind.HANG:
            await _hang(request, fault.seconds)
            _tear(request)
        case FaultKind.RESET:
            _tear(request)
        case FaultKind.TORN:
            await _answer_half(request, right)
            _tear(request)
        case _ if right is not None:
            return _spoiled_answer(right, fault)
    return web.Response(status=500)  # nobody gets it


def _error(status: int) -> web.Response:
    if status == 429:
        return answer({"code": TOO_MANY, "message": "too many requests."}, status)
    if status in (502, 503, 504):
        page = _PAGE.format(f"{status} Gateway Time-out")
        return web.Response(status=status, text=page, content_type="text/html")
    return answer({"code": status * 100_000, "message": "internal server error occurred"}, status)


def _tear(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _hang(request: web.Request, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds else float("inf")
    while loop.time() < end:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(_POLL_SECONDS)


async def _answer_half(request: web.Request, right: web.StreamResponse | None) -> None:
    body = right.body if isinstance(right, web.Response) else None
    content = bytes(body) if isinstance(body, bytes) else b'{"code": 50000000, "message": "x"}'
    torn = web.StreamResponse(headers={"Content-Length": str(len(content))})
    torn.content_type = "application/json"
    await torn.prepare(request)
    await torn.write(content[: len(content) // 2])


def _spoiled_answer(right: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    body = right.body if isinstance(right, web.Response) else None
    if not isinstance(body, bytes) or not body:
        return right
    return answer(spoiled(msgspec.json.decode(body), fault), right.status)
