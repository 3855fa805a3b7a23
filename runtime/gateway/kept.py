"""Fees of coins that a venue takes at once and tells later: booked when its position or its cash shows them.

Of what is bought the venue keeps a part, of what is sold it takes money, and hours later an activity says so. Until
then the position is smaller than the fills, and the cash less. Taken for a difference that would quarantine what was
bought, and what closes it by our books would be more than is there. So what is missing is booked as a fee as soon as
two readings agree on it, up to one percent of what was traded since venue and books were last equal; no venue takes
more. What is told afterwards is held against what was booked, and only the rest is booked. More than that one percent
is no fee, and is a difference as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from engine.ports import CashEntry, CashKind


class _Key(StrEnum):
    """What the journal's keys of this say."""

    BOUGHT = "bought"
    SOLD = "sold"
    KEPT = "kept"
    CHARGED = "charged"
    KEPT_TOLD = "kept_told"
    CHARGED_TOLD = "charged_told"
    EVEN = "even"


_CASH: Final = -1
_SHARE: Final = 100  # one part in a hundred is the most that a fee can be


class KeptFees(msgspec.Struct):
    """What may have been taken as fees, and what was booked before it was told.

    Parameters
    ----------
    bought
        Lots by instrument, since venue and books were last equal; ``fills`` counts them, as each is rounded.
    fills
        How many fills those are.
    sold_minor
        What was received for coins since then.
    lots
        By instrument, booked and not told.
    minor
        Money, booked and not told.
    """

    bought: dict[int, int] = {}
    fills: dict[int, int] = {}
    sold_minor: int = 0
    lots: dict[int, int] = {}
    minor: int = 0

    def explain(self, differing: Mapping[int, tuple[int, int]]) -> dict[int, int]:
        """Return by instrument the lots that the venue has less, where that can be a fee."""
        found = {}
        for i, (theirs, ours) in differing.items():
            most = self.bought.get(i, 0) // _SHARE + self.fills.get(i, 0)
            if 0 < ours - theirs <= most:
                found[i] = ours - theirs
        return found

    def explain_cash(self, cash: tuple[int, int] | None) -> int:
        """Return the money that the venue has less, where that can be a fee; 0: it cannot."""
        if cash is None:
            return 0
        stated, expected = cash
        missing = expected - stated
        return missing if 0 < missing <= self.sold_minor // _SHARE else 0

    def even(self, differing: Mapping[int, tuple[int, int]], *, is_cash_even: bool) -> list[str]:
        """Return what to remember of a reading: what is equal has nothing left to explain."""
        keys = [f"{_Key.EVEN}:{i}" for i in self.bought if i not in differing]
        return keys + ([f"{_Key.EVEN}:{_CASH}"] if self.sold_minor and is_cash_even else [])

    def told(self, entry: CashEntry) -> tuple[int, int, list[str]]:
        """Return the lots and the money of an entry that are booked already, and what to remember."""
        if entry.kind is not CashKind.FEE or entry.instrument < 0:
            return 0, 0, []
        lots = min(self.lots.get(entry.instrument, 0), entry.kept_lots)
        minor = min(self.minor, max(-entry.minor, 0))
        keys = [f"{_Key.KEPT_TOLD}:{entry.instrument}:{lots}"] if lots else []
        return lots, minor, keys + ([f"{_Key.CHARGED_TOLD}:{minor}"] if minor else [])

    def note(self, key: str) -> bool:
        """Remember what a record of the journal has told; return whether it was of this."""
        kind, _, rest = key.partition(":")
        number, _, lots = rest.partition(":")
        match kind:
            case _Key.BOUGHT:
                _add(self.bought, int(number), int(lots))
                _add(self.fills, int(number), 1)
            case _Key.SOLD:
                self.sold_minor += int(rest)
            case _Key.KEPT:
                _add(self.lots, int(number), int(lots))
                self._is_even(int(number))
            case _Key.CHARGED:
                self.minor += int(rest)
                self._is_even(_CASH)
            case _Key.KEPT_TOLD:
                _add(self.lots, int(number), -int(lots))
            case _Key.CHARGED_TOLD:
                self.minor -= int(rest)
            case _Key.EVEN:
                self._is_even(int(rest))
            case _:
                return False
        return True

    def _is_even(self, instrument: int) -> None:
        if instrument == _CASH:
            self.sold_minor = 0
        self.bought.pop(instrument, None)
        self.fills.pop(instrument, None)


def traded_key(instrument: int, side: int, lots: int, value_minor: int) -> str:
    """Return what to remember of a fill of coins."""
    return f"{_Key.BOUGHT}:{instrument}:{lots}" if side > 0 else f"{_Key.SOLD}:{value_minor}"


def kept_key(instrument: int, lots: int) -> str:
    """Return what to remember where lots are booked as kept before that was told."""
    return f"{_Key.KEPT}:{instrument}:{lots}"


def charged_key(minor: int) -> str:
    """Return what to remember where money is booked as charged before that was told."""
    return f"{_Key.CHARGED}:{minor}"


def _add(numbers: dict[int, int], key: int, number: int) -> None:
    numbers[key] = numbers.get(key, 0) + number
    if numbers[key] == 0:
        del numbers[key]
