"""Does cost grow linearly, and memory not at all? ``python -m benchmarks.scale 1 10 100`` (millions).

For each size a catalog is written beforehand, in blocks, so that writing needs no memory either; then
a crossing of two averages runs over the dataset in a process of its own, in windows. ``--universe 100
500 2500`` does the same with so many instruments of daily bars, of which the strongest fifty are held.
*Over the smallest* says how much more processor time a bar costs than at the smallest size; the peak
is that of the whole process, the libraries and the compiled code among it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environments import HERE
from benchmarks.world import NS_PER_DAY, NS_PER_MINUTE, START_NS, cache_root

BLOCK = 1_000_000
CHILD = "--child"
DAYS = 2_520  # of a universe: ten years
AVERAGES = (1_200, 3_000)  # minutes; W1's averages of 20 and 50 trade every 45 minutes


@dataclass(frozen=True)
class Case:
    """One run: a catalog, a strategy file of the benchmarks, and its parameters."""

    catalog: Path
    strategy: str
    parameters: dict[str, int]
    bars: int
    instruments: int = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the catalogs that are missing, run each size in its own process, print the lines."""
    options = _parser().parse_args(arguments)
    if options.child:
        print(json.dumps(run(json.loads(options.child), options)))
        return
    rows = []
    for case in cases(options):
        rows.append(measure(case, options))
        print(f"{case.bars:,} bars are done", file=sys.stderr)
    print(json.dumps(rows, indent=1) if options.json else table(rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1.0, 10.0, 100.0])
    parser.add_argument("--averages", nargs=2, type=int, default=AVERAGES, metavar="BARS")
    parser.add_argument("--universe", nargs="+", type=int, metavar="INSTRUMENTS")
    parser.add_argument("--engine", default="compiled")
    parser.add_argument("--in-memory", action="store_true", help="load the data whole")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(CHILD, help=argparse.SUPPRESS)
    return parser


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """Yield what is to be run, from the smallest size."""
    if options.universe:
        for count in sorted(options.universe):
            catalog = written_universe(count, DAYS)
            yield Case(catalog, "momentum.toml", {}, count * DAYS, count)
        return
    fast, slow = options.averages
    for millions in sorted(options.millions):
        bars = int(millions * 1e6)
        yield Case(written_catalog(bars), "cross_rule.toml", {"fast": fast, "slow": slow}, bars)


def measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Return time and peak memory of one size."""
    child = {"catalog": str(case.catalog), "strategy": case.strategy, "parameters": case.parameters}
    command = [sys.executable, "-m", "benchmarks.scale", CHILD, json.dumps(child)]
    command += ["--engine", options.engine, *(["--in-memory"] if options.in_memory else [])]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"bars": case.bars, "instruments": case.instruments, **answer}


def run(child: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Run a strategy over a catalog's dataset, after a small run that warms up."""
    from time import perf_counter, process_time

    from benchmarks.ours import STRATEGIES, outcome
    from benchmarks.worker import forget_peak, status_kib
    from runtime.backtest import run_backtest
    from runtime.compile_cache import use_cache
    from runtime.config import load_strategy

    use_cache()
    catalog, engine = Path(child["catalog"]), options.engine
    rows = 10**12 if options.in_memory else 0
    config = load_strategy(STRATEGIES / child["strategy"]).with_data(dataset="walk")
    config = config.with_parameters(child["parameters"])
    day = START_NS + 2 * NS_PER_DAY
    run_backtest(
        config.with_data(end_ns=day), catalog_root=catalog, engine=engine, rows_in_memory=rows
    )
    forget_peak()
    before = status_kib("VmRSS")
    started, started_cpu = perf_counter(), process_time()
    result = run_backtest(config, catalog_root=catalog, engine=engine, rows_in_memory=rows)
    fills, equity = outcome(result)
    return {
        "seconds": perf_counter() - started,
        "cpu_seconds": process_time() - started_cpu,
        "fills": fills,
        "equity": equity,
        "state": result.state_hash,
        "before_mib": before / 1024,
        "peak_mib": status_kib("VmHWM") / 1024,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return a line for each size."""
    smallest = rows[0]["cpu_seconds"] / rows[0]["bars"]
    head = f"{'instruments':>11}{'bars':>13}{'seconds':>9}{'CPU s':>8}{'M bars/s':>10}"
    head += f"{'over the smallest':>19}{'fills':>9}{'peak MiB':>10}"
    lines = [
        f"{row['instruments']:11,}{row['bars']:13,}{row['seconds']:9.2f}{row['cpu_seconds']:8.2f}"
        f"{row['bars'] / row['seconds'] / 1e6:10.2f}"
        f"{row['cpu_seconds'] / row['bars'] / smallest:18.2f}x"
        f"{row['fills']:9,}{row['peak_mib']:10,.0f}"
        for row in rows
    ]
    return "\n".join([head, *lines])


def written_universe(instruments: int, days: int) -> Path:
    """Return a catalog whose dataset ``walk`` has daily bars of so many instruments."""
    from data.writer import Draft, Part, write_dataset
    from engine.model.instruments import Instrument, InstrumentKind

    catalog = cache_root() / f"scale-{instruments}x{days}"
    marker = catalog / "complete"
    if marker.is_file():
        return catalog
    shutil.rmtree(catalog, ignore_errors=True)
    symbols = [f"S{number:05}" for number in range(instruments)]
    kind = InstrumentKind.EQUITY
    defined = {symbol: Instrument(symbol, kind, quantity_precision=6) for symbol in symbols}
    parts = [Part("bars", symbol, daily(k, days), "1d") for k, symbol in enumerate(symbols)]
    write_dataset(catalog / "walk", Draft(defined, parts))
    marker.touch()
    return catalog


def daily(number: int, days: int, *, seed: int = 19) -> Any:
    """Return the daily bars of one instrument; each walks by itself, pulled back to 100."""
    from data.history import BarColumns

    draws = np.random.Generator(np.random.PCG64((seed, number)))
    path = np.cumsum(draws.normal(0.0, 0.02, days))
    path -= np.linspace(0.0, path[-1], days)
    close = np.maximum(np.rint(10_000 * np.exp(path)), 100).astype(np.int64)
    opened = np.concatenate(([10_000], close[:-1]))
    spread = draws.integers(0, 100, days)
    high, low = np.maximum(opened, close) + spread, np.minimum(opened, close) - spread
    ts = START_NS + np.arange(1, days + 1, dtype=np.int64) * NS_PER_DAY
    volume = np.full(days, 10**13)
    return BarColumns(ts - NS_PER_DAY, ts, opened, high, np.maximum(low, 1), close, volume)


def written_catalog(bars: int) -> Path:
    """Return a catalog whose dataset ``walk`` has that many bars; write it when it is missing."""
    catalog = cache_root() / f"scale-{bars}"
    marker = catalog / "complete"
    if marker.is_file():
        return catalog
    shutil.rmtree(catalog, ignore_errors=True)
    catalog.mkdir(parents=True)
    write_parquet(catalog / "walk.parquet", bars)
    command = [sys.executable, "-m", "trader", "data", "import", str(catalog / "walk.parquet")]
    command += ["--name", "walk", "--symbol", "WALK", "--timezone", "UTC", "--stamp", "close"]
    command += ["--timeframe", "1m", "--calendar", "24/7", "--instrument-kind", "equity"]
    command += ["--catalog", str(catalog)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    (catalog / "walk.parquet").unlink()
    marker.touch()
    return catalog


def write_parquet(path: Path, bars: int) -> None:
    """Write the walk as one Parquet file, a block at a time."""
    import polars as pl

    folder = path.with_suffix(".blocks")
    folder.mkdir()
    for number, columns in enumerate(blocks(bars)):
        frame = pl.DataFrame(columns).with_columns(pl.from_epoch("ts", time_unit="ns"))
        frame.write_parquet(folder / f"{number:06}.parquet")
    pl.scan_parquet(folder / "*.parquet").sink_parquet(path)
    shutil.rmtree(folder)


def blocks(bars: int, *, seed: int = 17) -> Iterator[dict[str, Any]]:
    """Yield the walk block by block; it is pulled back to 100, so that prices stay prices."""
    last = 100.0
    for first in range(0, bars, BLOCK):
        count = min(BLOCK, bars - first)
        draws = np.random.Generator(np.random.PCG64((seed, first)))
        path = np.cumsum(draws.normal(0.0, 1e-4, count))
        path += np.linspace(0.0, np.log(100.0 / last) - path[-1], count)
        close = np.round(last * np.exp(path), 2)
        open_ = np.concatenate(([last], close[:-1]))
        spread = np.round(np.abs(draws.normal(0.0, 0.02, count)), 2)
        ts = START_NS + np.arange(first + 1, first + count + 1, dtype=np.int64) * NS_PER_MINUTE
        yield {
            "ts": ts,
            "open": open_,
            "high": np.round(np.maximum(open_, close) + spread, 2),
            "low": np.round(np.minimum(open_, close) - spread, 2),
            "close": close,
            "volume": draws.integers(10_000, 100_000, count).astype(np.float64),
        }
        last = float(close[-1])


if __name__ == "__main__":
    main()
