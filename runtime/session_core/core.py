"""`SessionCore`: the engine of one session, driven one input at a time.

It holds the core's blocks and the strategy, and nothing of the world. An input (a slice of the feed, time
that has passed, facts of the broker, a person's wish) starts a generator; what it needs of the world it
yields (`runtime.session_core.steps`), and it is at its end when the input is decided on. The order of
steps is that of the backtest's loop (`sims.replay.loop`), so over the same data the journal and the
state are the same, to the bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from engine.approved import approved_commands
from engine.errors import InputError, InternalFault
from engine.jit import as_plain
from engine.kernels.positions import equity_minor
from engine.model import layout as at
from engine.model.instruments import Instrument
from engine.ports import Rows, Slice, VenuePosition
from engine.rules.turn import TURNS_MAX
from engine.sealed import seal, unseal
from engine.state import Block, Core, plain_core
from runtime.core_faults import core_fault
from runtime.observing.watchdog import CallbackGuard
from runtime.session_core.drivers.driver import Driver
from runtime.session_core.faults import StrategyFault
from runtime.session_core.steps import NO_ROWS, Follow, Meet, Send, Step
from sims.stepping.stepper import Stepper
from sims.stepping.steps import (
    CORE_DECIDE,
    CORE_DUE,
    CORE_EVENTS,
    CORE_INPUTS,
    CORE_PLACE,
    CORE_VERB,
    CORE_WATCH,
    step_core,
)

INTENT_ROWS: Final = 64
_SNAPSHOT: Final = ("session core", 2)
# The blocks of the stepping kernel that are shown rows.
_EVENTS: Final = 0
_SIGNALS: Final = 1
_NO_SIGNALS: Final[Rows] = np.empty((0, at.SIGNAL_WIDTH), dtype=np.int64)


class _Snapshot(msgspec.Struct, array_like=True):
    """Most of the block is room that nothing uses: kept is what is not 0, and where it stands."""

    size: int
    places: bytes  # int64
    values: bytes  # int64
    driver: bytes
    is_silent: bool


class SessionCore:
    """One session's engine.

    Parameters
    ----------
    block, core
        See `runtime.backtest.account.Setup.fresh_core`.
    driver
        Who decides; it belongs to this core from now on.
    instruments
        By their number.
    """

    def __init__(
        self, block: Block, core: Core, driver: Driver, instruments: Sequence[Instrument]
    ) -> None:
        self._block, self._core = block, core
        self.plain: Core = plain_core(core)
        self.intents = np.zeros((INTENT_ROWS, at.ORDER_WIDTH), dtype=np.int64)
        self.plain_intents: Any = as_plain(self.intents)
        # Facts come while a slice is looked at, so they have a block of their own.
        self._step = Stepper(step_core, core, NO_ROWS, _NO_SIGNALS, self.intents)
        self._step_facts = Stepper(step_core, core, NO_ROWS, _NO_SIGNALS, self.intents)
        self.instruments = tuple(instruments)
        self._driver = driver
        self._account: Any = self.plain.account
        self._positions: Any = self.plain.positions
        self._room = len(core.journal) // 2  # the largest input finds the rest
        self._rows: list[Rows] = []
        self._sendings = 0
        self._is_trading = bool(core.account[at.ACCOUNT_TRADING])
        self._reinvests = bool(core.account[at.ACCOUNT_REINVEST])
        driver.join(self)

    # --- inputs ----------------------------------------------------------------------------------
    def start(self) -> Step:
        """Begin: before the first input of a new session."""
        self._begin()
        yield from self._driver.start()
        yield from self._finish()

    def slice(self, one: Slice) -> Step:
        """Take all events of one time."""
        self._begin()
        events: Any = as_plain(one.events)
        count = len(one.events)
        self._step.show(_EVENTS, one.events, events)
        is_market = count > 1 or events[0, at.EVENT_KIND] <= at.KIND_TRADE
        signals = self._driver.read(events, count) if is_market else None
        if self._is_trading:
            if signals is not None:
                self._step.show(_SIGNALS, signals)
            yield from self._end_waits(one.ts_ns)
        yield from self._events(events, count, has_inputs=signals is not None)
        if self._is_trading:
            yield from self.turn()
        if is_market:
            yield from self._driver.decide(events, count)
        if self._account[at.ACCOUNT_COMMANDS] > 0 or self._account[at.ACCOUNT_FAULT] != 0:
            yield from self._finish()

    def time(self, now_ns: int) -> Step:
        """Let the waits end that end until a time of which nothing more will come."""
        self._begin()
        yield from self._end_waits(now_ns + 1)
        yield from self._finish()

    def facts(self, rows: Rows) -> Step:
        """Take what a broker has told by itself, between slices; never earlier than what is known."""
        self._begin()
        self._apply(self._not_before_now(rows))
        if self._is_trading:
            self._step(CORE_DUE)  # what was to be waited for until now is looked at with the facts
        yield from self.send()
        yield from self.turn()
        yield from self._driver.hear()
        yield from self._finish()

    def operator(self, rows: Rows) -> Step:
        """Take what a person or a part of the session says, one row after the other."""
        self._begin()
        rows = self._not_before_now(rows)
        events: Any = as_plain(rows)
        self._step.show(_EVENTS, rows, events)
        for row in range(len(rows)):
            yield from self._end_waits(events[row, at.EVENT_TS])
            yield from self._events(events, row + 1, first=row, is_met=False)
            yield from self.turn()
        yield from self._finish()

    def stop(self) -> Step:
        """End: after the last input."""
        self._begin()
        yield from self._driver.stop()
        yield from self._finish()

    def warm(self, rows: Rows) -> None:
        """Let the formulas see data from before the session, in order; nothing is decided on it."""
        for events in np.split(rows, np.flatnonzero(np.diff(rows[:, at.EVENT_TS])) + 1):
            if len(events):
                self._driver.warm(as_plain(events), len(events))

    def silence(self) -> None:
        """Ask the strategy no more; what is open stays managed."""
        self._driver.silence()

    # --- what it says ----------------------------------------------------------------------------
    def take_journal(self) -> Rows:
        """Return the journal rows since the last call."""
        self._empty_journal()
        rows = self._rows
        self._rows = []
        if len(rows) == 1:
            return rows[0]
        return np.concatenate(rows) if rows else NO_ROWS

    def take_fault(self) -> StrategyFault | None:
        """Return, once, why the strategy was silenced."""
        return self._driver.take_fault()

    @property
    def guard(self) -> CallbackGuard:
        """Who calls the strategy's own code, and ends what does not return."""
        return self._driver.guard

    @property
    def now_ns(self) -> int:
        """The time of the last thing that it has taken."""
        now: int = self._account[at.ACCOUNT_NOW]
        return now

    @property
    def next_wake_ns(self) -> int:
        """When the earliest wait of the trading loop ends; `NEVER` where none waits."""
        at_ns: int = self._account[at.ACCOUNT_NEXT_WAKE]
        return at_ns

    @property
    def equity_minor(self) -> int:
        """The account's equity at the last prices."""
        return equity_minor(self.plain)

    @property
    def cash_minor(self) -> int:
        """The cash in the account's currency, with what is booked and not paid yet."""
        cash: int = self.plain.ledger[0, at.LEDGER_CASH]
        return cash

    @property
    def transfers_minor(self) -> int:
        """What was paid in less what was taken out, in the account's currency."""
        transfers: int = -self.plain.ledger[0, at.LEDGER_TRANSFERS]
        return transfers

    @property
    def state_hash(self) -> str:
        """The identity of the state: the core's and the strategy's."""
        whole = hashlib.blake2b(self._state().astype("<i8", copy=False).data, digest_size=16)
        whole.update(self._driver.hashed())
        whole.update(b"silent" if self._driver.is_silent else b"")
        return whole.hexdigest()

    def positions(self) -> list[VenuePosition]:
        """Return the positions that are not flat."""
        lots = self._core.positions[:, at.POSITION_QUANTITY]
        return [VenuePosition(int(i), int(lots[i])) for i in np.flatnonzero(lots)]

    def orders(self) -> Rows:
        """Return the working orders' rows, see `engine.model.layout`."""
        return self._core.orders[: self._account[at.ACCOUNT_ORDERS]].copy()

    # --- snapshots -------------------------------------------------------------------------------
    @property
    def has_snapshots(self) -> bool:
        """Whether a snapshot holds the whole strategy; a Python object has to say what that is."""
        return self._driver.has_memory

    def why_no_snapshot(self) -> str:
        """Return why it could not go on from a snapshot of this moment; nothing where it could."""
        return self._driver.why_not_memory()

    def snapshot(self) -> bytes:
        """Return the whole state, between two inputs; journal rows that were not taken are not in it."""
        assert self.has_snapshots, "this strategy is rebuilt by playing its inputs again"
        driver, block = self._driver, self._state()
        places = np.flatnonzero(block)
        values = block[places].astype("<i8", copy=False).tobytes()
        kept = (block.size, places.astype("<i8", copy=False).tobytes(), values)
        body = _Snapshot(*kept, driver.memory(), driver.is_silent)
        return seal(*_SNAPSHOT, msgspec.msgpack.encode(body))

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot of the same strategy and instruments.

        Raises
        ------
        InputError
            If it is damaged, of another version, strategy or list of instruments.
        """
        found = msgspec.msgpack.decode(unseal(*_SNAPSHOT, snapshot), type=_Snapshot)
        if found.size != self._block.size:
            raise InputError(
                "the snapshot is of another strategy or of other instruments",
                code="snapshot.other_shape",
            )
        self._driver.remember(found.driver)
        self._driver.is_silent = found.is_silent
        self._block[:] = 0
        self._block[np.frombuffer(found.places, "<i8")] = np.frombuffer(found.values, "<i8")
        self._rows.clear()

    # --- for drivers -----------------------------------------------------------------------------
    def turn(self) -> Step:
        """Let the trading loop look at what has changed, and at what is answered at once."""
        account = self._account
        if account[at.ACCOUNT_TRADING] == 0:
            return
        for _ in range(TURNS_MAX):
            if account[at.ACCOUNT_TOUCHED] == 0:
                return
            account[at.ACCOUNT_SEQUENCE] = 0
            self._step(CORE_WATCH)
            yield from self.send()

    def send(self) -> Step:
        """Have the commands that wait sent, and take what is answered at once."""
        account = self._account
        if account[at.ACCOUNT_COMMANDS] == 0:
            return
        commands = approved_commands(self.plain)
        account[at.ACCOUNT_COMMANDS] = 0
        number = self._sendings
        self._sendings += 1
        facts = yield Send(commands, number)
        if len(facts):
            # An answer is of the event, or of the decision, that the commands came of.
            facts = facts.copy()
            facts[:, at.EVENT_SEQUENCE] = account[at.ACCOUNT_SEQUENCE]
            self._apply(facts)

    def decide(self, signals: Rows, count: int) -> None:
        """Let the core's rules decide on the slice in hand; `signals` stand beside its rows."""
        self._account[at.ACCOUNT_SEQUENCE] = 0
        self._step.show(_SIGNALS, signals)
        self._step(CORE_DECIDE, count)

    def act(self, verb: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0, /) -> int:
        """Do what a verb asks for (`engine.rules.verbs`), and let the trading loop look at it."""
        account = self._account
        account[at.ACCOUNT_SEQUENCE] = 0
        answer = self._step(CORE_VERB, verb, a, b, c, d)
        for _ in range(TURNS_MAX):
            if account[at.ACCOUNT_TOUCHED] == 0 or account[at.ACCOUNT_TRADING] == 0:
                break
            self._step(CORE_WATCH)
        return answer

    def place(self, instrument: int, count: int) -> None:
        """Do what a compiled strategy has written as its first intents."""
        if count > INTENT_ROWS:
            raise InternalFault(f"{count} intents, and there is room for {INTENT_ROWS}")
        self._account[at.ACCOUNT_SEQUENCE] = 0
        self._step(CORE_PLACE, instrument, count)

    # --- speed -----------------------------------------------------------------------------------
    def compile(self, door: Callable[..., int]) -> None:
        """Go on in compiled code, between two inputs; what is decided stays the same, to the bit.

        Parameters
        ----------
        door
            See `sims.stepping.entry.step_doors`.
        """
        self._step.compile(door, shown=2)
        self._step_facts.compile(door, shown=2)

    # --- parts -----------------------------------------------------------------------------------
    def _begin(self) -> None:
        self._sendings = 0
        if self._account[at.ACCOUNT_JOURNAL] > self._room:
            self._empty_journal()

    def _finish(self) -> Step:
        """What facts of the last sending have made is sent too."""
        while self._account[at.ACCOUNT_COMMANDS] > 0:
            yield from self.send()
        self._require_sound()

    def _events(
        self,
        events: Any,
        last: int,
        *,
        first: int = 0,
        is_met: bool = True,
        has_inputs: bool = False,
    ) -> Step:
        """Let a simulated broker and then the core meet events, and send what each of them makes."""
        step, account, positions = self._step, self._account, self._positions
        takes_inputs, instruments = has_inputs and self._is_trading, len(positions)
        for row in range(first, last):
            kind, i = events[row, at.EVENT_KIND], events[row, at.EVENT_INSTRUMENT]
            if not -1 <= i < instruments:
                raise _unknown(i, instruments)
            is_market = at.KIND_BAR <= kind <= at.KIND_TRADE
            if takes_inputs and is_market:
                step(CORE_INPUTS, i, row)
            if is_met and not (is_market and positions[i, at.POSITION_CLOSED] == 1):
                facts = yield Meet(row)
                if len(facts):
                    self._apply(facts)
            if i >= 0 and (kind < at.KIND_BAR or self._reinvests):
                before = positions[i, at.POSITION_QUANTITY]
                step(CORE_EVENTS, row, row + 1)
                lots = positions[i, at.POSITION_QUANTITY]
                if kind == at.KIND_SPLIT:  # which changes orders, too
                    terms = events[row, at.SPLIT_NUMERATOR], events[row, at.SPLIT_DENOMINATOR]
                    yield Follow(i, lots, terms)
                elif lots != before:  # by an action, without a fill
                    yield Follow(i, lots)
            else:
                step(CORE_EVENTS, row, row + 1)
            if account[at.ACCOUNT_COMMANDS] > 0:
                yield from self.send()
            if account[at.ACCOUNT_FAULT] != 0:
                self._require_sound()

    def _end_waits(self, before: int) -> Step:
        """Let the waits that end before a time have their turn, one time after another."""
        account = self._account
        while account[at.ACCOUNT_NEXT_WAKE] < before:
            account[at.ACCOUNT_NOW] = account[at.ACCOUNT_NEXT_WAKE]
            self._step(CORE_DUE)
            yield from self.turn()
            self._require_sound()

    def _apply(self, facts: Rows) -> None:
        plain: Any = as_plain(facts)
        for row in range(len(facts)):
            i, instruments = plain[row, at.EVENT_INSTRUMENT], len(self._positions)
            if not -1 <= i < instruments:
                raise _unknown(i, instruments)
        self._step_facts.show(_EVENTS, facts, plain)
        self._step_facts(CORE_EVENTS, 0, len(facts))
        self._driver.note(facts)

    def _not_before_now(self, rows: Rows) -> Rows:
        rows, now_ns = rows.copy(), self.now_ns
        for row in range(len(rows)):  # mostly one, for which arrays take ten times as long
            if rows[row, at.EVENT_TS] < now_ns:
                rows[row, at.EVENT_TS] = now_ns
        return rows

    def _empty_journal(self) -> None:
        count = self._account[at.ACCOUNT_JOURNAL]
        if count:
            self._rows.append(self._core.journal[:count].copy())
            self._account[at.ACCOUNT_JOURNAL] = 0

    def _state(self) -> Block:
        """Return the block without what is output."""
        assert self._account[at.ACCOUNT_COMMANDS] == 0, "an input is in hand"
        self._empty_journal()
        return self._block

    def _require_sound(self) -> None:
        if self._account[at.ACCOUNT_FAULT] != 0:
            raise core_fault(self._core, self.instruments)


def _unknown(instrument: int, count: int) -> InternalFault:
    """Return what is wrong with a row; interpreted code would stumble over it, compiled code would not."""
    return InternalFault(f"a row of instrument {instrument}, and there are {count}")
