"""Whatever happens to a submit: one request on the wire at most, and no more is said than is proven."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from typing import Any

import pytest
from aiohttp import web

from brokers.alpaca.budget import Use
from brokers.alpaca.client import AlpacaClient, Deadlines, NoAnswer
from brokers.alpaca.environments import Urls
from engine.approved import CancelApproved
from engine.errors import VenueError
from engine.ports import SubmitOutcome, SubmitStatus
from runtime.clocks import SystemClock
from tests.unit.brokers.alpaca.messages import ORDER, ORDER_ID
from tests.unit.brokers.alpaca.scripted import (
    HASTY,
    KEYS,
    QUICK,
    Handler,
    ScriptedVenue,
    answer,
    approved,
    broker_of,
    run,
)

TAKEN, REFUSED = SubmitStatus.TAKEN, SubmitStatus.REFUSED
NOT_SENT, UNKNOWN = SubmitStatus.NOT_SENT, SubmitStatus.UNKNOWN
PAGE = b"<html><body>Bad Gateway</body></html>"


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(2)
    return web.Response()


async def reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def close(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def raw(content: bytes) -> Handler:
    """Answer with these bytes, then end the connection."""

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(content)
        request.transport.close()
        return web.Response()

    return handle


def redirect(status: int) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": str(request.url)})

    return handle


def refusal(status: int, code: int, message: str) -> Handler:
    return answer(status, {"code": code, "message": message})


CASES: list[tuple[str, Handler, SubmitStatus, str]] = [
    ("an order", answer(200, ORDER), TAKEN, ""),
    ("an order, created", answer(201, ORDER), TAKEN, ""),
    ("a rejected order", answer(200, ORDER | {"status": "rejected"}), TAKEN, ""),
    ("an order of a new status", answer(200, ORDER | {"status": "pondering"}), TAKEN, ""),
    # It may work, whatever is wrong with the answer.
    ("an order of another name", answer(200, ORDER | {"client_order_id": "x"}), UNKNOWN, "protocol_drift"),
    ("no order", answer(200, {"ok": True}), UNKNOWN, "protocol_drift"),
    ("a page", answer(200, PAGE), UNKNOWN, "protocol_drift"),
    ("nothing", answer(204), UNKNOWN, "protocol_drift"),
    ("no answer", hang, UNKNOWN, "no_answer"),
    ("a reset", reset, UNKNOWN, "no_answer"),
    ("an end", close, UNKNOWN, "no_answer"),
    ("half an answer", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"), UNKNOWN, "no_answer"),
    ("half a head", raw(b"HTTP/1.1 200 O"), UNKNOWN, "no_answer"),
    ("no HTTP", raw(b"hello, who is there?\r\n\r\n"), UNKNOWN, "no_answer"),
    ("500", refusal(500, 50010000, "internal server error occurred"), UNKNOWN, "venue_down"),
    ("502, a page", answer(502, PAGE), UNKNOWN, "venue_down"),
    ("503", answer(503), UNKNOWN, "venue_down"),
    ("504", answer(504, {"message": "timeout"}), UNKNOWN, "venue_down"),
    ("301", redirect(301), UNKNOWN, "protocol_drift"),
    ("302", redirect(302), UNKNOWN, "protocol_drift"),
    ("307", redirect(307), UNKNOWN, "protocol_drift"),
    ("308", redirect(308), UNKNOWN, "protocol_drift"),
    ("a proxy's 403", answer(403, PAGE), UNKNOWN, "protocol_drift"),
    ("a proxy's 404", answer(404, PAGE), UNKNOWN, "protocol_drift"),
    ("408", answer(408, {"message": "too slow"}), UNKNOWN, "protocol_drift"),
    # The venue's own words.
    ("funds", refusal(403, 40310000, "insufficient buying power"), REFUSED, "funds"),
    ("shares", refusal(403, 40310000, "insufficient qty available for order (requested: 2, available: 1)"), REFUSED, "funds"),
    ("restricted", refusal(403, 40310000, "account is restricted to liquidation only"), REFUSED, "permission"),
    ("wash trade", refusal(403, 40310000, "potential wash trade detected. use complex orders"), REFUSED, "self_trade"),
    ("wash trade, elsewhere", refusal(422, 42210000, "potential wash trade detected. use complex orders"), REFUSED, "self_trade"),
    ("a used name", refusal(422, 40010001, "client_order_id must be unique"), REFUSED, "duplicate"),
    ("malformed", refusal(422, 40010001, "side is required"), REFUSED, "bad_request"),
    ("sub-penny", refusal(422, 42210000, "invalid limit_price 180.505. sub-penny increment does not fulfill minimum pricing criteria"), REFUSED, "size_or_grid"),
    ("fraction", refusal(422, 42210000, "fractional orders must be DAY orders"), REFUSED, "size_or_grid"),
    ("not tradable", refusal(422, 42210000, "asset AAPL is not tradable"), REFUSED, "not_tradable"),
    ("no such asset", refusal(422, 40010001, 'asset "AAPL" not found'), REFUSED, "not_tradable"),
    ("no shorts", refusal(403, 40310000, "account is not allowed to short"), REFUSED, "not_tradable"),
    ("closed", refusal(422, 42210000, "market is closed"), REFUSED, "market_closed"),
    ("another rule", refusal(422, 42210000, "a rule of tomorrow"), REFUSED, "bad_request"),
    ("a bad key", refusal(401, 40110000, "request is not authorized"), REFUSED, "auth_failed"),
    ("forbidden", answer(403, {"message": "forbidden."}), REFUSED, "auth_failed"),
    ("too many", refusal(429, 42910000, "too many requests."), REFUSED, "rate_limited"),
]  # fmt: skip


def pace_of(handler: Handler) -> Deadlines:
    """Return how long is waited for a handler's answer."""
    return HASTY if handler is hang else QUICK


