"""`Stepper`: a stepping kernel on one set of blocks, interpreted until it is given its compiled door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.jit import as_plain
from engine.ports import Rows

_Block = NDArray[np.int64]
_ROOM = 16  # rows of a block for what is shown, at first


class Stepper:
    """Calls one kernel of `sims.stepping.steps`.

    Interpreted it looks at rows where they are. Compiled it copies what it is shown into blocks of its
    own, which keep their addresses and lie at whole words, whatever the rows came in.

    Parameters
    ----------
    kernel
        `step_core` or `step_book`.
    views
        Its named blocks.
    blocks
        The others, in the kernel's order.
    """

    def __init__(self, kernel: Callable[..., int], views: Any, *blocks: _Block) -> None:
        self._views, self._blocks = views, list(blocks)
        self._call = kernel
        self._given: list[Any] = [type(views)(*(as_plain(view) for view in views))]
        self._given += [as_plain(block) for block in blocks]
        self._frame: _Block | None = None
        self._table: Any = None  # keeps the addresses of the views alive

    def __call__(
        self, step: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0, e: int = 0, /
    ) -> int:
        """Take a step."""
        return self._call(*self._given, step, a, b, c, d, e)

    @property
    def is_compiled(self) -> bool:
        """Whether it has its door."""
        return self._frame is not None

    def show(self, number: int, rows: Rows, plain: Any = None) -> None:
        """Have the next steps look at rows in the place of a block; the first is 0.

        `plain` is `as_plain` of them, where that was made already.
        """
        if self._frame is None:
            self._given[number + 1] = as_plain(rows) if plain is None else plain
            return
        count, block = len(rows), self._blocks[number]
        if count > len(block):
            block = self._own(number, 2 * count)
        block[:count] = rows

    def compile(self, door: Callable[..., int], *, shown: int) -> None:
        """Go on with the kernel's compiled door, on the same blocks; the first `shown` are for `show`.

        To be called where nothing that was shown is looked at any more.
        """
        from engine.pointers import Views

        self._table = Views(self._views)
        self._frame = np.array(
            [self._table.address, *(block.ctypes.data for block in self._blocks)], dtype=np.int64
        )
        for number in range(shown):
            self._own(number, _ROOM)
        self._given, self._call = [self._frame.ctypes.data], door

    def _own(self, number: int, count: int) -> _Block:
        """Put a new block in the place of one that rows are copied into."""
        assert self._frame is not None
        block = np.zeros((count, self._blocks[number].shape[1]), dtype=np.int64)
        self._blocks[number], self._frame[number + 1] = block, block.ctypes.data
        return block
