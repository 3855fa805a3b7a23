"""The terminal tear sheet: one screen that says what a run earned and how far to believe it.

Everything fits 80 columns. The console decides about colour (NO_COLOR, a pipe) and about which
characters can be written; nothing here looks at the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.rules.metrics import definition_of
from reports.formats import (
    UNDEFINED,
    format_metric,
    format_money,
    format_money_short,
    format_percent,
    resample_last,
    resample_lowest,
    sparkline,
)
from reports.summary import (
    Costs,
    PathResult,
    RunSummary,
    ns_to_date,
    sample_note,
    summary_to_json,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["render_tearsheet", "summary_to_json"]

WIDTH_MAX = 80
NO_ASSUMPTION = "No fill depended on an assumption."
SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"

RETURN_KEYS = ("total_return", "cagr", "volatility", "sharpe", "sortino", "calmar")
RISK_KEYS = ("max_drawdown", "max_drawdown_days", "var_95", "cvar_95", "alpha", "beta")
TRADE_KEYS = ("hit_rate", "profit_factor", "payoff_ratio", "expectancy")
ACTIVITY_KEYS = ("exposure", "turnover", "implementation_shortfall")

SHORT_PATHS = {"pessimistic": "pessim.", "optimistic": "optim."}
SHORT_NAMES = {
    "max_drawdown_days": "Deepest lasted",
    "var_95": "VaR 95 % daily",
    "cvar_95": "CVaR 95 % daily",
    "expectancy": "Expectancy",
}


@dataclass(slots=True)
class _Page:
    """What the parts share: the width, the character set, and the footnotes so far."""

    width: int
    ascii_only: bool
    footnotes: list[str] = field(default_factory=list)

    def mark(self, reason: str) -> str:
        """Return the mark of a footnote; equal reasons share one."""
        if reason not in self.footnotes:
            self.footnotes.append(reason)
        return self.numeral(self.footnotes.index(reason) + 1)

    def numeral(self, number: int) -> str:
        if self.ascii_only:
            return f"[{number}]"
        return "".join(SUPERSCRIPTS[int(digit)] for digit in str(number))

    def plain(self, text: str) -> str:
        """Replace what the terminal cannot write."""
        return text.encode("ascii", "replace").decode() if self.ascii_only else text


def render_tearsheet(summary: RunSummary, console: Console) -> None:
    """Print the tear sheet of a run, at most 80 columns wide.

    Parameters
    ----------
    summary
        The finished run.
    console
        Where to print; without colours in a pipe or under NO_COLOR, as rich decides.
    """
    from rich.console import Group

    page = _Page(min(console.width, WIDTH_MAX), console.options.ascii_only)
    parts: list[RenderableType] = [
        *_head(summary, page),
        *_curves(summary, page),
        *_figures(summary, page),
        *_costs(summary, page),
        *_loop(summary, page),
        *_notes(summary, page),
        *_foot(summary, page),
    ]
    console.print(Group(*parts), width=page.width, highlight=False)


def _text(content: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(content, style=style)


def _rule(title: str, page: _Page) -> Text:
    line = "-" if page.ascii_only else "─"
    heading = _text(f"\n{title} ", "bold")
    heading.append(line * max(page.width - len(title) - 1, 0), "dim")
    return heading


def _grid(*justify: str, page: _Page) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for side in justify:
        grid.add_column(justify="right" if side == "right" else "left", overflow="fold")
    return grid


def _head(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    start, end = ns_to_date(summary.period_start_ns), ns_to_date(summary.period_end_ns)
    names = summary.instruments
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    yield _text(page.plain(summary.strategy), "bold cyan")
    yield _text(page.plain(f"{shown}   {start} to {end}"), "dim")
    if summary.parameters:
        listed = ", ".join(f"{name} = {value}" for name, value in summary.parameters)
        yield _text(page.plain(listed), "dim")
    for warning in summary.warnings:
        yield _text(page.plain(f"! {warning}"), "bold yellow")
    yield _text("")
    yield _headline(summary, page)


def _headline(summary: RunSummary, page: _Page) -> RenderableType:
    """One line per path: from the starting cash to the final equity."""
    grid = _grid("left", "right", "left", "right", "left", "right", page=page)
    arrow = "->" if page.ascii_only else "→"
    paths = summary.paths()
    for name, path in paths:
        net = summary.net_return(path)
        profit = path.final_equity - summary.starting_cash
        change = "" if net is None else format_percent(float(net), signed=True)
        grid.add_row(
            "Equity" if len(paths) == 1 else name.capitalize(),
            format_money(summary.starting_cash),
            arrow,
            _text(format_money(path.final_equity), "bold"),
            summary.currency,
            _text(change, _sign_style(profit)),
        )
    return grid


def _sign_style(amount: Decimal) -> str:
    if amount == 0:
        return ""
    return "bold green" if amount > 0 else "bold red"


def _curves(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    curve = summary.curve
    if curve.equity.size < 2:
        return
    width = max(page.width - 22, 10)
    equity = resample_last(curve.equity, width)
    depth = -resample_lowest(curve.drawdown(), width)
    deepest = float(depth.max())
    yield _text("")
    highest, lowest = _short(float(curve.equity.max())), _short(float(curve.equity.min()))
    labels = (highest,) if highest == lowest else (highest, "", lowest)
    rows = sparkline(equity, rows=len(labels), ascii_only=page.ascii_only)
    yield from _sparks("Equity", rows, labels, "green")
    yield from _sparks(
        "Drawdown",
        sparkline(depth, low=0.0, high=deepest, thinnest=0, ascii_only=page.ascii_only),
        (format_percent(-deepest),),
        "red",
    )


def _short(amount: float) -> str:
    return format_money_short(Decimal(repr(amount)))


def _sparks(
    title: str, rows: tuple[str, ...], labels: tuple[str, ...], style: str
) -> Iterable[RenderableType]:
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        line = _text(f"{title if number == 0 else '':<9} ", "dim")
        line.append(row, style)
        line.append(f" {label}", "dim")
        yield line


def _figures(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    """Two blocks side by side: what was earned at which risk, and how it was traded."""
    from rich.table import Table

    paths = summary.paths()
    yield _rule("Results", page)
    both = Table.grid(padding=(0, 3))
    left, right = _block(paths, page), _block(paths, page)
    for key in _shown((*RETURN_KEYS, *RISK_KEYS), summary):
        left.add_row(*_metric_row(key, paths, page))
    for key in _shown((*TRADE_KEYS, *ACTIVITY_KEYS), summary):
        right.add_row(*_metric_row(key, paths, page))
    for row in _count_rows(paths):
        right.add_row(*row)
    both.add_row(left, right)
    yield both
    if len(paths) == 1 and summary.optimistic is not None:
        yield _text(f"\n{NO_ASSUMPTION}", "italic")


def _shown(keys: tuple[str, ...], summary: RunSummary) -> Iterable[str]:
    """Leave out what the run was not asked to measure; its absence needs no footnote."""
    for key in keys:
        if key in ("alpha", "beta") and not summary.benchmark:
            continue
        if key == "implementation_shortfall" and summary.pessimistic.metrics[key] is None:
            continue
        yield key


def _block(paths: tuple[tuple[str, PathResult], ...], page: _Page) -> Table:
    """An empty table with a column for the name and one per path."""
    from rich.table import Table

    two = len(paths) > 1
    room = (page.width - 3) // 2
    value_width = 10 if two else 14
    table = Table(
        box=None, show_header=two, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim"
    )
    table.add_column("", width=room - (value_width + 1) * len(paths), no_wrap=True)
    for name, _ in paths:
        table.add_column(
            SHORT_PATHS.get(name, name), width=value_width, justify="right", no_wrap=True
        )
    return table


def _metric_row(
    key: str, paths: tuple[tuple[str, PathResult], ...], page: _Page
) -> tuple[RenderableType, ...]:
    definition = definition_of(key)
    cells: list[RenderableType] = [_text(SHORT_NAMES.get(key, definition.name))]
    for _, path in paths:
        value = path.metrics[key]
        if value is None:
            cells.append(_text(f"{UNDEFINED} {page.mark(path.metrics.reason(key))}", "dim"))
        else:
            cells.append(_text(format_metric(value, definition.unit)))
    return tuple(cells)


def _count_rows(paths: tuple[tuple[str, PathResult], ...]) -> Iterable[tuple[str, ...]]:
    def row(name: str, show: Callable[[PathResult], str]) -> tuple[str, ...]:
        return (name, *(show(path) for _, path in paths))

    yield row("Closed trades", lambda path: f"{path.trades.closed:,}")
    if len(paths) > 1:  # two columns have no room for pairs of large numbers
        yield row("Won", lambda path: f"{path.trades.won:,}")
        yield row("Lost", lambda path: f"{path.trades.lost:,}")
    else:
        yield row("Won / lost", lambda path: f"{path.trades.won:,} / {path.trades.lost:,}")
    yield row("Best trade", lambda path: _optional_money(path.trades.best))
    yield row("Worst trade", lambda path: _optional_money(path.trades.worst))
    if len(paths) > 1:
        yield row("Orders", lambda path: f"{path.trades.orders:,}")
        yield row("Fills", lambda path: f"{path.trades.fills:,}")
    else:
        yield row("Orders / fills", lambda path: f"{path.trades.orders:,} / {path.trades.fills:,}")


def _optional_money(amount: Decimal | None) -> str:
    return UNDEFINED if amount is None else format_money_short(amount)


def _costs(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    paths = summary.paths()
    yield _rule(f"Costs, {summary.currency} (received is negative)", page)
    table = _block_of_costs(len(paths) > 1)
    for name, read in COST_KINDS:
        amounts = [read(path.costs) for _, path in paths]
        if any(amounts) or name in ("Fees", "Total"):
            style = "bold" if name == "Total" else ""
            table.add_row(
                _text(name, style), *(_text(format_money(amount), style) for amount in amounts)
            )
    yield table


COST_KINDS: tuple[tuple[str, Callable[[Costs], Decimal]], ...] = (
    ("Fees", lambda costs: costs.fees),
    ("Slippage (in fill prices)", lambda costs: costs.slippage),
    ("Spread (in fill prices)", lambda costs: costs.spread),
    ("Funding", lambda costs: costs.funding),
    ("Interest", lambda costs: costs.interest),
    ("Dividends", lambda costs: costs.dividends),
    ("Total", lambda costs: costs.total()),
)


def _block_of_costs(two: bool) -> Table:
    from rich.table import Table

    table = Table(
        box=None, show_header=two, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim"
    )
    table.add_column("", width=26, no_wrap=True)
    for name in ("pessimistic", "optimistic") if two else ("result",):
        table.add_column(name, width=20, justify="right", overflow="fold")
    return table


def _loop(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    """What the trading loop did; nothing of a run that had none."""
    if summary.loop is None:
        return
    from reports.loop_tables import denial_table, exit_table, guard_lines

    if summary.loop.exits:
        yield _rule(f"Exits, {summary.currency}", page)
        yield exit_table(summary.loop.exits)
    if summary.loop.guards:
        yield _rule("Guards", page)
        yield _bullets([page.plain(line) for line in guard_lines(summary.loop.guards)], page)
    if summary.loop.denials:
        yield _rule("Denied", page)
        yield denial_table(summary.loop.denials, page.width)


def _notes(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    yield _rule("What this sample can show", page)
    yield _text(sample_note(summary.pessimistic.metrics))
    if summary.benchmark:
        gained = summary.benchmark_return
        shown = UNDEFINED if gained is None else format_percent(gained, signed=True)
        yield _text(page.plain(f"Benchmark {summary.benchmark}: {shown}."))
    for title, lines in (("Assumptions", summary.assumptions), ("Data", summary.passport)):
        if lines:
            yield _rule(title, page)
            yield _bullets(lines, page)


def _bullets(lines: Sequence[str], page: _Page) -> RenderableType:
    grid = _grid("left", "left", page=page)
    grid.padding = (0, 1, 0, 0)
    bullet = "-" if page.ascii_only else "·"
    for line in lines:
        grid.add_row(_text(bullet, "dim"), _text(page.plain(line)))
    return grid


def _foot(summary: RunSummary, page: _Page) -> Iterable[RenderableType]:
    if page.footnotes:
        yield _text("")
    for number, reason in enumerate(page.footnotes, start=1):
        yield _text(f"{page.numeral(number)} undefined: {reason}", "dim")
    yield _rule("Reproduce", page)
    yield _text(page.plain(summary.reproduce), "cyan")
    hashes = [
        ("State hash" if name == "result" else f"Hash {SHORT_PATHS[name]}", path.state_hash)
        for name, path in summary.paths()
    ]
    version = summary.pessimistic.metrics.version
    rest = [("Engine", _speed(summary)), ("Metrics", f"definitions version {version}")]
    width = max(len(label) for label, _ in hashes) + 2
    for label, value in (*hashes, *rest):  # no table: it pads lines by how long the run took
        yield _text(label.ljust(width), "dim") + _text(value)


def _speed(summary: RunSummary) -> str:
    seconds = summary.elapsed_seconds
    rate = f", {summary.events / seconds:,.0f} a second" if seconds > 0 else ""
    return f"{summary.engine_mode}, {summary.events:,} events in {seconds:.2f} s{rate}"
