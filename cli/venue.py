"""`trader venue`: simulated venues on this machine."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import guarded
from cli.options import CatalogFolder, Debug

if TYPE_CHECKING:
    from runtime.venues.alpaca import Keys
    from sims.venues.alpaca import AlpacaVenue

BY_HAND = "hand"
_COIN_FEE_BPS = Decimal(25)  # as the venue charges whoever takes a price; from memory


@guarded
def alpaca(
    data: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="A dataset, `sample:goog`, `world:minute_bars` and its like; or a strategy's file: its "
            "market, from the end of its data on.",
        ),
    ] = "sample:goog",
    symbols: Annotated[
        str, typer.Option(metavar="A,B,C", help="Only these instruments of the data.")
    ] = "",
    start: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="The venue's time at first; what is before it is history."
        ),
    ] = "",
    speed: Annotated[
        str,
        typer.Option(
            metavar=f"N|{BY_HAND}", help="How many seconds pass at the venue in one; or by hand."
        ),
    ] = "1",
    night: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="How long it is closed, if its time is made faster."
        ),
    ] = 0.25,
    account: Annotated[
        str, typer.Option(metavar="NAME", help="The account: one name, one account id.")
    ] = "rehearsal",
    cash: Annotated[str, typer.Option(metavar="DOLLARS", help="Of the account.")] = "100000",
    multiplier: Annotated[
        int, typer.Option(metavar="1|2|4", min=1, max=4, help="Buying power per dollar of equity.")
    ] = 2,
    faults: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What goes wrong: JSON, a line each.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the used client ids from one start to the next."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of a synthetic world.")] = 1,
    length: Annotated[
        int, typer.Option(metavar="N", min=1, help="Steps of a synthetic world.")
    ] = 1_000,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="0: a free one.")
    ] = 8790,
    control_port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="Of faults and books; 0: a free one."),
    ] = 8791,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="This machine; every other one is refused.")
    ] = "127.0.0.1",
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Simulate a venue that speaks as Alpaca does, over data of yours: a rehearsal.

    Time begins with the first subscription to market data. Ctrl-C ends it.

    \b
    Examples:
      trader venue alpaca --data sample:goog --speed 86400
      trader venue alpaca --data world:minute_bars --faults rehearsal.jsonl
      trader venue alpaca --data rehearsal.toml --speed 3600
    """
    import asyncio
    from dataclasses import replace
    from secrets import token_hex

    from engine.model.units import parse_decimal
    from runtime.clocks import SystemClock
    from runtime.config import load_strategy
    from runtime.feeds.opening import data_named
    from runtime.venues.alpaca import (
        VenuePlan,
        keys_here,
        market_after,
        open_venue,
        parse_start,
        read_faults,
        require_loopback,
    )
    from runtime.workspace import catalog_root, find_strategy
    from sims.venues.alpaca import VenueSettings

    require_loopback(host)
    start_ns = parse_start(start) if start else None
    if data.endswith(".toml"):
        config = load_strategy(find_strategy(data, Path.cwd()))
        section, start_ns = market_after(config, start_ns)
    else:
        section = data_named(data, seed=seed, length=length)
    if symbols:
        section = replace(section, instruments=tuple(symbols.split(",")))
    keys = keys_here()
    plan = VenuePlan(
        section,
        catalog_root(catalog, Path.cwd()),
        VenueSettings(
            account=account,
            life=token_hex(8),
            key_id=keys.key_id,
            secret_key=keys.secret,
            cash=_positive(parse_decimal(cash, name="--cash")),
            multiplier=_multiplier(multiplier),
            coin_fee_bps=_COIN_FEE_BPS,
        ),
        start_ns=start_ns,
        speed=_speed(speed),
        night_seconds=night,
        faults=() if faults is None else read_faults(faults),
        port=port,
        control_port=control_port,
        state=state,
    )
    venue = open_venue(plan, SystemClock())

    async def run() -> None:
        async with venue:
            _show(venue, keys, data)
            await venue.serve()

    asyncio.run(run())


def _show(venue: AlpacaVenue, keys: Keys, data: str) -> None:
    """Say what it is, where it is, and how it is let in."""
    from runtime.venues.alpaca import KEY_ID, SECRET_KEY
    from sims.venues.alpaca.words import time_text

    speed = venue.time.speed
    pace = f"{speed or 0:g} times as fast from the first subscription on"
    if speed is None:
        pace = f"moved by POST {venue.control_url}/_control/advance?seconds=60"
    symbols = ", ".join(venue.exchange.by_symbol)
    lines = [
        "REHEARSAL: a simulated venue that speaks as Alpaca does. No market, no money.",
        f"trading, data   {venue.url}",
        f"order stream    {venue.stream_url}",
        f"data stream     {venue.data_stream_url()}",
        f"control         {venue.control_url}/_control/books",
        f"data            {data}: {symbols}",
        f"time            {time_text(venue.time.now_ns())}",
        f"pace            {pace}",
    ]
    if keys.are_made_up:
        lines += ["keys, made up for this run:"]
        lines += [f"  export {KEY_ID}={keys.key_id}", f"  export {SECRET_KEY}={keys.secret}"]
    else:
        lines += [f"keys            {KEY_ID} and {SECRET_KEY} of the environment"]
    print("\n".join([*lines, "Ctrl-C ends it."]), flush=True)


def _speed(text: str) -> float | None:
    from cli.paper import parse_speed
    from engine.errors import InputError

    if text == BY_HAND:
        return None
    remedy = f"write 1 for the clock's own pace, 3600 for an hour in a second, or {BY_HAND}"
    if text == "max":
        raise InputError(
            "a venue has a clock of its own: it cannot be as fast as possible",
            where="--speed",
            remedy=remedy,
        )
    try:
        return parse_speed(text)
    except InputError as error:  # whose remedy knows max, and not by hand
        raise InputError(error.problem, where=error.where, remedy=remedy) from None


def _positive(cash: Decimal) -> Decimal:
    from engine.errors import InputError

    if cash <= 0:
        raise InputError(f"an account needs cash, not {cash}", where="--cash")
    return cash


def _multiplier(value: int) -> int:
    from engine.errors import InputError

    if value == 3:
        raise InputError("there is no multiplier of 3", where="--multiplier", remedy="1, 2 or 4")
    return value
