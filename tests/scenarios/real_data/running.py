"""Importing shared files through the command line, and running this folder's strategies on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from engine.model import layout as at
from runtime.backtest import run_backtest
from runtime.config import load_strategy
from runtime.config.moments import parse_moment
from runtime.results import BacktestResult

HERE = Path(__file__).parent
BOTH = ("interpreted", "compiled")


def import_file(path: Path, catalog: Path, *options: str) -> None:
    """Run ``trader data import`` and refuse anything but success."""
    line = ["data", "import", str(path), "--catalog", str(catalog), *options]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.stderr


def run(
    name: str,
    catalog: Path,
    *,
    instruments: tuple[str, ...] | None = None,
    start: str | None = None,
    end: str | None = None,
    engine: str = "interpreted",
    **parameters: object,
) -> BacktestResult:
    """Run a strategy of this folder on some instruments and dates of its dataset."""
    config = load_strategy(HERE / f"{name}.toml").with_parameters(parameters)
    config = config.with_data(
        start_ns=None if start is None else parse_moment(start, name="start"),
        end_ns=None if end is None else parse_moment(end, name="end"),
    )
    if instruments is not None:
        config = replace(config, data=replace(config.data, instruments=instruments))
    return run_backtest(config, catalog_root=catalog, engine=engine)


def hashes(name: str, catalog: Path, **settings: object) -> set[str]:
    """Return the state hashes of an interpreted and a compiled run: one, if they are equal."""
    return {run(name, catalog, engine=each, **settings).state_hash for each in BOTH}  # type: ignore[arg-type]


def quantity_lots(result: BacktestResult, index: int = 0) -> int:
    """Return the position in lots at the end of a run."""
    return int(result.pessimistic.positions[index, at.POSITION_QUANTITY])
