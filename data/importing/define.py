"""The instrument behind a symbol: given, known from the dataset, or made from what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from data.importing.options import ImportOptions
from data.importing.values import Numbers, precision_hint, precision_of
from data.instruments import CALENDAR_OF_KIND
from engine.errors import DataError
from engine.model.instruments import PRECISION_MAX, Instrument, InstrumentKind

_KIND_OF_CALENDAR = {
    "XNYS": InstrumentKind.EQUITY,
    "XLON": InstrumentKind.EQUITY,
    "FX": InstrumentKind.FX,
    "24/7": InstrumentKind.CRYPTO_SPOT,
}
_EQUITY_DECIMALS = 2  # a share's price is in cents even where all of a file's prices are whole


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before the rows are read: definitions given, and those of the dataset."""

    options: ImportOptions
    existing: dict[str, Instrument]

    def of(self, symbol: str) -> Instrument | None:
        """Return the definition of `symbol` that must be kept, or None."""
        return self.options.instruments.get(symbol) or self.existing.get(symbol)


def calendar_for(symbol: str, known: Known, file: str) -> str:
    """Return the calendar of an instrument.

    Raises
    ------
    DataError
        If nothing says when it trades.
    """
    defined = known.of(symbol)
    if defined is not None:
        return defined.calendar
    options = known.options
    if options.calendar is not None:
        return options.calendar
    if options.instrument_kind is not None:
        return CALENDAR_OF_KIND[options.instrument_kind]
    raise DataError(
        f"nothing says when {symbol} trades",
        where=file,
        remedy="say it: --calendar XNYS (US shares), XLON (London), 24/7 (UTC days) or FX",
        code="data.calendar_missing",
    )


def define(
    symbol: str,
    prices: Sequence[Numbers],
    sizes: Sequence[Numbers],
    known: Known,
    file: str,
) -> Instrument:
    """Return the instrument of `symbol` with precisions that hold its values.

    Raises
    ------
    DataError
        If the values fit no precision, or contradict the definition.
    """
    defined = known.of(symbol)
    if defined is not None:
        _require_no_conflict(symbol, prices, sizes, known, defined, file)
        return defined
    price, quantity = precisions(symbol, prices, sizes, known, file)
    return make_instrument(symbol, price, quantity, known, file)


def precisions(
    symbol: str, prices: Sequence[Numbers], sizes: Sequence[Numbers], known: Known, file: str
) -> tuple[int, int]:
    """Return the decimals of prices and quantities: those that were said, or those needed.

    Raises
    ------
    DataError
        If the values fit no precision.
    """
    options = known.options
    price, quantity = options.price_precision, options.quantity_precision
    if price is None:
        kind = _kind(calendar_for(symbol, known, file), known)
        floor = _EQUITY_DECIMALS if kind is InstrumentKind.EQUITY else 0
        price = _detect(symbol, "price", prices, floor, file)
    if quantity is None:
        quantity = _detect(symbol, "quantity", sizes, 0, file)
    return price, quantity


def make_instrument(
    symbol: str, price_precision: int, quantity_precision: int, known: Known, file: str
) -> Instrument:
    """Return the definition of an instrument that nobody defined."""
    calendar = calendar_for(symbol, known, file)
    return Instrument(
        symbol,
        _kind(calendar, known),
        currency=known.options.currency or _quote_currency(symbol) or "USD",
        price_precision=price_precision,
        quantity_precision=quantity_precision,
        calendar=calendar,
    )


def _kind(calendar: str, known: Known) -> InstrumentKind:
    return known.options.instrument_kind or _KIND_OF_CALENDAR[calendar]


def _detect(symbol: str, what: str, columns: Sequence[Numbers], floor: int, file: str) -> int:
    found = precision_of(columns, at_least=floor)
    if found is None:
        raise DataError(
            f"{symbol}: a {what} has more than {PRECISION_MAX} decimals",
            where=f"{file}, {', '.join(column.name for column in columns)}",
            remedy=precision_hint(columns, f"--{what}-precision"),
            code="data.off_grid",
        )
    return found


def _quote_currency(symbol: str) -> str | None:
    """Return the currency of a pair: ``ADA/BTC`` is priced in BTC."""
    _, slash, quote = symbol.partition("/")
    return quote if slash and quote.isalnum() and quote.isupper() else None


def _require_no_conflict(
    symbol: str,
    prices: Sequence[Numbers],
    sizes: Sequence[Numbers],
    known: Known,
    defined: Instrument,
    file: str,
) -> None:
    options = known.options
    said = {
        "kind": options.instrument_kind,
        "currency": options.currency,
        "calendar": options.calendar,
        "price_precision": options.price_precision,
        "quantity_precision": options.quantity_precision,
    }
    for name, value in said.items():
        if value is not None and value != getattr(defined, name):
            have = getattr(defined, name)
            raise _conflict(symbol, f"{name} {_plain(value)}, but it is {_plain(have)}", file)
    stored = known.existing.get(symbol)
    if stored is not None and replace(stored) != defined:
        raise _conflict(symbol, "another definition than the dataset holds", file)
    for what, columns, have in (
        ("price", prices, defined.price_precision),
        ("quantity", sizes, defined.quantity_precision),
    ):
        needed = precision_of(columns, at_least=have) if columns else have
        if needed != have and getattr(options, f"{what}_precision") is None:
            raise _conflict(symbol, f"a {what} with more than {have} decimals", file)


def _plain(value: object) -> object:
    return value.value if isinstance(value, InstrumentKind) else value


def _conflict(symbol: str, problem: str, file: str) -> DataError:
    return DataError(
        f"{symbol} would get {problem}",
        where=file,
        remedy="are these two instruments? Rename one, or replace the dataset",
        code="data.conflicting_definition",
    )
