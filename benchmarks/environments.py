"""Environments of the peers: made once with the ordinary client, kept in the user's cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.world import cache_root

HERE = Path(__file__).parent
INSTALL_SECONDS_MAX = 900


@dataclass(frozen=True, slots=True)
class Peer:
    """A library to compare with, as `peers.toml` pins it."""

    name: str
    package: str
    version: str
    program: str = ""
    python: str = "3.11"
    needs: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def requirements(self) -> tuple[str, ...]:
        """What to install, exactly."""
        return (f"{self.package}=={self.version}", *self.needs)

    @property
    def file(self) -> Path:
        """The peer's part of the benchmarks."""
        return HERE / "peers" / f"{self.program or self.name}.py"

    @property
    def folder(self) -> Path:
        """Where its environment is or will be."""
        return cache_root() / f"{self.package}-{self.version}"


class NotInstalledError(Exception):
    """A peer cannot be installed here; the text says why."""


def load_peers(path: Path = HERE / "peers.toml") -> dict[str, Peer]:
    """Return the peers by name."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    return {
        name: Peer(name, **{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
        for name, table in tables.items()
    }


def environment_of(peer: Peer) -> Path:
    """Return the Python of a peer's environment; install it when it is not there.

    Raises
    ------
    NotInstalledError
        If no suitable Python is here, or the client refuses.
    """
    python = peer.folder / "bin" / "python"
    marker = peer.folder / "requirements.txt"
    wanted = "\n".join(peer.requirements) + "\n"
    if marker.is_file() and marker.read_text() == wanted:
        return python
    shutil.rmtree(peer.folder, ignore_errors=True)
    for command in _install_commands(peer, find_python(peer.python)):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False
        )
        if done.returncode != 0:
            raise NotInstalledError(_last_line(done.stderr) or f"{command[0]} failed")
    marker.write_text(wanted)
    return python


def find_python(least: str) -> str:
    """Return an interpreter of at least that version; this one when it will do.

    Raises
    ------
    NotInstalledError
        If there is none. TRADER_BENCH_PYTHON may name one.
    """
    wanted = tuple(int(part) for part in least.split("."))
    if sys.version_info >= wanted:
        return sys.executable
    chosen = os.environ.get("TRADER_BENCH_PYTHON")
    if chosen:
        return chosen
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(wanted[1], wanted[1] + 4):
        name = f"python{wanted[0]}.{minor}"
        kept = sorted(pyenv.glob(f"{wanted[0]}.{minor}.*/bin/{name}"))
        for candidate in [shutil.which(name), *map(str, kept)]:
            if candidate and _works(candidate):
                return candidate
    raise NotInstalledError(f"needs Python {least} or later; name one in TRADER_BENCH_PYTHON")


def _works(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def _install_commands(peer: Peer, python: str) -> list[list[str]]:
    inside = str(peer.folder / "bin" / "python")
    uv = _uv()
    if uv:
        return [
            [uv, "venv", "-q", "--python", python, str(peer.folder)],
            [uv, "pip", "install", "-q", "--python", inside, *peer.requirements],
        ]
    return [
        [python, "-m", "venv", str(peer.folder)],
        [inside, "-m", "pip", "install", "-q", *peer.requirements],
    ]


def _uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
