"""The venue's page says what the capability record says."""

from __future__ import annotations

from enum import Enum

from msgspec.structs import asdict

from brokers.alpaca.capabilities import ALPACA, ALPACA_COINS
from engine.model.orders import TimeInForce
from tests.architecture.source import ROOT


def shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "as each is listed"
        case tuple():
            return ", ".join(shown(each) for each in value)
        case TimeInForce():
            return value.name.lower()
        case Enum():
            return value.name.lower().replace("_", " ")
        case _:
            return str(value)


def test_the_page_shows_the_record() -> None:
    page = (ROOT / "brokers/alpaca/README.md").read_text(encoding="utf-8")
    coins = asdict(ALPACA_COINS)
    rows = [
        f"| {name} | {shown(value)} | {shown(coins[name])} |"
        for name, value in asdict(ALPACA).items()
    ]
    table = page.split("|---|---|---|\n", 1)[1].split("\n\n")[0]
    assert table.splitlines() == rows


def test_the_page_lists_the_files() -> None:
    page = (ROOT / "brokers/alpaca/README.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "brokers/alpaca").glob("*.py")}
    trading = files - {"__init__.py", "capabilities.py"}
    assert {name for name in trading if f"`{name}`" not in page} <= {
        name for name in trading if name.startswith(("market", "history"))
    }
