"""Tells a person when a venue refuses one order of an instrument after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from engine.model import layout as at
from engine.ports import SubmitStatus
from runtime.gateway.ledger import OrderLedger
from runtime.journal.records import Outcome

ROW: Final = 3


class RefusedInARow:
    """Counts refusals by instrument, until the venue takes an order again.

    Parameters
    ----------
    symbols
        By the instruments' numbers.
    note
        Called with kind, severity, symbol and a sentence: once in a row, and once when it is over.
    """

    def __init__(
        self, books: OrderLedger, symbols: list[str], note: Callable[[str, str, str, str], None]
    ) -> None:
        self._books, self._symbols, self._note = books, symbols, note
        self._count: Counter[int] = Counter()

    def hear(self, outcome: Outcome) -> None:
        """Hear what has become of sending an order."""
        order = self._books.find_client(outcome.client_id)
        if order is None or outcome.kind != at.KIND_SUBMITTED:
            return
        i = order.instrument
        if outcome.status == SubmitStatus.REFUSED and outcome.code != "duplicate":
            self._count[i] += 1
            if self._count[i] == ROW:
                text = f"{self._symbols[i]}: the venue has refused {ROW} orders in a row: {outcome.problem}"
                self._note("orders", "critical", self._symbols[i], text)
        elif outcome.status == SubmitStatus.TAKEN:
            if self._count.pop(i, 0) >= ROW:
                text = f"{self._symbols[i]}: the venue takes orders again"
                self._note("orders", "info", self._symbols[i], text)
