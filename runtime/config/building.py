"""From the checked tables to the frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError, InputError
from runtime.config.fingerprint import digest_of_file
from runtime.config.moments import format_moment
from runtime.config.problems import Problem, did_you_mean
from runtime.config.quick import defaults_of
from runtime.config.relations import (
    WORLD_KINDS,
    WORLD_PREFIX,
    asks_for_trading,
    order_type,
    parameter_spec,
    sizing_method,
)
from runtime.config.strategy import (
    AccountSection,
    DataSection,
    ExecutionSection,
    FillsSection,
    RulesSection,
    SizingSection,
    StrategyConfig,
    StrategySection,
    WorldSource,
)
from runtime.config.values import OFF
from sims.fillbook.settings import BookSettings, FeeModel, SlippageModel, settings_block
from sims.worlds.spec import Hours, WorldKind, WorldSpec

if TYPE_CHECKING:
    from runtime.config.schema import DataTable, FillsTable, StrategyFile

FRACTIONS = {"equal_weight": Decimal("0.95"), "kelly": Decimal("0.25")}
VOLUME_CAP = Decimal("0.1")
_NS_PER_MS = 10**6


class ProblemsFound(Exception):
    """Problems that only building could find; `loading` turns them into one error."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems


def build_config(file: StrategyFile, path: Path) -> StrategyConfig:
    """Return the strategy; the relations between keys have been checked."""
    return StrategyConfig(
        strategy=_strategy(file, path),
        parameters={name: parameter_spec(each) for name, each in file.parameters.items()},
        data=_data(file.data),
        rules=_rules(file),
        sizing=_sizing(file),
        execution=_execution(file),
        account=_account(file),
        fills=_fills(file.fills),
        path=path,
        **_trading(file),
    )


def _trading(file: StrategyFile) -> dict[str, Any]:
    """Return the trading loop's sections, if the file has any."""
    if not asks_for_trading(file) and file.monitoring is None:
        return {}
    from runtime.config.trading_building import trading_sections  # most files need none of it

    return trading_sections(file)


def data_on(
    data: DataSection, dataset: str | None, start_ns: int | None, end_ns: int | None
) -> DataSection:
    """Return the data section on another dataset or span."""
    if dataset is not None and dataset != data.dataset:
        data = replace(data, dataset=dataset, instruments=None, world=_other_world(dataset))
    start = data.start_ns if start_ns is None else start_ns
    end = data.end_ns if end_ns is None else end_ns
    if start is not None and end is not None and start >= end:
        raise ConfigError(
            "the end is not after the start",
            where="data.start, data.end",
            remedy=f"they are {format_moment(start)} and {format_moment(end)}; the end is excluded",
        )
    return replace(data, start_ns=start, end_ns=end).sealed()


def _other_world(dataset: str) -> WorldSource | None:
    if not dataset.startswith(WORLD_PREFIX):
        return None
    kind = dataset.removeprefix(WORLD_PREFIX)
    if kind not in WORLD_KINDS:
        remedy = did_you_mean(kind, WORLD_KINDS) or f"known: {', '.join(WORLD_KINDS)}"
        raise ConfigError(f"unknown synthetic market {kind!r}", remedy=remedy)
    return WorldSource(WorldSpec(kind=WorldKind(kind)), seed=0)


def _strategy(file: StrategyFile, path: Path) -> StrategySection:
    table = file.strategy
    logic = "class" if table.class_ else "compiled" if table.compiled else "rules"
    reference = table.class_ or table.compiled
    if reference is None:
        return StrategySection(table.name, table.description, tier=table.tier)
    name, _, attribute = reference.rpartition(":")
    code_path = (path.parent / name).resolve()
    try:
        content = code_path.read_bytes()
    except OSError as error:
        raise ProblemsFound(
            Problem(
                ("strategy", logic),
                f"{name} cannot be read: {error.strerror}",
                f"the path is relative to {path.parent}",
            )
        ) from None
    digest = digest_of_file(content)
    return StrategySection(
        table.name, table.description, logic, code_path, attribute, digest, table.tier
    )


