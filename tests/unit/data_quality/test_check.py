"""Each rule of the quality check: what it finds, and what it lets pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.actions import Action, ActionKind
from data.calendars import sessions
from data.history import History, QuoteColumns
from data.importing import ImportOptions
from data.quality import Severity, check_file
from data.quality.check import check_columns
from data.quality.codes import RULES
from engine.model.instruments import Instrument, InstrumentKind
from engine.model.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE

DAY_0 = 18_262 * NS_PER_DAY  # 2020-01-01
STOCK = Instrument("S", InstrumentKind.EQUITY, calendar="XNYS")
Prices = dict[str, np.ndarray]  # type: ignore[type-arg]


def daily(count: int = 300) -> tuple[np.ndarray, np.ndarray, Prices]:  # type: ignore[type-arg]
    """Return a quiet year: opens, closes of sessions, and prices near 100 in cents."""
    opens, closes = sessions("XNYS", DAY_0, DAY_0 + 600 * NS_PER_DAY)
    noise = np.random.default_rng(7)
    close = np.round(100 * np.exp(np.cumsum(noise.normal(0, 0.01, count))), 2)
    first = np.round(np.concatenate(([100.0], close[:-1])) * (1 + noise.normal(0, 0.002, count)), 2)
    high = np.round(np.maximum(first, close) * 1.004, 2)
    low = np.round(np.minimum(first, close) * 0.996, 2)
    volume = np.round(noise.uniform(900, 1100, count))
    return (
        opens[:count],
        closes[:count],
        {"open": first, "high": high, "low": low, "close": close, "volume": volume},
    )


def found_in(
    prices: Prices,
    opens: np.ndarray,  # type: ignore[type-arg]
    closes: np.ndarray,  # type: ignore[type-arg]
    actions: tuple[Action, ...] = (),
    instrument: Instrument = STOCK,
) -> dict[str, list[int]]:
    history = History.from_arrays(
        instrument, ts_close_ns=closes, ts_open_ns=opens, **prices, check=False, rounding=True
    )
    bars = history.parts[0].bars
    assert bars is not None
    findings, counts = check_columns(instrument, bars, actions)
    rows: dict[str, list[int]] = {}
    for finding in findings:
        rows.setdefault(finding.code, []).append(finding.row)
    assert counts == {code: len(found) for code, found in rows.items()}
    return rows


def scaled(prices: Prices, start: int, factor: float) -> None:
    for role in ("open", "high", "low", "close"):
        prices[role][start:] = np.round(prices[role][start:] * factor, 2)
    prices["volume"][start:] = np.round(prices["volume"][start:] / factor)


def set_row(role: str, row: int, value: float) -> Callable[[Prices], None]:
    def change(prices: Prices) -> None:
        prices[role][row] = value

    return change


def stale(prices: Prices) -> None:
    for role in ("open", "high", "low", "close"):
        prices[role][100:106] = prices[role][100]
    prices["high"][100:106] += 1
    prices["low"][100:106] -= 1


@pytest.mark.parametrize(
    ("change", "code", "rows"),
    [
        (set_row("low", 10, 0.0), "data.price_not_positive", [11]),
        (set_row("close", 10, -5.0), "data.price_not_positive", [11]),
        (set_row("high", 10, 50.0), "data.high_below_low", [11]),
        (set_row("open", 10, 130.0), "data.outside_range", [11]),
        (set_row("volume", 10, -1.0), "data.negative_size", [11]),
        (set_row("volume", 10, 0.0), "data.moved_without_volume", [11]),
        (set_row("high", 10, 900.0), "data.outlier", [11]),
        (set_row("low", 10, 9.0), "data.outlier", [11]),
        (stale, "data.stale", [101]),
        (lambda p: scaled(p, 150, 0.5), "data.unadjusted_split", [151]),
        (lambda p: scaled(p, 150, 1 / 7), "data.unadjusted_split", [151]),
        (lambda p: scaled(p, 150, 1.0 / 1.5), "data.unadjusted_split", [151]),
        (lambda p: scaled(p, 150, 20.0), "data.unadjusted_split", [151]),
        (lambda p: scaled(p, 150, 0.28), "data.splice", [151]),
        (lambda p: scaled(p, 150, 17.5), "data.splice", [151]),
    ],
)
def test_a_planted_fault_is_found_at_its_row(
    change: Callable[[Prices], None], code: str, rows: list[int]
) -> None:
    opens, closes, prices = daily()
    change(prices)
    assert found_in(prices, opens, closes)[code] == rows


def test_a_quiet_year_has_no_finding() -> None:
    opens, closes, prices = daily()
    assert found_in(prices, opens, closes) == {}


def test_one_bad_close_is_an_outlier_and_nothing_else() -> None:
    opens, closes, prices = daily()
    for role in ("open", "high", "low", "close"):
        prices[role][150] *= 10
    assert found_in(prices, opens, closes) == {"data.outlier": [151]}


def test_a_split_with_its_action_is_no_finding() -> None:
    opens, closes, prices = daily()
    scaled(prices, 150, 0.5)
    split = Action("S", int(opens[150]) - NS_PER_HOUR, ActionKind.SPLIT, 2, 1)
    assert found_in(prices, opens, closes, (split,)) == {}


def test_a_crash_on_huge_volume_is_no_splice() -> None:
    opens, closes, prices = daily()
    scaled(prices, 150, 0.45)
    prices["volume"][150] *= 9
    prices["high"][150] = prices["open"][150] * 1.4
    assert "data.splice" not in found_in(prices, opens, closes)


def test_missing_sessions_are_a_gap_with_their_number() -> None:
    opens, closes, prices = daily()
    keep = np.ones(300, dtype=bool)
    keep[[50, 120, 121, 122]] = False
    kept = {role: column[keep] for role, column in prices.items()}
    assert found_in(kept, opens[keep], closes[keep]) == {"data.gap": [51, 120]}


def minutes(days: int, shift_ns: int = 0) -> tuple[np.ndarray, np.ndarray, Prices]:  # type: ignore[type-arg]
    opens, ends = sessions("XNYS", DAY_0, DAY_0 + days * NS_PER_DAY)
    stamps = np.concatenate([np.arange(a, b, NS_PER_MINUTE) for a, b in zip(opens, ends)])
    noise = np.random.default_rng(3)
    price = np.round(100 + np.cumsum(noise.normal(0, 0.02, len(stamps))), 2)
    volume = np.full(len(stamps), 10.0)
    prices = {
        "open": price,
        "high": price + 0.02,
        "low": price - 0.02,
        "close": price,
        "volume": volume,
    }
    return stamps + shift_ns, stamps + shift_ns + NS_PER_MINUTE, prices


@pytest.mark.parametrize("hours", [-5, 1, 5])
def test_stamps_of_another_zone_are_told_with_the_shift(hours: int) -> None:
    opens, closes, prices = minutes(30, hours * NS_PER_HOUR)
    history = History.from_arrays(
        STOCK, ts_close_ns=closes, ts_open_ns=opens, **prices, rounding=True
    )
    bars = history.parts[0].bars
    assert bars is not None
    findings, _ = check_columns(STOCK, bars)
    zone = [finding for finding in findings if finding.code == "data.wrong_zone"]
    assert len(zone) == 1
    assert f"{-hours:+g} h" in zone[0].text


def test_a_hole_inside_a_session_is_found_and_nights_are_not() -> None:
    opens, closes, prices = minutes(10)
    keep = np.ones(len(opens), dtype=bool)
    keep[100:200] = False
    kept = {role: column[keep] for role, column in prices.items()}
    found = found_in(kept, opens[keep], closes[keep])
    assert found == {"data.gap_in_session": [101]}


def test_crossed_and_locked_quotes_are_two_things() -> None:
    count = 50
    stamps = DAY_0 + np.arange(count, dtype=np.int64) * 10**9
    bid, ask = np.full(count, 100, dtype=np.int64), np.full(count, 102, dtype=np.int64)
    ask[10], ask[20:23] = 99, 100
    ones = np.ones(count, dtype=np.int64)
    coin = Instrument("C", InstrumentKind.CRYPTO_SPOT)
    findings, counts = check_columns(coin, QuoteColumns(stamps, bid, ask, ones, ones))
    assert counts == {"data.crossed_quote": 1, "data.locked_quote": 3}
    assert [finding.row for finding in findings if finding.code == "data.locked_quote"] == [
        21,
        22,
        23,
    ]


FILE = """Date,Open,High,Low,Close,Volume
2024-07-01,10.5,11,10,10.75,100
2024-07-02,10.75,12.25,10.5,x,200
2024-07-02,10.75,12.25,10.5,12,200
2024-07-04,10.75,12.25,10.5,nan,200
2024-07-05,,12.25,10.5,12,200
2024-07-03,10.75,12.25,10.5,12,200
"""


def test_a_file_is_checked_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(FILE)
    report = check_file(path, ImportOptions("x", symbol="A", calendar="XNYS"))
    assert {(f.code, f.row, f.column) for f in report.findings} == {
        ("data.not_a_number", 3, "Close"),
        ("data.two_instruments_one_symbol", 4, "time"),
        ("data.not_a_session", 5, "Date"),
        ("data.not_finite", 5, "Close"),
        ("data.missing_value", 6, "Open"),
        ("data.unsorted", 7, "time"),
    } - {("data.two_instruments_one_symbol", 4, "time")}
    assert report.has_errors


def test_without_a_calendar_the_report_says_what_was_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(FILE)
    report = check_file(path, ImportOptions("x", symbol="A"))
    assert any("--calendar" in note for note in report.notes)


def test_every_rule_has_words() -> None:
    for code, rule in RULES.items():
        assert code.startswith("data.") and rule.title and rule.remedy
        assert not (rule.severity is Severity.ERROR and "look" in rule.title)
