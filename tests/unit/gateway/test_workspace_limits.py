"""`[limits]` of ``trader.toml`` becomes what the gateway holds every session to."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.model.instruments import Instrument, InstrumentKind
from runtime.gateway.checks import Limits
from runtime.gateway.limits import limits_of
from runtime.workspace import find_workspace

TWO = [
    Instrument("ABC", InstrumentKind.EQUITY, "USD"),
    Instrument("DEF", InstrumentKind.EQUITY, "USD"),
]


def limits_in(folder: Path, text: str) -> Limits:
    (folder / "trader.toml").write_text(text)
    workspace = find_workspace(folder)
    assert workspace is not None
    return limits_of(workspace.limits, TWO)


def test_what_is_written_is_held(tmp_path: Path) -> None:
    found = limits_in(
        tmp_path,
        "[limits]\norder_value = 50_000.5\nposition_value = 200_000\ncollar_percent = 7.5\n"
        'orders_per_minute = 30\nrestricted = ["DEF", "GHI"]\n',
    )
    assert found.order_value_minor == 5_000_050_000_000
    assert found.position_value_minor == 20_000_000_000_000
    assert found.collar_ppm == 75_000
    assert found.orders_per_minute == 30
    assert found.restricted == {1}, "GHI is not among the instruments"


@pytest.mark.parametrize("written", ["def", "Def", " DEF ", "\uff24\uff25\uff26", "DE/F"])
def test_a_restricted_symbol_is_meant_however_it_is_written(written: str, tmp_path: Path) -> None:
    found = limits_in(tmp_path, f'[limits]\nrestricted = ["{written}"]\n')
    assert found.restricted == {1}


def test_without_the_table_the_defaults_hold(tmp_path: Path) -> None:
    assert limits_in(tmp_path, '[sessions]\non_stop = "keep"\n') == limits_of(None, TWO) == Limits()


def test_a_share_that_cannot_be_exact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="millionth"):
        limits_in(tmp_path, f"[limits]\ncollar_percent = {Decimal(1) / Decimal(2**20)}\n")
