"""What a result rests on, in lines that a person reads under it."""

from __future__ import annotations

import shlex
from decimal import Decimal
from pathlib import Path

from data.history import History
from engine.model.units import NS_PER_SECOND
from runtime.config import StrategyConfig
from runtime.config.moments import format_moment
from runtime.workspace import DEFAULT_STRATEGY, catalog_root, examples_folder

_PATH_WORDS = {
    "pessimistic": "of both orders of a bar's high and low, the worse one",
    "optimistic": "of both orders of a bar's high and low, the better one",
    "high_first": "a bar's high comes before its low",
    "low_first": "a bar's low comes before its high",
    "nearest": "the extreme nearer to a bar's open comes first",
}
_LIMIT_WORDS = {
    "through": "limits fill when the price trades through them",
    "touch": "limits fill when the price touches them",
    "queue": "limits fill when the queue ahead of them is used up",
}


def assumption_lines(config: StrategyConfig, history: History) -> tuple[str, ...]:
    """Return one line for each assumption of the fill book and the account."""
    book = config.fills.book
    lines = [
        f"Orders decided on a bar meet the next one; {_milliseconds(book.latency_ns)} latency.",
        f"Path: {_PATH_WORDS[book.path]}. {_LIMIT_WORDS[book.limit_fill].capitalize()}.",
        _volume_line(book.volume_cap, history),
        _cost_line(config),
        f"Prices that formulas see: {_adjustment(config)}.",
        f"Dividends: {config.account.dividends}; leverage at most {config.account.leverage:f}.",
        *_trading_lines(config, history),
    ]
    return tuple(lines)


def _trading_lines(config: StrategyConfig, history: History) -> list[str]:
    """Return what the trading loop cannot have in a backtest, and what stands for it."""
    if not config.is_trading:
        return []
    lines = []
    if all(part.quotes is None and part.trades is None for part in history.parts):
        lines.append("Waits of entries and exits end at bars: one step of a walk takes a bar.")
    lines.append(
        "Nothing trades outside a calendar's sessions, whatever bars or quotes show there."
    )
    guards, signals = config.guards, config.signals
    if guards is not None:
        is_reset = guards.simulated_operator == "next_day"
        what = "is reset when the next session opens" if is_reset else "stays as it is"
        lines.append(f"Nobody is there to reset a guard: what waits for a person {what}.")
    if signals is not None and signals.mode != "auto":
        lines.append(f"Signals are sent without asking; the file says mode = {signals.mode}.")
    return lines


def _milliseconds(latency_ns: int) -> str:
    if latency_ns == 0:
        return "no"
    return f"{Decimal(latency_ns) * 1000 / NS_PER_SECOND:f} ms"


def _volume_line(cap: Decimal | None, history: History) -> str:
    has_volume = any(
        (part.bars is not None and part.bars.has_volume) or part.trades is not None
        for part in history.parts
    )
    if cap is None:
        return "No limit on the part of the volume that may fill."
    if not has_volume:
        return "The data has no volume: no limit on the part of it that may fill."
    return f"At most {cap * 100:f} % of each bar's volume fills."


def _cost_line(config: StrategyConfig) -> str:
    slippage, fees = config.fills.book.slippage, config.fills.book.fees
    paid = (
        "no slippage" if slippage.model == "none" else f"slippage {slippage.model} {slippage.value}"
    )
    match fees.model:
        case "none":
            charged = "no fees"
        case "bps":
            charged = f"fees {fees.maker_bps} bps maker, {fees.taker_bps} bps taker"
        case "binance":
            charged = (
                f"fees {fees.maker_bps} bps maker, {fees.taker_bps} bps taker of what is received"
            )
        case "mt5":
            charged = f"fees {fees.per_unit} a unit, on the leg that opens"
        case "per_share":
            charged = f"fees {fees.per_unit} a unit, at least {fees.minimum} an order"
        case _:
            charged = f"fees {fees.model}"
    return f"Costs: {charged}; {paid}."


def _adjustment(config: StrategyConfig) -> str:
    if config.data.adjustment == "splits":
        return "made continuous over splits, as of each bar"
    return "raw"


def reproduce_command(config: StrategyConfig, catalog: Path | None = None) -> str:
    """Return the command that makes the same result again, here.

    Parameters
    ----------
    config
        The strategy as it ran; what differs from its file is said.
    catalog
        Where its dataset was found; said where it is not the usual place.
    """
    if config.path == examples_folder() / DEFAULT_STRATEGY and config.written is None:
        return "trader demo"  # the installed example, wherever that is
    here = Path.cwd()
    path = config.path.relative_to(here) if config.path.is_relative_to(here) else config.path
    parts = ["trader", "backtest", str(path)]
    for name, spec in config.parameters.items():
        parts += ["--param", f"{name}={spec.default}"]
    data, written = config.data, (config.written or config).data
    if data.dataset != written.dataset:
        parts += ["--data", data.dataset]
    for option, now, before in (
        ("--start", data.start_ns, written.start_ns),
        ("--end", data.end_ns, written.end_ns),
    ):
        if now is not None and now != before:
            parts += [option, format_moment(now)]
    if catalog is not None and ":" not in data.dataset and catalog != catalog_root(None, Path()):
        parts += ["--catalog", str(catalog)]
    return shlex.join(parts)
