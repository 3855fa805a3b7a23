"""One core against one fill book over one stream: the same loop, compiled or interpreted.

What a run is identified by is its outcome: the journal of everything that was decided and happened,
and the final ledger, positions and orders. The same hash from two runs means that they decided the
same, whatever ran them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError, InternalFault
from engine.jit import as_plain
from engine.kernels.positions import equity_minor
from engine.model import layout as at
from engine.model.layout import ORDER_WIDTH
from engine.state import Block, Core, plain_core
from runtime.backtest.account import Setup
from runtime.backtest.clockwork import Clockwork
from runtime.core_faults import core_fault
from runtime.results import RunOutput
from sims.fillbook import layout as book_at
from sims.fillbook.layout import Book
from sims.fillbook.settings import BookSettings
from sims.replay.columns import FunctionValues, Lanes
from sims.replay.functions import replay_function
from sims.replay.lanes import replay
from sims.replay.layout import FRAME_WIDTH
from sims.replay.verbs import act

if TYPE_CHECKING:
    from sims.replay.entry import Doors

INTENT_ROWS = 64
STRETCH_ROWS = 1_048_576  # of a long journal; memory that is not written yet takes none
_NO_ROWS = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)
END = 2**63 - 1  # later than any event


@dataclass(slots=True, eq=False)
class Machine:
    """A run in progress.

    `plain_intents` is the block of intents as the interpreted world sees it.
    """

    setup: Setup
    settings: BookSettings
    is_compiled: bool
    block: Block = field(init=False)
    core: Core = field(init=False)
    book: Book = field(init=False)
    intents: NDArray[np.int64] = field(init=False)
    rows: list[NDArray[np.int64]] = field(init=False, default_factory=list)
    events: int = field(init=False, default=0)
    plain_intents: Any = field(init=False)
    _room: int = field(init=False)
    _journal: NDArray[np.int64] = field(init=False)  # where the core writes its journal
    _stretch: NDArray[np.int64] = field(init=False)
    _stretches: int = field(init=False, default=0)
    _used: int = field(init=False, default=0)
    _plain_core: Core = field(init=False)
    _plain_book: Book = field(init=False)
    _keep: Any = field(init=False, default=None)
    _lanes: Any = field(init=False, default=None)
    _blocks: tuple[Any, ...] = field(init=False, default=())
    _frame: Any = field(init=False, default=None)
    _replay: Any = field(init=False, default=None)
    _act: Any = field(init=False, default=None)
    _act_blocks: tuple[Any, ...] = field(init=False, default=())
    _replay_function: Any = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.block, self.core, self.book = self.setup.fresh(self.settings)
        self.intents = np.zeros((INTENT_ROWS, ORDER_WIDTH), dtype=np.int64)
        self._room = len(self.core.journal) // 2  # as in the loop: the largest slice finds the rest
        self._stretch, self._journal = _NO_ROWS, self.core.journal
        self.plain_intents = as_plain(self.intents)
        self._plain_core = plain_core(self.core)
        self._plain_book = Book(*(as_plain(block) for block in self.book))
        if self.is_compiled:
            from engine.pointers import Views

            self._keep = (Views(self.core), Views(self.book))

    def _doors(self) -> Doors:
        from sims.replay.entry import doors

        return doors(with_loop=bool(self.core.account[at.ACCOUNT_TRADING]))

    def attach(self, lanes: Lanes) -> None:
        """Prepare for the replay of some lanes, whose columns it keeps alive."""
        self._lanes = lanes
        if self.is_compiled:
            core, book = self._keep
            blocks = (core.address, book.address, *lanes.addresses(), self.intents.ctypes.data)
            self._frame = np.array(blocks, dtype=np.int64)
            assert self._frame.shape == (FRAME_WIDTH,)
            self._blocks = self._act_blocks = (self._frame.ctypes.data,)
            self._replay, self._act, self._replay_function = self._doors()
        else:
            table, columns, heap, turn, events, signals = lanes.plain()
            two = (self._plain_core, self._plain_book)
            own = self.plain_intents
            self._blocks = (*two, table, columns, heap, turn, events, signals, own)
            self._act_blocks = (*two, table, columns, heap, turn, own)
            self._replay, self._act = replay, act
            self._replay_function = replay_function

    def replay(self, until: int = END, *, with_others: bool = True) -> None:
        """Run every slice of the lanes up to and with time `until`, emptying the journal as needed.

        Without `with_others`, of time `until` only the slice of market data.
        """
        done = 0
        while not done:
            done = self._replay(*self._blocks, until, int(with_others))
            self._after()

    def replay_function(
        self, until: int, values: FunctionValues, function: Callable[..., int]
    ) -> None:
        """`replay` with a compiled strategy; `function` is a callback in the compiled world."""
        columns = values.addresses if self.is_compiled else values.plain
        own = (values.width, values.numbers, values.memory, function)
        done = 0
        while not done:
            done = self._replay_function(*self._blocks, until, self.intents, *columns, *own)
            self._after()

    def act(self, verb: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
        """Do what was decided outside the loop, between two slices; see `sims.replay.verbs`."""
        answer: int = self._act(*self._act_blocks, verb, a, b, c, d)
        self._after()
        return answer

    def journal_rows(self) -> list[NDArray[np.int64]]:
        """Return the journal so far, in blocks; a block once returned stays."""
        self._take_journal()
        return self.rows

    @property
    def equity_minor(self) -> int:
        """The account's equity at the last prices."""
        return equity_minor(self._plain_core)

    @property
    def plain(self) -> Core:
        """The core's blocks for reading, as memoryviews."""
        return self._plain_core

    def _after(self) -> None:
        account = self._plain_core.account
        if account[at.ACCOUNT_JOURNAL] > self._room:
            self._take_journal()
        if account[at.ACCOUNT_FAULT] or self._plain_book.counters[book_at.COUNT_FAULT]:
            raise self._fault()

    def _take_journal(self) -> None:
        count = self._plain_core.account[at.ACCOUNT_JOURNAL]
        if count:
            is_there = self._journal is not self.core.journal  # it was written where it stays
            self.rows.append(self._room_for(count))
            if not is_there:
                self.rows[-1][:] = self._journal[:count]
            self._plain_core.account[at.ACCOUNT_JOURNAL] = 0
            self._choose_journal(is_long=count > self._room)

    def _choose_journal(self, *, is_long: bool) -> None:
        """Have compiled code write a journal that fills again and again where it stays."""
        before, self._journal = self._journal, self.core.journal
        if is_long and self.is_compiled and len(self._stretch) - self._used >= len(before):
            self._journal = self._stretch[self._used : self._used + len(before)]
        if self._journal is not before:
            self._keep[0].replace("journal", self._journal)

    def _room_for(self, count: int) -> NDArray[np.int64]:
        """Return room for more journal rows, behind the last ones where a stretch has it left."""
        if self._used + count > len(self._stretch):
            is_all = not self.rows and count <= self._room  # most runs: the journal never filled
            length = count if is_all else max(count, STRETCH_ROWS)
            self._stretch = np.empty((length, at.EVENT_WIDTH), dtype=np.int64)
            self._stretches, self._used = self._stretches + 1, 0
        self._used += count
        return self._stretch[self._used - count : self._used]

    def drain(self) -> NDArray[np.int64]:
        """Return the journal so far and forget it; the hash of the run goes on over it."""
        self._take_journal()
        width = (0, at.EVENT_WIDTH)
        rows = np.concatenate(self.rows) if self.rows else np.zeros(width, dtype=np.int64)
        self.rows.clear()
        self._stretch, self._stretches, self._used = _NO_ROWS, 0, 0
        self._choose_journal(is_long=False)
        return rows

    def _fault(self) -> InputError | InternalFault:
        book_fault = int(self.book.counters[book_at.COUNT_FAULT])
        is_overflow = book_fault == book_at.FAULT_OVERFLOW
        return core_fault(
            self.core, self.setup.instruments, book_fault=book_fault, is_overflow=is_overflow
        )

    def output(self, clockwork: Clockwork, starting_cash_minor: int) -> RunOutput:
        """Return what the run has left behind."""
        self._take_journal()
        orders = self.core.orders[: int(self.core.account[at.ACCOUNT_ORDERS])]
        in_one = self._stretches <= 1
        return RunOutput(
            journal=self._stretch[: self._used] if in_one else np.concatenate(self.rows),
            instruments=self.setup.instruments,
            currencies=self.setup.currencies,
            starting_cash_minor=starting_cash_minor,
            ledger=self.core.ledger.copy(),
            positions=self.core.positions.copy(),
            orders=orders.copy(),
            final_equity_minor=self.equity_minor,
            ambiguities=int(self.book.counters[book_at.COUNT_AMBIGUITIES]),
            events=self.events,
            periods_per_year=clockwork.periods_per_year,
            calendar=clockwork.account_calendar,
        )
