"""Addresses of streams, as people write them.

They are kept in the database, in journals and on screens, so none may hold a secret.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from engine.errors import InputError


def require_stream(address: str, others: str) -> str:
    """Return an address that can be asked for.

    Parameters
    ----------
    others
        The feeds that have names, as a person reads them.

    Raises
    ------
    InputError
        If it is none, or holds more than host, port and path.

    Examples
    --------
    >>> require_stream("ws://127.0.0.1:8765", "alpaca")
    'ws://127.0.0.1:8765'
    """
    if "://" in address and any(mark in address for mark in "@?#"):
        raise InputError(
            "the feed's address holds more than host, port and path; it would be kept and shown",
            where="--feed",
            remedy="leave user, password and query out, e.g. ws://127.0.0.1:8765",
            code="session.secret_in_feed",
        )
    if not _is_stream(address):
        raise InputError(
            f"there is no feed {address!r}",
            where="--feed",
            remedy=f"write {others}, or the address of a stream, e.g. ws://127.0.0.1:8765",
            code="session.unknown_feed",
        )
    return address


def _is_stream(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # e.g. port 99999
        return False
