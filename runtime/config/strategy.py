"""`StrategyConfig`: one strategy with everything that decides about it, checked and frozen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigError, FormulaError
from engine.lang.compiler import compile_program
from engine.lang.program import Program
from engine.model.units import INT64_MAX
from runtime.config.fingerprint import fingerprint_of
from runtime.config.locate import Key, Place, find_place
from runtime.config.parameters import ParameterSpec, ParameterValue, override
from runtime.config.problems import where
from sims.fillbook.settings import BookSettings
from sims.worlds.spec import WorldSpec

if TYPE_CHECKING:
    from runtime.config.trading_sections import (
        EntriesSection,
        ExitsSection,
        GuardsSection,
        MonitoringSection,
        RiskSection,
        SignalsSection,
    )

RULE_KINDS = {
    "entry": "condition",
    "exit": "condition",
    "short_entry": "condition",
    "short_exit": "condition",
    "weight": "number",
    "edge": "number",
    "probability": "number",
    "confidence": "number",
    "target_price": "number",
}
VOLATILITY = "volatility"  # the formula of [sizing]
# Fields that are left out of an identity where they are None: older files keep theirs.
_LATER: dict[str, bool] = {"optional": True}


@dataclass(frozen=True, slots=True)
class StrategySection:
    """Who the strategy is and where its logic stands.

    `logic` is ``rules``, ``class`` or ``compiled``; the latter two have a file (absolute) and the
    name in it, and `code_digest` is a hash of the file's bytes.
    """

    name: str
    description: str = field(default="", metadata={"decides": False})
    logic: str = "rules"
    code_path: Path | None = field(default=None, metadata={"decides": False})
    code_name: str = ""
    code_digest: str = ""
    tier: str | None = field(default=None, metadata=_LATER)


@dataclass(frozen=True, slots=True)
class WorldSource:
    """A synthetic market."""

    spec: WorldSpec
    seed: int


@dataclass(frozen=True, slots=True)
class DataSection:
    """What the strategy runs on. Times are ns UTC, `end_ns` excluded; None is open.

    Data from `holdout_ns` on are sealed: `end_ns` is not after it, but in what `unsealed` returns.
    """

    dataset: str
    instruments: tuple[str, ...] | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    adjustment: str = "splits"
    benchmark: str | None = None
    world: WorldSource | None = None
    holdout_ns: int | None = field(default=None, metadata={"decides": False})
    unsealed_end_ns: int | None = field(default=None, metadata={"decides": False})

    def sealed(self) -> DataSection:
        """Return the data without what is held out."""
        if self.holdout_ns is None or (self.end_ns or INT64_MAX) <= self.holdout_ns:
            return self
        return replace(self, end_ns=self.holdout_ns, unsealed_end_ns=self.end_ns)

    def unsealed(self) -> DataSection:
        """Return the data with what is held out; for the promotion gate, nobody else."""
        if self.holdout_ns is None or self.end_ns != self.holdout_ns:
            return self
        return replace(self, end_ns=self.unsealed_end_ns, unsealed_end_ns=None)


@dataclass(frozen=True, slots=True)
class RulesSection:
    """Formulas as written. `rebalance`: every_bar, daily, weekly or monthly, for `weight` only."""

    entry: str | None = None
    exit: str | None = None
    short_entry: str | None = None
    short_exit: str | None = None
    weight: str | None = None
    rebalance: str = "every_bar"
    edge: str | None = field(default=None, metadata=_LATER)
    probability: str | None = field(default=None, metadata=_LATER)
    confidence: str | None = field(default=None, metadata=_LATER)
    target_price: str | None = field(default=None, metadata=_LATER)

    def formulas(self) -> dict[str, str]:
        """Return the formulas that are given, by key."""
        given = {key: getattr(self, key) for key in RULE_KINDS}
        return {key: text for key, text in given.items() if text is not None}


@dataclass(frozen=True, slots=True)
class SizingSection:
    """How large a position is; what does not belong to `method` is None."""

    method: str = "equal_weight"
    fraction: Decimal | None = None
    positions: int | None = None
    quantity: Decimal | None = None
    notional: Decimal | None = None
    form: str | None = field(default=None, metadata=_LATER)
    sample: int | None = field(default=None, metadata=_LATER)
    target_volatility_percent: Decimal | None = field(default=None, metadata=_LATER)
    volatility: str | None = field(default=None, metadata=_LATER)
    minimum_quantity: Decimal | None = field(default=None, metadata=_LATER)
    minimum_notional: Decimal | None = field(default=None, metadata=_LATER)
    minimum_percent: Decimal | None = field(default=None, metadata=_LATER)
    maximum_quantity: Decimal | None = field(default=None, metadata=_LATER)
    maximum_notional: Decimal | None = field(default=None, metadata=_LATER)
    maximum_percent: Decimal | None = field(default=None, metadata=_LATER)


@dataclass(frozen=True, slots=True)
class ExecutionSection:
    """How a decision becomes an order; percentages are of the entry price, 5 is five percent."""

    order_type: str = "market"
    offset_bps: Decimal = Decimal(0)
    time_in_force: str = "GTC"
    stop_loss_percent: Decimal | None = None
    take_profit_percent: Decimal | None = None
    trailing_stop_percent: Decimal | None = None
    flips: str | None = field(default=None, metadata=_LATER)


@dataclass(frozen=True, slots=True)
class AccountSection:
    """The account; interest in percent a year. `fx` pairs a currency with a symbol."""

    cash: Decimal = Decimal(100_000)
    currency: str = "USD"
    leverage: Decimal = Decimal(1)
    allow_short: bool = False
    margin_interest_percent: Decimal = Decimal(0)
    credit_interest_percent: Decimal = Decimal(0)
    borrow_percent: Decimal = Decimal(0)
    dividends: str = "cash"
    fx: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FillsSection:
    """The fill book's settings, and whether the file itself said something about the cap."""

    book: BookSettings
    is_volume_cap_given: bool = False


