"""The screen of running sessions: what is held, what works, how it goes; 80 columns, drawn by a thread.

One session has the whole screen, of several each has a line. A session hands over a look at itself (`Glance`) and waits for nothing: a terminal that is stopped stops the
drawing, not the trading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from cli import screen

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from runtime.observing.events import Event
    from runtime.observing.glance import Glance

_BAR = 30
_NAME = 16  # characters of a strategy's name before an event
_ROWS = 8  # of positions, of orders, and of the events of several
_SESSIONS = 20
_STYLES_LOUD = ("halted", "failed")
_STYLES = {"running": "green", "halted": "bold red", "failed": "bold red", "paused": "yellow"}
_LEVELS = {"warning": "yellow", "critical": "bold red"}


class LiveView:
    """Shows the last look at each session."""

    def __init__(self, environment: str = "PAPER") -> None:
        self._environment = environment
        self._glances: dict[str, Glance] = {}

    def show(self, glance: Glance) -> None:
        """Take a look at a session."""
        self._glances[glance.session] = glance

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Draw until the block ends."""
        from rich.live import Live

        with Live(
            get_renderable=self._rendered,
            console=screen.console(),
            refresh_per_second=4,
            transient=False,
        ):
            yield

    def _rendered(self) -> Group | Text:
        from rich.text import Text

        glances = list(self._glances.values())
        if not glances:
            return Text("preparing", "dim")
        if len(glances) > 1:
            return rendered_many(glances)
        return rendered(glances[0], self._environment)


def rendered_many(glances: Sequence[Glance]) -> Group:
    """Return looks at several sessions as rich draws them: what is worst comes first."""
    from rich.console import Group
    from rich.text import Text

    from runtime.observing.glance import money_text

    table = _table("strategy", "state", "equity", "result", "held", "orders", "fills", "health")
    ordered = sorted(glances, key=lambda each: (not _is_loud(each), each.strategy))
    for each in ordered[:_SESSIONS]:
        result = each.equity_minor - each.begun_equity_minor
        table.add_row(
            each.strategy,
            Text(each.state, _STYLES.get(each.state, "")),
            money_text(each.equity_minor),
            Text(money_text(result, signed=True), "green" if result >= 0 else "red"),
            f"{len(each.positions):,}",
            f"{len(each.orders):,}",
            f"{each.fills:,}",
            Text("bad", "bold red") if each.unhealthy else Text("up", "green"),
        )
    _more(table, len(ordered), _SESSIONS)
    head = Text.assemble(("PAPER ", "bold cyan"), (f"{len(glances)} sessions", "bold"))
    return Group(head, table, *_events_of(glances))


def _is_loud(glance: Glance) -> bool:
    return bool(glance.unhealthy or glance.latches) or glance.state in _STYLES_LOUD


def _events_of(glances: Sequence[Glance]) -> list[Text]:
    """Return the last events of all, each with its strategy."""
    told = [(event.ts_ns, each.strategy, event) for each in glances for event in each.events]
    told.sort(key=lambda one: one[0])
    return [_event(event, strategy) for _, strategy, event in told[-_ROWS:]]


def rendered(glance: Glance, environment: str = "PAPER") -> Group:
    """Return a look as rich draws it."""
    from rich.console import Group

    parts: list[Text | Table] = [_head(glance, environment), _money(glance), _health(glance)]
    if glance.progress is not None:
        parts.append(_progress(glance))
    if glance.positions:
        parts.append(_positions(glance))
    if glance.orders:
        parts.append(_orders(glance))
    parts += [_event(each) for each in glance.events]
    return Group(*parts)


def _head(glance: Glance, environment: str) -> Text:
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{environment} ", "bold red" if environment == "LIVE" else "bold cyan")
    line.append(f"{glance.strategy} ", "bold")
    line.append(glance.state, _STYLES.get(glance.state, ""))
    line.append(f"  {_moment(glance.ts_ns)}")  # before what may be cut
    line.append(f"  {glance.session}  {glance.feed}", "dim")
    return line


def _moment(ts_ns: int) -> str:
    """Return the data's time by the minute, of the same width where none has come yet."""
    from runtime.observing.logs import iso

    minute = iso(ts_ns)[:16].replace("T", " ")
    return minute if ts_ns else f"{'-':<{len(minute)}}"


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
        is_text = name in ("position", "order", "side", "symbol", "strategy", "state", "health")
        justify: Literal["left", "right"] = "left" if is_text else "right"
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
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
    _more(table, len(glance.positions), _ROWS)
    return table


def _orders(glance: Glance) -> Table:
    table = _table("order", "side", "symbol", "quantity", "filled", "limit", "stop")
    for row in glance.orders[:_ROWS]:
        number = str(row.number)
        table.add_row(number, row.side, row.symbol, row.quantity, row.filled, row.limit, row.stop)
    _more(table, len(glance.orders), _ROWS)
    return table


def _more(table: Table, count: int, shown: int) -> None:
    if count > shown:
        table.add_row(f"and {count - shown} more", style="dim")


def _event(event: Event, strategy: str = "") -> Text:
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{_moment(event.ts_ns)} ", "dim")
    if strategy:
        line.append(f"{strategy[:_NAME]} ", "bold")
    name = event.name.lower().replace("_", " ")
    line.append(f"{name:<16} ", _LEVELS.get(event.severity, "dim"))
    line.append("".join(c if c.isprintable() else " " for c in event.text))
    return line
