"""Canonical JSON: one value, one text, so that what is signed is bytes and not an opinion about them.

Objects with sorted keys, lists, texts and whole numbers; no spaces, ASCII only. No fractions, no true, no
null: what has several spellings, or none that all programs share, is not signed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Canonical: TypeAlias = "Mapping[str, Canonical] | Sequence[Canonical] | str | int"


def canonical_bytes(value: Canonical) -> bytes:
    """Return a value's text.

    Raises
    ------
    TypeError
        If something in it is not an object, a list, a text or a whole number.

    Examples
    --------
    >>> canonical_bytes({"b": 1, "a": ["é"]})
    b'{"a":["\\\\u00e9"],"b":1}'
    """
    _require(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii")


def sha256_of(value: Canonical) -> str:
    """Return the SHA-256 of a value's text, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _require(value: object) -> None:
    if type(value) in (str, int):
        return
    if isinstance(value, dict):
        for key, each in value.items():
            if type(key) is not str:
                raise TypeError(f"{key!r} names nothing in canonical JSON")
            _require(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _require(each)
    else:
        raise TypeError(f"{value!r} has no canonical JSON")
