"""What was measured so far, kept on disk after each round, so that a stopped run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.environments import HERE


@dataclass(slots=True)
class Cell:
    """One participant at one workload: its rounds, or why there are none."""

    workload: str
    participant: str
    size: int
    about: dict[str, Any] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    failed: str = ""

    @property
    def seconds(self) -> list[float]:
        """The time of each round."""
        return [float(sample["seconds"]) for sample in self.samples]

    @property
    def median(self) -> float:
        """The median time of a round."""
        return statistics.median(self.seconds)


@dataclass(slots=True)
class Record:
    """A run of the benchmarks: where, when, and its cells."""

    path: Path | None
    about: dict[str, Any] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    is_finished: bool = False

    def cell(self, workload: str, participant: str, size: int) -> Cell:
        """Return a cell, a new one when it was not begun."""
        key = f"{workload}|{participant}|{size}"
        return self.cells.setdefault(key, Cell(workload, participant, size))

    def save(self) -> None:
        """Write the record, all or nothing."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.to_json(), indent=1) + "\n")
        os.replace(fresh, self.path)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        cells = [
            {name: getattr(cell, name) for name in Cell.__dataclass_fields__}
            for cell in self.cells.values()
        ]
        return {"about": self.about, "is_finished": self.is_finished, "cells": cells}


def read_record(path: Path) -> Record:
    """Return a record that was saved."""
    values = json.loads(path.read_text())
    record = Record(path, values["about"], {}, values["is_finished"])
    for item in values["cells"]:
        cell = Cell(**item)
        record.cells[f"{cell.workload}|{cell.participant}|{cell.size}"] = cell
    return record


def begin(path: Path | None, about: dict[str, Any]) -> Record:
    """Return the unfinished record of the same plan and code to go on with, else a new one."""
    if path is not None and path.is_file():
        try:
            old = read_record(path)
        except (ValueError, KeyError, TypeError):
            return Record(path, about)
        same = all(old.about.get(key) == about[key] for key in ("sources", "plan", "machine"))
        if same and not old.is_finished:
            return old
    return Record(path, about)


def about_run(plan: str, date: str) -> dict[str, Any]:
    """Return where and when: machine, Python, versions, code and load."""
    packages = {name: version(name) for name in ("numpy", "numba", "polars")}
    return {
        "plan": plan,
        "date": date or time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "python": platform.python_version(),
        "packages": packages,
        "code": code(),
        "sources": sources_digest(),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def machine() -> str:
    """Return what the machine is, in a few words."""
    model = platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, ValueError):
        return f"{model}, {os.cpu_count()} cores"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def sources_digest() -> str:
    """Return a hash over what is measured and over what measures."""
    digest = hashlib.blake2b(digest_size=8)
    for package in ("engine", "sims", "data", "reports", "runtime", "trader", "benchmarks"):
        for path in sorted((HERE.parent / package).rglob("*.py")):
            digest.update(path.read_bytes())
    digest.update((HERE / "peers.toml").read_bytes())
    return digest.hexdigest()


def code() -> str:
    """Return the commit that is measured, and whether files differ from it."""
    where = ["git", "-C", str(HERE.parent)]
    try:
        commit = subprocess.check_output([*where, "rev-parse", "--short", "HEAD"], text=True)
        changed = subprocess.check_output(
            [*where, "status", "--porcelain", "-uno", "--", "engine", "sims", "runtime", "data"],
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.strip() + (" with changes" if changed.strip() else "")
