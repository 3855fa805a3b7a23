"""A participant's process as the runner sees it: start, one round at a time, end."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from time import monotonic
from typing import IO, Any

from benchmarks.environments import HERE, Peer, environment_of
from benchmarks.workloads import WORLD_SIZES
from benchmarks.world import cache_root, data_folder

OURS = "trader"
SECONDS_MAX = 900.0


class ParticipantError(Exception):
    """A participant has failed; the text says how."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a participant is asked to do."""

    workload: str
    world: str
    size: int
    peer: Peer | None = None  # None: ourselves

    @property
    def name(self) -> str:
        """The participant's name."""
        return OURS if self.peer is None else self.peer.name

    def command(self, *options: str) -> list[str]:
        """Return the command that runs the worker; installs the peer when it is not there."""
        python = sys.executable if self.peer is None else str(environment_of(self.peer))
        program = HERE / "ours.py" if self.peer is None else self.peer.file
        package = "" if self.peer is None else self.peer.package
        folder = data_folder(self.world, WORLD_SIZES[self.world])
        return [
            *(python, "-P", str(HERE / "worker.py"), str(program), self.workload, str(folder)),
            *("--size", str(self.size), "--package", package, *options),
        ]

    def environment(self) -> dict[str, str]:
        """Return the environment variables of the process."""
        variables = dict(os.environ)
        variables.pop("PYTHONPATH", None)
        if self.peer is None:
            variables["PYTHONPATH"] = str(HERE.parent)
        else:
            variables |= self.peer.variables
            # A peer that writes to its user's home folder writes to the cache instead.
            home = cache_root() / "home"
            home.mkdir(parents=True, exist_ok=True)
            variables["HOME"] = str(home)
        return variables


class Participant:
    """One process that answers each ``round`` with a line of JSON."""

    def __init__(self, task: Task) -> None:
        self._errors: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives with the process
        self._process = subprocess.Popen(
            task.command("--serve"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=task.environment(),
        )
        self.about = self._answer()

    def round(self) -> dict[str, Any]:
        """Run one round."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("round\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ParticipantError(self._last_words()) from None
        return self._answer()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._errors.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _answer(self) -> dict[str, Any]:
        output = self._process.stdout
        assert output is not None
        deadline = monotonic() + SECONDS_MAX
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not selector.select(timeout=1.0):
                if monotonic() > deadline:
                    self._process.kill()
                    raise ParticipantError(f"took more than {SECONDS_MAX:.0f} s")
        line = output.readline()
        if not line:
            self._process.wait()
            raise ParticipantError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        return last_line(self._errors.read())


def run_alone(task: Task, *options: str, variables: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a participant to its end, in a fresh process; return its answer.

    Raises
    ------
    ParticipantError
        If it fails or takes too long.
    """
    environment = task.environment() | (variables or {})
    try:
        done = subprocess.run(
            task.command(*options),
            capture_output=True,
            text=True,
            env=environment,
            timeout=SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ParticipantError(f"took more than {SECONDS_MAX:.0f} s") from None
    if done.returncode != 0:
        raise ParticipantError(last_line(done.stderr))
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def last_line(text: str) -> str:
    """Return the last line of what a process said before it failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "ended without a word"
