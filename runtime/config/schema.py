"""The strategy file as pydantic models: types, ranges and defaults of every key, one class a table.

The descriptions here are the reference page (`runtime.config.reference`). What concerns several
keys at once is in `runtime.config.relations`. `runtime.config.schema_text` is generated from the models:
run ``python -m runtime.config.generate`` after a change.
"""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, create_model
from pydantic import model_validator as validator
from pydantic.config import JsonDict

from engine.model.units import INT64_MAX
from runtime.config.guards_schema import GuardsTable, MonitoringTable
from runtime.config.moments import MOMENT_FORM
from runtime.config.order_schema import ExecutionTable, SizingTable
from runtime.config.table import MONEY_MAX, Formula, Number, Symbol, Table, all_defaults, choice
from runtime.config.trading_schema import ExitsTable, RiskTable, SignalsTable
from runtime.config.values import to_cap, to_moment, to_parameter
from sims.fillbook.layout import FEES, LIMIT_FILLS, PATHS, SLIPPAGES
from sims.worlds.spec import RANGES, Hours, WorldSpec

Value = Annotated[Any, PlainValidator(to_parameter)]
Moment = Annotated[Any, PlainValidator(to_moment)]
VolumeCap = Annotated[Any, PlainValidator(to_cap)]


_MOMENT_ACCEPTED: JsonDict = {"accepted": MOMENT_FORM}
_CODE_ACCEPTED: JsonDict = {"accepted": 'text like "file.py:Name"'}


