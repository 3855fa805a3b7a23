"""How much does one more strategy cost? ``python -m benchmarks.side_by_side 1 10 30 100``.

So many copies of W7's strategy (every exit, check and guard on), each with averages of its own, run side
by side in one process over the same bars. Times are the processor's.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from time import process_time

from benchmarks.ours import STRATEGIES, bar_history
from benchmarks.worker import load, status_kib
from benchmarks.workloads import WORLD_SIZES
from benchmarks.world import data_folder


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each number of strategies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1, 10, 30, 100])
    parser.add_argument("--bars", type=int, default=20_000)
    parser.add_argument("--engine", default="compiled")
    options = parser.parse_args(arguments)
    from runtime.backtest.many import run_many
    from runtime.compile_cache import use_cache
    from runtime.config import load_strategy

    use_cache()
    history = bar_history(load(data_folder("bars", WORLD_SIZES["bars"]), options.bars))
    config = load_strategy(STRATEGIES / "full_loop.toml")
    run_many([config], history=history, engine=options.engine)  # compiles or loads
    print("strategies   CPU s   ms a strategy   fills   peak MiB")
    for count in sorted(options.counts):
        chosen = [
            config.with_parameters({"fast": 5 + k % 20, "slow": 30 + k}) for k in range(count)
        ]
        started = process_time()
        results = run_many(chosen, history=history, engine=options.engine)
        seconds = process_time() - started
        fills = sum(result.summary.pessimistic.trades.fills for result in results)
        peak = status_kib("VmHWM") // 1024
        print(f"{count:10} {seconds:7.2f} {1000 * seconds / count:15.1f} {fills:7,} {peak:10}")


if __name__ == "__main__":
    main()
