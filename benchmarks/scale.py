"""Does cost grow linearly, and memory not at all? ``python -m benchmarks.scale 1 10 100`` (millions).

For each size a catalog is written beforehand, in blocks, so that writing needs no memory either; then
the rule of W1 runs over the dataset in a process of its own. *Over the smallest* says how much more
time a bar costs than at the smallest size; the peak is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environments import HERE
from benchmarks.world import NS_PER_MINUTE, START_NS, cache_root

BLOCK = 1_000_000
CHILD = "--child"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the catalogs that are missing, run each size in its own process, print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", nargs="*", type=float, default=[1.0, 10.0, 100.0])
    parser.add_argument("--engine", default="compiled")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(CHILD, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(run(options.child, options.engine)))
        return
    rows = [measure(int(millions * 1e6), options.engine) for millions in options.millions]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print(table(rows))


def measure(bars: int, engine: str) -> dict[str, Any]:
    """Return time and peak memory of one size."""
    catalog = written_catalog(bars)
    command = [sys.executable, "-m", "benchmarks.scale", CHILD, str(catalog), "--engine", engine]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return {"bars": bars, **json.loads(done.stdout.splitlines()[-1])}


def run(catalog: Path, engine: str) -> dict[str, Any]:
    """Run the rule of W1 over a catalog's dataset, after a small run that warms up."""
    from time import perf_counter

    from benchmarks.ours import STRATEGIES, outcome
    from benchmarks.worker import forget_peak, status_kib
    from runtime.backtest import run_backtest
    from runtime.compile_cache import use_cache
    from runtime.config import load_strategy

    use_cache()
    config = load_strategy(STRATEGIES / "cross_rule.toml").with_data(dataset="walk")
    day = START_NS + 24 * 60 * NS_PER_MINUTE
    run_backtest(config.with_data(end_ns=day), catalog_root=catalog, engine=engine)
    forget_peak()
    before = status_kib("VmRSS")
    started = perf_counter()
    result = run_backtest(config, catalog_root=catalog, engine=engine)
    seconds = perf_counter() - started
    fills, equity = outcome(result)
    return {
        "seconds": seconds,
        "fills": fills,
        "equity": equity,
        "state": result.state_hash,
        "before_mib": before / 1024,
        "peak_mib": status_kib("VmHWM") / 1024,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return a line for each size."""
    smallest = rows[0]["seconds"] / rows[0]["bars"]
    head = f"{'bars':>13}{'seconds':>10}{'M bars/s':>10}{'over the smallest':>19}{'peak MiB':>10}"
    lines = [
        f"{row['bars']:13,}{row['seconds']:10.2f}{row['bars'] / row['seconds'] / 1e6:10.2f}"
        f"{row['seconds'] / row['bars'] / smallest:18.2f}x{row['peak_mib']:10,.0f}"
        for row in rows
    ]
    return "\n".join([head, *lines])


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
