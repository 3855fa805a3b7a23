"""Instruments: what is traded, and the grid of whole numbers that it is traded on.

A price is a whole number of ticks (10^-price_precision of the currency), a quantity a whole number
of lots (10^-quantity_precision units). Their product becomes money, a whole number of minor units
(10^-8), by one reduced fraction::

    minor = ticks * lots * notional_numerator / notional_denominator

A share at 12.34 (precision 2), 100 pieces (precision 0): 1234 * 100 * 10^6 / 1 = 123,400,000,000
minor units = 1,234 dollars. With more than eight decimals in both together the denominator is
greater than one and the product is not always whole; the ledger then rounds by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache

from engine.errors import InputError
from engine.model.units import INT64_MAX, MONEY_PRECISION, from_quanta, parse_decimal, to_quanta

PRECISION_MAX = 9


class InstrumentKind(Enum):
    """What kind of thing is traded; it decides how a trade is paid for."""

    EQUITY = "equity"
    CRYPTO_SPOT = "crypto_spot"
    CRYPTO_PERPETUAL = "crypto_perpetual"
    FX = "fx"
    CFD = "cfd"
    FUTURE = "future"
    BINARY_EVENT = "binary_event"


_MARGINED = frozenset(
    {
        InstrumentKind.CRYPTO_PERPETUAL,
        InstrumentKind.FX,
        InstrumentKind.CFD,
        InstrumentKind.FUTURE,
    }
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable instrument.

    Parameters
    ----------
    symbol
        The name used everywhere; unique in one history.
    kind
        What it is; see `InstrumentKind`.
    currency
        The currency of its price, capital letters and digits ("USD", "USDT").
    price_precision
        Decimals of a price, 0 to 9: one tick is 10^-price_precision.
    quantity_precision
        Decimals of a quantity, 0 to 9: one lot is 10^-quantity_precision.
    price_step_ticks
        The venue's tick size, in ticks.
    quantity_step_lots
        The venue's lot size, in lots.
    multiplier
        Money per price unit and quantity unit (50 for an E-mini future, otherwise mostly 1).
    calendar
        When it trades; a name that `data.calendars` knows.
    expires_ns
        When it stops trading (futures, event contracts), nanoseconds UTC; None when it does not.
    event
        What an event contract is about; contracts of one event are one bet (`[risk]`). Empty: alone.

    Raises
    ------
    InputError
        If a field is out of its range.
    """

    symbol: str
    kind: InstrumentKind
    currency: str = "USD"
    price_precision: int = 2
    quantity_precision: int = 0
    price_step_ticks: int = 1
    quantity_step_lots: int = 1
    multiplier: Decimal = Decimal(1)
    calendar: str = "24/7"
    expires_ns: int | None = None
    event: str = ""

    def __post_init__(self) -> None:
        _require_text(self.symbol, self.currency)
        if self.event != self.event.strip() or not self.event.isprintable():
            raise _error(self.symbol, "the event must be printable text without outer blanks")
        for name in ("price_precision", "quantity_precision"):
            _require_whole(self, name, 0, PRECISION_MAX)
        for name in ("price_step_ticks", "quantity_step_lots"):
            _require_whole(self, name, 1, INT64_MAX)
        multiplier = parse_decimal(self.multiplier, name=f"multiplier of {self.symbol}")
        if multiplier <= 0:
            raise _error(self.symbol, f"multiplier must be greater than zero, not {multiplier}")
        object.__setattr__(self, "multiplier", multiplier)
        self._require_room()

    def _require_room(self) -> None:
        if max(self.notional_numerator, self.notional_denominator) > INT64_MAX:
            raise _error(
                self.symbol,
                f"multiplier {self.multiplier} with precisions {self.price_precision} and "
                f"{self.quantity_precision} does not fit 64-bit money",
            )
        if self.is_binary and self.price_precision == 0:
            raise _error(self.symbol, "a binary event needs price_precision of at least 1")

    @property
    def is_margined(self) -> bool:
        """Whether a trade is settled by its variation only; otherwise it is paid in full."""
        return self.kind in _MARGINED

    @property
    def is_binary(self) -> bool:
        """Whether it settles at 0 or 1, so that its price lies strictly between them."""
        return self.kind is InstrumentKind.BINARY_EVENT

    @property
    def price_min_ticks(self) -> int:
        """The lowest price that can trade."""
        return 1

    @property
    def price_max_ticks(self) -> int:
        """The highest price that can trade; one tick under 1 for a binary event."""
        return int(10**self.price_precision) - 1 if self.is_binary else INT64_MAX

    @property
    def notional_fraction(self) -> Fraction:
        """Minor units of money in one tick times one lot."""
        return _notional(self.multiplier, self.price_precision + self.quantity_precision)

    @property
    def notional_numerator(self) -> int:
        """The numerator of `notional_fraction`, reduced."""
        return self.notional_fraction.numerator

    @property
    def notional_denominator(self) -> int:
        """The denominator of `notional_fraction`; 1 when every product is whole money."""
        return self.notional_fraction.denominator

    @property
    def tick_size(self) -> Decimal:
        """The smallest step of a price that the venue accepts."""
        return from_quanta(self.price_step_ticks, self.price_precision)

    @property
    def lot_size(self) -> Decimal:
        """The smallest step of a quantity that the venue accepts."""
        return from_quanta(self.quantity_step_lots, self.quantity_precision)

    def price_to_ticks(self, price: str | int | Decimal) -> int:
        """Return a price as ticks, exactly.

        Examples
        --------
        >>> Instrument("GOOG", InstrumentKind.EQUITY).price_to_ticks("100.34")
        10034
        """
        return to_quanta(price, self.price_precision, name=f"price of {self.symbol}")

    def quantity_to_lots(self, quantity: str | int | Decimal) -> int:
        """Return a quantity as lots, exactly."""
        return to_quanta(quantity, self.quantity_precision, name=f"quantity of {self.symbol}")

    def ticks_to_price(self, ticks: int) -> Decimal:
        """Return ticks as a price."""
        return from_quanta(ticks, self.price_precision)

    def lots_to_quantity(self, lots: int) -> Decimal:
        """Return lots as a quantity."""
        return from_quanta(lots, self.quantity_precision)


def _error(symbol: str, problem: str) -> InputError:
    return InputError(f"instrument {symbol!r}: {problem}", code="instrument.invalid")


def _require_text(symbol: str, currency: str) -> None:
    if not symbol or symbol != symbol.strip() or not symbol.isprintable():
        raise _error(symbol, "the symbol must be printable text without outer blanks")
    if not (currency.isalnum() and currency.isascii() and currency == currency.upper()):
        raise _error(symbol, f"currency must be capital letters like USD, not {currency!r}")


def _require_whole(instrument: Instrument, name: str, low: int, high: int) -> None:
    value = getattr(instrument, name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        reach = f"{low} to {high}" if high < INT64_MAX else f"at least {low}"
        raise _error(instrument.symbol, f"{name} must be a whole number, {reach}, not {value!r}")


@lru_cache(maxsize=256)
def _notional(multiplier: Decimal, decimals: int) -> Fraction:
    """Return the money of a tick times a lot; a universe asks for the same one many times."""
    return Fraction(multiplier) * Fraction(10) ** (MONEY_PRECISION - decimals)
