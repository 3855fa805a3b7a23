"""An account of the trading loop in a trader's own words: `Books` over a core that has its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.model import layout as at
from engine.model.units import to_minor
from engine.state import CoreShape, new_core, plain_core
from tests.unit.core.books import Books, terms_of

D = Decimal
TABLES = Path(__file__).parents[2] / "scenarios"


@dataclass(frozen=True)
class Line:
    """One line of a truth table: its section and number, the section's settings, its columns."""

    section: str
    number: int
    settings: tuple[str, ...]
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.section}:{self.number}".replace(" ", "_")


def read_table(name: str, columns: int) -> list[Line]:
    """Parse a table; `##` opens a section, `@` gives its settings, `#` is a remark."""
    lines: list[Line] = []
    section, settings = "", ()
    for number, raw in enumerate((TABLES / name).read_text(encoding="utf-8").splitlines(), 1):
        text = raw.strip()
        if text.startswith("##"):
            section, settings = text[2:].strip(), ()
        elif text.startswith("@"):
            settings = (*settings, *(word.strip() for word in text[1:].split(";")))
        elif text and not text.startswith("#"):
            cells = tuple(cell.strip() for cell in text.split("|"))
            assert len(cells) == columns, f"{name} line {number}: {columns} columns"
            lines.append(Line(section, number, settings, cells))
    return lines


def parts_per(text: str, digits: int) -> int:
    """Return a decimal, or a percentage with its sign, as whole parts of 10^digits."""
    value = D(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    whole = value.scaleb(digits)
    assert whole == whole.to_integral_value(), text
    return int(whole)


@dataclass
class TradingBooks(Books):
    """One account with the trading loop's blocks; the same words otherwise."""

    def __post_init__(self) -> None:
        self.currencies = ("USD", *sorted({i.currency for i in self.instruments} - {"USD"}))
        shape = CoreShape(
            len(self.instruments), len(self.currencies), orders=self.orders, trading=True
        )
        self.block, self.core = new_core(shape, terms_of(self.instruments, self.currencies))
        self.s: Any = plain_core(self.core)
        self.s.account[at.ACCOUNT_LEVERAGE_PPM] = 10**6
        minor = to_minor(self.cash)
        self.s.ledger[0, at.LEDGER_CASH] = minor
        self.s.ledger[0, at.LEDGER_TRANSFERS] = -minor
        for row, item in enumerate(self.instruments):
            self.s.terms[row, at.TERM_BINARY] = int(item.is_binary)
