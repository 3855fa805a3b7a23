"""The market data interface: what was shown up to now, by symbol and page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from aiohttp import web

from engine.model import layout as at
from engine.model.units import NS_PER_DAY, NS_PER_MINUTE
from sims.venues.alpaca.actions import LISTS, announcement, day_text
from sims.venues.alpaca.bars import bars_of, day_before, day_start, parse_timeframe, source_rows
from sims.venues.alpaca.exchange import Exchange
from sims.venues.alpaca.market import between
from sims.venues.alpaca.orders import Asset
from sims.venues.alpaca.quoting import bar_record, book_record, quote_record, trade_record
from sims.venues.alpaca.refusals import Refusal, malformed
from sims.venues.alpaca.trading_routes import answer
from sims.venues.alpaca.words import Json, Record, parse_time, time_text

_LIMIT_MAX: Final = 10_000
_LIMIT_USUAL: Final = 1_000
_KINDS: Final = ("bars", "quotes", "trades")


class DataRoutes:
    """The calls of the market data interface."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add all routes."""
        kind = "{kind:bars|quotes|trades}"
        latest = "{kind:bars|quotes|trades|orderbooks}"
        for path, handler, name in (
            ("/v2/stocks/" + kind, self._stocks, "stock_data"),
            ("/v2/stocks/" + kind + "/latest", self._latest, "stock_latest"),
            ("/v2/stocks/snapshots", self._snapshots, "stock_snapshots"),
            ("/v1/corporate-actions", self._actions, "corporate_actions"),
            ("/v1beta3/crypto/us/" + kind, self._crypto, "crypto_data"),
            ("/v1beta3/crypto/us/latest/" + latest, self._latest, "crypto_latest"),
            ("/v1beta3/crypto/us/snapshots", self._snapshots, "crypto_snapshots"),
        ):
            router.add_route("GET", path, handler, name=name)

    async def _stocks(self, request: web.Request) -> web.Response:
        return self._history(request)

    async def _crypto(self, request: web.Request) -> web.Response:
        return self._history(request)

    def _history(self, request: web.Request) -> web.Response:
        kind, query = request.match_info["kind"], request.query
        assets, limit = self._assets(request), _limit(query)
        start_ns = _moment(query, "start", self._today(assets))
        end_ns = min(_moment(query, "end", self._exchange.now_ns()), self._exchange.now_ns())
        length_ns = parse_timeframe(query.get("timeframe", "1Day")) if kind == "bars" else 0
        sort = query.get("sort", "asc")
        if sort not in ("asc", "desc"):
            raise malformed(f"invalid sort: {sort}")
        after = _Place.parse(query.get("page_token"))
        records = (
            (asset.symbol, record)
            for asset in sorted(assets, key=lambda each: each.symbol)
            if after is None or asset.symbol >= after.symbol
            for record in self._records(asset, kind, start_ns, end_ns, length_ns, sort)
        )
        rest = records if after is None else after.skip(records)
        page = list(islice(rest, limit))
        return answer(_page(kind, page, has_more=next(rest, None) is not None, before=after))

    def _records(
        self, asset: Asset, kind: str, start_ns: int, end_ns: int, length_ns: int, sort: str
    ) -> list[Record]:
        shown = self._exchange.shown[asset.number]
        if kind == "bars":
            bars = [
                bar
                for bar in bars_of(asset, shown, length_ns)
                if start_ns <= bar.start_ns <= end_ns
            ]
            made = [bar_record(asset, bar, time_text) for bar in bars]
        elif kind == "quotes":
            rows = between(shown.quotes, start_ns, end_ns)
            made = [quote_record(asset, row, time_text) for row in rows]
        else:
            rows = between(shown.trades, start_ns, end_ns)
            made = [trade_record(asset, row, time_text) for row in rows]
        return made[::-1] if sort == "desc" else made

    async def _actions(self, request: web.Request) -> web.Response:
        query, symbols = request.query, {each.symbol for each in self._assets(request)}
        types = query["types"].split(",") if query.get("types") else tuple(LISTS)
        today = day_text(self._exchange.now_ns())
        first, last = query.get("start", today), query.get("end", today)
        told: dict[str, list[Json]] = {}
        for row in self._exchange.announced:
            symbol = self._exchange.assets[row[at.EVENT_INSTRUMENT]].symbol
            kind, record = announcement(row, symbol)
            if symbol in symbols and kind in types and first <= str(record["process_date"]) <= last:
                told.setdefault(LISTS[kind], []).append(record)
        return answer({"corporate_actions": dict(told), "next_page_token": None})

    async def _latest(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        found = {asset.symbol: self._last(asset, kind) for asset in self._assets(request)}
        told: Record = {symbol: last for symbol, last in found.items() if last is not None}
        return answer({kind: told})

    async def _snapshots(self, request: web.Request) -> web.Response:
        told: Record = {asset.symbol: self._snapshot(asset) for asset in self._assets(request)}
        return answer({"snapshots": told} if "crypto" in request.path else told)

    def _last(self, asset: Asset, kind: str) -> Record | None:
        shown = self._exchange.shown[asset.number]
        if kind == "bars":
            rows = source_rows(shown)[-1:]
            bars = bars_of(asset, shown, NS_PER_MINUTE, rows) or bars_of(
                asset, shown, NS_PER_DAY, rows
            )
            return bar_record(asset, bars[-1], time_text) if bars else None
        if kind == "trades":
            return trade_record(asset, shown.trades[-1], time_text) if shown.trades else None
        if not shown.quotes:
            return None
        write = quote_record if kind == "quotes" else book_record
        return write(asset, shown.quotes[-1], time_text)

    def _snapshot(self, asset: Asset) -> Record:
        shown, now = self._exchange.shown[asset.number], self._exchange.now_ns()
        today = day_start(asset, now)
        days = {bar.start_ns: bar for bar in bars_of(asset, shown, NS_PER_DAY)}
        starts = sorted(start for start in days if start <= day_before(asset, today))
        daily, before = days.get(today), days[starts[-1]] if starts else None
        return {
            "latestTrade": self._last(asset, "trades"),
            "latestQuote": self._last(asset, "quotes"),
            "minuteBar": self._last(asset, "bars"),
            "dailyBar": None if daily is None else bar_record(asset, daily, time_text),
            "prevDailyBar": None if before is None else bar_record(asset, before, time_text),
        }

    def _assets(self, request: web.Request) -> list[Asset]:
        """Return what is asked for and known; what is not is left out, as the venue does."""
        symbols = [symbol for symbol in request.query.get("symbols", "").split(",") if symbol]
        if not symbols:
            raise _bad("symbols is required")
        is_crypto = "crypto" in request.path
        known = (self._exchange.by_symbol.get(symbol) for symbol in dict.fromkeys(symbols))
        return [asset for asset in known if asset is not None and asset.is_crypto == is_crypto]

    def _today(self, assets: Sequence[Asset]) -> int:
        now = self._exchange.now_ns()
        return min((day_start(asset, now) for asset in assets), default=now)


class _Place:
    """Where a page ends: a symbol, a time, and how many of that time have been told."""

    def __init__(self, symbol: str, time: str, count: int) -> None:
        self.symbol, self._time, self._count = symbol, time, count

    @classmethod
    def parse(cls, token: str | None) -> _Place | None:
        if not token:
            return None
        try:
            symbol, time, count = base64.urlsafe_b64decode(token).decode().split("|")
            return cls(symbol, time, int(count))
        except (ValueError, binascii.Error):
            raise _bad("invalid page_token") from None

    def skip(self, records: Iterator[tuple[str, Record]]) -> Iterator[tuple[str, Record]]:
        """Yield what follows."""
        seen = 0
        for symbol, record in records:
            if symbol == self.symbol and seen < self._count:
                seen += record["t"] == self._time
                continue
            yield symbol, record

    def token(self) -> str:
        text = f"{self.symbol}|{self._time}|{self._count}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    def count_of(self, symbol: str, time: str) -> int:
        """Return how many of a symbol and time were told before."""
        return self._count if (symbol, time) == (self.symbol, self._time) else 0


def _page(
    kind: str, page: Sequence[tuple[str, Record]], *, has_more: bool, before: _Place | None
) -> Record:
    told: dict[str, list[Json]] = {}
    for symbol, record in page:
        told.setdefault(symbol, []).append(record)
    token: str | None = None
    if has_more and page:
        symbol, last = page[-1][0], str(page[-1][1]["t"])
        count = sum(1 for each, record in page if each == symbol and record["t"] == last)
        count += 0 if before is None else before.count_of(symbol, last)
        token = _Place(symbol, last, count).token()
    return {kind: {symbol: list(rows) for symbol, rows in told.items()}, "next_page_token": token}


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(_LIMIT_USUAL))
    if not text.isdecimal() or not 1 <= int(text) <= _LIMIT_MAX:
        raise _bad(f"invalid limit: 1 to {_LIMIT_MAX}")
    return int(text)


def _moment(query: Mapping[str, str], name: str, usual: int) -> int:
    text = query.get(name)
    if not text:
        return usual
    try:
        return parse_time(text)
    except ValueError:
        raise _bad(f"invalid {name}") from None


def _bad(message: str) -> Refusal:
    return Refusal(400, 40010000, message)
