"""What a stream server does wrong, and when: a schedule, given as data."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import Final

import msgspec


class FaultKind(StrEnum):
    """One way to go wrong."""

    # In the data: a message too many, with a number of its own, also in the history.
    LATE = "late"  # a row is told once more, `count` rows later
    REVISED = "revised"  # the same, with other values where it is a bar
    ZERO_PRICE = "zero_price"
    NEGATIVE_PRICE = "negative_price"
    NAN_PRICE = "nan_price"
    FLOAT_PRICE = "float_price"  # a binary float instead of text
    WRONG_ENUM = "wrong_enum"
    CROSSED = "crossed"  # a quote whose bid is above its ask
    # On the wire: the history has what was told.
    GAP = "gap"  # `count` messages are left out
    DUPLICATE = "duplicate"  # a message comes `count` times more
    DISORDER = "disorder"  # a message comes after the `count` that follow it
    MALFORMED = "malformed"  # a message is cut off in its middle
    DISCONNECT = "disconnect"  # the socket is torn down after a message
    MUTE = "mute"  # the socket stays open, and nothing comes of it any more
    # Of the history: `at` counts requests, `count` of which fail in turn.
    HISTORY_ERROR = "history_error"


IN_DATA: Final = frozenset(
    {
        FaultKind.LATE,
        FaultKind.REVISED,
        FaultKind.ZERO_PRICE,
        FaultKind.NEGATIVE_PRICE,
        FaultKind.NAN_PRICE,
        FaultKind.FLOAT_PRICE,
        FaultKind.WRONG_ENUM,
        FaultKind.CROSSED,
    }
)
REPAIRABLE: Final = tuple(kind for kind in FaultKind if kind is not FaultKind.CROSSED)


class Fault(msgspec.Struct, frozen=True):
    """One fault at a row of the data, which are counted from 1."""

    kind: FaultKind
    at: int
    count: int = 1


class FaultSchedule(msgspec.Struct, frozen=True):
    """All faults of a server's life; each happens once."""

    faults: tuple[Fault, ...] = ()

    def of(self, *kinds: FaultKind) -> tuple[Fault, ...]:
        """Return the faults of some kinds, by their place."""
        return tuple(sorted((f for f in self.faults if f.kind in kinds), key=lambda f: f.at))


def parse_schedule(content: bytes | str) -> FaultSchedule:
    """Return a schedule that was written as JSON.

    Examples
    --------
    >>> parse_schedule('{"faults": [{"kind": "gap", "at": 3, "count": 2}]}').faults[0].count
    2
    """
    return msgspec.json.decode(content, type=FaultSchedule)


def random_schedule(
    seed: int, rows: int, *, count: int, kinds: Sequence[FaultKind] = REPAIRABLE
) -> FaultSchedule:
    """Return a schedule that is a function of its seed."""
    rng = Random(seed)
    return FaultSchedule(
        tuple(
            Fault(rng.choice(list(kinds)), rng.randint(1, max(rows, 1)), rng.randint(1, 4))
            for _ in range(count)
        )
    )
