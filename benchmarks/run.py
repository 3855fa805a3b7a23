"""The benchmarks: ``python -m benchmarks.run`` is ours alone, quick; ``--peers`` measures all.

Each participant has a process of its own. Within a workload they take turns, round by round, so that
what else the machine does meets all of them; what counts are ratios of medians. Results are compared
with ours at the same size. What was measured is saved after each round: a stopped run goes on where
it was, as long as the code is the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cold import measure_cold
from benchmarks.environments import HERE, NotInstalledError, Peer, load_peers
from benchmarks.memory import measure_memory
from benchmarks.participant import Participant, ParticipantError, Task
from benchmarks.record import Cell, Record, about_run, begin
from benchmarks.tables import text_report
from benchmarks.workloads import WORKLOADS, Workload
from benchmarks.world import cache_root

PUBLISHED = HERE / "results" / "peers.json"
SPECIAL = ("W5", "W6")
QUICK_ROUNDS = {"W3": 1, "W3x2": 1, "W4a": 1, "W4b": 1}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for, show the table."""
    options = parse(arguments)
    names = options.workloads or [*WORKLOADS, *SPECIAL]
    peers = load_peers() if options.peers else {}
    if options.only:
        peers = {name: peer for name, peer in peers.items() if name in options.only}
    plan = f"{' '.join(names)} | {' '.join(peers)} | {options.fraction} {options.rounds}"
    record = begin(options.state, about_run(plan, options.date))
    for name in names:
        if name == "W5":
            measure_cold(record, peers, options.rounds or (5 if peers else 3))
        elif name == "W6":
            measure_memory(record, peers)
        else:
            measure(record, WORKLOADS[name], peers, options)
    record.is_finished = True
    record.save()
    print(text_report(record))
    if options.publish:
        Record(PUBLISHED, record.about, record.cells, is_finished=True).save()
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    choices = [*WORKLOADS, *SPECIAL]
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(choices))
    parser.add_argument("--peers", action="store_true", help="install and measure the peers too")
    parser.add_argument("--only", action="append", help="of the peers only this; repeatable")
    parser.add_argument("--rounds", type=int, default=0, help="instead of each workload's own")
    parser.add_argument("--fraction", type=float, default=1.0, help="of the data, for a trial")
    parser.add_argument("--date", default="", help="the date to print; today when left out")
    parser.add_argument("--state", type=Path, help="where to keep what was measured")
    parser.add_argument("--publish", action="store_true", help="keep it as the published result")
    options = parser.parse_args(arguments)
    wrong = [name for name in options.workloads if name not in choices]
    if wrong:
        parser.error(f"no workload {wrong[0]}; there are {', '.join(choices)}")
    if options.state is None:
        options.state = cache_root() / ("run-peers.json" if options.peers else "run-ours.json")
    return options


def measure(
    record: Record, workload: Workload, peers: dict[str, Peer], options: argparse.Namespace
) -> None:
    """Measure one workload: everybody in turn, then our own result at each size that was used."""
    rounds = options.rounds or (workload.rounds if peers else QUICK_ROUNDS.get(workload.name, 3))
    full = max(1, int(workload.size * options.fraction))
    tasks = [Task(workload.name, workload.world, full)]
    for name, size in workload.peers.items():
        if name in peers:
            rows = full if size is None else min(size, full)
            tasks.append(Task(workload.name, workload.world, rows, peers[name]))
    measure_in_turn(record, tasks, rounds)
    for size in sorted({task.size for task in tasks} - {full}):
        reference = [Task(workload.name, workload.world, size)]
        measure_in_turn(record, reference, 1)


def measure_in_turn(record: Record, tasks: list[Task], rounds: int) -> None:
    """Run the rounds that are missing, one of each participant at a time."""
    cells = [record.cell(task.workload, task.name, task.size) for task in tasks]
    running: dict[int, Participant] = {}
    try:
        for k, task in enumerate(tasks):
            if len(cells[k].samples) < rounds and not cells[k].failed:
                started = start(task, cells[k])
                if started is not None:
                    running[k] = started
                record.save()
        for turn in range(rounds):
            for k, participant in list(running.items()):
                if len(cells[k].samples) <= turn and not take_turn(participant, cells[k]):
                    running.pop(k).end()
                record.save()
    finally:
        for participant in running.values():
            participant.end()


def start(task: Task, cell: Cell) -> Participant | None:
    """Start a participant; say in its cell why it could not."""
    say(f"{task.workload} {task.name}: {task.size:,} rows, prepares")
    try:
        participant = Participant(task)
    except (NotInstalledError, ParticipantError) as error:
        kind = "not installed" if isinstance(error, NotInstalledError) else "failed"
        cell.failed = f"{kind}: {error}"
        say(f"{task.workload} {task.name}: {cell.failed}")
        return None
    cell.about = participant.about
    return participant


def take_turn(participant: Participant, cell: Cell) -> bool:
    """Run one round; return whether there can be another."""
    try:
        cell.samples.append(participant.round())
    except ParticipantError as error:
        cell.failed = f"failed: {error}"
        say(f"{cell.workload} {cell.participant}: {cell.failed}")
        return False
    say(f"{cell.workload} {cell.participant}: {cell.samples[-1]['seconds']:.3f} s")
    return True


def say(text: str) -> None:
    """Tell on standard error how far it is."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
