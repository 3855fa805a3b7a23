"""What must hold between keys: which belong together, and which exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.lang.compiler import compile_program
from runtime.config.parameters import ParameterSpec
from runtime.config.problems import Problem, did_you_mean
from sims.worlds.spec import WorldKind

if TYPE_CHECKING:
    from runtime.config.schema import ParameterTable, StrategyFile
    from runtime.config.table import Table

WORLD_PREFIX = "world:"
WORLD_KINDS = tuple(kind.value for kind in WorldKind)

_SIZING_KEYS = {
    "equal_weight": ("fraction", "positions"),
    "fixed_quantity": ("quantity",),
    "fixed_notional": ("notional",),
    "target_weights": (),
    "kelly": ("fraction", "form", "sample", "volatility"),
    "fixed_fraction": ("fraction",),
    "vol_target": ("target_volatility_percent", "volatility"),
}
SIZES_BY_SIGNAL = ("kelly", "fixed_fraction", "vol_target")
_TRADING_TABLES = ("signals", "risk", "exits", "guards")
_TRADING_RULES = ("edge", "probability", "confidence", "target_price")
_TRADING_SIZES = (
    "minimum_quantity",
    "minimum_notional",
    "minimum_percent",
    "maximum_quantity",
    "maximum_notional",
    "maximum_percent",
)
_TRADING_ENTRIES = ("timeout", "on_timeout", "retries", "walks", "protect_within")
_FEE_KEYS = {
    "none": (),
    "bps": ("maker_bps", "taker_bps"),
    "per_share": ("per_unit", "minimum", "maximum_fraction"),
    "kalshi": ("taker_rate", "maker_rate"),
    "binance": ("maker_bps", "taker_bps"),
    "mt5": ("per_unit",),
}


def check_relations(file: StrategyFile) -> list[Problem]:
    """Return everything that is wrong between keys, in no particular order."""
    checks = (_logic, _rules, _parameters, _data, _sizing, _execution, _flips, _account, _fills)
    problems = [problem for check in checks for problem in check(file)]
    if asks_for_trading(file):
        from runtime.config.trading_relations import check_trading  # most files need none of it

        problems += check_trading(file)
    return problems


def asks_for_trading(file: StrategyFile) -> bool:
    """Return whether the file has a key of the trading loop; one is enough to switch it on."""
    return (
        file.sizing.method in SIZES_BY_SIGNAL
        or any(getattr(file, name) is not None for name in _TRADING_TABLES)
        or any(getattr(file.rules, name, None) is not None for name in _TRADING_RULES)
        or any(getattr(file.sizing, name) is not None for name in _TRADING_SIZES)
        or any(getattr(file.execution, name) is not None for name in _TRADING_ENTRIES)
    )


def sizing_method(file: StrategyFile) -> str:
    """Return the sizing method: given, or the one that fits the rules."""
    has_weight = file.rules is not None and file.rules.weight is not None
    return file.sizing.method or ("target_weights" if has_weight else "equal_weight")


def order_type(file: StrategyFile) -> str:
    """Return the type of entry orders: given, or the usual one, with the trading loop or without."""
    return file.execution.order_type or ("limit" if asks_for_trading(file) else "market")


def parameter_spec(table: ParameterTable) -> ParameterSpec:
    """Return a parameter as the rest of the program knows it."""
    return ParameterSpec(table.default, table.min, table.max, table.step, table.description)


def _logic(file: StrategyFile) -> Iterator[Problem]:
    given = [
        name
        for name, value in (
            ("[rules]", file.rules),
            ("class", file.strategy.class_),
            ("compiled", file.strategy.compiled),
        )
        if value is not None
    ]
    if not given:
        yield Problem(
            ("strategy",), "nothing decides", 'add a table [rules], or class = "file.py:Name"'
        )
    if len(given) > 1:
        yield Problem(("strategy",), f"{' and '.join(given)} are given", "keep one of them")


def _rules(file: StrategyFile) -> Iterator[Problem]:
    rules = file.rules
    if rules is None:
        return
    signals = [k for k in ("entry", "exit", "short_entry", "short_exit") if getattr(rules, k)]
    if rules.weight is not None and signals:
        yield Problem(
            ("rules", "weight"),
            f"weight and {signals[0]} are given",
            "use weight alone, or entries and exits without it",
        )
    elif rules.weight is None and not signals:
        yield Problem(("rules",), "there is no entry", "add entry, short_entry or weight")
    for opening, closing in (("entry", "exit"), ("short_entry", "short_exit")):
        if getattr(rules, closing) and not getattr(rules, opening):
            yield Problem(("rules", closing), f"{closing} is given without {opening}")
    if rules.rebalance is not None and rules.weight is None:
        yield Problem(("rules", "rebalance"), "rebalance belongs to weight", "remove it")


def _parameters(file: StrategyFile) -> Iterator[Problem]:
    for name, table in file.parameters.items():
        key = ("parameters", name)
        spec = parameter_spec(table)
        if spec.is_condition and (table.min, table.max, table.step) != (None, None, None):
            yield Problem(key, "min, max and step belong to numbers", "remove them")
        elif table.min is not None and table.max is not None and table.min > table.max:
            yield Problem(key, f"min {table.min} is over max {table.max}")
        elif spec.problem_with(table.default):
            yield Problem(key, f"the default {spec.problem_with(table.default)}")
        try:
            compile_program({}, {name: True}, kinds={})
        except InputError as error:
            yield Problem(key, error.problem, error.remedy)


def _data(file: StrategyFile) -> Iterator[Problem]:
    data = file.data
    if data.start is not None and data.end is not None and data.start >= data.end:
        yield Problem(("data", "end"), "end is not after start", "end is excluded")
    if data.start is not None and data.holdout is not None and data.start >= data.holdout:
        yield Problem(
            ("data", "holdout"), "holdout is not after start", "everything would be sealed"
        )
    if len(set(data.instruments or ())) < len(data.instruments or ()):
        twice = next(s for s in data.instruments or () if (data.instruments or ()).count(s) > 1)
        yield Problem(("data", "instruments"), f"{twice} is listed twice", "list it once")
    if not data.dataset.startswith(WORLD_PREFIX):
        if data.world is not None:
            yield Problem(
                ("data", "world"),
                "[data.world] belongs to a synthetic dataset",
                f'say dataset = "{WORLD_PREFIX}{WORLD_KINDS[0]}", or remove the table',
            )
        return
    kind = data.dataset.removeprefix(WORLD_PREFIX)
    if kind not in WORLD_KINDS:
        yield Problem(
            ("data", "dataset"),
            f"unknown synthetic market {kind!r}",
            did_you_mean(kind, WORLD_KINDS) or f"known: {', '.join(WORLD_KINDS)}",
        )


def _sizing(file: StrategyFile) -> Iterator[Problem]:
    method = sizing_method(file)
    yield from _misplaced(("sizing",), file.sizing, method, _SIZING_KEYS)
    for name in ("quantity", "notional"):
        if method == f"fixed_{name}" and getattr(file.sizing, name) is None:
            yield Problem(("sizing", name), f"{name} is missing", f"{method} needs {name} = ...")
    has_weight = file.rules is not None and file.rules.weight is not None
    if has_weight and method != "target_weights":
        yield Problem(("sizing", "method"), f"{method} does not fit weight", "remove it")
    if file.rules is not None and not has_weight and method == "target_weights":
        yield Problem(("sizing", "method"), "target_weights needs the rule weight")


def _execution(file: StrategyFile) -> Iterator[Problem]:
    if order_type(file) == "market" and file.execution.offset_bps is not None:
        yield Problem(
            ("execution", "offset_bps"),
            "offset_bps belongs to limit orders",
            'remove it, or say order_type = "limit"',
        )


def _flips(file: StrategyFile) -> Iterator[Problem]:
    rules = file.rules
    has_both = rules is not None and bool(rules.entry and rules.short_entry)
    if file.execution.flips == "close_first" and has_both and not asks_for_trading(file):
        yield Problem(
            ("execution", "flips"),
            "close_first has entries wait for exits, which the trading loop does",
            "add [exits]: the table may be empty",
        )


def _account(file: StrategyFile) -> Iterator[Problem]:
    rules = file.rules
    if rules is not None and rules.short_entry and file.account.allow_short is False:
        yield Problem(
            ("account", "allow_short"),
            "short_entry is given, but allow_short is false",
            "remove one of them",
        )
    if file.account.currency in file.account.fx:
        yield Problem(
            ("account", "fx"), f"{file.account.currency} is the account's own currency", "remove it"
        )


def _fills(file: StrategyFile) -> Iterator[Problem]:
    slippage, fees = file.fills.slippage, file.fills.fees
    key = ("fills", "slippage", "value")
    if slippage.model == "none" and slippage.value is not None:
        yield Problem(key, "value belongs to a slippage model", "say which: model = ...")
    if slippage.model != "none" and slippage.value is None:
        yield Problem(key, "value is missing", f"{slippage.model} needs value = ...")
    if slippage.model == "fixed" and not _is_whole(slippage.value):
        yield Problem(key, f"{slippage.value} is not a whole number of price steps")
    yield from _misplaced(("fills", "fees"), fees, fees.model, _FEE_KEYS)


def _is_whole(value: Decimal | None) -> bool:
    return value is None or value == value.to_integral_value()


def _misplaced(
    table: tuple[str, ...], values: Table, choice: str, keys: dict[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Report keys that belong to another choice of method or model."""
    owners: dict[str, list[str]] = {}
    for owner, names in keys.items():
        for name in names:
            owners.setdefault(name, []).append(owner)
    for name, known in owners.items():
        if getattr(values, name) is not None and choice not in known:
            text = f"{name} belongs to {' or '.join(known)}, not to {choice}"
            yield Problem((*table, name), text)
