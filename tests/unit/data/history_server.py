"""A real HTTP server on loopback that hands out a table in pages, and misbehaves on request."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

START_S = 1_704_067_200
HEADER = "ts,open,high,low,close,volume"
PAGE_ROWS = 10

# What a request gets instead of its page: a function that answers, or None for the page itself.
Trouble = Callable[["Handler", str, int], bool]


def row(number: int) -> str:
    price = 100 + number % 7 / 4
    return f"{START_S + 60 * number},{price},{price + 1},{price - 1},{price},{number}"


@dataclass
class Served:
    """What the server hands out, and what it was asked."""

    rows: int = 95
    form: str = "csv"
    trouble: Trouble | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    tries: Counter[tuple[str, str]] = field(default_factory=Counter)
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    served: Served

    def do_GET(self) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        symbol, token = query["symbol"], query.get("token", "")
        served = self.served
        served.asked.append((symbol, token))
        served.queries.append(query)
        served.secrets.append(self.headers.get("Authorization", ""))
        served.tries[symbol, token] += 1
        if served.trouble and served.trouble(self, token, served.tries[symbol, token]):
            return
        self.page(token)

    def page(self, token: str) -> None:
        first = int(token or 0)
        last = min(first + PAGE_ROWS, self.served.rows)
        lines = [row(number) for number in range(first, last)]
        following = str(last) if last < self.served.rows else ""
        if self.served.form == "json":
            cells = [json.loads(f"[{line}]") for line in lines]
            answer = {"columns": HEADER.split(","), "rows": cells, "next": following or None}
            self.answer(json.dumps(answer).encode(), "application/json", {})
            return
        body = "\n".join([HEADER, *lines]).encode()
        self.answer(body, "text/csv", {"Next-Token": following} if following else {})

    def answer(
        self, body: bytes, kind: str, headers: dict[str, str], length: int | None = None
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length != 0:
            self.send_header("Content-Length", str(length or len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> bool:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())
        return True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    """Run the server until the block ends."""
    handler = type("Bound", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}/history"
    try:
        yield served
    finally:
        served.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
