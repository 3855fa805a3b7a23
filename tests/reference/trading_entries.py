"""An entry that waits, a second time: one order, its wait, and what follows; in plain values.

Written from the head and comments of tests/scenarios/entries.txt and SPEC section 4.5. No sessions and
no brackets: the market trades unless it is halted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

F = Fraction
ZERO = F(0)
TICK = F(1, 100)
WALK_WAIT = 15 * 10**9  # ns
REJECTS = 3  # "REJECTED: same intent <= 3 tries"


def told(price: Fraction) -> str:
    """Return a price as the table writes it."""
    cents = price / TICK
    assert cents.denominator == 1
    return f"{int(cents) // 100}.{int(cents) % 100:02d}".removesuffix(".00")


@dataclass
class Working:
    """The order of the entry that works."""

    number: int
    price: Fraction | None
    open: int
    deadline: int | None
    is_new: bool = True  # the venue has shown in no way that it took the order
    is_canceling: bool = False
    asked: Fraction | None = None  # the price of a replacement under way
    walks: int = 0
    steps: Fraction = ZERO


@dataclass
class Waiting:
    """The entry: its settings, what is left of it, and what was sent and told."""

    side: int
    is_limit: bool
    timeout: int | None
    on_timeout: str  # cancel retry walk
    retries: int = 3
    walks: int = 5
    expiry: int | None = None
    collar: Fraction | None = None
    left: int = 10
    now: int = 0
    expires: int | None = None
    last: Fraction = ZERO
    seen: int = -1
    by_bars: bool = False
    order: Working | None = None
    sent: int = 0
    tries: int = 0
    rejects: int = 0
    purpose: str = ""  # of the cancel that was asked for: try, good
    severity: int = 0
    is_halted: bool = False
    exit_works: bool = False
    is_over: bool = False
    said: list[str] = field(default_factory=list)

    # --- what happens ----------------------------------------------------------------------------------
    def wait(self, before: int) -> None:
        """Let time pass; on bars nothing ends between them."""
        while self.order is not None and self.order.deadline is not None and not self.by_bars:
            due = self.order.deadline
            if due >= before or due < self.now or self.order.is_canceling:
                return
            self.now = due
            self.look()
            if self.order is not None and self.order.deadline == due:
                return

    def mark(self, price: Fraction, *, by_bar: bool) -> None:
        """Show a price; the first one makes the entry."""
        self.last, self.seen, self.by_bars = price, self.now, by_bar
        if self.sent == 0:
            self.expires = None if self.expiry is None else self.now + self.expiry
            self.send()

    def hear(self, fact: str, lots: int = 0) -> None:
        """Follow what the broker says of the order."""
        order = self.order
        assert order is not None
        if fact == "fill":
            self.left -= lots
            order.open -= lots
            order.is_new = False
            if order.open == 0:
                self.ended("filled")
        elif fact == "replaced":
            order.price, order.asked, order.is_new = order.asked, None, False
        elif fact == "refused":
            order.is_canceling = False
        else:
            self.ended(fact)

    def ended(self, how: str) -> None:
        """The order has ended: another one follows, now or when there is a price, or the entry is over."""
        self.order = None
        if how == "rejected":
            self.rejects += 1
            self.purpose = "good" if self.rejects >= REJECTS else "try"
        elif how != "canceled":
            self.purpose = "good"
        self.go_on(how)

    def go_on(self, how: str) -> None:
        """Without an order: end the entry, or send what is left once the market trades."""
        if self.left == 0:
            self.end("filled")
        elif self.purpose != "try" or not self.may_try:
            self.end(how)
        elif not self.is_halted:
            self.send()

    @property
    def may_try(self) -> bool:
        """Return whether another order may follow: in time, and nothing speaks against entries."""
        is_late = self.expires is not None and self.now > self.expires
        return not is_late and self.severity == 0 and not self.exit_works

    def end(self, how: str) -> None:
        """Tell how the entry ended."""
        self.is_over = True
        self.said.append(f"ended {how}" + (f", {self.left} left" if self.left else ""))

    # --- a look ----------------------------------------------------------------------------------------
    def look(self) -> None:
        """Look after the order, as after every event and wait."""
        order = self.order
        if self.is_over or self.sent == 0:
            return
        if order is None:
            self.go_on("canceled")
            return
        if order.is_canceling:
            return
        if self.severity > 0:
            self.cancel(self.purpose)
        elif self.exit_works:
            self.cancel("good")
        elif self.purpose:
            self.cancel(self.purpose)  # asked before, and refused
        elif order.deadline is not None and order.deadline <= self.now:
            if not self.by_bars or self.seen == self.now:
                self.time_out(order)

    def time_out(self, order: Working) -> None:
        """The order was not filled in its time."""
        in_time = self.expires is None or self.now <= self.expires
        walks = self.on_timeout == "walk" and in_time and self.is_limit
        if walks and order.walks < self.walks:
            self.walk(order)
        elif self.on_timeout == "retry" and self.may_try and self.tries <= self.retries:
            self.cancel("try")
        else:
            self.cancel("good")

    def walk(self, order: Working) -> None:
        """Move the price on by 1.0 steps, each time 0.5 more, summed and rounded down; not past the collar."""
        assert order.price is not None
        before = floor(order.steps)
        order.steps += 1 + F(order.walks, 2)
        order.walks += 1
        price = order.price + self.side * (floor(order.steps) - before) * TICK
        if self.collar is not None:
            away = max(self.last * self.collar, TICK)
            if self.side > 0:
                price = min(price, floor((self.last + away) / TICK) * TICK)
            else:
                price = max(price, ceil((self.last - away) / TICK) * TICK)
        order.deadline = self.now + WALK_WAIT
        if self.side * (price - order.price) <= 0:
            return
        if self.collar is not None and abs(price - self.last) > max(self.last * self.collar, TICK):
            self.said.append("denied")  # the market has run away: still outside the collar
        else:
            order.asked = price
            self.said.append(f"replace #{order.number} {told(price)}")

    def cancel(self, purpose: str) -> None:
        """Ask to cancel the order."""
        assert self.order is not None
        self.purpose, self.order.is_canceling = purpose, True
        if purpose:
            self.order.deadline = None
        self.said.append(f"cancel #{self.order.number}")

    def send(self) -> None:
        """Send an order for what is left, at the present price."""
        self.sent += 1
        self.tries += 1
        self.purpose = ""
        price = self.last if self.is_limit else None
        deadline = None if self.timeout is None else self.now + self.timeout
        self.order = Working(self.sent, price, self.left, deadline)
        side = "buy" if self.side > 0 else "sell"
        kind = "market" if price is None else f"limit {told(price)}"
        self.said.append(f"{side} {kind} x{self.left}")
