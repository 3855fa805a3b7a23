"""One session on the screen: its facts, what it holds, what works, what was noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cli import screen

if TYPE_CHECKING:
    from rich.text import Text

    from runtime.session.shown import NoteShown, SessionShown

_LEVELS = {"warning": "yellow", "critical": "bold red"}
_LABEL = 14


def print_session(
    entry: Mapping[str, object], page: SessionShown, fares: Mapping[str, str]
) -> None:
    """Print a session: `entry` are its facts by name, `fares` how it does while it runs."""
    from rich.text import Text

    for name, value in {**entry, **fares}.items():
        if value not in (None, "", []):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            _line(name, Text(shown))
    if page.warm_up:
        _line("warm-up", Text(page.warm_up))
    if page.no_trades:
        _line("no trades", Text(page.no_trades))
    _line("checkpoints", Text(", ".join(f"{each:,}" for each in page.checkpoints) or "none"))
    for anchor in page.anchors:
        _line("anchors", Text(f"{anchor.record:,} {anchor.why} {anchor.hash[:32]}"))
    _positions(page)
    _orders(page)
    _notes("Open alerts", page.alerts)
    _notes("Last notes", page.notes)


def _line(name: str, text: Text) -> None:
    from rich.text import Text

    console = screen.console()
    text.no_wrap, text.overflow = True, "ellipsis"
    line = Text(name.ljust(_LABEL), "dim") + text
    line.no_wrap, line.overflow = True, "ellipsis"
    console.print(line)


def _positions(page: SessionShown) -> None:
    rows = [(p.symbol, p.quantity, p.cost, p.realized, p.since[:16]) for p in page.positions]
    _table("Positions", ("symbol", "quantity", "cost", "realized", "since"), rows, "none held")


def _orders(page: SessionShown) -> None:
    rows = [
        (str(o.order), o.side, o.symbol, o.type, o.quantity, o.filled, o.limit, o.stop, o.status)
        for o in page.orders
    ]
    names = ("order", "side", "symbol", "type", "quantity", "filled", "limit", "stop", "status")
    _table("Working orders", names, rows, "none work")


def _table(title: str, names: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    console = screen.console()
    console.print(Text(f"\n{title}", "bold"))
    if not rows:
        console.print(Text(empty, "dim"))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        is_number = name in ("quantity", "filled", "limit", "stop", "cost", "realized")
        table.add_column(
            name, justify="right" if is_number else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _notes(title: str, notes: Sequence[NoteShown]) -> None:
    from rich.text import Text

    if not notes:
        return
    console = screen.console()
    console.print(Text(f"\n{title}", "bold"))
    for note in notes:
        line = Text(note.time[:16].replace("T", " ") + " ", "dim", no_wrap=True)
        line.overflow = "ellipsis"
        line.append(f"{note.severity.replace('_', ' '):<12}", _LEVELS.get(note.severity, ""))
        subject = " ".join(filter(None, (note.kind.replace("_", " "), note.subject)))
        first, _, advice = note.text.partition("\n")
        line.append(_printable(": ".join(filter(None, (subject, first)))))
        console.print(line)
        if advice:
            console.print(Text(f"  {_printable(advice)}", "dim"))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
