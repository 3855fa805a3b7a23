"""The screen of a running session: what is held, what works, how it goes; 80 columns, drawn by a thread.

The session hands over a look at itself (`Glance`) and waits for nothing: a terminal that is stopped stops the
drawing, not the trading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import screen

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from runtime.observing.glance import Glance

_BAR = 30
_ROWS = 8  # of positions and of orders
_STYLES = {"running": "green", "halted": "bold red", "failed": "bold red", "paused": "yellow"}
_LEVELS = {"warning": "yellow", "critical": "bold red"}


@contextmanager
def live_view() -> Iterator[Callable[[Glance], None]]:
    """Show what the function that is given was called with last, until the block ends."""
    from rich.live import Live
    from rich.text import Text

    shown: list[Glance] = []

    def newest() -> Group | Text:
        return rendered(shown[-1]) if shown else Text("preparing", "dim")

    def show(glance: Glance) -> None:
        shown[:] = [glance]

    with Live(
        get_renderable=newest, console=screen.console(), refresh_per_second=4, transient=False
    ):
        yield show


def rendered(glance: Glance) -> Group:
    """Return a look as rich draws it."""
    from rich.console import Group

    parts: list[Text | Table] = [_head(glance), _money(glance), _health(glance)]
    if glance.progress is not None:
        parts.append(_progress(glance))
    if glance.positions:
        parts.append(_positions(glance))
    if glance.orders:
        parts.append(_orders(glance))
    parts += _events(glance)
    return Group(*parts)


def _head(glance: Glance) -> Text:
    from rich.text import Text

    from runtime.observing.logs import iso

    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("PAPER ", "bold cyan")
    line.append(f"{glance.strategy} ", "bold")
    line.append(glance.state, _STYLES.get(glance.state, ""))
    line.append(f"  {glance.session}  {glance.feed}  ", "dim")
    line.append(iso(glance.ts_ns)[:16].replace("T", " "))
    return line


def _money(glance: Glance) -> Text:
    from rich.text import Text

    from runtime.observing.glance import money_text

    result = glance.equity_minor - glance.begun_equity_minor
    line = Text()
    line.append("equity ", "dim")
    line.append(money_text(glance.equity_minor), "bold")
    line.append("  result ", "dim")
    line.append(money_text(result, signed=True), "green" if result >= 0 else "red")
    for name, count in (("fills", glance.fills), ("slices", glance.slices)):
        line.append(f"  {name} ", "dim")
        line.append(f"{count:,}")
    return line


def _health(glance: Glance) -> Text:
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("health ", "dim")
    if not glance.unhealthy:
        line.append("up", "green")
    for name, condition, reason in glance.unhealthy:
        line.append(
            f"{name} {condition}: {reason} ", "bold red" if condition == "down" else "yellow"
        )
    line.append("  guards ", "dim")
    names = ", ".join(each.replace("_", " ") for each in glance.latches)
    line.append(names or "none set", "bold red" if names else "")
    if glance.alerts:
        line.append(f"  {glance.alerts} open alerts", "yellow")
    return line


def _progress(glance: Glance) -> Text:
    from rich.text import Text

    done = glance.progress or 0.0
    full = round(done * _BAR)
    line = Text()
    line.append("replay ", "dim")
    line.append("━" * full, "cyan")
    line.append("━" * (_BAR - full), "dim")
    line.append(f" {done:4.0%}")
    if 0.01 <= done < 1:
        seconds = glance.elapsed_ns / 1e9 * (1 - done) / done
        line.append(f"  {_duration(seconds)} left", "dim")
    return line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _table(*names: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        is_text = name in ("position", "order", "side", "symbol")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    return table


def _positions(glance: Glance) -> Table:
    from rich.text import Text

    from runtime.observing.glance import money_text

    table = _table("position", "quantity", "last", "unrealized")
    for row in glance.positions[:_ROWS]:
        result = Text(
            money_text(row.pnl_minor, signed=True), "green" if row.pnl_minor >= 0 else "red"
        )
        table.add_row(row.symbol, row.quantity, row.last, result)
    _more(table, len(glance.positions))
    return table


def _orders(glance: Glance) -> Table:
    table = _table("order", "side", "symbol", "quantity", "filled", "limit", "stop")
    for row in glance.orders[:_ROWS]:
        number = str(row.number)
        table.add_row(number, row.side, row.symbol, row.quantity, row.filled, row.limit, row.stop)
    _more(table, len(glance.orders))
    return table


def _more(table: Table, count: int) -> None:
    if count > _ROWS:
        table.add_row(f"and {count - _ROWS} more", style="dim")


def _events(glance: Glance) -> list[Text]:
    from rich.text import Text

    from runtime.observing.logs import iso

    lines = []
    for event in glance.events:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{iso(event.ts_ns)[:16].replace('T', ' ')} ", "dim")
        name = event.name.lower().replace("_", " ")
        line.append(f"{name:<16} ", _LEVELS.get(event.severity, "dim"))
        line.append("".join(c if c.isprintable() else " " for c in event.text))
        lines.append(line)
    return lines