async def submitted(venue: ScriptedVenue, deadlines: Deadlines = QUICK) -> SubmitOutcome:
    broker = broker_of(venue, deadlines=deadlines)
    await broker.connect()
    try:
        return await broker.submit(approved(), "tr-abc")
    finally:
        await broker.close()


@pytest.mark.parametrize(
    ("what", "handler", "status", "code"), CASES, ids=[each[0] for each in CASES]
)
def test_one_submit_is_one_request(
    what: str, handler: Handler, status: SubmitStatus, code: str
) -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.handlers["POST /v2/orders"] = handler
            outcome = await submitted(venue, pace_of(handler))
            assert (outcome.status, outcome.code) == (status, code), outcome
            assert venue.count("POST") == 1
            assert outcome.venue_id == (ORDER_ID if status is TAKEN else "")
            assert bool(outcome.problem) == (status is not TAKEN)

    run(story())


def test_what_has_not_left_is_known_not_to_have() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            broker = broker_of(venue)
            early = await broker.submit(approved(), "tr-abc")
            assert early.status is NOT_SENT
            await broker.connect()
        late = await broker.submit(approved(), "tr-abc")  # nobody is there any more
        assert (late.status, late.code) == (NOT_SENT, "not_sent")
        assert venue.count("POST") == 0
        await broker.close()

    run(story())


@pytest.mark.parametrize(
    ("what", "code"),
    [("no such host", "not_sent"), ("no TLS", "auth_failed"), ("TLS that hangs", "not_sent"),
     ("a certificate of nobody", "auth_failed")],
)  # fmt: skip
def test_no_byte_of_an_order_leaves_without_a_sound_connection(
    what: str, code: str, tmp_path: Any
) -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        if what == "no TLS":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

    async def story() -> None:
        context = _nobodys_certificate(tmp_path) if what.startswith("a certificate") else None
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        host = "nowhere.invalid" if what == "no such host" else "127.0.0.1"
        urls = Urls(f"https://{host}:{port}", "", "")
        client = AlpacaClient(urls, KEYS, SystemClock(), deadlines=HASTY)
        with pytest.raises(NoAnswer) as caught:
            await client.send("POST", "/v2/orders", Use.ORDER, body=b"{}")
        assert (caught.value.has_left, caught.value.code) == (False, code)
        assert not any(b"POST" in each for each in heard)
        await client.close()
        server.close()

    run(story())


