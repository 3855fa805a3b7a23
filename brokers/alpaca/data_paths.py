"""Where the venue tells of which market: shares by the name of a feed, crypto under paths of its own. Pure."""

from __future__ import annotations

from typing import Final

CRYPTO: Final = (
    "crypto"  # in the place of a feed's name: the venue's own trades and quotes in coins
)
_COINS: Final = "/v1beta3/crypto/us"


def history_path(feed: str, kind: str) -> str:
    """Return where bars, quotes or trades of the past are asked for.

    Examples
    --------
    >>> history_path("iex", "bars"), history_path(CRYPTO, "bars")
    ('/v2/stocks/bars', '/v1beta3/crypto/us/bars')
    """
    return f"{_COINS}/{kind}" if feed == CRYPTO else f"/v2/stocks/{kind}"


def latest_path(feed: str, kind: str) -> str:
    """Return where the last quotes or trades are asked for.

    Examples
    --------
    >>> latest_path("iex", "quotes"), latest_path(CRYPTO, "quotes")
    ('/v2/stocks/quotes/latest', '/v1beta3/crypto/us/latest/quotes')
    """
    return f"{_COINS}/latest/{kind}" if feed == CRYPTO else f"/v2/stocks/{kind}/latest"


def stream_path(feed: str) -> str:
    """Return where the stream is."""
    return _COINS if feed == CRYPTO else f"/v2/{feed}"


def feed_query(feed: str) -> dict[str, str]:
    """Return what names the feed in a question: the path does for crypto."""
    return {} if feed == CRYPTO else {"feed": feed}
