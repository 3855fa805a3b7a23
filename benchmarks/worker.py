"""One participant of the benchmarks in a process of its own: load the data, warm up, run rounds.

Runs in the environment of a peer, so it needs nothing but the standard library and numpy. A
participant is a Python file with a function for each workload that it takes part in:

    def w1b(data):            # once: import the library
        def once():           # timed: from float64 columns in memory to final statistics
            return fills, final_equity
        return once

The parent says ``round`` on standard input for each round and reads one JSON line of each. Called
with ``--rounds N`` it does all of them by itself and prints one line. What a library prints goes to
standard error, so that it cannot mix with the answers.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import platform
import statistics
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace

WARM_UP_ROWS = 5_000
WARM_UP_DAYS = 300


def main() -> None:
    """Answer the parent, or run the rounds alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("workload")
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, help="rows to use, from the first on")
    parser.add_argument("--package", default="", help="whose version to tell")
    parser.add_argument("--serve", action="store_true", help="wait for 'round' on standard input")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="no warm-up; tell the peak memory")
    parser.add_argument("--cold", action="store_true", help="one run, no warm-up, then end")
    options = parser.parse_args()
    channel = _take_standard_output()
    data = load(options.data, options.size)
    forget_peak()
    baseline = status_kib("VmRSS")
    build = getattr(load_program(options.program), options.workload.lower())
    if not (options.memory or options.cold):
        build(head(data))()
    once = build(data)
    imported = status_kib("VmRSS")
    about = {
        "version": installed_version(options.package),
        "python": platform.python_version(),
        "baseline_kib": baseline,
        "imported_kib": imported,
    }
    if options.serve:
        _say(channel, about)
        for line in sys.stdin:
            if line.strip() != "round":
                break
            _say(channel, run_round(once))
        return
    rounds = [run_round(once) for _ in range(options.rounds)]
    seconds = [float(item["seconds"]) for item in rounds]
    _say(channel, about | rounds[-1] | {"all": seconds, "seconds": statistics.median(seconds)})


def run_round(once) -> dict[str, object]:  # type: ignore[no-untyped-def]
    """Time one run; tell what came out and how much memory the process has used at most."""
    gc.collect()
    cpu, started = process_time(), perf_counter()
    fills, equity = once()
    seconds, cpu = perf_counter() - started, process_time() - cpu
    return {
        "seconds": seconds,
        "cpu": cpu,
        "fills": int(fills),
        "equity": float(equity),
        "peak_kib": status_kib("VmHWM"),
    }


def load(folder: Path, size: int | None) -> SimpleNamespace:
    """Load the arrays of a folder, the first `size` rows of each, as contiguous arrays."""
    import numpy as np

    names = json.loads((folder / "complete.json").read_text())["arrays"]
    mapped = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    rows = len(mapped["ts"]) if size is None else size  # what is beyond them is not read
    return SimpleNamespace(**{name: np.array(values[:rows]) for name, values in mapped.items()})


def head(data: SimpleNamespace) -> SimpleNamespace:
    """Return the beginning of each array, enough to compile what is compiled."""
    is_panel = getattr(data, "close", data.ts).ndim == 2
    rows = WARM_UP_DAYS if is_panel else WARM_UP_ROWS
    return SimpleNamespace(**{name: values[:rows].copy() for name, values in vars(data).items()})


def load_program(path: Path):  # type: ignore[no-untyped-def]
    """Load a participant's file under a name that hides no library."""
    name = f"participant_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def installed_version(package: str) -> str:
    """Return a distribution's version, or nothing."""
    try:
        return version(package) if package else ""
    except PackageNotFoundError:
        return ""


def status_kib(name: str) -> int:
    """Return a line of /proc/self/status in KiB: VmRSS now, VmHWM at most since the process began.

    `resource.getrusage` would do but for one thing: its peak is inherited from the parent's.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise OSError(f"no {name} in /proc/self/status")


def forget_peak() -> None:
    """Let the peak begin anew, so that loading the files does not count."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _take_standard_output() -> int:
    channel = os.dup(1)
    os.dup2(2, 1)
    return channel


def _say(channel: int, values: dict[str, object]) -> None:
    os.write(channel, (json.dumps(values) + "\n").encode())


if __name__ == "__main__":
    main()
