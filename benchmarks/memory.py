"""W6: the peak memory of W1 over its data.

In a fresh process that has loaded numpy and the data, and nothing else, the resident size is read
(VmRSS). Then the library is imported and runs once; the highest resident size since (VmHWM) minus the
first is what it took, the library itself included. An earlier process, not measured, has filled the
caches of compiled code. `getrusage` is not used for it: its peak is
inherited from the parent process.
"""

from __future__ import annotations

import sys

from benchmarks.environments import NotInstalledError, Peer
from benchmarks.participant import ParticipantError, Task, run_alone
from benchmarks.record import Record
from benchmarks.workloads import MEMORY_PEERS, WORKLOADS


def measure_memory(record: Record, peers: dict[str, Peer]) -> None:
    """Measure ours and the peers, each once: memory does not vary as time does."""
    for workload, names in MEMORY_PEERS.items():
        size = WORKLOADS[workload].size
        tasks = [Task(workload, "bars", size)]
        tasks += [Task(workload, "bars", size, peers[name]) for name in names if name in peers]
        for task in tasks:
            cell = record.cell(f"W6 {workload}", task.name, size)
            if cell.samples or cell.failed:
                continue
            try:
                run_alone(task, "--cold")
                answer = run_alone(task, "--memory")
            except (NotInstalledError, ParticipantError) as error:
                cell.failed = f"failed: {error}"
            else:
                cell.about = {key: answer.pop(key) for key in ("version", "python")}
                cell.samples.append(answer)
                over = over_data_mib(answer)
                print(f"W6 {workload} {task.name}: {over:.0f} MiB", file=sys.stderr, flush=True)
            record.save()


def over_data_mib(answer: dict[str, int]) -> float:
    """Return the peak over the data and a bare numpy."""
    return (answer["peak_kib"] - answer["baseline_kib"]) / 1024