class StrategyTable(Table):
    """Who the strategy is, and where its logic stands if not in `[rules]`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$",
        description="The name in reports.",
        json_schema_extra={
            "accepted": "1 to 80 letters, digits, spaces, dots, dashes; a letter or digit first"
        },
    )
    description: str = Field("", max_length=2_000, description="For the reader.")
    class_: str | None = Field(
        None,
        alias="class",
        pattern=r"^[^:]+\.py:[A-Za-z_]\w*$",
        description="A Python class instead of `[rules]`; the path is relative to this file.",
        json_schema_extra=_CODE_ACCEPTED,
    )
    compiled: str | None = Field(
        None,
        pattern=r"^[^:]+\.py:[A-Za-z_]\w*$",
        description="A compiled function instead of `[rules]`; relative to this file.",
        json_schema_extra=_CODE_ACCEPTED,
    )
    tier: Literal["sniper", "hunter", "strategist"] | None = Field(
        None,
        description="The account's equity must allow it (`guards.tiers`); any when left out.",
    )


class ParameterTable(Table):
    """One parameter; `name = 20` is short for `name = { default = 20 }`.
    Refused are names that mean something in formulas: `open`, `high`, `low`, `close`, `volume`,
    `and`, `or`, `not`, `true`, `false`, `timeframe`.
    """

    default: Value = Field(
        description="The value of a run that does not say another.",
        json_schema_extra={"accepted": "a number, or true or false"},
    )
    min: Number | None = Field(None, description="Smallest accepted value.")
    max: Number | None = Field(None, description="Largest accepted value.")
    step: Number | None = Field(
        None, gt=0, decimal_places=18, description="Grid of accepted values, from `min` on."
    )
    description: str = Field("", max_length=500, description="For the reader.")

    @validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: object) -> object:
        return value if isinstance(value, dict) else {"default": value}


_WORLD_MEANINGS = {
    "instruments": "How many instruments.",
    "length": "How many bars, quotes or trades of each instrument.",
    "start_ns": "Where it begins, nanoseconds UTC; bars begin with the first session of that day or after.",
    "start_price_ticks": "The price that each begins at, in ticks.",
    "drift_per_year": "What prices gain on average in a year of the market's hours; 0.05 is 5 %.",
    "volatility_per_year": "Deviation of a year's return, jumps aside; 0.25 is 25 %.",
    "correlation": "Of the returns of any two instruments.",
    "clustering": "How much calm and wild times differ; 0: volatility is constant.",
    "tail_degrees": "Degrees of freedom of the Student-t shocks, at least 3: fewer are wilder; 0: normal.",
    "jumps_per_year": "How often the price jumps in a year, on average.",
    "jump_deviation": "Deviation of a jump's return.",
    "overnight_share": "Share of a day's variance that happens while the exchange is closed.",
    "volume_lots": "Mean volume of a bar, or size of a quote or trade, in lots.",
    "volume_edge": "How many times the volume of midday the first and the last minute have.",
    "spread_ticks": "Smallest spread between bid and ask, in ticks.",
    "interval_ns_mean": "Mean time between two quotes, in nanoseconds.",
    "sign_persistence": "Probability that a trade has the aggressor of the one before.",
    "unknown_share": "Share of trades whose aggressor is not known.",
    "settle_probability": "Event contracts: the probability of settling at 1.",
    "contract_ticks": "Event contracts: what 1 is, in ticks.",
    "reversion_deviation": "Bars: deviation of a part of the price that comes back, an edge to be found; 0: none.",
    "reversion_steps": "Bars: how many steps that part lasts on average.",
    "turn_step": "Bars: from this step on nothing comes back any more; 0: it never turns.",
    "turn_drift_per_year": "Bars: added to the drift from `turn_step` on.",
}


def _world_fields() -> dict[str, Any]:
    ranges = {name: (low, high) for name, low, high in RANGES}
    fields: dict[str, Any] = {
        "seed": (int, Field(0, ge=0, le=INT64_MAX, description="What the draws begin with.")),
        "hours": (
            choice([each.value for each in Hours]),
            Field(Hours.EXCHANGE.value, description="Sessions of the bars."),
        ),
        "bounce": (bool, Field(True, description="Whether bars open and close at bid or ask.")),
    }
    for field in dataclasses.fields(WorldSpec):
        if field.name in ranges:
            low, high = ranges[field.name]
            kind: Any = int if isinstance(field.default, int) else Number
            text = _WORLD_MEANINGS[field.name]
            default = field.default if kind is int else Decimal(str(field.default))
            bounds = Field(default, ge=_exact(low), le=_exact(high), description=text)
            fields[field.name] = (kind, bounds)
    return fields


def _exact(bound: float) -> Any:
    return bound if isinstance(bound, int) else Decimal(str(bound))


WorldTable: type[Table] = create_model(
    "WorldTable",
    __base__=Table,
    __doc__="A synthetic market; see synthetic-worlds.md.",
    **_world_fields(),
)


class DataTable(Table):
    """What the strategy runs on."""

    dataset: str = Field(
        min_length=1,
        max_length=100,
        description="A dataset of the catalog, `sample:goog`, or a synthetic market: "
        "`world:daily_bars`, `world:minute_bars`, `world:quotes`, `world:trades`, `world:events`.",
    )
    instruments: list[Symbol] | None = Field(
        None, min_length=1, max_length=10_000, description="Symbols; all when left out."
    )
    start: Moment | None = Field(
        None,
        description="First time, included; a date is its 00:00 UTC.",
        json_schema_extra=_MOMENT_ACCEPTED,
    )
    end: Moment | None = Field(
        None, description="Last time, excluded.", json_schema_extra=_MOMENT_ACCEPTED
    )
    holdout: Moment | None = Field(
        None,
        description="Data from here on are sealed: backtests, searches and replays end before it, and "
        "only the promotion gate reads them. At least the last 20 % and 60 days should be.",
        json_schema_extra=_MOMENT_ACCEPTED,
    )
    adjustment: Literal["splits", "none"] = Field(
        "splits",
        description="Whether formulas see prices that are continuous over splits (forward factors: "
        "no look-ahead). Orders always trade at raw prices.",
    )
    benchmark: Symbol | None = Field(None, description="A symbol to compare with.")
    world: WorldTable | None = Field(  # type: ignore[valid-type]
        None, description="Of a `world:` dataset: the synthetic market."
    )


class RulesTable(Table):
    """Formulas that decide; see rules.md for the language."""

    entry: Formula | None = Field(None, description="Buy when this condition is true.")
    exit: Formula | None = Field(None, description="Sell what was bought.")
    short_entry: Formula | None = Field(None, description="Sell short.")
    short_exit: Formula | None = Field(None, description="Buy back what was sold short.")
    weight: Formula | None = Field(
        None,
        description="Target as a fraction of equity, a number; in the place of entries and exits.",
    )
    rebalance: Literal["every_bar", "daily", "weekly", "monthly"] | None = Field(
        None,
        description="When targets of `weight` are traded: at every bar, or at the first slice of "
        "each session day, week or calendar month. `every_bar` when left out.",
    )
    edge: Formula | None = Field(
        None,
        description="What an entry is expected to bring, a fraction (0.05 is 5 %); for the side that "
        "is entered.",
    )
    probability: Formula | None = Field(
        None,
        description="Of event contracts, in the place of `edge`: that it settles at 1. The edge is "
        "the difference to the price.",
    )
    confidence: Formula | None = Field(None, description="Between 0 and 1.")
    target_price: Formula | None = Field(
        None, description="Where a position is to be closed with a profit."
    )


class AccountTable(Table):
    """The account of the run."""

    cash: Number = Field(
        Decimal(100_000),
        gt=0,
        le=MONEY_MAX,
        decimal_places=8,
        description="At the start.",
    )
    currency: str = Field(
        "USD",
        pattern=r"^[A-Z][A-Z0-9]{1,11}$",
        description="Of the account.",
        json_schema_extra={"accepted": "capital letters, such as USD, EUR or USDT"},
    )
    leverage: Number = Field(Decimal(1), ge=1, le=500, description="Buying power over equity.")
    allow_short: bool | None = Field(
        None, description="true when there are short rules, otherwise false, when left out."
    )
    margin_interest_percent: Number = Field(
        Decimal(0), ge=0, le=1_000, description="A year, on borrowed cash (actual/365)."
    )
    credit_interest_percent: Number = Field(
        Decimal(0), ge=-100, le=1_000, description="A year, on cash."
    )
    borrow_percent: Number = Field(
        Decimal(0), ge=0, le=1_000, description="A year, on the value of short positions."
    )
    dividends: Literal["cash", "reinvest"] = Field("cash", description="What dividends become.")
    fx: dict[str, Symbol] = Field(
        default_factory=dict,
        description='Conversion to the account currency: `fx = { EUR = "EURUSD" }`.',
    )


class SlippageTable(Table):
    """How much worse than the market a taker trades."""

    model: choice(SLIPPAGES) = Field("none", description="See fill-model.md.")  # type: ignore[valid-type]
    value: Number | None = Field(
        None, ge=0, le=100_000, description="Price steps, basis points or fraction, by model."
    )


class FeesTable(Table):
    """What the venue charges."""

    model: choice(FEES) = Field("none", description="See fill-model.md.")  # type: ignore[valid-type]
    maker_bps: Number | None = Field(
        None,
        ge=-1_000,
        le=10_000,
        description="bps, binance: resting orders; negative (bps) is a rebate.",
    )
    taker_bps: Number | None = Field(
        None, ge=-1_000, le=10_000, description="bps, binance: orders that trade at once."
    )
    per_unit: Number | None = Field(
        None,
        ge=0,
        le=1_000_000,
        description="per_share, mt5: each unit; mt5 charges only what opens.",
    )
    minimum: Number | None = Field(None, ge=0, le=1_000_000, description="per_share: an order.")
    maximum_fraction: Number | None = Field(
        None, ge=0, le=1, description="per_share: at most this part of the order's value; 0: none."
    )
    taker_rate: Number | None = Field(None, ge=0, le=1, description="kalshi: 0.07 when left out.")
    maker_rate: Number | None = Field(None, ge=0, le=1, description="kalshi: 0 when left out.")


class FillsTable(Table):
    """Assumptions about fills; all of them are printed with the result."""

    path: choice(PATHS) = Field("pessimistic", description="Order of a bar's high and low.")  # type: ignore[valid-type]
    limit_fill: choice(LIMIT_FILLS) = Field(  # type: ignore[valid-type]
        "through", description="When a resting limit fills at its own price."
    )
    volume_cap: VolumeCap | None = Field(
        None,
        description="Part of a bar's volume that may fill, or `off`; 0.1 where the data has volume "
        "when left out.",
        json_schema_extra={"accepted": 'a number over 0, at most 1, or "off"'},
    )
    latency_ms: Number = Field(
        Decimal(0), ge=0, le=86_400_000, decimal_places=6, description="Decision to arrival."
    )
    latency_jitter_ms: Number = Field(
        Decimal(0),
        ge=0,
        le=86_400_000,
        decimal_places=6,
        description="Width of a uniform seeded addition.",
    )
    seed: int = Field(0, ge=0, le=INT64_MAX, description="Of the jitter's draws.")
    slippage: SlippageTable = all_defaults(SlippageTable, "Worse prices for takers.")
    fees: FeesTable = all_defaults(FeesTable, "Charges of the venue.")


class StrategyFile(Table):
    """The whole file."""

    strategy: StrategyTable = Field(description="Who the strategy is.")
    parameters: dict[str, ParameterTable] = Field(
        default_factory=dict, description="Numbers by name, for formulas and classes."
    )
    data: DataTable = Field(description="What it runs on.")
    rules: RulesTable | None = Field(None, description="Formulas that decide.")
    sizing: SizingTable = all_defaults(SizingTable, "How large.")
    execution: ExecutionTable = all_defaults(ExecutionTable, "How.")
    account: AccountTable = all_defaults(AccountTable, "With what.")
    fills: FillsTable = all_defaults(FillsTable, "Assumptions.")
    signals: SignalsTable | None = Field(None, description="What becomes of signals.")
    risk: RiskTable | None = Field(None, description="Limits.")
    exits: ExitsTable | None = Field(None, description="When positions are closed.")
    guards: GuardsTable | None = Field(None, description="What stops trading.")
    monitoring: MonitoringTable | None = Field(None, description="How often it is looked.")
