"""The account's cash beside the session's: what the venue has moved by itself, and whose that is. Pure.

An account may have more cash than its session uses. What it had beside the session's when the two were compared
first is `beside`; from then on

    the venue's cash = the engine's cash - what is owed + beside

`owed` is what the engine has booked and the venue has not yet: a dividend at its ex-date, interest day by day.
When the venue books it, only the difference is booked here. What else it books is

fee, tax       the session's; of a coin that was bought the venue keeps units in place of money, and what was
               booked of it before it was told (`runtime.gateway.kept`) is not booked again
interest       the session's; what is earned is not, where cash lies beside the session's that may have earned it
transfer       into the account: beside, for a session's capital is what its configuration says; out of it: of
               what is beside first, and of the session's where that is not enough
other          as interest; a dividend too, where nobody says of which instrument

What concerns an instrument that is none of the session's is beside. So nothing that the strategy has not done
looks like its gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from engine.model import layout as at
from engine.ports import CashEntry, CashKind, Rows
from runtime.gateway.kept import KeptFees, charged_key, kept_key

ENTRY: Final = "entry:"
BESIDE: Final = "beside:"
SETTLED: Final = "settled:"
_CENT: Final = 10**6  # minor units
_NO_ROWS: Final[Rows] = np.empty((0, at.EVENT_WIDTH), dtype=np.int64)
_ACCOUNTS: Final = {
    CashKind.FEE: at.LEDGER_FEES,
    CashKind.INTEREST: at.LEDGER_INTEREST,
    CashKind.DIVIDEND: at.LEDGER_DIVIDENDS,
    CashKind.WITHHELD: at.LEDGER_DIVIDENDS,
    CashKind.FRACTION: at.LEDGER_CORRECTIONS,
    CashKind.OTHER: at.LEDGER_CORRECTIONS,
}
_SETTLES: Final = {
    CashKind.DIVIDEND: at.KIND_DIVIDEND,
    CashKind.FRACTION: at.KIND_SPLIT,
    CashKind.INTEREST: at.KIND_ACCRUAL,
}
_OF_AN_INSTRUMENT: Final = (CashKind.DIVIDEND, CashKind.FRACTION)


class Posting(msgspec.Struct, frozen=True):
    """What an entry is to the session: rows for the engine, and keys for the journal."""

    rows: Rows
    keys: tuple[str, ...]


class CashBooks(msgspec.Struct):
    """What is known of an account's cash.

    Parameters
    ----------
    beside
        Minor units that are not the session's; None before the first comparison.
    owed
        Minor units by cause (a kind of event and an instrument), oldest first.
    known
        Ids of entries that are booked, or were in the cash of the first comparison.
    uneven
        Movements so far that are no whole cents, each of which the venue may have rounded.
    fees
        Of coins: what was taken of them and not told yet.
    """

    beside: int | None = None
    owed: dict[str, list[int]] = {}
    known: dict[str, None] = {}
    uneven: int = 0
    fees: KeptFees = msgspec.field(default_factory=KeptFees)

    @property
    def cursor(self) -> str:
        """The newest entry that is known."""
        return max(self.known, default="")

    @property
    def tolerance(self) -> int:
        """How far the venue's cash may be away by rounding: half a cent for each movement of parts of one."""
        return self.uneven * (_CENT // 2 + 1)

    def expected(self, engine_minor: int) -> int | None:
        """Return what the venue should state; None before the first comparison."""
        if self.beside is None:
            return None
        return engine_minor - sum(sum(each) for each in self.owed.values()) + self.beside

    def first(self, entries: Sequence[CashEntry], stated: int, engine_minor: int) -> Posting:
        """Return how the first comparison is remembered."""
        beside = stated - engine_minor + sum(sum(each) for each in self.owed.values())
        keys = [ENTRY + each.entry_id for each in entries]
        return Posting(_NO_ROWS, (*keys, f"{BESIDE}{beside}"))

    def posting(self, entry: CashEntry, now_ns: int) -> Posting:
        """Return what an entry is to the session; nothing is changed before its keys are noted."""
        keys, beside = [ENTRY + entry.entry_id], self.beside or 0
        cause = _cause(_SETTLES.get(entry.kind, 0), self._of(entry))
        owed = self.owed.get(cause, [])
        settled = 0
        if entry.kind is CashKind.INTEREST:
            settled = sum(owed)
        elif owed and (owed[0] < 0) == (entry.minor < 0):
            settled = owed[0]
        if settled:
            keys.append(SETTLED + cause)
        lots, minor, told = self.fees.told(entry)
        left = entry.minor - settled + minor
        ours = left - self._beside_of(entry, left)
        if ours != left:
            keys.append(f"{BESIDE}{beside + left - ours}")
        keys += told
        rows = [_row(entry, ours, now_ns)] if ours else []
        kept = entry.kept_lots - lots
        rows += [_kept(entry.instrument, kept, now_ns)] if kept else []
        return Posting(np.concatenate([_NO_ROWS, *rows]), tuple(keys))

    def _of(self, entry: CashEntry) -> int:
        return entry.instrument if entry.kind in _OF_AN_INSTRUMENT else -1

    def _beside_of(self, entry: CashEntry, minor: int) -> int:
        """Return how much of an amount is none of the session's."""
        beside = max(self.beside or 0, 0)
        if entry.is_foreign:
            return minor
        match entry.kind:
            case CashKind.TRANSFER:
                return minor if minor > 0 else -min(beside, -minor)
            case CashKind.FEE:
                return 0
            case _ if entry.instrument >= 0:
                return 0
            case _:
                return minor if minor > 0 and beside > 0 else 0

    def accepted(self, difference: int, now_ns: int) -> Posting:
        """Return how a difference is taken over that a person has explained: what is missing is lost."""
        if difference > 0:
            return Posting(_NO_ROWS, (f"{BESIDE}{(self.beside or 0) + difference}",))
        return Posting(_row(CashEntry("", CashKind.OTHER, difference), difference, now_ns), ())

    def kept(self, instrument: int, lots: int, now_ns: int) -> Posting:
        """Return how a fee in kind is booked that the venue has not told yet."""
        return Posting(_kept(instrument, lots, now_ns), (kept_key(instrument, lots),))

    def charged(self, minor: int, now_ns: int) -> Posting:
        """Return how a fee in money is booked that the venue has not told yet."""
        row = _row(CashEntry("", CashKind.FEE, -minor), -minor, now_ns)
        return Posting(row, (charged_key(minor),))

    def follow(self, kind: int, instrument: int, minor: int) -> None:
        """An event of the feed has moved the engine's cash: the venue does it later."""
        if kind in _SETTLES.values():
            i = -1 if kind == at.KIND_ACCRUAL else instrument
            self.owed.setdefault(_cause(kind, i), []).append(minor)

    def follow_facts(self, minor: int) -> None:
        """Facts of the broker have moved the engine's cash."""
        self.uneven += minor % _CENT != 0

    def note(self, key: str) -> bool:
        """Remember what a record of the journal has told; return whether it was of cash."""
        kind, _, rest = key.partition(":")
        match kind + ":":
            case "entry:":
                self.known[rest] = None
            case "beside:":
                self.beside = int(rest)
            case "settled:":
                self._settle(rest)
            case _:
                return self.fees.note(key)
        return True

    def _settle(self, cause: str) -> None:
        owed = self.owed[cause]
        del owed[: len(owed) if cause == _cause(at.KIND_ACCRUAL, -1) else 1]
        if not owed:
            del self.owed[cause]


def _cause(kind: int, instrument: int) -> str:
    return f"{kind}:{instrument}"


def _kept(instrument: int, lots: int, now_ns: int) -> Rows:
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS], row[0, at.EVENT_INSTRUMENT] = now_ns, instrument
    row[0, at.EVENT_KIND], row[0, at.KEPT_LOTS] = at.KIND_UNITS_KEPT, lots
    return row


def _row(entry: CashEntry, minor: int, now_ns: int) -> Rows:
    row = np.zeros((1, at.EVENT_WIDTH), dtype=np.int64)
    row[0, at.EVENT_TS], row[0, at.EVENT_INSTRUMENT] = now_ns, entry.instrument
    row[0, at.TRANSFER_MINOR] = minor
    if entry.kind is CashKind.TRANSFER:
        row[0, at.EVENT_KIND] = at.KIND_TRANSFER
    else:
        row[0, at.EVENT_KIND] = at.KIND_POSTING
        row[0, at.POSTING_ACCOUNT] = _ACCOUNTS[entry.kind]
    return row
