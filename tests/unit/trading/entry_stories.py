"""One line of entries.txt, played on a core: what happens goes in, what is sent and told comes out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from engine.jit import as_plain
from engine.kernels.held import renew_held
from engine.kernels.orders import place
from engine.kernels.trips import note_position
from engine.kernels.wakes import take_due
from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.instruments import Instrument
from engine.model.trading import AttemptResult, ExitPhase, Latch, OnTimeout, Severity
from engine.model.units import NS_PER_DAY
from engine.rules.entries import follow_entries
from engine.rules.hours import due_after, wake_at
from engine.rules.opening import new_intent, passive_price, place_bracket
from engine.rules.protection import fit_protection
from engine.step import apply_event
from tests.unit.core.books import SHARE
from tests.unit.trading.compiled_world import call_compiled
from tests.unit.trading.trading_books import TradingBooks, parts_per

D = Decimal
SECOND = 10**9
UNITS = {"s": SECOND, "m": 60 * SECOND, "d": 86400 * SECOND}
LOTS = 10
TURNS = 4
FACTS = {
    "accepted": at.KIND_ACCEPTED,
    "armed": at.KIND_ARMED,
    "canceled": at.KIND_CANCELED,
    "expired": at.KIND_EXPIRED,
    "rejected": at.KIND_REJECTED,
    "refused": at.KIND_CANCEL_REJECTED,
}
TYPES = {
    at.TYPE_MARKET: "market",
    at.TYPE_LIMIT: "limit",
    at.TYPE_STOP: "stop",
    at.TYPE_TRAILING_STOP: "trail",
}


def parse_wait(text: str) -> int:
    """Return a duration such as ``29.9s`` in nanoseconds."""
    return int(D(text[:-1]) * UNITS[text[-1]])


class Story:
    """An entry and what happens to it."""

    item: Instrument = SHARE

    def __init__(self, settings: str, *, fast: bool = False) -> None:
        self.books = TradingBooks([self.item], cash="100000")
        self.fast = fast
        self.s: Any = self.books.s
        self.core: Any = self.books.core if fast else self.books.s
        block = np.zeros((64, at.ORDER_WIDTH), dtype=np.int64)
        self.intents: Any = block if fast else as_plain(block)
        self.now = NS_PER_DAY
        self.side = 1
        self.is_entered = False
        self.s.account[at.ACCOUNT_SHORT] = 1
        self.s.account[at.ACCOUNT_ENTRY_TIF] = at.TIF_GTC
        self.s.limits[loop.LIMIT_ENTRY_RETRIES] = 3
        self.s.limits[loop.LIMIT_ENTRY_WALKS] = 5
        self.s.limits[loop.LIMIT_PROTECT_WITHIN] = 5 * SECOND
        self._configure(settings.split())

    def _configure(self, words: list[str]) -> None:
        account, limits = self.s.account, self.s.limits
        percents = {
            "offset": (account, at.ACCOUNT_ENTRY_OFFSET_PPM),
            "bracket": (account, at.ACCOUNT_STOP_PPM),
            "target": (account, at.ACCOUNT_TARGET_PPM),
            "trail": (account, at.ACCOUNT_TRAIL_PPM),
            "collar": (limits, loop.LIMIT_COLLAR_PPM),
        }
        counts = {"retries": loop.LIMIT_ENTRY_RETRIES, "walks": loop.LIMIT_ENTRY_WALKS}
        queue = list(words)
        while queue:
            word = queue.pop(0)
            if word == "sell":
                self.side = -1
            elif word in ("limit", "market"):
                account[at.ACCOUNT_ENTRY_TYPE] = getattr(at, f"TYPE_{word.upper()}")
            elif word in ("cancel", "retry", "walk"):
                limits[loop.LIMIT_ENTRY_ON_TIMEOUT] = OnTimeout[word.upper()]
            elif word in percents:
                block, column = percents[word]
                block[column] = parts_per(queue.pop(0), 6)
                limits[loop.LIMIT_RISK] = max(limits[loop.LIMIT_RISK], int(word == "collar"))
            elif word in counts:
                limits[counts[word]] = int(queue.pop(0))
            elif word == "expiry":
                limits[loop.LIMIT_EXPIRY] = parse_wait(queue.pop(0))
            elif word != "bars":
                limits[loop.LIMIT_ENTRY_TIMEOUT] = parse_wait(word)

    # --- what happens ------------------------------------------------------------------------------
    def play(self, text: str) -> list[str]:
        """Play what happens, and return what was sent and told."""
        for item in text.split(";"):
            words = item.split()
            target = self.now
            if words[0].startswith("+"):
                target += parse_wait(words.pop(0)[1:])
            self._end_waits(target if words else target + 1)
            self.now = target
            self.s.account[at.ACCOUNT_NOW] = target
            if words:
                self._happen(words)
                self._turn()
        return self.told()

    def _end_waits(self, before: int) -> None:
        while self.s.account[at.ACCOUNT_NEXT_WAKE] < before:
            self.s.account[at.ACCOUNT_NOW] = self.s.account[at.ACCOUNT_NEXT_WAKE]
            take_due(self.s)
            self._turn()

    def _turn(self) -> None:
        follow: Callable[..., Any] = follow_entries
        fit: Callable[..., Any] = fit_protection
        if self.fast:
            follow, fit = (
                partial(call_compiled, follow_entries),
                partial(call_compiled, fit_protection),
            )
        for _ in range(TURNS):
            if self.s.account[at.ACCOUNT_TOUCHED] == 0:
                return
            self.s.account[at.ACCOUNT_TOUCHED] = 0
            follow(self.core, self.intents)
            fit(self.core, self.intents)
            assert self.books.fault == 0

    def _event(self, kind: int, **payload: int) -> None:
        self.books._clock = self.now
        self.books.event(kind, 0, **payload)

    def _happen(self, words: list[str]) -> None:
        number = int(words.pop(0)[1:]) if words[0].startswith("#") else None
        name, *rest = words
        if name in ("quote", "bar", "trade"):
            self._mark(name, [self.item.price_to_ticks(word) for word in rest])
        elif name in FACTS or name in ("fill", "replaced"):
            self._fact(name, number or self.s.monitors[0, loop.ENTRY_ORDER], rest)
        elif name in ("open", "close"):
            closes = self.now + parse_wait(rest[1]) if rest else 0
            kind = at.KIND_SESSION_OPEN if name == "open" else at.KIND_SESSION_CLOSE
            self._session(kind, closes)
        elif name in ("halt", "resume"):
            self._event(at.KIND_HALT if name == "halt" else at.KIND_RESUME)
        else:
            self._do(name, rest)

    def _session(self, kind: int, closes: int) -> None:
        row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
        row[0, at.EVENT_TS], row[0, at.EVENT_KIND] = self.now, kind
        row[0, at.EVENT_INSTRUMENT], row[0, loop.SESSION_CLOSES] = -1, closes
        apply_event(self.s, as_plain(row), 0)

    def _do(self, name: str, rest: list[str]) -> None:
        account = self.s.account
        if name == "severity":
            account[at.ACCOUNT_SEVERITY] = int(rest[0])
        elif name == "kill":
            account[at.ACCOUNT_SEVERITY] = Severity.LOCKED
            self.s.latches[Latch.KILL, loop.LATCH_SEVERITY] = Severity.LOCKED
        elif name == "exit":
            self.s.monitors[0, loop.EXIT_PHASE] = ExitPhase.WORKING
            renew_held(self.s, 0)
        elif name == "trim":
            held = self.s.monitors[0, loop.MONITOR_DIRECTION]
            realized = self.books.trade("ABC", str(-int(rest[0]) * held), "99.50")
            note_position(self.s, 0, int(realized * 10**8), 0)
        elif name == "other":
            assert self.books.order(f"buy 5 limit {rest[0]}") != 0
        else:
            raise AssertionError(f"nobody knows what {name!r} is")
        account[at.ACCOUNT_TOUCHED] = 1

    def _mark(self, name: str, prices: list[int]) -> None:
        if name == "quote":
            self._event(at.KIND_QUOTE, QUOTE_BID=prices[0], QUOTE_ASK=prices[1])
        elif name == "bar":
            self._event(at.KIND_BAR, BAR_OPEN_TS=self.now - 60 * SECOND, BAR_CLOSE=prices[0])
        else:
            self._event(at.KIND_TRADE, TRADE_PRICE=prices[0], TRADE_SIZE=1)
        if not self.is_entered:
            self.is_entered = True
            self._enter()

    def _fact(self, name: str, order_id: int, rest: list[str]) -> None:
        r = self.books.row_of(order_id)
        assert r >= 0 or name == "fill", f"order {order_id} does not work"
        row = [int(cell) for cell in self.books.core.orders[r]]
        payload = {"FACT_ORDER": order_id}
        if name == "fill":
            payload |= {"FACT_LOTS": int(rest[0]), "FACT_PRICE": self.item.price_to_ticks(rest[2])}
            self._event(at.KIND_FILL, **payload)
        elif name == "replaced":
            asked = [c for c in self.books.core.commands if c[at.COMMAND_ORDER] == order_id][-1]
            payload |= {
                "FACT_LOTS": int(asked[at.COMMAND_QUANTITY]),
                "FACT_PRICE": int(asked[at.COMMAND_LIMIT]),
                "FACT_REFERENCE": int(asked[at.COMMAND_STOP]),
            }
            self._event(at.KIND_REPLACED, **payload)
        else:
            lots = row[at.ORDER_QUANTITY] if name == "armed" else 0
            self._event(FACTS[name], **payload, FACT_LOTS=lots)

    def _enter(self) -> None:
        """Make the entry, as a signal does that has passed everything."""
        s, side = self.s, self.side
        intents = as_plain(np.zeros((8, at.ORDER_WIDTH), dtype=np.int64))
        new_intent(intents, 0, 0, side, LOTS)
        intents[0, at.ORDER_TYPE] = s.account[at.ACCOUNT_ENTRY_TYPE]
        intents[0, at.ORDER_SIGNAL] = 1
        if s.account[at.ACCOUNT_ENTRY_TYPE] == at.TYPE_LIMIT:
            distance = s.account[at.ACCOUNT_ENTRY_OFFSET_PPM]
            intents[0, at.ORDER_LIMIT] = passive_price(s, 0, side, distance)
        order_id = place(s, intents, 0)
        assert order_id != 0, self.books.denial
        expiry = s.limits[loop.LIMIT_EXPIRY]
        deadline, carry = loop.NEVER, 0
        if s.limits[loop.LIMIT_ENTRY_TIMEOUT] > 0:
            deadline, carry = due_after(s, 0, s.limits[loop.LIMIT_ENTRY_TIMEOUT])
        for column, value in {
            loop.ENTRY_SIGNAL: 1,
            loop.ENTRY_ORDER: order_id,
            loop.ENTRY_TRY: 1,
            loop.ENTRY_DEADLINE: deadline,
            loop.ENTRY_CARRY: carry,
            loop.ENTRY_EXPIRES: self.now + expiry if expiry else loop.NEVER,
            loop.ENTRY_LEFT: LOTS,
            loop.ENTRY_SIDE: side,
        }.items():
            s.monitors[0, column] = value
        s.positions[0, at.POSITION_ENTRY] = order_id
        renew_held(s, 0)
        wake_at(s, 0, deadline)
        s.account[at.ACCOUNT_TOUCHED] = 1
        place_bracket(s, intents, 0, side, LOTS)

    # --- what is sent and told -----------------------------------------------------------------------
    def told(self) -> list[str]:
        """Return what the journal has, in the table's words."""
        rows = self.books.core.journal[: self.s.account[at.ACCOUNT_JOURNAL]]
        sizes: dict[int, int] = {}
        words: list[str] = []
        for row in rows:
            words.extend(self._words([int(cell) for cell in row], sizes))
        return words

    def _price(self, row: list[int]) -> str:
        ticks = row[at.SUBMIT_LIMIT] or row[at.SUBMIT_STOP]
        return f"{self.item.ticks_to_price(ticks)}".removesuffix(".00")

    def _words(self, row: list[int], sizes: dict[int, int]) -> list[str]:
        kind, order_id, lots = row[at.EVENT_KIND], row[at.FACT_ORDER], row[at.FACT_LOTS]
        if kind == at.KIND_SUBMITTED:
            sizes[order_id] = lots
            side = "buy" if row[at.SUBMIT_SIDE] > 0 else "sell"
            name = TYPES[row[at.SUBMIT_TYPE]]
            price = f" {self._price(row)}" if name in ("limit", "stop") else ""
            if name == "trail":
                price = f" {D(self.s.account[at.ACCOUNT_TRAIL_PPM]) / 10**4:f}%"
            return [f"{side} {name}{price} x{lots}"]
        if kind == at.KIND_REPLACE_SENT:
            changed = f" x{lots}" if lots != sizes[order_id] else ""
            return [f"replace #{order_id} {self._price(row)}{changed}"]
        if kind == at.KIND_CANCEL_SENT:
            return [f"cancel #{order_id}"]
        if kind == at.KIND_DENIED:
            return ["denied"]
        if kind == at.KIND_ENTRY_ENDED:
            result = AttemptResult(row[loop.STEP_RESULT])
            left = row[loop.STEP_LOTS]
            return [f"ended {result.name.lower()}" + (f", {left} left" if left else "")]
        if kind == at.KIND_PROTECTION:
            begins = row[loop.PROTECTION_BEGINS] == 1
            return [f"bare {row[loop.PROTECTION_LOTS]}" if begins else "protected"]
        if kind == at.KIND_ALERT:
            return [f"alert {row[loop.ALERT_NUMBER]}"]
        return []
