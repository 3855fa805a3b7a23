"""`AccountReading`: a venue's positions, orders, fills and cash held against ours: at the start, after each gap,
and every 30 to 60 s. Nothing is entered before that was done.

The venue is asked without the session's lock; what it says is compared under it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from engine.approved import cancel_of
from engine.errors import VenueError
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.units import NS_PER_SECOND, from_minor
from engine.ports import AccountFacts, Broker, CashEntry, CashKind, Execution, TellsCash
from runtime.gateway.cash import BESIDE
from runtime.gateway.inbox import CURSOR, EXECUTION
from runtime.gateway.reconciling import Foreign, Found, Truth, compare
from runtime.gateway.retrying import wait_seconds
from runtime.session.venue_doubts import Doubts
from runtime.session.venue_hearing import Beside, Hearing, VenueOptions
from runtime.session_core.steps import NO_ROWS

CASH_DIFFERS: Final = "cash_differs"  # kind of a note
_ROUNDS: Final = 6  # of reading, until two of them agree
_READ: Final = "reading the account"
_WAIT_SECONDS: Final = 10.0  # for a reading, before the first bar of a day is decided on
_TERM_MOST: Final = 100  # of a ratio that a split can have


@dataclass(slots=True)
class AccountReading:
    """See the module."""

    broker: Broker
    beside: Beside
    hearing: Hearing
    doubts: Doubts
    options: VenueOptions
    _stated: dict[int, int] | None = None  # positions, as the venue last said
    cash_differs: str = ""  # how the account's cash is not explained, when it was read last
    _missing: int = 0  # minor: the venue's cash less what it should be then
    _facts: AccountFacts | None = None  # where a reading has them
    _foreign: tuple[Foreign, ...] = ()  # when it was read last
    _executions: Sequence[Execution] = ()
    _wants: int = 1  # how often it was to be read anew,
    _has: int = 0  # ... and how often that was done
    _read: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted_ns: int = field(init=False)  # monotonic: since when
    _teller: TellsCash | None = field(init=False)  # the broker, where it tells of its cash

    def __post_init__(self) -> None:
        self._wanted_ns = self.beside.clock.monotonic_ns()
        # Found out once: whether an object fits a protocol takes longer than most questions to it.
        self._teller = self.broker if isinstance(self.broker, TellsCash) else None

    def stated(self, instrument: int) -> int | None:
        """Return the lots that the venue holds, as it last said; None where it was not asked."""
        return None if self._stated is None else self._stated.get(instrument, 0)

    @property
    def is_read(self) -> bool:
        """Whether it was read since `read_anew` was called last, or at all."""
        return self._has == self._wants

    @property
    def is_late(self) -> bool:
        """Whether it was to be read, and was not, for as long as that is waited for."""
        waited_ns = self.beside.clock.monotonic_ns() - self._wanted_ns
        return not self.is_read and waited_ns >= _WAIT_SECONDS * NS_PER_SECOND

    def foreign_executions(self, instrument: int) -> tuple[str, ...]:
        """Return the fills in an instrument that are not ours and that nobody has released yet."""
        of_it = (each for each in self._foreign if each.instrument == instrument)
        return tuple(each.execution_id for each in of_it if each.execution_id)

    def explained(self, instrument: int) -> tuple[str, ...]:
        """Return what to remember where the fills of others in an instrument are explained: ids and their cash."""
        ids = self.foreign_executions(instrument)
        cash, item = self.hearing.inbox.cash, self.beside.core.instruments[instrument]
        moved = sum(
            -each.side * each.lots * each.price_ticks * item.notional_fraction - each.fee_minor
            for each in self._executions
            if each.execution_id in ids
        )
        beside = () if cash.beside is None else (f"{BESIDE}{cash.beside + round(moved)}",)
        return (*(EXECUTION + each for each in ids), *(beside if ids else ()))

    async def read_anew(self) -> None:
        """Have the account read, and wait for that a while; until it is done nothing is known of it."""
        if self.is_read:
            self._wanted_ns = self.beside.clock.monotonic_ns()
        if self._has:
            self._wants += 1
        self._read.clear()
        self.hearing.gap.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._read.wait()

    async def reconcile(self) -> None:
        """Read the account after each gap and now and then; without that nothing is entered."""
        attempt = 0
        while True:
            try:
                is_whole = self.hearing.is_connected and await self._reconcile_once()
                if is_whole:
                    self.beside.accept(self._facts or await self.broker.account())
            except VenueError as error:
                self.hearing.count(error)
                is_whole, attempt = False, attempt + 1
                wait = wait_seconds(attempt, self.beside.draw(), error.retry_after_seconds)
                self.hearing.lose(f"{_READ}: {error.problem}")
                self.hearing.gap.clear()
                await self.beside.clock.sleep(wait)
                continue
            attempt = 0
            if is_whole and self.hearing.is_connected and not self.hearing.gap.is_set():
                self.hearing.is_whole = True
                self.beside.free("reconciled")
            await self._pause_until_next()

    async def _pause_until_next(self) -> None:
        if self.hearing.gap.is_set() and self.hearing.is_connected:
            self.hearing.gap.clear()
            return
        least, most = self.options.reconcile_least, self.options.reconcile_most
        try:
            async with asyncio.timeout(least + (most - least) * self.beside.draw()):
                await self.hearing.gap.wait()
                self.hearing.gap.clear()
        except TimeoutError:
            pass

    async def _reconcile_once(self) -> bool:
        """Read until two readings agree on what differs; return whether all is explained."""
        before: tuple[object, ...] | None = None
        wanted = self._wants
        for _ in range(_ROUNDS):
            known = {each.order_id for each in self.hearing.inbox.books.live()}
            truth = await self._truth()
            async with self.beside.lock:
                found = compare(truth, self.hearing.inbox, self.beside.core.cash_minor)
                for event in found.events:
                    await self.hearing.hear(event)
                for entry in found.entries:
                    await self._book(entry)
                await self._remember(truth)
                for order_id in found.doubtful:
                    order = self.hearing.inbox.books.find(order_id)
                    if order_id in known and order is not None and not order.is_doubtful:
                        self.hearing.doubt(order, at.KIND_RECONCILED)
                has_news = bool(found.events or found.entries)
                unsure = self._unsure(found, truth)
                if not has_news and unsure is not None and unsure == before:
                    has_news = await self._book_untold(found)
                if has_news:
                    again = compare(truth, self.hearing.inbox, self.beside.core.cash_minor)
                    if again.is_good:  # what was booked explains all of it
                        found, has_news, unsure = again, False, self._unsure(again, truth)
                if not has_news and unsure in (before, None):
                    is_whole = await self._conclude(found, truth)
                    self._has = wanted
                    if self.is_read:
                        self._read.set()
                    return is_whole
                before = None if has_news else unsure
        return False

    async def _truth(self) -> Truth:
        executions = await self.broker.executions(self.hearing.inbox.cursor)
        orders = await self.broker.open_orders()
        positions = await self.broker.positions()
        if self._teller is None:
            return Truth(executions, orders, positions)
        entries = await self._teller.cash_entries(self.hearing.inbox.cash.cursor)
        self._facts = await self.broker.account()
        return Truth(executions, orders, positions, entries, self._facts.cash_minor)

    def _unsure(self, found: Found, truth: Truth) -> tuple[object, ...] | None:
        """Return what is not believed before it was read twice; None where there is nothing of it.

        Readings are not made at one moment: a fill or an entry between two of them looks like a difference.
        """
        is_first = self.hearing.inbox.cash.beside is None and truth.cash_minor is not None
        if not (found.differing or found.cash or is_first):
            return None
        read = (truth.cash_minor, tuple(truth.entries)) if is_first else ()
        return (found.differing, found.cash, *read)

    async def _book(self, entry: CashEntry) -> None:
        """Book what the venue has moved by itself, once."""
        cash, now_ns = self.hearing.inbox.cash, self.beside.core.now_ns
        severity = "warning" if entry.kind is CashKind.OTHER else "info"
        amount = str(from_minor(entry.minor))
        if entry.kept_lots:
            one = self.beside.core.instruments[entry.instrument]
            amount = f"{one.lots_to_quantity(entry.kept_lots)} {one.symbol} were kept"
        text = f"{amount}: {entry.text}"
        self.beside.note("cash", severity, entry.kind.value, text)
        posting = cash.posting(entry, now_ns)
        await self.hearing.tell(posting.rows, posting.keys)

    async def _book_untold(self, found: Found) -> bool:
        """Book what the venue has taken as fees of coins and not told yet; return whether there was any."""
        cash, now_ns = self.hearing.inbox.cash, self.beside.core.now_ns
        lots, minor = cash.fees.explain(found.differing), cash.fees.explain_cash(found.cash)
        for i, kept in lots.items():
            one = self.beside.core.instruments[i]
            text = f"{one.lots_to_quantity(kept)} {one.symbol} were kept, and not told yet"
            self.beside.note("cash", "info", CashKind.FEE.value, text)
            posting = cash.kept(i, kept, now_ns)
            await self.hearing.tell(posting.rows, posting.keys)
        if minor:
            text = f"{from_minor(-minor)} for coins, and not told yet"
            self.beside.note("cash", "info", CashKind.FEE.value, text)
            posting = cash.charged(minor, now_ns)
            await self.hearing.tell(posting.rows, posting.keys)
        return bool(lots or minor)

    async def _follow_cash(self, found: Found, truth: Truth) -> None:
        """Remember the first comparison of cash; tell a person of a difference, and of its end."""
        inbox, engine_minor = self.hearing.inbox, self.beside.core.cash_minor
        if truth.cash_minor is not None and inbox.cash.beside is None:
            first = inbox.cash.first(truth.entries, truth.cash_minor, engine_minor)
            await self.hearing.tell(first.rows, first.keys)
        was, self.cash_differs, self._missing = self.cash_differs, "", 0
        if found.cash is not None:
            stated, expected = found.cash
            self._missing = stated - expected
            self.cash_differs = (
                f"the venue states {from_minor(stated)}, the books explain {from_minor(expected)}"
            )
        if self.cash_differs and not was:
            self.beside.note(CASH_DIFFERS, "critical", "cash", self.cash_differs)
        elif was and not self.cash_differs:
            self.beside.note(CASH_DIFFERS, "info", "cash", "venue and books are equal again")

    async def accept_cash(self, said: str) -> bool:
        """Take the account's cash as it is; what is missing is booked as lost. Under the lock."""
        if not self.cash_differs:
            return False
        self.beside.note(CASH_DIFFERS, "info", "cash", said)
        accepted = self.hearing.inbox.cash.accepted(self._missing, self.beside.core.now_ns)
        await self.hearing.tell(accepted.rows, accepted.keys)
        self.cash_differs, self._missing = "", 0
        self.hearing.gap.set()
        return True

    async def _remember(self, truth: Truth) -> None:
        """Go on reading after what was read, but for what is not ours: that stays in sight."""
        last = ""
        for one in truth.executions:
            if not self.hearing.inbox.has_execution(one.execution_id):
                break
            last = one.execution_id
        if last:
            await self.hearing.tell(NO_ROWS, (CURSOR + last,))

    async def _conclude(self, found: Found, truth: Truth) -> bool:
        """Tell the engine how the account compares, and a person what nobody explains."""
        self._stated = {each.instrument: each.lots for each in truth.positions}
        for i, (theirs, ours) in found.differing.items():
            await self.hearing.quarantine(i, _differ(theirs, ours))
        self._foreign = found.foreign
        self._executions = truth.executions
        for each in found.foreign:
            await self.hearing.quarantine(each.instrument, f"{each.what} is not ours")
        for order_id in found.astray:
            await self._take_back(order_id)
        await self._follow_cash(found, truth)
        fees = self.hearing.inbox.cash.fees
        if even := fees.even(found.differing, is_cash_even=found.cash is None):
            await self.hearing.tell(NO_ROWS, tuple(even))
        unexplained = {*found.differing, *(each.instrument for each in found.foreign)}
        for i in list(self.hearing.inbox.quarantined):
            if i not in unexplained and not self.doubts.is_lost(i):
                await self.hearing.release(i, "released: venue and books are equal again")
        is_good = not unexplained and not found.astray and not found.cash
        is_flat = not truth.orders and not any(each.lots for each in truth.positions)
        terms = {loop.RECONCILED_OK: int(is_good), loop.RECONCILED_FLAT: int(is_flat)}
        await self.hearing.inform(at.KIND_RECONCILED, terms)
        # What is quarantined does not stop the rest, and without explained cash only what closes leaves.
        return is_good or bool(unexplained) or bool(found.cash)

    async def _take_back(self, order_id: int) -> None:
        """Cancel an order of ours that had ended for us, and works."""
        order = self.hearing.inbox.books.find(order_id)
        assert order is not None
        text = f"order {order_id} works at the venue, though it had ended: it is canceled"
        self.beside.note("reconcile", "warning", self.hearing.symbol(order.instrument), text)
        await self.beside.gateway.cancel_again(cancel_of(order_id, order.instrument))


def _differ(theirs: int, ours: int) -> str:
    """Return in words what the venue and the books hold, with the split that would explain it.

    Examples
    --------
    >>> _differ(20, 10)
    'the venue holds 20 lots, the books 10: as after a split of 2:1'
    >>> _differ(3, 0)
    'the venue holds 3 lots, the books 0'
    """
    text = f"the venue holds {theirs} lots, the books {ours}"
    if theirs * ours <= 0:
        return text
    ratio = Fraction(theirs, ours)
    is_likely = min(ratio.as_integer_ratio()) <= 2 and max(ratio.as_integer_ratio()) <= _TERM_MOST
    is_likely = is_likely or ratio in (Fraction(4, 3), Fraction(5, 3), Fraction(5, 4))
    split = f": as after a split of {ratio.numerator}:{ratio.denominator}"
    return text + (split if is_likely else "")
