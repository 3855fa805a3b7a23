"""Which addresses prove which environment."""

from __future__ import annotations

import pytest

from brokers.alpaca.environments import LIVE, PAPER, Urls, environment_of, rehearsal
from engine.errors import ConfigError
from engine.ports import Environment

HERE = "http://127.0.0.1:8080"
DATA, STREAM = "https://data.alpaca.markets", "wss://stream.data.alpaca.markets"


def test_live_and_paper_are_two_hosts() -> None:
    assert environment_of(LIVE) is Environment.LIVE
    assert environment_of(PAPER) is Environment.PAPER
    assert LIVE.order_stream == "wss://api.alpaca.markets/stream"
    assert PAPER.order_stream == "wss://paper-api.alpaca.markets/stream"


@pytest.mark.parametrize(
    "base",
    ["http://127.0.0.1:8080", "http://127.8.0.1:1/", "http://[::1]:80", "http://localhost:9"],
)
def test_this_machine_is_a_rehearsal(base: str) -> None:
    assert environment_of(rehearsal(base)) is Environment.REHEARSAL


@pytest.mark.parametrize(
    ("what", "urls"),
    [
        ("another host", Urls("https://example.com", DATA, STREAM)),
        ("a host that ends like it", Urls("https://api.alpaca.markets.example.com", DATA, STREAM)),
        ("without TLS", Urls("http://api.alpaca.markets", DATA, STREAM)),
        ("another port", Urls("https://api.alpaca.markets:8443", DATA, STREAM)),
        ("a user in it", Urls("https://x@api.alpaca.markets", DATA, STREAM)),
        ("a name that begins like this machine", Urls("http://127.0.0.1.nip.io:80", HERE, "ws://127.0.0.1:1")),
        ("a host of the network", Urls("http://192.168.0.7:8080", HERE, "ws://127.0.0.1:1")),
        ("live data for a rehearsal", Urls(HERE, DATA, STREAM)),
        ("a rehearsal's data for live", Urls("https://api.alpaca.markets", HERE, "ws://127.0.0.1:1")),
        ("no port", Urls("http://127.0.0.1", HERE, "ws://127.0.0.1:1")),
        ("a path", Urls("http://127.0.0.1:80/v2", HERE, "ws://127.0.0.1:1")),
        ("a port that is none", Urls("http://127.0.0.1:99999", HERE, "ws://127.0.0.1:1")),
        ("nothing", Urls("", "", "")),
    ],
)  # fmt: skip
def test_what_is_not_listed_is_refused(what: str, urls: Urls) -> None:
    with pytest.raises(ConfigError, match="is not used"):
        environment_of(urls)


def test_a_rehearsal_does_not_leave_this_machine() -> None:
    with pytest.raises(ConfigError, match="is not used"):
        rehearsal("https://paper-api.alpaca.markets")
    with pytest.raises(ConfigError, match="is not used"):
        rehearsal(HERE, data=DATA)
