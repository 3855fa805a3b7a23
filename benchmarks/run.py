"""Our own figures of the workloads, quick: ``python -m benchmarks.run [W1a W1b W1c] [--bars N]``.

Each workload is timed end to end, from float64 columns in memory to final statistics, after one run
that is not counted; the results are checked against each other, not only timed.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.world import Columns, random_walk

STRATEGIES = Path(__file__).parent / "strategies"
WORKLOADS = {
    "W1a": ("Python class with on_bar", "cross_class.toml"),
    "W1b": ("rule", "cross_rule.toml"),
    "W1c": ("compiled strategy", "cross_compiled.toml"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chosen workloads and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    columns = random_walk(chosen.bars)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{chosen.bars:,} bars, median of {chosen.rounds} rounds, end to end")
    print(f"{'':6}{'':28}{'M bars/s':>9}{'min-max':>16}{'fills':>9}{'equity':>16}")
    seen = set()
    for name in chosen.workloads:
        title, file = WORKLOADS[name]
        times, fills, equity = measure(columns, file, chosen.rounds)
        rates = sorted(chosen.bars / seconds / 1e6 for seconds in times)
        spread = f"{rates[0]:.2f}-{rates[-1]:.2f}"
        print(
            f"{name:6}{title:28}{statistics.median(rates):9.2f}{spread:>16}{fills:9,}{equity:>16}"
        )
        seen.add((fills, equity))
    assert len(seen) == 1, f"the workloads disagree: {seen}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process {peak:,.0f} MiB")


def measure(columns: Columns, file: str, rounds: int) -> tuple[list[float], int, str]:
    """Return the seconds of each round, and what the strategy did."""
    from runtime.compile_cache import use_cache

    use_cache()
    times = []
    run_once(columns, file)
    for _ in range(rounds):
        started = perf_counter()
        fills, equity = run_once(columns, file)
        times.append(perf_counter() - started)
    return times, fills, equity


def run_once(columns: Columns, file: str) -> tuple[int, str]:
    """Run one strategy over the columns; return its fills and final equity."""
    from data.history import History
    from engine.model.instruments import Instrument, InstrumentKind
    from runtime.backtest import run_backtest
    from runtime.config import load_strategy

    history = History.from_arrays(
        Instrument("WALK", InstrumentKind.EQUITY),
        ts_close_ns=columns.ts_close_ns,
        open=columns.open,
        high=columns.high,
        low=columns.low,
        close=columns.close,
        source="benchmark random walk",
    )
    config = load_strategy(STRATEGIES / file)
    result = run_backtest(config, history=history, engine="compiled")
    statistics_ = result.summary.pessimistic
    return statistics_.trades.fills, str(statistics_.final_equity)


if __name__ == "__main__":
    main()