def _nobodys_certificate(folder: Any) -> ssl.SSLContext:
    """Return a server's context with a certificate that nobody has signed."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_nothing_is_sent_again_over_a_connection_that_has_died(method: str) -> None:
    """aiohttp would: by itself, for all but POST and PATCH."""

    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.handlers["GET /warm"] = answer(200, {})
            venue.handlers[f"{method} /cut"] = close
            client = AlpacaClient(Urls(venue.url, "", ""), KEYS, SystemClock(), deadlines=QUICK)
            await client.send("GET", "/warm", Use.QUESTION)
            with pytest.raises(NoAnswer) as caught:
                await client.send(method, "/cut", Use.CANCEL)
            assert caught.value.has_left
            assert len(venue.requests) == 2
            await client.close()

    run(story())


def test_no_proxy_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue, ScriptedVenue() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv("no_proxy", "")
            venue.handlers["POST /v2/orders"] = answer(200, ORDER)
            assert (await submitted(venue)).status is TAKEN
            assert proxy.requests == []

    run(story())


def test_who_we_are_is_said_in_heads_and_never_shown() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        body = str(dict(request.headers))
        return web.Response(status=500, text=body, headers={"X-Request-ID": "r-77"})

    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.handlers["POST /v2/orders"] = echo
            outcome = await submitted(venue)
            assert "APCA-API-SECRET-KEY" in outcome.raw
            assert "r-77" in outcome.raw
            shown = f"{outcome}{KEYS}"
            assert KEYS.secret not in shown
            assert KEYS.key_id not in shown

    run(story())


# --- cancels ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("handler", "status", "code"),
    [
        (answer(204), TAKEN, ""),
        (refusal(422, 42210000, 'order is already in "filled" state'), REFUSED, "too_late"),
        (refusal(422, 42210000, "order pending"), REFUSED, "too_late"),
        (refusal(404, 40410000, "order not found"), REFUSED, "not_found"),
        (refusal(429, 42910000, "too many requests."), REFUSED, "rate_limited"),
        (answer(504, PAGE), UNKNOWN, "venue_down"),
        (hang, UNKNOWN, "no_answer"),
        (reset, UNKNOWN, "no_answer"),
    ],
)
def test_a_cancel(handler: Handler, status: SubmitStatus, code: str) -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.handlers["POST /v2/orders"] = answer(200, ORDER)
            venue.handlers[f"DELETE /v2/orders/{ORDER_ID}"] = handler
            broker = broker_of(venue, deadlines=pace_of(handler))
            await broker.connect()
            await broker.submit(approved(), "tr-abc")
            outcome = await broker.cancel(CancelApproved(1, 0), "tr-abc")
            assert (outcome.status, outcome.code) == (status, code)
            assert venue.count("DELETE") == 1
            await broker.close()

    run(story())


def test_an_order_is_looked_up_to_be_canceled_where_its_number_is_not_known() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            broker = broker_of(venue)
            await broker.connect()
            outcome = await broker.cancel(CancelApproved(1, 0), "tr-abc")
            assert (outcome.status, outcome.code) == (REFUSED, "not_found")
            venue.handlers["GET /v2/orders:by_client_order_id"] = answer(200, ORDER)
            venue.handlers[f"DELETE /v2/orders/{ORDER_ID}"] = answer(204)
            outcome = await broker.cancel(CancelApproved(1, 0), "tr-abc")
            assert (outcome.status, outcome.venue_id) == (TAKEN, ORDER_ID)
            venue.handlers.clear()
            venue.handlers["*"] = answer(502, PAGE)
            other = await broker.cancel(CancelApproved(2, 0), "tr-other")
            assert other.status is NOT_SENT  # it could not even be looked up
            assert venue.count("DELETE") == 1
            await broker.close()

    run(story())


# --- the connection -----------------------------------------------------------------------------------------
def test_connecting_listens_first_and_reads_then() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            broker = broker_of(venue)
            facts = await broker.connect()
            assert (facts.account, facts.environment) == ("PA3717PJAYWN", "rehearsal")
            assert len(venue.heard) == 2 and KEYS.secret.encode() in venue.heard[0]
            assert venue.heard[1] == b'{"action":"listen","data":{"streams":["trade_updates"]}}'
            await broker.connect()
            assert len(venue.streams) == 2  # again is anew
            await broker.close()

    run(story())


@pytest.mark.parametrize(
    ("said", "problem", "is_authorization"),
    [
        ([b'{"stream":"authorization","data":{"status":"unauthorized"}}'], "unauthorized", True),
        ([b""], "does not listen within", False),
        ([b'{"stream":"authorization","data":{"status":"authorized"}}', b""], "does not listen", False),
        ([b'{"stream":"authorization","data":{"status":"authorized"}}',
          b'{"stream":"listening","data":{"streams":[]}}'], "not trade_updates", False),
        ([b"<html>"], "cannot be read", False),
    ],
)  # fmt: skip
def test_a_stream_that_does_not_listen_is_told(
    said: list[bytes], problem: str, is_authorization: bool
) -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.said = said
            broker = broker_of(venue, deadlines=HASTY)
            with pytest.raises(VenueError, match=problem) as caught:
                await broker.connect()
            assert caught.value.is_authorization == is_authorization
            assert venue.requests == []  # the account was not read
            await broker.close()

    run(story())


@pytest.mark.parametrize(
    ("handler", "is_authorization"),
    [
        (refusal(401, 40110000, "request is not authorized"), True),
        (answer(403, {"message": "forbidden."}), True),
        (answer(502, PAGE), False),
        (answer(200, {"status": "ACTIVE"}), False),
        (redirect(302), False),
        (hang, False),
    ],
)
def test_an_account_that_is_not_told_is_no_account(
    handler: Handler, is_authorization: bool
) -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue:
            venue.handlers["GET /v2/account"] = handler
            broker = broker_of(venue, deadlines=pace_of(handler))
            with pytest.raises(VenueError) as caught:
                await broker.connect()
            assert caught.value.is_authorization == is_authorization
            assert venue.count("GET") == 1
            await broker.close()

    run(story())


def test_a_stream_that_is_elsewhere_is_not_followed() -> None:
    async def story() -> None:
        async with ScriptedVenue() as venue, ScriptedVenue() as elsewhere:
            venue.elsewhere = elsewhere.url + "/stream"
            broker = broker_of(venue)
            with pytest.raises(VenueError, match="redirect") as caught:
                await broker.connect()
            assert caught.value.is_authorization
            assert elsewhere.streams == []
            await broker.close()

    run(story())
