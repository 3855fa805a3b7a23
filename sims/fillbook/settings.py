"""The assumptions of a simulated fill, as a person states them, and as the kernels read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.errors import InputError
from engine.model import layout as row
from engine.model.instruments import Instrument
from engine.model.layout import EVENT_WIDTH, ORDER_WIDTH, UNKNOWN
from engine.model.units import to_quanta
from sims.fillbook import layout as at
from sims.fillbook.layout import Book

_PPB = 9  # decimals of a part per billion
_BASIS_POINT = 4


@dataclass(frozen=True, slots=True)
class SlippageModel:
    """How much worse than the market's price a taker trades.

    `model` is one of none, fixed (`value` price steps), bps (basis points), spread (basis points of
    the whole spread, half of which is paid), volume_share and square_root (`value` is the fraction
    k). See docs/explain/fill-model.md section 10.
    """

    model: str = "none"
    value: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        _require_one_of("slippage model", self.model, at.SLIPPAGES)
        if self.value < 0:
            raise InputError(f"slippage value must not be negative, not {self.value}")

    @property
    def code(self) -> int:
        """The model's number in the block."""
        return at.SLIPPAGES.index(self.model)

    @property
    def quanta(self) -> int:
        """The value in the units of the model's kernel."""
        if self.model in ("none", "fixed"):
            return to_quanta(self.value, 0, name="slippage in price steps")
        decimals = _PPB - _BASIS_POINT if self.model in ("bps", "spread") else _PPB
        return to_quanta(self.value, decimals, name="slippage value")


@dataclass(frozen=True, slots=True)
class FeeModel:
    """What the venue charges.

    `model` is one of none; bps (`maker_bps`, `taker_bps` of the value; negative is a rebate);
    per_share (`per_unit`, at least `minimum` per order, at most `maximum_fraction` of the order's
    value when that is not zero); kalshi (`taker_rate` and `maker_rate` x contracts x P x (1 - P),
    per fill up to 0.0001, per order up to a cent); binance (`maker_bps`, `taker_bps` of what the fill
    receives: of the units when buying, of the money when selling); mt5 (`per_unit` of what opens a
    position: the commission stands on one leg). See docs/explain/fill-model.md section 10.
    """

    model: str = "none"
    maker_bps: Decimal = Decimal(0)
    taker_bps: Decimal = Decimal(0)
    per_unit: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    maximum_fraction: Decimal = Decimal(0)
    taker_rate: Decimal = Decimal("0.07")
    maker_rate: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        _require_one_of("fee model", self.model, at.FEES)
        if self.model == "binance" and min(self.maker_bps, self.taker_bps) < 0:
            raise InputError("maker_bps and taker_bps of the binance fees must not be negative")

    @property
    def code(self) -> int:
        """The model's number in the block."""
        return at.FEES.index(self.model)

    @property
    def parameters(self) -> tuple[int, int, int]:
        """The three numbers that the model's kernel reads."""
        match self.model:
            case "bps" | "binance":
                decimals = _PPB - _BASIS_POINT
                return (
                    to_quanta(self.maker_bps, decimals, name="maker_bps"),
                    to_quanta(self.taker_bps, decimals, name="taker_bps"),
                    0,
                )
            case "per_share":
                return (
                    to_quanta(self.per_unit, 8, name="per_unit"),
                    to_quanta(self.minimum, 8, name="minimum"),
                    to_quanta(self.maximum_fraction, _PPB, name="maximum_fraction"),
                )
            case "mt5":
                return (to_quanta(self.per_unit, 8, name="per_unit"), 0, 0)
            case "kalshi":
                return (
                    to_quanta(self.maker_rate, _PPB, name="maker_rate"),
                    to_quanta(self.taker_rate, _PPB, name="taker_rate"),
                    0,
                )
        return (0, 0, 0)


