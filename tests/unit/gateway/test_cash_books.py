"""The account's cash beside the session's: what the venue has moved by itself, and whose that is."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from engine.model import layout as at
from engine.model.units import from_minor, to_minor
from engine.ports import CashEntry, CashKind, Rows
from runtime.gateway.cash import CashBooks, Posting
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.gateway.reconciling import Truth, compare
from runtime.journal.records import SliceInput

K = CashKind
NOW_NS = 7


def minor(text: str) -> int:
    return to_minor(text)


def books(beside: str, **owed: str) -> CashBooks:
    """Return books after a first comparison; owed: by cause, as ``dividend0="10 5"``."""
    causes = {"dividend0": f"{at.KIND_DIVIDEND}:0", "interest": f"{at.KIND_ACCRUAL}:-1"}
    amounts = {causes[name]: [minor(each) for each in text.split()] for name, text in owed.items()}
    return CashBooks(minor(beside), amounts)


def booked(cash: CashBooks, entry: CashEntry) -> Posting:
    """Book an entry, as a session does."""
    posting = cash.posting(entry, NOW_NS)
    for key in posting.keys:
        assert cash.note(key)
    return posting


def moved(rows: Rows) -> str:
    """Return what the engine is told to move: an amount and the ledger's account."""
    if not len(rows):
        return ""
    (row,) = rows.tolist()
    names = {
        at.LEDGER_FEES: "fees",
        at.LEDGER_INTEREST: "interest",
        at.LEDGER_DIVIDENDS: "dividends",
        at.LEDGER_CORRECTIONS: "corrections",
    }
    is_transfer = row[at.EVENT_KIND] == at.KIND_TRANSFER
    account = "transfers" if is_transfer else names[row[at.POSTING_ACCOUNT]]
    assert row[at.EVENT_TS] == NOW_NS
    return f"{from_minor(row[at.TRANSFER_MINOR]).normalize():f} {account}"


# what is beside and owed before; kind, amount, instrument of the entry; what is booked, and beside after
ENTRIES = [
    # Fees are the session's, whatever lies beside.
    ("0", {}, K.FEE, "-0.23", -1, "-0.23 fees", "0"),
    ("900", {}, K.FEE, "-0.23", -1, "-0.23 fees", "900"),
    # Interest that is paid is the session's; earned, only where nothing lies beside.
    ("900", {}, K.INTEREST, "-3", -1, "-3 interest", "900"),
    ("0", {}, K.INTEREST, "2", -1, "2 interest", "0"),
    ("900", {}, K.INTEREST, "2", -1, "", "902"),
    # What was accrued day by day is settled: only the difference is booked.
    ("0", {"interest": "-1 -1.5"}, K.INTEREST, "-3", -1, "-0.5 interest", "0"),
    ("0", {"interest": "-1 -2"}, K.INTEREST, "-3", -1, "", "0"),
    # A dividend was booked at its ex-date; the oldest is paid first.
    ("0", {"dividend0": "10"}, K.DIVIDEND, "10", 0, "", "0"),
    ("0", {"dividend0": "10 4"}, K.DIVIDEND, "8.5", 0, "-1.5 dividends", "0"),
    ("0", {"dividend0": "10"}, K.DIVIDEND, "-10", 0, "-10 dividends", "0"),  # taken back
    ("0", {"dividend0": "-6"}, K.DIVIDEND, "-6", 0, "", "0"),  # a short pays
    ("0", {}, K.DIVIDEND, "10", 0, "10 dividends", "0"),  # nobody has announced it
    ("900", {}, K.DIVIDEND, "10", -1, "", "910"),  # nobody says of what
    ("0", {"dividend0": "10"}, K.WITHHELD, "-1.5", 0, "-1.5 dividends", "0"),
    # Deposits are nobody's gain; withdrawals take what lies beside first.
    ("0", {}, K.TRANSFER, "500", -1, "", "500"),
    ("900", {}, K.TRANSFER, "-500", -1, "", "400"),
    ("300", {}, K.TRANSFER, "-500", -1, "-200 transfers", "0"),
    ("0", {}, K.TRANSFER, "-500", -1, "-500 transfers", "0"),
    ("-20", {}, K.TRANSFER, "-500", -1, "-500 transfers", "-20"),
    # What nobody knows costs, and is no gain while something lies beside.
    ("900", {}, K.OTHER, "-7", -1, "-7 corrections", "900"),
    ("900", {}, K.OTHER, "7", -1, "", "907"),
    ("0", {}, K.FRACTION, "3.5", 0, "3.5 corrections", "0"),
]


