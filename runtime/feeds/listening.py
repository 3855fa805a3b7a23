"""Who is on a stream: its instruments as they were asked for, and of whom a bar is waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.manifest import InstrumentEntry
from engine.errors import DataError
from engine.model.instruments import Instrument
from runtime.feeds import wire
from runtime.feeds.wire import Listing


def listings_of(instruments: Sequence[Instrument], hello: wire.Hello) -> dict[str, Listing]:
    """Return the instruments by symbol, each with its number.

    Raises
    ------
    DataError
        If the stream does not have one, or defines it in another way.
    """
    known = {entry.symbol: entry for entry in hello.instruments}
    listings = {}
    for number, one in enumerate(instruments):
        entry = known.get(one.symbol)
        if entry is None:
            raise DataError(
                f"the stream has no {one.symbol}",
                remedy=f"it has {', '.join(sorted(known)[:10]) or 'nothing'}",
                code="feed.unknown_instrument",
            )
        _require_same(one, entry)
        kinds = hello.kinds.get(one.symbol, ())
        listings[one.symbol] = Listing(number, one, bars_fill=set(kinds) <= {"bars"})
    return listings


def _require_same(one: Instrument, entry: InstrumentEntry) -> None:
    ours = InstrumentEntry.of(one)
    for name in InstrumentEntry.__struct_fields__:
        if getattr(ours, name) != getattr(entry, name):
            raise DataError(
                f"the stream defines {one.symbol} in another way: {name} is "
                f"{getattr(entry, name)}, not {getattr(ours, name)}",
                remedy="use the data that the stream is made of, or the stream's definition",
                code="feed.other_definition",
            )


def reports_of(listings: Mapping[str, Listing], hello: wire.Hello) -> frozenset[int]:
    """Return of whom a bar of each close is waited for: of everybody, where nothing but bars comes."""
    if any(set(hello.kinds.get(symbol, ())) != {"bars"} for symbol in listings):
        return frozenset()
    return frozenset(listing.number for listing in listings.values())
