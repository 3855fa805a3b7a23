"""What a report says of a run's trading loop: its exits, guards and denials, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class ExitRow(msgspec.Struct, frozen=True):
    """What became of one reason to close.

    Parameters
    ----------
    reason
        A condition's name.
    fired
        How often it began to hold or was acted on again, alone or together with others.
    won
        How often it was the one that closed; each of them ends as one of the next four or is under
        way at the end of the run.
    closed, failed, taken_over, elsewhere
        How often all that was wanted was closed, it was given up, a higher priority took over, and
        the position was gone before.
    quantity
        Units closed, exact text.
    pnl
        Realized less the fees of its fills, in the account currency; exact text.
    mean_return
        Mean over its exits of that money over the cost of what was closed, a fraction.
    attempts_per_close
        Orders and replacements sent for each exit that closed.
    seconds_to_flat
        From firing to closed, mean.
    cost_bps
        How much worse than the exit price at firing the fills were, weighted by value; positive was
        paid.
    """

    reason: str
    fired: int
    won: int
    closed: int
    failed: int
    taken_over: int
    elsewhere: int
    quantity: str
    pnl: str
    mean_return: float | None
    attempts_per_close: float | None
    seconds_to_flat: float | None
    cost_bps: float | None


class GuardRow(msgspec.Struct, frozen=True):
    """What one guard did: how often it was set, how severe, when, why, and whether it is set still."""

    guard: str
    severity: str
    times: int
    first_ns: int
    last_ns: int
    is_set: bool
    why: str


class DenialRow(msgspec.Struct, frozen=True):
    """How many signals and orders were denied for one reason."""

    reason: str
    sentence: str
    signals: int
    orders: int


class LoopReport(Protocol):
    """The tables of a run with a trading loop, made when they are first asked for."""

    @property
    def exits(self) -> Sequence[ExitRow]:
        """By reason, in the order of the conditions."""

    @property
    def guards(self) -> Sequence[GuardRow]:
        """By guard, those that were set."""

    @property
    def denials(self) -> Sequence[DenialRow]:
        """By reason, most frequent first."""


def loop_to_json(loop: LoopReport) -> dict[str, object]:
    """Return the tables as JSON values."""
    return {
        "exits": msgspec.to_builtins(list(loop.exits)),
        "guards": msgspec.to_builtins(list(loop.guards)),
        "denials": msgspec.to_builtins(list(loop.denials)),
    }
