"""The core's state: one flat int64 block, and the named views that kernels work on.

A snapshot is a copy of the block, its identity a hash of its bytes, a what-if a copy. Memory cannot
grow with time: what leaves the core (commands, journal rows) goes into blocks of fixed size that the
shell empties.
"""

from __future__ import annotations

import hashlib
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.jit import as_plain
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import REASONS

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
    monitors: Block  # (instruments, MONITOR_WIDTH); this and what follows: the trading loop
    limits: Block  # (LIMITS_WIDTH,)
    exits: Block  # (REASONS, EXITS_WIDTH)
    stages: Block  # (STAGES_ROWS, STAGES_WIDTH)
    guard: Block  # (GUARD_WIDTH,)
    latches: Block  # (LATCHES_ROWS, LATCHES_WIDTH)
    rings: Block  # (RINGS_ROWS, RINGS_WIDTH)
    calendars: Block  # (calendars, CALENDARS_WIDTH)
    returns: Block  # (instruments, RETURNS_WIDTH)
    wakes: Block  # (instruments + LATCHES_ROWS + WAKE_SLOTS_ACCOUNT, WAKES_WIDTH)
    queue: Block  # (as many and one,) slots of `wakes` as a heap; the last is how many wait
    held: Block  # (instruments,) those with a position, an exit or an entry, ascending
    ended: Block  # (ENDED_ROWS, ORDER_WIDTH) orders that may still turn out to have filled, by id
    asked: Block  # (instruments x ASKED_ROWS, ORDER_WIDTH) orders that a person is asked about
    commands: Block  # (command capacity, COMMAND_WIDTH), emptied by the shell
    journal: Block  # (journal capacity, EVENT_WIDTH), emptied by the shell


class CoreShape(NamedTuple):
    """How large a core's block is."""

    instruments: int
    currencies: int = 1
    orders: int = 1024
    commands: int = 4096
    journal: int = 65536
    calendars: int = 1
    trading: bool = False  # room for the trading loop; without it its blocks have one row


def _trading_parts(shape: CoreShape) -> dict[str, tuple[int, ...]]:
    """Return the sizes of the trading loop's blocks."""
    many, few = (shape.instruments, 0) if shape.trading else (1, 1)
    slots = many + loop.LATCHES_ROWS + loop.WAKE_SLOTS_ACCOUNT
    return {
        "monitors": (many, loop.MONITOR_WIDTH),
        "limits": (loop.LIMITS_WIDTH,),
        "exits": (few or REASONS, loop.EXITS_WIDTH),
        "stages": (few or loop.STAGES_ROWS, loop.STAGES_WIDTH),
        "guard": (loop.GUARD_WIDTH,),
        "latches": (few or loop.LATCHES_ROWS, loop.LATCHES_WIDTH),
        "rings": (few or loop.RINGS_ROWS, loop.RINGS_WIDTH),
        "calendars": (few or shape.calendars, loop.CALENDARS_WIDTH),
        "returns": (many, loop.RETURNS_WIDTH),
        "wakes": (few or slots, loop.WAKES_WIDTH),
        "queue": (few or slots + 1,),
        "held": (many,),
        "ended": (few or loop.ENDED_ROWS, at.ORDER_WIDTH),
        "asked": (few or many * loop.ASKED_ROWS, at.ORDER_WIDTH),
    }


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
        **_trading_parts(shape),
    }
    block = np.zeros(sum(map(prod, parts.values())), dtype=np.int64)
    views: dict[str, Block] = {}
    start = 0
    for name, size in parts.items():
        count = prod(size)
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
    core.account[at.ACCOUNT_NEXT_WAKE] = loop.NEVER
    if shape.trading:
        _begin_trading(core)
    return block, core


def _begin_trading(core: Core) -> None:
    """Fill in what a trading loop starts from where that is not zero."""
    core.account[at.ACCOUNT_TRADING] = 1
    core.account[at.ACCOUNT_TOUCHED] = 1  # the guards begin with the first money, before any order
    core.account[at.ACCOUNT_NEXT_POSITION] = 1
    core.account[at.ACCOUNT_NEXT_SIGNAL] = 1
    for column in (
        loop.MONITOR_EDGE,
        loop.MONITOR_CONFIDENCE,
        loop.MONITOR_GOAL,
        loop.MONITOR_VOLATILITY,
        loop.MONITOR_VOLUME,
        loop.MONITOR_TARGET_GOAL,
        loop.MONITOR_DENIED_EDGE,
        loop.ENTRY_GOAL,
        loop.WAITING_WEIGHT,
    ):
        core.monitors[:, column] = loop.NOT_GIVEN
    for column in (loop.EXIT_DEADLINE, loop.ENTRY_DEADLINE, loop.ENTRY_EXPIRES):
        core.monitors[:, column] = loop.NEVER
    core.monitors[:, loop.MONITOR_REACH_HIGH] = loop.NEVER
    core.wakes[:, loop.WAKE_AT] = loop.NEVER


def plain_core(core: Core) -> Core:
    """Return the same views for the interpreted world."""
    return Core(*(as_plain(view) for view in core))


def state_hash(block: Block) -> str:
    """Return the identity of a state: BLAKE2b over its bytes, little-endian, as 32 hex digits."""
    return hashlib.blake2b(block.astype("<i8", copy=False).tobytes(), digest_size=16).hexdigest()
