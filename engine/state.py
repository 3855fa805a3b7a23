"""The core's state: one flat int64 block, and the named views that kernels work on.

A snapshot is a copy of the block, its identity a hash of its bytes, a what-if a copy. Memory cannot
grow with time: what leaves the core (commands, journal rows) goes into blocks of fixed size that the
shell empties.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.jit import as_plain
from engine.model import layout as at

Block = NDArray[np.int64]


class Table(Protocol):
    """Rows of int64 as kernels index them, in either world: ``table[row, COLUMN]``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""

    def __getitem__(self, place: Any, /) -> Any:
        """Return one cell."""

    def __setitem__(self, place: Any, value: Any, /) -> None:
        """Store one cell."""


class Core(NamedTuple):
    """Views of the core's block, as kernels see them (arrays compiled, memoryviews interpreted)."""

    account: Block  # (ACCOUNT_WIDTH,)
    terms: Block  # (instruments, TERMS_WIDTH)
    positions: Block  # (instruments, POSITION_WIDTH)
    ledger: Block  # (currencies, LEDGER_WIDTH)
    orders: Block  # (order capacity, ORDER_WIDTH), compact, by id
    commands: Block  # (command capacity, COMMAND_WIDTH), emptied by the shell
    journal: Block  # (journal capacity, EVENT_WIDTH), emptied by the shell


class CoreShape(NamedTuple):
    """How large a core's block is."""

    instruments: int
    currencies: int = 1
    orders: int = 1024
    commands: int = 4096
    journal: int = 65536


def new_core(shape: CoreShape, terms: Block) -> tuple[Block, Core]:
    """Return a zeroed block and its views.

    The journal and command blocks are outside the state block: they are output.
    """
    parts = {
        "account": (at.ACCOUNT_WIDTH,),
        "terms": (shape.instruments, at.TERMS_WIDTH),
        "positions": (shape.instruments, at.POSITION_WIDTH),
        "ledger": (shape.currencies, at.LEDGER_WIDTH),
        "orders": (shape.orders, at.ORDER_WIDTH),
    }
    block = np.zeros(sum(int(np.prod(size)) for size in parts.values()), dtype=np.int64)
    views: dict[str, Block] = {}
    start = 0
    for name, size in parts.items():
        count = int(np.prod(size))
        views[name] = block[start : start + count].reshape(size)
        start += count
    core = Core(
        **views,
        commands=np.zeros((shape.commands, at.COMMAND_WIDTH), dtype=np.int64),
        journal=np.zeros((shape.journal, at.EVENT_WIDTH), dtype=np.int64),
    )
    core.terms[:] = terms
    core.ledger[0, at.LEDGER_RATE] = at.RATE_ONE
    core.account[at.ACCOUNT_NEXT_ORDER] = 1
    return block, core


def plain_core(core: Core) -> Core:
    """Return the same views for the interpreted world."""
    return Core(*(as_plain(view) for view in core))


def state_hash(block: Block) -> str:
    """Return the identity of a state: BLAKE2b over its bytes, little-endian, as 32 hex digits."""
    return hashlib.blake2b(block.astype("<i8", copy=False).tobytes(), digest_size=16).hexdigest()
