"""What a Python strategy saves of itself (`engine.strategy.SavesState`): plain values, as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from engine.errors import StrategyError

_LEAVES: Final = (type(None), bool, int, float, str, bytes)


def packed(state: object) -> bytes:
    """Return a state as bytes; `unpacked` returns an equal one, of the same types.

    Raises
    ------
    StrategyError
        If there is anything else in it than None, bool, int, float, str, bytes, lists and dicts by texts.

    Examples
    --------
    >>> unpacked(packed({"bars": 3, "highs": [1.5, 2.0]}))
    {'bars': 3, 'highs': [1.5, 2.0]}
    """
    for place in _others(state, "the state"):
        raise StrategyError(
            place,
            remedy="save None, bool, int, float, str, bytes, lists, and dicts whose keys are texts",
        )
    try:
        return msgspec.msgpack.encode(state)
    except OverflowError as error:
        raise StrategyError(f"the state cannot be saved: {error}", remedy="64 bits") from None


def unpacked(state: bytes) -> Any:
    """Return what `packed` was given."""
    return msgspec.msgpack.decode(state)


def _others(value: object, place: str) -> Iterator[str]:
    """Yield what is no plain value, and where it stands."""
    kind = type(value)
    if isinstance(value, list) and kind is list:
        for n, each in enumerate(value):
            yield from _others(each, f"{place}[{n}]")
    elif isinstance(value, dict) and kind is dict:
        for key, each in value.items():
            if type(key) is not str:
                yield f"{place} has the key {key!r}, which is no text"
            yield from _others(each, f"{place}[{key!r}]")
    elif kind not in _LEAVES:
        yield f"{place} is a {kind.__name__}"
