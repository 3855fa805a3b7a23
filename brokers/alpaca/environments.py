"""Which hosts are which environment: the only proof of it that there is, so what is not listed is refused.

Live and paper are two hosts with keys of their own; market data come from the same hosts for both. A
loopback address is a rehearsal, and never anything else.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

import msgspec

from engine.errors import ConfigError
from engine.ports import Environment

_DATA: Final = ("https://data.alpaca.markets", "wss://stream.data.alpaca.markets")


class Urls(msgspec.Struct, frozen=True):
    """Where a venue is asked: bases, without a path.

    Parameters
    ----------
    trading
        Account and orders, over HTTP.
    data
        Bars, quotes and trades of the past, over HTTP.
    data_stream
        The same as they happen, over WebSocket.
    """

    trading: str
    data: str
    data_stream: str

    @property
    def order_stream(self) -> str:
        """Where the venue tells of orders: on the host of trading."""
        return "ws" + self.trading.removeprefix("http") + "/stream"


LIVE: Final = Urls("https://api.alpaca.markets", *_DATA)
PAPER: Final = Urls("https://paper-api.alpaca.markets", *_DATA)
_KNOWN: Final = {Environment.LIVE: LIVE, Environment.PAPER: PAPER}


def rehearsal(trading: str, data: str = "", data_stream: str = "") -> Urls:
    """Return the addresses of a venue on this machine; one for all, where no other is given.

    Raises
    ------
    ConfigError
        If one of them is not on this machine.

    Examples
    --------
    >>> rehearsal("http://127.0.0.1:8080/").order_stream
    'ws://127.0.0.1:8080/stream'
    """
    base = trading.rstrip("/")
    stream = "ws" + base.removeprefix("http")
    urls = Urls(base, data.rstrip("/") or base, data_stream.rstrip("/") or stream)
    require_environment(urls, Environment.REHEARSAL)
    return urls


def environment_of(urls: Urls) -> Environment:
    """Return what the addresses prove.

    Raises
    ------
    ConfigError
        If they prove nothing: an unknown host, or addresses of two environments.
    """
    for environment, known in _KNOWN.items():
        if urls == known:
            return environment
    for name, scheme in (("trading", "http"), ("data", "http"), ("data_stream", "ws")):
        _require_loopback(getattr(urls, name), scheme, name)
    return Environment.REHEARSAL


def require_environment(urls: Urls, environment: Environment) -> None:
    """Refuse addresses that do not prove an environment.

    Raises
    ------
    ConfigError
        See `environment_of`.
    """
    found = environment_of(urls)
    if found is not environment:
        raise _refused(urls.trading, f"it is {found}, not {environment}", "trading")


def _require_loopback(url: str, scheme: str, name: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(url, str(error), name) from None
    if not _is_loopback(host):
        raise _refused(url, "its host is none of this venue's, or of another environment", name)
    if parts.scheme != scheme or not port or parts.path or parts.query or parts.username:
        raise _refused(url, f"a rehearsal is addressed as {scheme}://127.0.0.1:PORT", name)


def _is_loopback(host: str) -> bool:
    """Return whether an address is this machine's; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(url: str, problem: str, name: str) -> ConfigError:
    return ConfigError(
        f"the address {url!r} is not used: {problem}",
        where=f"venues.alpaca.{name}_url",
        remedy="live and paper have addresses of their own; only a rehearsal's are given",
        code="venue.address",
    )
