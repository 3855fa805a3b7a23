"""Identities: of what is intended, and what a venue is told it is called.

Both can be computed again after a crash from nothing but what the journal has, so that nothing is
ever sent twice under two names.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

CLIENT_ID_LENGTH: Final = 32  # every venue takes as many of [a-z0-9-]
_PREFIX: Final = "tr-"


def intent_id(session: str, order_id: int, number: int) -> str:
    """Return the identity of a command: `number` counts those about one order, 0 the order itself."""
    return f"{session}/{order_id}/{number}"


def client_id(account: str, intent: str, attempt: int) -> str:
    """Return what a venue is told an order is called.

    `attempt` grows only after the attempt before it is proven absent or dead.

    Examples
    --------
    >>> client_id("paper", "s/1/0", 0)
    'tr-rll23wycv4i6ymjpwikrrzabj43wd'
    """
    text = "\0".join((account, intent, str(attempt))).encode()
    digest = hashlib.blake2b(text, digest_size=20).digest()
    name = base64.b32encode(digest).decode().lower().rstrip("=")
    return (_PREFIX + name)[:CLIENT_ID_LENGTH]


def is_ours(name: str) -> bool:
    """Return whether a client id looks like one that we have given."""
    return name.startswith(_PREFIX)
