"""The rows of projections while records are folded into them.

Rows are loaded when they are first needed and written when the group ends, so that nothing is kept
between groups: a transaction that is undone, or a process that ends, leaves nothing to repair, and
folding a journal in other groups, or all at once, makes the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from runtime.store.backend import Transaction

Values: TypeAlias = dict[str, Any]

KEYS = {
    "session_orders": "order_id",
    "session_fills": "row",
    "session_positions": "row",
    "session_exits": "row",
    "session_attempts": "row",
    "session_signals": "number",
    "session_approvals": "sequence",
    "incidents": "row",
}
TABLES = tuple(KEYS)


class Draft:
    """Rows of one session, as the transaction will leave them."""

    def __init__(self, transaction: Transaction, session_id: str) -> None:
        self.transaction = transaction
        self.session_id = session_id
        self._known: dict[str, dict[int, Values | None]] = {table: {} for table in TABLES}
        self._changed: dict[str, dict[int, None]] = {table: {} for table in TABLES}
        self._session: Values | None = None

    @property
    def session(self) -> Values:
        """The session's own row."""
        if self._session is None:
            (row,) = self.transaction.read("session_row", {"session": self.session_id})
            self._session = {**row, "symbols": msgspec.json.decode(str(row["symbols"]))}
        return self._session

    def set_session(self, statement: str, values: Values) -> None:
        """Change columns of the session's row."""
        self.transaction.write(statement, {**values, "session": self.session_id})
        if "symbols" in values:  # of the row nothing else is asked for that ever changes
            self._session = None

    def symbol(self, instrument: int) -> str:
        """Return an instrument's name; empty for none."""
        symbols = self.session["symbols"]
        return str(symbols[instrument]) if 0 <= instrument < len(symbols) else ""

    def get(self, table: str, key: int, statement: str) -> Values | None:
        """Return a row to be changed, None where there is none."""
        known = self._known[table]
        if key not in known:
            known[key] = None
            self.adopt(table, self.read(statement, row_id=key))
        found = known[key]
        if found is not None:
            self._changed[table][key] = None
        return found

    def put(self, table: str, row: Values) -> Values:
        """Add a row, or put it in another's place; one that is there already is not written again."""
        key, known = row[KEYS[table]], self._known[table]
        row["session_id"] = self.session_id
        if known.get(key) != row:
            known[key] = row
            self._changed[table][key] = None
        return known[key]  # type: ignore[return-value]

    def read(self, statement: str, **values: int | str) -> list[Values]:
        """Return rows of the database as they were before this group."""
        found = self.transaction.read(statement, {**values, "session": self.session_id})
        return [dict(row) for row in found]

    def adopt(self, table: str, rows: Iterable[Values]) -> None:
        """Know rows that were read, unless they have been changed since."""
        known = self._known[table]
        for row in rows:
            if known.get(row[KEYS[table]]) is None:
                known[row[KEYS[table]]] = row

    def known(self, table: str) -> list[Values]:
        """Return the rows that are known."""
        return [row for row in self._known[table].values() if row is not None]

    def touch(self, table: str, row: Values) -> None:
        """A row that is known has been changed."""
        self._changed[table][row[KEYS[table]]] = None

    def delete(self, table: str, statement: str, key: int) -> None:
        """Remove a row at once."""
        self._known[table].pop(key, None)
        self._changed[table].pop(key, None)
        self.transaction.write(statement, {"session": self.session_id, "row_id": key})

    def write(self) -> None:
        """Write what has changed."""
        for table in TABLES:
            changed, self._changed[table] = self._changed[table], {}
            rows = [self._known[table][key] for key in changed]
            if rows:
                self.transaction.write_many(f"put_{table}", [row for row in rows if row])
