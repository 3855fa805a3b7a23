"""A run's document as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.rules.bootstrap import Resampling, seed_of
from engine.rules.metrics import (
    DEFINITIONS,
    DailyAccount,
    Metrics,
    drawdowns,
    growth_index,
    measure,
)
from engine.rules.sharpe import sharpe_interval
from engine.rules.under_water import deepest_drawdowns
from reports import loop_tables
from reports.analysis import rolling_sharpe, yearly_table
from reports.html import figures, view
from reports.places import whole
from reports.record import Detail, PathDocument, RunDocument
from reports.resampled import Resampled, observed_growth, resample

if TYPE_CHECKING:
    from jinja2 import Environment

Floats = NDArray[np.float64]
STATIC = Path(__file__).parents[1] / "static"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def write_page(path: Path, text: str) -> None:
    """Write a page whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written there; the file is then as it was.
    """
    with whole(path, "report") as new:
        new.write_text(text, "utf-8")


def render_page(document: RunDocument) -> str:
    """Return the report of a run as HTML.

    Parameters
    ----------
    document
        The run; without its `detail` the page has figures and tables but no charts.
    """
    shown = _shown(document)
    return render("report.html.j2", shown, shown.pop("figures"))


def render(template: str, values: dict[str, Any], charts: list[figures.Figure]) -> str:
    """Return a template filled with values, with the style, the scripts and the charts in it."""
    page = environment().get_template(template)
    text: str = page.render(
        values,
        style=_read("uPlot.min.css") + _read("report.css"),
        scripts=_script_safe(_read("uPlot.iife.min.js")) + "\n" + _read("report.js"),
        charts=charts,
    )
    return text


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, a missing name is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(STATIC),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return made


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _script_safe(code: str) -> str:
    assert "</script" not in code, "the library would end its own element"
    return code


def _shown(document: RunDocument) -> dict[str, Any]:
    paths = [document.pessimistic, *([document.optimistic] if document.optimistic else [])]
    facts = _Facts(document)
    return {
        "run": document,
        "subtitle": view.subtitle(document),
        "cards": view.cards(document, facts.intervals),
        "sample": document.pessimistic.sample,
        "optimistic_return": view.percent(paths[-1].net_return, signed=True),
        "chance": facts.chance_lines(),
        "path_names": ("pessimistic", "optimistic")[: len(paths)]
        if len(paths) > 1
        else ("result",),
        "metrics": view.metric_rows(document, facts.intervals, facts.benchmark),
        "counts": view.count_rows(paths),
        "costs": view.cost_rows(paths),
        "statement": view.statement_rows(document),
        "months": MONTHS,
        "heat": view.heat_rows(facts.years),
        "drawdowns": facts.drawdown_rows(),
        "trips": view.trip_rows(facts.trips()),
        "trip_columns": view.trip_columns(facts.trips()),
        "exit_columns": loop_tables.EXIT_COLUMNS,
        "exits": view.exit_rows(document.exits),
        "guards": loop_tables.guard_lines(document.guards),
        "denials": view.denial_rows(document.denials),
        "trips_total": 0 if document.detail is None else document.detail.round_trips_total,
        "rolling_window": None if facts.rolling is None else facts.rolling.window,
        "price_names": []
        if document.detail is None
        else [p.symbol for p in document.detail.prices],
        "configuration": configuration_rows(document.configuration),
        "version": document.pessimistic.metrics_version,
        "figures": facts.figures(),
        "has_charts": document.detail is not None,
    }


class _Facts:
    """What several parts of the page need of a document's returns, computed once."""

    def __init__(self, document: RunDocument) -> None:
        self.document = document
        self.path: PathDocument = document.pessimistic
        self.detail: Detail | None = document.detail
        self.returns = None if self.detail is None else self.detail.daily.returns()
        self.market = None if self.detail is None else self.detail.daily.benchmark_returns()
        self.resampled = self._resampled()
        self.intervals = self._intervals()
        self.benchmark = self._benchmark()
        has_days = self.returns is not None and self.returns.size > 0
        self.years = self._years() if has_days else ()
        self.rolling = (
            rolling_sharpe(self.returns, periods_per_year=self.path.periods_per_year)
            if self.returns is not None
            else None
        )

    def _resampled(self) -> Resampled | None:
        if self.returns is None:
            return None
        return resample(
            self.returns,
            periods_per_year=self.path.periods_per_year,
            resampling=Resampling(seed=seed_of(self.document.state_hash)),
        )

    def _intervals(self) -> view.Intervals:
        """Return intervals by metric: of Sharpe by its formula, of the others by resampling."""
        found = {} if self.resampled is None else dict(self.resampled.intervals)
        found.pop("sharpe", None)
        interval = interval_of_path(self.path)
        if interval is not None:
            found["sharpe"] = interval
        return found

    def _benchmark(self) -> dict[str, float | None]:
        """Return the benchmark's own metrics of returns."""
        daily = None if self.detail is None else self.detail.daily
        if daily is None or not daily.benchmark or self.market is None:
            return {}
        closes = np.array(daily.benchmark, dtype=np.float64)
        account = DailyAccount(closes, self.path.periods_per_year, day_numbers=daily.days())
        measured: Metrics = measure(account)
        return {row.key: measured[row.key] for row in DEFINITIONS if measured[row.key] is not None}

    def _years(self) -> tuple[Any, ...]:
        assert self.detail is not None and self.returns is not None
        return yearly_table(self.detail.daily.days()[1:], self.returns, self.market)

    def trips(self) -> list[Any]:
        return [] if self.detail is None else self.detail.round_trips

    def drawdown_rows(self) -> tuple[tuple[str, ...], ...]:
        if self.returns is None or self.detail is None or not self.returns.size:
            return ()
        found = deepest_drawdowns(drawdowns(growth_index(self.returns)))
        return view.drawdown_rows(found, self.detail.daily.days())

    def chance_lines(self) -> tuple[str, ...]:
        """Say in words what the resampled paths show."""
        if self.resampled is None:
            return ()
        paths, block = self.resampled.resampling.paths, self.resampled.resampling.mean_block
        lost = float((self.resampled.final < 1.0).mean())
        worst = float(np.quantile(self.resampled.deepest, 0.05))
        return (
            f"{paths:,} paths of the same days, drawn in blocks of {block:g} days on average.",
            f"{view.percent(lost)} of them end with a loss.",
            f"One in twenty falls {view.percent(-worst)} or more below a peak.",
        )

    def figures(self) -> list[figures.Figure]:
        detail = self.detail
        if detail is None:
            return []
        document = self.document
        names = (document.strategy, document.benchmark or "benchmark")
        index, depth = self._growth(detail)
        growth = figures.growth_of(detail, index, depth)
        found: list[figures.Figure | None] = [
            *(
                figures.fine_figures(detail, document.currency, names[0])
                or (
                    figures.equity_figure(growth, document.currency, names),
                    figures.drawdown_figure(growth),
                )
            ),
        ]
        if detail.curve is None:
            found.append(figures.exposure_figure(growth))
        if self.resampled is not None and index is not None:
            found.append(figures.chance_figure(self.resampled, growth, index))
            found.append(figures.deepest_figure(self.resampled, float(depth.min())))
        if len(self.years) > 1:
            found.append(figures.years_figure(self.years, names[1]))
        if self.rolling is not None:
            found.append(figures.rolling_figure(self.rolling, growth.seconds))
        if self.returns is not None:
            found.append(figures.histogram_figure(self.returns, self.path.metrics["var_95"]))
        found += [
            figures.price_figure(price, detail.round_trips, number)
            for number, price in enumerate(detail.prices)
        ]
        return [figure for figure in found if figure is not None]

    def _growth(self, detail: Detail) -> tuple[Floats | None, Floats]:
        """Return the growth index and the drawdowns; without returns, those of the equity."""
        if self.returns is not None:
            return observed_growth(self.returns)
        equity = np.array(detail.daily.equity, dtype=np.float64)
        peak = np.maximum(np.maximum.accumulate(equity), 1e-9)
        return None, np.maximum(equity / peak - 1.0, -1.0)


def intervals_of(document: RunDocument) -> view.Intervals:
    """Return the 95 % intervals of a run's metrics, those that have one."""
    return _Facts(document).intervals


def interval_of_path(path: PathDocument) -> tuple[float, float] | None:
    """Return the 95 % interval of a path's Sharpe ratio."""
    sharpe, third, fourth = (path.metrics.get(key) for key in ("sharpe", "skewness", "kurtosis"))
    if sharpe is None or third is None or fourth is None:
        return None
    return sharpe_interval(
        sharpe,
        observations=path.observations,
        periods_per_year=path.periods_per_year,
        skewness=third,
        kurtosis=fourth,
    )


def configuration_rows(configuration: dict[str, str]) -> list[tuple[str, str]]:
    """Return the configuration without what was not set."""
    return [(key, text) for key, text in configuration.items() if text not in ("none", "")]