@dataclass(frozen=True, slots=True)
class StrategyConfig:
    """A strategy file after all checks.

    Parameters
    ----------
    parameters
        In the order of the file, with the values of this run as `ParameterSpec.default`.
    rules
        None when a class or a compiled function decides.
    signals, risk, entries, exits, guards, monitoring
        The trading loop's tables; None where the file does not have one. `entries` is there wherever
        the loop is on.
    path
        The file as it was named.
    warnings
        What is allowed and probably not meant.
    places
        Where keys stand in the file, for messages.
    written
        The strategy as the file says it, when something was overridden: what differs from it has to
        be said again to reproduce a run. None when nothing was.
    """

    strategy: StrategySection
    parameters: Mapping[str, ParameterSpec]
    data: DataSection
    rules: RulesSection | None
    sizing: SizingSection
    execution: ExecutionSection
    account: AccountSection
    fills: FillsSection
    path: Path = field(metadata={"decides": False})
    warnings: tuple[str, ...] = field(default=(), metadata={"decides": False})
    places: Mapping[Key, Place] = field(
        default_factory=dict, repr=False, compare=False, metadata={"decides": False}
    )
    written: StrategyConfig | None = field(
        default=None, repr=False, compare=False, metadata={"decides": False}
    )
    signals: SignalsSection | None = field(default=None, metadata=_LATER)
    risk: RiskSection | None = field(default=None, metadata=_LATER)
    entries: EntriesSection | None = field(default=None, metadata=_LATER)
    exits: ExitsSection | None = field(default=None, metadata=_LATER)
    guards: GuardsSection | None = field(default=None, metadata=_LATER)
    monitoring: MonitoringSection | None = field(default=None, metadata={"decides": False})

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.strategy.name

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides: values, formulas' text, code; not comments or paths."""
        return fingerprint_of(self)

    @property
    def is_trading(self) -> bool:
        """Whether the trading loop is on: signals, risk, exits, guards."""
        return self.entries is not None

    def formulas(self) -> dict[str, str]:
        """Return every formula that is given, by key; none without rules."""
        if self.rules is None:
            return {}
        volatility = self.sizing.volatility
        return self.rules.formulas() | ({} if volatility is None else {VOLATILITY: volatility})

    def where(self, *key: str) -> str:
        """Return file, line and key as a person would look for them."""
        return where(self.path, self.places, key)

    def parameter_values(self) -> dict[str, float | bool]:
        """Return the values as formulas take them."""
        values: dict[str, float | bool] = {}
        for name, spec in self.parameters.items():
            number = spec.default
            values[name] = number if isinstance(number, bool) else float(number)
        return values

    def compile_rules(self, *, symbols: Collection[str] | None = None) -> Program:
        """Return the formulas as a program.

        Parameters
        ----------
        symbols
            The instruments that ``close["SPY"]`` may name; None leaves that to the evaluation.

        Raises
        ------
        FormulaError
            With file, line and key, and the column of the mistake.
        """
        assert self.rules is not None, "a strategy without rules has no program"
        formulas = self.formulas()
        kinds = {key: RULE_KINDS.get(key, "number") for key in formulas}
        try:
            return compile_program(formulas, self.parameter_values(), kinds=kinds, symbols=symbols)
        except FormulaError as error:
            raise self._placed(error) from None
        except ConfigError as error:
            error.where = self.where("parameters")
            raise

    def with_parameters(self, overrides: Mapping[str, ParameterValue]) -> StrategyConfig:
        """Return the strategy with other values of some parameters; formulas are checked again.

        Raises
        ------
        ConfigError
            If a name is not declared, or a value is outside its range or off its grid.
        FormulaError
            If a formula does not accept the new value, e.g. a window of 0 bars.
        """
        if not overrides:
            return self
        parameters = override(self.parameters, overrides)
        changed = replace(self, parameters=parameters, written=self.written or self)
        if changed.rules is not None:
            changed.compile_rules()
        return changed

    def with_data(
        self,
        *,
        dataset: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> StrategyConfig:
        """Return the strategy on another dataset or span; what is None stays as it is.

        Another dataset drops the file's list of instruments: it belongs to the file's dataset.

        Raises
        ------
        ConfigError
            If `dataset` is an unknown synthetic market, or the span is empty.
        """
        from runtime.config.building import data_on

        if dataset is None and start_ns is None and end_ns is None:
            return self
        data = data_on(self.data, dataset, start_ns, end_ns)
        return replace(self, data=data, written=self.written or self)

    def _placed(self, error: FormulaError) -> FormulaError:
        """Say file and line of a formula's error; a formula of several lines is cut to its line."""
        key = ("sizing" if error.where == VOLATILITY else "rules", error.where)
        place = find_place(self.places, key)[1]
        before = error.text[: error.column].split("\n")
        line = error.text.split("\n")[len(before) - 1]
        number = f"line {place.value_line + len(before) - 1}, " if place else ""
        return FormulaError(
            error.problem,
            text=line,
            column=len(before[-1]),
            where=f"{self.path}, {number}{'.'.join(key)}",
            remedy=error.remedy,
        )
