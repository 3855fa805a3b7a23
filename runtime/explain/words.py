"""Numbers of the journal as words: exact, in the unit that a person reads.

Nothing is rounded: what a sentence says is what the row has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Final

from engine.model.denials import SENTENCES, Denial
from engine.model.instruments import Instrument
from engine.model.trading import Severity, Unit
from engine.model.units import NS_PER_SECOND, from_minor
from runtime.results.orders import REASON_NAMES
from runtime.results.units import is_given, to_decimal

UNKNOWN: Final = "unknown"
_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class Words:
    """How the numbers of one row are said: of its instrument, in its currencies.

    Parameters
    ----------
    instrument
        None where a row is about none.
    base
        The account's currency.
    """

    instrument: Instrument | None
    base: str

    def price(self, ticks: int) -> str:
        """Say a price.

        Examples
        --------
        >>> from engine.model.instruments import InstrumentKind
        >>> Words(Instrument("ACME", InstrumentKind.EQUITY), "USD").price(123_450)
        '1,234.50'
        """
        if not is_given(ticks) or self.instrument is None:
            return UNKNOWN
        return f"{self.instrument.ticks_to_price(ticks):,f}"

    def quantity(self, lots: int) -> str:
        """Say a quantity, without zeros at its end."""
        if not is_given(lots) or self.instrument is None:
            return UNKNOWN
        return trimmed(self.instrument.lots_to_quantity(lots))

    def money(self, minor: int) -> str:
        """Say money of the account."""
        return f"{money(minor)} {self.base}"

    def own_money(self, minor: int) -> str:
        """Say money of the instrument's currency."""
        currency = self.base if self.instrument is None else self.instrument.currency
        return f"{money(minor)} {currency}"

    @property
    def symbol(self) -> str:
        """The instrument's name."""
        return "the account" if self.instrument is None else self.instrument.symbol

    def number(self, number: int, unit: Unit) -> str:
        """Say a number of a unit that a row names."""
        value = to_decimal(number, unit, self.instrument)
        if value is None:
            return UNKNOWN
        match unit:
            case Unit.PPM | Unit.PPB:
                return f"{trimmed(value * 100)} %"
            case Unit.MINOR:
                return self.money(number)
            case Unit.TICKS:
                return self.price(number)
            case Unit.NANOSECONDS:
                return span(number)
            case Unit.SEVERITY:
                return name_of(Severity, number)
            case _:
                return trimmed(value)


def money(minor: int) -> str:
    """Say money exactly, with at least two decimals.

    Examples
    --------
    >>> money(123_450_000_000), money(-12_345)
    ('1,234.50', '-0.00012345')
    """
    if not is_given(minor):
        return UNKNOWN
    text = trimmed(from_minor(minor))
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


def trimmed(value: Decimal) -> str:
    """Say a decimal without zeros at its end.

    Examples
    --------
    >>> trimmed(Decimal("1200.00")), trimmed(Decimal("0.460"))
    ('1,200', '0.46')
    """
    return f"{value.normalize():,f}" if value else "0"


def percent(parts: int, unit: Unit) -> str:
    """Say parts per million or per billion as a percentage."""
    value = to_decimal(parts, unit, None)
    return UNKNOWN if value is None else f"{trimmed(value * 100)} %"


def units(parts: int) -> str:
    """Say 10^-9 units of quantity.

    Examples
    --------
    >>> units(336_000_000_000), units(500_000_000)
    ('336', '0.5')
    """
    value = to_decimal(parts, Unit.PPB, None)
    return UNKNOWN if value is None else trimmed(value)


def moment(ns: int) -> str:
    """Say a time, UTC, with as many decimals of a second as it has.

    Examples
    --------
    >>> moment(86_400_000_000_000), moment(1_500_000_000)
    ('1970-01-02 00:00:00', '1970-01-01 00:00:01.5')
    """
    seconds, rest = divmod(ns, NS_PER_SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{rest:09d}".rstrip("0") if rest else text


def span(ns: int) -> str:
    """Say how long something took.

    Examples
    --------
    >>> span(90_000_000_000), span(500_000_000), span(93_784_000_000_000), span(0)
    ('1 min 30 s', '0.5 s', '1 d 2 h 3 min 4 s', '0 s')
    """
    if not is_given(ns):
        return UNKNOWN
    seconds, rest = divmod(abs(ns), NS_PER_SECOND)
    parts = []
    for size, name in _STEPS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:,} {name}")
    last = trimmed(Decimal(seconds) + Decimal(rest).scaleb(-9))
    if last != "0" or not parts:
        parts.append(f"{last} s")
    return ("-" if ns < 0 else "") + " ".join(parts)


def name_of(names: type[IntEnum], value: int) -> str:
    """Return the name of an enum's number, or the number where a later version wrote it."""
    known = names._value2member_map_.get(value)
    return str(value) if known is None else str(getattr(known, "name", value)).lower()


def code_name(code: int) -> str:
    """Return the stable name of a denial or of a broker's reason."""
    return REASON_NAMES.get(code, str(code))


def denial(code: int) -> str:
    """Say why something was denied: the sentence, and the stable name.

    Examples
    --------
    >>> denial(151)
    'the account may not sell short (short_not_allowed)'
    """
    known = Denial._value2member_map_.get(code)
    if not isinstance(known, Denial):
        return code_name(code)
    return f"{SENTENCES[known]} ({known.name.lower()})"


def counted(count: int, word: str) -> str:
    """Say how many.

    Examples
    --------
    >>> counted(1, "walk"), counted(2, "walk")
    ('1 walk', '2 walks')
    """
    return f"{count:,} {word}{'s' * (count != 1)}"