@dataclass(frozen=True, slots=True)
class BookSettings:
    """Every assumption of the fill book; see docs/explain/fill-model.md.

    Parameters
    ----------
    path
        Order of a bar's extremes: pessimistic, optimistic, high_first, low_first, nearest.
    limit_fill
        When a resting limit fills at its own price: through, touch, queue.
    volume_cap
        Largest part of a bar's volume (or of a shown size) that may fill; None for no cap.
    latency_ns, latency_jitter_ns
        From decision to arrival: the fixed part, and the width of a uniform seeded addition.
    is_late
        Whether orders miss the bar after the decision, but for its close: a test of how much a result
        hangs on acting at once. Quotes and prints are met as ever. None is no.
    """

    path: str = "pessimistic"
    limit_fill: str = "through"
    volume_cap: Decimal | None = None
    latency_ns: int = 0
    latency_jitter_ns: int = 0
    seed: int = 0
    slippage: SlippageModel = field(default_factory=SlippageModel)
    fees: FeeModel = field(default_factory=FeeModel)
    is_late: bool | None = field(default=None, metadata={"optional": True})

    def __post_init__(self) -> None:
        _require_one_of("path", self.path, at.PATHS)
        _require_one_of("limit_fill", self.limit_fill, at.LIMIT_FILLS)
        if self.volume_cap is not None and not 0 < self.volume_cap <= 1:
            raise InputError(f"volume_cap must be in (0, 1], not {self.volume_cap}")
        if self.latency_ns < 0 or self.latency_jitter_ns < 0:
            raise InputError("latency must not be negative")


def _require_one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, not {value!r}")


def settings_block(settings: BookSettings) -> NDArray[np.int64]:
    """Return the settings as the kernels read them, shape (SETTINGS_WIDTH,)."""
    block = np.zeros(at.SETTINGS_WIDTH, dtype=np.int64)
    block[at.SETTING_PATH] = at.PATHS.index(settings.path)
    block[at.SETTING_LIMIT_FILL] = at.LIMIT_FILLS.index(settings.limit_fill)
    cap = settings.volume_cap
    block[at.SETTING_VOLUME_CAP_PPB] = (
        UNKNOWN if cap is None else to_quanta(cap, _PPB, name="volume_cap")
    )
    block[at.SETTING_LATENCY] = settings.latency_ns
    block[at.SETTING_LATENCY_JITTER] = settings.latency_jitter_ns
    block[at.SETTING_SEED] = settings.seed
    block[at.SETTING_LATE] = int(settings.is_late is True)
    return block


def terms_block(
    instruments: Sequence[Instrument],
    settings: BookSettings,
    *,
    calendars: Sequence[int] | None = None,
    quoted: Sequence[bool] | None = None,
) -> NDArray[np.int64]:
    """Return what is constant about each instrument, shape (instruments, TERMS_WIDTH)."""
    block = np.zeros((len(instruments), row.TERMS_WIDTH), dtype=np.int64)
    for i, instrument in enumerate(instruments):
        step = instrument.price_step_ticks
        block[i, row.TERM_PRICE_STEP] = step
        block[i, row.TERM_LOT_STEP] = instrument.quantity_step_lots
        block[i, row.TERM_NUMERATOR] = instrument.notional_numerator
        block[i, row.TERM_DENOMINATOR] = instrument.notional_denominator
        if instrument.is_binary:
            block[i, row.TERM_PRICE_MAX] = instrument.price_max_ticks // step * step
        block[i, row.TERM_CALENDAR] = calendars[i] if calendars else 0
        block[i, row.TERM_PRICE_UNIT] = 10**instrument.price_precision
        block[i, row.TERM_LOT_UNIT] = 10**instrument.quantity_precision
        block[i, at.TERM_FEE_MODEL] = settings.fees.code
        block[i, at.TERM_FEE_A : at.TERM_FEE_C + 1] = settings.fees.parameters
        block[i, at.TERM_SLIPPAGE_MODEL] = settings.slippage.code
        block[i, at.TERM_SLIPPAGE_VALUE] = settings.slippage.quanta
        block[i, at.TERM_QUOTED] = int(quoted[i]) if quoted else 0
    return block


def new_book(
    settings: NDArray[np.int64],
    terms: NDArray[np.int64],
    *,
    order_capacity: int = 1024,
    event_capacity: int = 8192,
) -> Book:
    """Return empty blocks for a book over `terms`."""
    return Book(
        settings=settings,
        terms=terms,
        market=np.zeros((len(terms), at.MARKET_WIDTH), dtype=np.int64),
        orders=np.zeros((order_capacity, ORDER_WIDTH), dtype=np.int64),
        scratch=np.zeros((2 * (order_capacity + 2), ORDER_WIDTH), dtype=np.int64),
        events=np.zeros((event_capacity, EVENT_WIDTH), dtype=np.int64),
        counters=np.zeros(at.COUNTERS_WIDTH, dtype=np.int64),
        requests=np.zeros((order_capacity, at.REQUEST_WIDTH), dtype=np.int64),
    )
