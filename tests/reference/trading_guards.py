"""The account's guards a second time: slow, in fractions, looking at everything after every event.

Written from SPEC section 6, FAULTS "Breakers and timers (exact)" and docs/explain/guards.md. Where the
kernels keep a queue of waits, this one collects every time at which anything could end and looks then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from engine.model.trading import Latch, OperatorAction, Severity, Tier
from tests.reference.trading_breakers import Breakers
from tests.reference.trading_holdings import CONFIRMED, Holdings
from tests.reference.trading_latches import Latches
from tests.reference.trading_tiers import Tiers
from tests.reference.trading_tilt import Operator

MINOR = 10**8  # the smallest amounts in one unit of money
EQUITY_LATCHES = (Latch.DRAWDOWN, Latch.MINIMUM_EQUITY)
LOOKS = 4
TELL_AGAIN = 600 * 10**9  # ns: "a halted symbol stays FLATTENING with an alert each 10 min"


@dataclass(frozen=True)
class GuardLimits:
    """What a strategy file says of guards; None and 0 are off, shares are fractions, times ns."""

    daily: Fraction
    daily_share: Fraction
    drawdown: Fraction
    minimum: Fraction
    reset: Fraction
    checks: int
    every: int
    needs_person: bool
    cool_down: int
    own_tier: Tier
    has_guards: bool
    has_risk: bool
    flat_reads: int
    pretends_person: bool


@dataclass
class Guards:
    """One account under its guards."""

    limits: GuardLimits
    latches: Latches
    breakers: Breakers
    tiers: Tiers
    operator: Operator
    holdings: Holdings = field(default_factory=Holdings)
    now: int = 0
    looked_at: int = 0
    orders: int = 0
    has_begun: bool = False
    is_distrusted: bool = False
    day: Fraction = Fraction(0)
    day_flow: Fraction = Fraction(0)
    day_booked: Fraction = Fraction(0)
    excused: Fraction = Fraction(0)
    loss_since: int | None = None
    loss_marks: int = 0
    counted_at: int = -1
    peak: Fraction = Fraction(0)
    last_marked: Fraction | None = None
    reset_level: Fraction = Fraction(0)
    good_checks: int = 0
    checked_at: int | None = None
    flat_reads: int = 0
    cooling: dict[str, int] = field(default_factory=dict)
    last_loss: tuple[int, str] | None = None
    is_open: bool = True
    trading_day: int = 0
    flattening_since: int | None = None
    alerts: list[int] = field(default_factory=list)

    # --- time ------------------------------------------------------------------------------------------
    def moments(self) -> list[int]:
        """Return every time at which something could end."""
        found = [known.until for known in self.latches.found.values() if known.until is not None]
        found += [one.suspect_since + CONFIRMED for one in self.holdings.open if one.suspect_since]
        if self.loss_since is not None:
            found.append(self.loss_since + CONFIRMED)
        if self.checked_at is not None:
            found.append(self.checked_at + self.limits.every)
        if self.flattening_since is not None:
            found.append(self.flattening_since + TELL_AGAIN)
        return found + self.tiers.moments() + self.operator.moments()

    def wait(self, before: int) -> None:
        """Let time pass, looking whenever something may end before then."""
        while True:
            due = [ts for ts in self.moments() if self.looked_at < ts < before]
            if not due:
                return
            self.now = min(due)
            self.look()

    # --- what happens ----------------------------------------------------------------------------------
    def flow(self, amount: Fraction) -> None:
        """Money is paid in or out: neither a gain nor a loss, and drawdown is the same after it."""
        equity = self.holdings.equity
        self.begin(equity)
        if self.has_begun:
            self.peak = self.after_flow(self.peak, equity, amount)
            if self.last_marked is not None:
                self.last_marked = self.after_flow(self.last_marked, equity, amount)
            self.day_flow += amount
        self.holdings.cash += amount

    @staticmethod
    def after_flow(level: Fraction, equity: Fraction, amount: Fraction) -> Fraction:
        """Return a level of equity after a flow, rounded up to the smallest amount."""
        if level <= 0:
            return level
        if equity + amount <= 0:
            return Fraction(0)
        if equity <= 0:
            return max(level + amount, Fraction(0))
        return Fraction(ceil(level * (equity + amount) / equity * MINOR), MINOR)

    def correct(self, amount: Fraction) -> None:
        """The venue corrects cash: a booked gain or loss."""
        self.holdings.cash += amount
        self.holdings.booked += amount

    def fill(
        self, symbol: str, quantity: Fraction, price: Fraction, fee: Fraction, *, stopped: bool
    ) -> None:
        """Book a fill; a trip that it ends may stop what comes next."""
        result = self.holdings.fill(symbol, quantity, price, fee)
        if result is None:
            return
        if result < 0:
            self.last_loss = self.now, symbol
            if self.limits.cool_down:
                self.cooling[symbol] = self.now + self.limits.cool_down
        if stopped:
            self.breakers.stopped(symbol, self.now)

    def open_session(self, day: int) -> None:
        """The account's calendar opens; the second time on one trading day, after lunch, is no new day."""
        self.is_open = True
        before, self.trading_day = self.trading_day, max(day, self.trading_day)
        if day == 0:
            self.trading_day += 1
        if self.trading_day != before:
            self.open_day()

    def open_day(self) -> None:
        """The account's calendar begins a new trading day."""
        self.begin(self.holdings.equity)
        if self.has_begun:
            self.start_day(self.holdings.equity)
        if self.limits.pretends_person:
            for latch, known in list(self.latches.found.items()):
                if known.is_manual and known.severity is not Severity.FLATTENING:
                    self.reset(latch)

    def begin(self, equity: Fraction) -> None:
        """Day, peak and tier begin with the first money there is."""
        if self.has_begun or equity <= 0:
            return
        self.has_begun, self.peak = True, equity
        self.start_day(equity)
        self.tiers.look(equity, self.now)

    def start_day(self, equity: Fraction) -> None:
        """Measure the day's result from here."""
        self.day, self.day_flow, self.excused = equity, Fraction(0), Fraction(0)
        self.day_booked = self.holdings.booked
        self.loss_since = None

    def reconciled(self, *, good: bool, flat: bool) -> None:
        """The venue has told what we have."""
        if good:
            self.breakers.reconciled_at = self.now
            self.latches.resume(Latch.RECONCILING, self.now)
        else:
            self.latches.set(Latch.RECONCILING, Severity.REDUCE_ONLY)
        self.flat_reads = self.flat_reads + 1 if good and flat else 0

    def component(self, latch: Latch, *, good: bool) -> None:
        """A part of the session says how it is; one without a latch of its own counts as health."""
        if latch <= Latch.PAUSE:
            if not good:
                self.latches.set(Latch.HEALTH, Severity.REDUCE_ONLY)
        elif good:
            self.latches.resume(latch, self.now)
        else:
            self.latches.set(latch, Severity.REDUCE_ONLY)

    def ask(self, action: OperatorAction, latch: Latch = Latch.NONE) -> None:
        """A person asks for something."""
        if action is OperatorAction.KILL:
            self.latches.set(Latch.KILL, Severity.LOCKED, is_manual=True)
        elif action is OperatorAction.KILL_AND_FLATTEN:
            self.close_all(Latch.KILL, is_manual=True)
        elif action is OperatorAction.PAUSE:
            self.latches.set(Latch.PAUSE, Severity.REDUCE_ONLY, is_manual=True)
        elif action is OperatorAction.FLATTEN:
            self.close_all(Latch.PAUSE, is_manual=True)
        elif action is OperatorAction.RESUME:
            self.reset(Latch.PAUSE)
        else:
            self.reset(latch)

    def close_all(self, latch: Latch, *, is_manual: bool) -> None:
        """Set a latch that closes everything; readings of the venue count from now."""
        if self.latches.set(latch, Severity.FLATTENING, is_manual=is_manual):
            self.flat_reads = 0

    def reset(self, latch: Latch) -> None:
        """A person clears one latch."""
        if not self.latches.reset(latch):
            return
        self.breakers.forget(latch)
        if latch in EQUITY_LATCHES:
            self.restart_peak()
        elif latch is Latch.DAILY_LOSS:
            self.excused = min(self.day_result, Fraction(0))

    def restart_peak(self) -> None:
        """Measure drawdown from here: else it would trip again at once."""
        self.good_checks, self.checked_at = 0, None
        if self.has_begun:
            self.peak, self.last_marked = max(self.holdings.equity, Fraction(0)), None

    # --- a look ----------------------------------------------------------------------------------------
    @property
    def day_result(self) -> Fraction:
        """What the day has made: flows are none of it."""
        return self.holdings.equity - self.day - self.day_flow if self.has_begun else Fraction(0)

    def look(self) -> None:
        """Look at everything, and again while that changes how severe the worst latch is."""
        self.looked_at = self.now
        for _ in range(LOOKS):
            severity = self.latches.severity
            self.breakers.end(self.now)
            if self.limits.has_guards or self.limits.has_risk:
                self.look_at_equity()
            if self.is_flat:
                for latch, known in self.latches.found.items():
                    if known.severity is Severity.FLATTENING:
                        self.latches.set(latch, Severity.LOCKED)
            self.watch_closing()
            if severity is self.latches.severity:
                return

    def watch_closing(self) -> None:
        """Each ten minutes of closing everything: tell if something is halted, or trades and is not closed."""
        if self.latches.severity is not Severity.FLATTENING:
            self.flattening_since = None
        elif self.flattening_since is None:
            self.flattening_since = self.now
        elif self.now - self.flattening_since >= TELL_AGAIN:
            self.flattening_since = self.now
            if any(
                one.is_halted or (self.is_open and not one.by_bar) for one in self.holdings.open
            ):
                self.alerts.append(self.now)

    @property
    def is_flat(self) -> bool:
        """Return whether nothing is left to close, and the venue has said so often enough."""
        wants = self.limits.flat_reads
        return not self.holdings.open and self.orders == 0 and self.flat_reads >= wants

    def look_at_equity(self) -> None:
        """Nothing trips, resets or is forgotten on an equity that is not trusted."""
        fresh = [one for one in self.holdings.open if one.marked_at == self.now]
        is_new = bool(fresh) and self.counted_at != self.now
        if is_new:
            self.counted_at = self.now
        self.is_distrusted = not self.holdings.is_trusted
        if self.is_distrusted:
            self.latches.set(Latch.UNTRUSTED, Severity.REDUCE_ONLY)
            return
        self.latches.resume(Latch.UNTRUSTED, self.now)
        self.begin(self.holdings.equity)
        if self.has_begun:
            self.raise_peak(is_new=is_new)
            self.watch_day(is_new=is_new)
            self.watch_depth()
            self.way_back()
            self.watch_tier()

    def raise_peak(self, *, is_new: bool) -> None:
        """Two marks in a row above the peak raise it to the lower; cash needs none."""
        equity = self.holdings.equity
        if not self.holdings.open:
            self.peak, self.last_marked = max(self.peak, equity), None
        elif is_new:
            if self.last_marked is not None:
                self.peak = max(self.peak, min(self.last_marked, equity))
            self.last_marked = equity

    def watch_day(self, *, is_new: bool) -> None:
        """Trip under the nearer limit, booked or confirmed."""
        amounts = [self.limits.daily] if self.limits.daily > 0 else []
        if self.limits.daily_share > 0:
            amounts.append(self.limits.daily_share * max(self.day, Fraction(0)))
        if not amounts or Latch.DAILY_LOSS in self.latches.found:
            return
        level = self.excused - min(amounts)
        if self.day_result >= level:
            self.loss_since = None
            return
        if self.loss_since is None:
            self.loss_since, self.loss_marks = self.now, 0
        self.loss_marks += is_new
        by_bars = is_new and all(one.by_bar for one in self.holdings.open)
        waited = self.now - self.loss_since >= CONFIRMED
        is_booked = self.holdings.booked - self.day_booked < level
        if is_booked or by_bars or waited or self.loss_marks >= 2:
            self.loss_since = None
            self.close_all(Latch.DAILY_LOSS, is_manual=True)

    def watch_depth(self) -> None:
        """Trip too far under the peak, or under the minimum; not on a mark that is doubted."""
        equity, share = self.holdings.equity, self.limits.drawdown
        found = self.latches.found
        is_deep = share > 0 and self.peak > 0 and self.peak - equity >= share * self.peak
        trips = {
            Latch.DRAWDOWN: is_deep,
            Latch.MINIMUM_EQUITY: self.limits.minimum > 0 and equity < self.limits.minimum,
        }
        new = [latch for latch, is_over in trips.items() if is_over and latch not in found]
        if not new or any(one.is_suspect(self.now) for one in self.holdings.open):
            return
        if not any(latch in found for latch in EQUITY_LATCHES):
            away = self.peak * (1 - self.limits.reset)
            self.reset_level = max(away, self.limits.minimum)
        self.good_checks, self.checked_at = 0, None
        for latch in new:
            self.close_all(latch, is_manual=self.limits.needs_person)

    def way_back(self) -> None:
        """Enough good checks some time apart let a locked guard go; one bad one begins anew."""
        waiting = [
            latch
            for latch, known in self.latches.found.items()
            if latch in EQUITY_LATCHES and known.severity is Severity.LOCKED and not known.is_manual
        ]
        if not waiting:
            return
        if self.holdings.equity < self.reset_level:
            self.good_checks, self.checked_at = 0, None
            return
        if self.checked_at is None or self.now - self.checked_at >= self.limits.every:
            self.good_checks, self.checked_at = self.good_checks + 1, self.now
        if self.good_checks >= self.limits.checks:
            resumed = [latch for latch in waiting if self.latches.resume(latch, self.now)]
            if resumed:
                self.restart_peak()

    def watch_tier(self) -> None:
        """Entries stop while the account stands below the strategy's own tier."""
        self.tiers.look(self.holdings.equity, self.now)
        assert self.tiers.tier is not None
        if self.limits.own_tier > self.tiers.tier:
            self.latches.set(Latch.TIER, Severity.REDUCE_ONLY)
        else:
            self.latches.resume(Latch.TIER, self.now)
