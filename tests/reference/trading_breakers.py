"""Breakers a second time: whole lists of error times; FAULTS "Breakers and timers (exact)"."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model.trading import Latch, Severity
from tests.reference.trading_latches import HOUR, Latches


@dataclass
class Breakers:
    """Errors of the venue and of the database, stop losses; each trips a latch."""

    latches: Latches
    api_most: int
    api_window: int
    database_most: int
    database_window: int
    stops_least: int  # 0: off
    stops_window: int
    stops_lock: int
    by_instrument: bool
    are_on: bool = True
    api: list[int] = field(default_factory=list)
    api_trips: list[int] = field(default_factory=list)
    database: list[int] = field(default_factory=list)
    stops: list[tuple[int, str]] = field(default_factory=list)
    locked: dict[str, int] = field(default_factory=dict)
    reconciled_at: int | None = None  # well, and since the venue's last error

    def api_error(self, now: int) -> None:
        """Count a failed call; the sixth in the window stops entries, the third time in an hour for good."""
        if not self.are_on:
            return
        self.api.append(now)
        self.reconciled_at = None
        known = self.latches.found.get(Latch.API)
        if known is not None:
            if known.until is not None:
                known.until = now + self.api_window
            return
        if sum(now - ts < self.api_window for ts in self.api) <= self.api_most:
            return
        self.api_trips = [*(ts for ts in self.api_trips if now - ts < HOUR), now]
        if len(self.api_trips) >= 3:
            self.latches.set(Latch.API, Severity.REDUCE_ONLY, is_manual=True)
        else:
            self.latches.set(Latch.API, Severity.REDUCE_ONLY, until=now + self.api_window)

    def authorization_error(self) -> None:
        """A key that the venue refuses stops everything, whatever else is configured."""
        self.latches.set(Latch.API_AUTHORIZATION, Severity.PAUSED_ALL, is_manual=True)

    def database_error(self, now: int) -> None:
        """Count a failed write or read; the fourth in the window stops everything that is new."""
        if not self.are_on:
            return
        self.database.append(now)
        if sum(now - ts < self.database_window for ts in self.database) > self.database_most:
            self.latches.set(Latch.DATABASE, Severity.PAUSED_ALL, is_manual=True)

    def stopped(self, symbol: str, now: int) -> None:
        """A stop loss has closed a trip."""
        if self.stops_least == 0:
            return
        self.stops.append((now, symbol))
        recent = [one for ts, one in self.stops if now - ts < self.stops_window]
        until = now + self.stops_lock
        if not self.by_instrument and len(recent) >= self.stops_least:
            self.latches.set(Latch.STOP_LOSSES, Severity.REDUCE_ONLY, until=until)
        elif self.by_instrument and recent.count(symbol) >= self.stops_least:
            self.locked[symbol] = max(until, self.locked.get(symbol, 0))

    def end(self, now: int) -> None:
        """Let what has reached its end resume; the venue must have been reconciled since its last error."""
        for latch, known in list(self.latches.found.items()):
            if known.until is None or known.until > now:
                continue
            if latch is not Latch.API or self.reconciled_at is not None:
                self.latches.resume(latch, now)

    def forget(self, latch: Latch) -> None:
        """After a person's reset nothing that was counted before counts again."""
        if latch is Latch.API:
            self.api, self.api_trips, self.reconciled_at = [], [], None
        elif latch is Latch.DATABASE:
            self.database = []
