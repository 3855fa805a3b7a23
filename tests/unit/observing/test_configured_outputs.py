"""`[alerts]` and `[metrics]` of trader.toml, end to end: the command itself, a real webhook, a real page."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.architecture.source import ROOT

EXAMPLES = [str(ROOT / "examples" / name) for name in ("sma_cross.toml", "full_loop.toml")]


class Webhook:
    """A server on loopback that takes what apprise's json:// sends."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.taken.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"json://127.0.0.1:{self.server.server_port}/secret-token-1234"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    yield found
    found.server.shutdown()
    found.server.server_close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_what_the_workspace_names_is_told_and_served(webhook: Webhook, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "trader.toml").write_text(
        'catalog = "catalog"\nstrategies = "strategies"\n'
        '[alerts]\nchannels = { hook = "env:HOOK" }\n'
        f"[metrics]\nport = {port}\n"
    )
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "HOOK": webhook.url,
        "TRADER_DATABASE_URL": f"sqlite:///{tmp_path / 'trader.db'}",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "trader", "paper", *EXAMPLES, "--json", "--speed", "86400"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        lines, begun = [], 0
        for line in process.stderr:
            lines.append(line)
            begun += '"LOOP_STARTED"' in line
            if begun == 2:
                break
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
            families = {
                each.name: each for each in text_string_to_metric_families(page.read().decode())
            }
        halt = [sys.executable, "-m", "trader", "halt", "--why", "smoke", "--json"]
        subprocess.run(halt, cwd=tmp_path, env=environment, check=True, capture_output=True)
        for line in process.stderr:
            lines.append(line)
            if sum("state:halted" in each for each in lines) == 2:
                break
        process.terminate()
        told, rest = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, rest
    running = [
        each for each in families["trader_state"].samples if each.labels["state"] == "running"
    ]
    assert {each.labels["strategy"] for each in running} == {"sma_cross", "full_loop"}
    titles = [each["title"] for each in webhook.taken]
    for strategy in ("sma_cross", "full_loop"):
        assert titles.count(f"trader PAPER {strategy}: session halted") == 1, titles
    assert "secret-token-1234" not in told + rest + "".join(lines), "an address is a secret"