@pytest.mark.parametrize(
    ("beside", "owed", "kind", "amount", "instrument", "told", "after"), ENTRIES
)
def test_what_the_venue_books_is_the_sessions_or_lies_beside(
    beside: str,
    owed: dict[str, str],
    kind: CashKind,
    amount: str,
    instrument: int,
    told: str,
    after: str,
) -> None:
    cash = books(beside, **owed)
    engine_minor = minor("1000")
    before = cash.expected(engine_minor)
    posting = booked(cash, CashEntry("e1", kind, minor(amount), instrument))
    assert moved(posting.rows) == told
    assert cash.beside == minor(after) and "e1" in cash.known
    rows = posting.rows
    engine_minor += int(rows[0, at.TRANSFER_MINOR]) if len(rows) else 0
    assert before is not None, "the venue's cash moves by the entry, and so does what is expected"
    assert cash.expected(engine_minor) == before + minor(amount)


def test_what_is_of_an_instrument_that_is_not_the_sessions_lies_beside() -> None:
    cash = books("0")
    posting = booked(cash, CashEntry("e1", K.DIVIDEND, minor("10"), -1, is_foreign=True))
    assert not len(posting.rows) and cash.beside == minor("10")


def test_two_dividends_are_paid_one_after_the_other() -> None:
    cash = books("0", dividend0="10 4")
    for name, amount in (("e1", "10"), ("e2", "4")):
        assert not len(booked(cash, CashEntry(name, K.DIVIDEND, minor(amount), 0)).rows)
    assert cash.owed == {}


def test_a_dividend_is_owed_from_its_ex_date_on() -> None:
    """The feed's event moves the engine's cash; the venue's stays until it pays."""
    inbox = Inbox(OrderLedger(), cash=books("50"))
    row = np.zeros((1, at.EVENT_WIDTH), dtype="<i8")
    row[0, at.EVENT_KIND] = at.KIND_DIVIDEND
    before = inbox.cash.expected(minor("1000"))
    inbox.follow(SliceInput(1, 1, 0, row.tobytes()), minor("12"))
    assert inbox.cash.expected(minor("1012")) == before == minor("1050")
    again = Inbox(OrderLedger())
    again.restore(inbox.snapshot())
    assert again.cash == inbox.cash


def test_the_first_comparison_says_what_lies_beside_and_what_is_known() -> None:
    cash = CashBooks(None, {f"{at.KIND_DIVIDEND}:0": [minor("5")]})
    assert cash.expected(minor("1000")) is None
    first = cash.first([CashEntry("e1", K.FEE, -1)], minor("1495"), minor("1000"))
    for key in first.keys:
        cash.note(key)
    assert cash.beside == minor("500") and list(cash.known) == ["e1"]
    assert cash.expected(minor("1000")) == minor("1495")


# --- held against the venue -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stated", "uneven", "is_equal"),
    [
        ("1050", 0, True),
        ("1050.00000001", 0, False),
        ("1049.99", 0, False),
        # Two fills of parts of a cent: each may be rounded by half a cent.
        ("1050.01", 2, True),
        ("1050.02", 2, False),
    ],
)
def test_cash_is_equal_to_the_unit_but_for_rounding(
    stated: str, uneven: int, is_equal: bool
) -> None:
    inbox = Inbox(OrderLedger(), cash=msgspec.structs.replace(books("50"), uneven=uneven))
    found = compare(Truth([], [], [], (), minor(stated)), inbox, minor("1000"))
    assert found.is_good is is_equal
    assert found.cash == (None if is_equal else (minor(stated), minor("1050")))


def test_an_entry_is_news_once() -> None:
    inbox, entry = Inbox(OrderLedger(), cash=books("0")), CashEntry("e1", K.FEE, minor("-1"))
    truth = Truth([], [], [], [entry], minor("999"))
    found = compare(truth, inbox, minor("1000"))
    assert found.entries == (entry,)
    inbox.note(inbox.cash.posting(entry, NOW_NS).keys)
    assert compare(truth, inbox, minor("999")).is_good


@pytest.mark.parametrize(
    ("difference", "told", "beside"), [("-3", "-3 corrections", "50"), ("3", "", "53")]
)
def test_what_a_person_accepts_is_lost_where_it_is_missing_and_beside_where_it_is_more(
    difference: str, told: str, beside: str
) -> None:
    cash = books("50")
    accepted = cash.accepted(minor(difference), NOW_NS)
    for key in accepted.keys:
        cash.note(key)
    assert moved(accepted.rows) == told and cash.beside == minor(beside)