def _data(table: DataTable) -> DataSection:
    return DataSection(
        dataset=table.dataset,
        instruments=None if table.instruments is None else tuple(table.instruments),
        start_ns=table.start,
        end_ns=table.end,
        adjustment=table.adjustment,
        benchmark=table.benchmark,
        world=_world(table),
        holdout_ns=table.holdout,
    ).sealed()


def _world(table: DataTable) -> WorldSource | None:
    if not table.dataset.startswith(WORLD_PREFIX):
        return None
    values = dict(vars(table.world or defaults_of("WorldTable")))
    seed = values.pop("seed")
    values["hours"] = Hours(values["hours"])
    numbers: dict[str, Any] = {
        name: float(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
    }
    kind = WorldKind(table.dataset.removeprefix(WORLD_PREFIX))
    try:
        return WorldSource(WorldSpec(kind=kind, **numbers), seed)
    except InputError as error:
        raise ProblemsFound(Problem(("data", "world"), error.problem, error.remedy)) from None


def _rules(file: StrategyFile) -> RulesSection | None:
    rules = file.rules
    if rules is None:
        return None
    return RulesSection(
        rules.entry,
        rules.exit,
        rules.short_entry,
        rules.short_exit,
        rules.weight,
        rules.rebalance or "every_bar",
        rules.edge,
        rules.probability,
        rules.confidence,
        rules.target_price,
    )


def _sizing(file: StrategyFile) -> SizingSection:
    table, method = file.sizing, sizing_method(file)
    return SizingSection(
        method,
        table.fraction or FRACTIONS.get(method),
        table.positions,
        table.quantity,
        table.notional,
        form=table.form,
        sample=table.sample,
        target_volatility_percent=table.target_volatility_percent,
        volatility=table.volatility,
        minimum_quantity=table.minimum_quantity,
        minimum_notional=table.minimum_notional,
        minimum_percent=table.minimum_percent,
        maximum_quantity=table.maximum_quantity,
        maximum_notional=table.maximum_notional,
        maximum_percent=table.maximum_percent,
    )


def _execution(file: StrategyFile) -> ExecutionSection:
    table = file.execution
    return ExecutionSection(
        order_type(file),
        table.offset_bps or Decimal(0),
        table.time_in_force,
        table.stop_loss_percent,
        table.take_profit_percent,
        table.trailing_stop_percent,
        table.flips if table.flips == "close_first" else None,
    )


def _account(file: StrategyFile) -> AccountSection:
    table = file.account
    has_short_rules = file.rules is not None and file.rules.short_entry is not None
    return AccountSection(
        cash=table.cash,
        currency=table.currency,
        leverage=table.leverage,
        allow_short=has_short_rules if table.allow_short is None else table.allow_short,
        margin_interest_percent=table.margin_interest_percent,
        credit_interest_percent=table.credit_interest_percent,
        borrow_percent=table.borrow_percent,
        dividends=table.dividends,
        fx=tuple(sorted(table.fx.items())),
    )


def _fills(table: FillsTable) -> FillsSection:
    given = table.volume_cap
    cap = None if given == OFF else VOLUME_CAP if given is None else given
    fees = {name: value for name, value in vars(table.fees).items() if value is not None}
    try:
        return FillsSection(_book(table, cap, fees), given is not None)
    except InputError as error:  # e.g. more decimals than the fill book counts
        raise ProblemsFound(Problem(("fills",), error.problem, error.remedy)) from None


def _book(table: FillsTable, cap: Decimal | None, fees: Mapping[str, Any]) -> BookSettings:
    book = BookSettings(
        path=table.path,
        limit_fill=table.limit_fill,
        volume_cap=cap,
        latency_ns=int(table.latency_ms * _NS_PER_MS),  # exact: six decimals at most
        latency_jitter_ns=int(table.latency_jitter_ms * _NS_PER_MS),
        seed=table.seed,
        slippage=SlippageModel(table.slippage.model, table.slippage.value or Decimal(0)),
        fees=FeeModel(**fees),
    )
    settings_block(book)
    assert book.slippage.quanta >= 0 and book.fees.parameters, "both are convertible"
    return book
