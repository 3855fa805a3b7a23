"""What a session core asks for while it takes an input: the requests that its generators yield.

A generator may be driven by a session over a network, by a recovery that knows the answers from a
journal, or by `runtime.session_core.playing` at once; it cannot tell.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, TypeAlias

import msgspec
import numpy as np

from engine.approved import Approved
from engine.model.layout import EVENT_WIDTH
from engine.ports import Rows

NO_ROWS: Final[Rows] = np.empty((0, EVENT_WIDTH), dtype=np.int64)


class Meet(msgspec.Struct, frozen=True, gc=False):
    """Let a simulated broker meet this row of the slice first; answered with its facts."""

    row: int


class Follow(msgspec.Struct, frozen=True):
    """Tell who keeps books that an action has changed a position, or orders; answered with no rows.

    `split` has the new units and the old ones.
    """

    instrument: int
    lots: int
    split: tuple[int, int] = (1, 1)


class Send(msgspec.Struct, frozen=True):
    """Send commands now; answered with the facts that are known at once, often none.

    `number` counts the sendings of the input in hand, from 0.
    """

    commands: tuple[Approved, ...]
    number: int


Request: TypeAlias = Meet | Follow | Send
Step: TypeAlias = Generator[Request, Rows, None]
