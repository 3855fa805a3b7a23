"""The venue and `trader live` as processes, with a market that is moved by hand."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from runtime.config import load_strategy
from runtime.promotion.fingerprint import fingerprint_of
from tests.architecture.source import ROOT
from tests.unit.live.rehearsals import NUMBER, Rehearsal, minute_strategy

KILLS = int(os.environ.get("KILLS", "2"))
PATIENT = '[signals]\nexpiry = "4h"\n'  # a person takes longer than a minute: BAR_SECONDS here
KEYS = {"TRADER_ALPACA_KEY_ID": "PKREHEARSAL", "TRADER_ALPACA_SECRET_KEY": "rehearsal-secret"}
TO_THE_OPEN = 14 * 3600 + 28 * 60  # from midnight, UTC
MINUTES = 394  # until after the close
LENGTH = 3_900 * (1 + KILLS // 20)  # bars: ten days of them for twenty kills
NIGHT = 24 * 3600 - MINUTES * 60
BAR_SECONDS = 0.05


@dataclass
class Market:
    """A venue in a process of its own."""

    url: str
    control: str
    goes_on: threading.Event = field(default_factory=threading.Event)

    def books(self) -> Any:
        """Return what the account really has."""
        with urlopen(f"{self.control}/books", timeout=10) as answer:
            return msgspec.json.decode(answer.read())

    def advance(self, seconds: int = 60) -> None:
        """Let time pass."""
        post = Request(f"{self.control}/advance?seconds={seconds}", method="POST")
        urlopen(post, timeout=10).close()


@contextmanager
def market(here: Rehearsal) -> Iterator[Market]:
    """Give a venue over the market of the strategy `busy`, which the workspace then names."""
    strategy = minute_strategy("busy", "sma(close, 30)", length=LENGTH)
    (here.file.parent / "busy.toml").write_text(strategy.replace("[signals]\n", PATIENT))
    process = run(here.folder, "tests.unit.live.patient_venue", str(here.file.parent / "busy.toml"))
    assert process.stdout is not None
    urls = process.stdout.readline().split()
    assert urls, process.told()
    found = Market(urls[0], f"{urls[1]}/_control")
    text = '[database]\nurl = "sqlite:///trader.db"\n[venues.alpaca]\n' + f'url = "{urls[0]}"\n'
    (here.folder / "trader.toml").write_text(text)
    found.advance(TO_THE_OPEN)
    over = threading.Event()

    def go_on() -> None:
        day, minute = 2, 0  # a Wednesday
        while not over.wait(BAR_SECONDS):
            if not found.goes_on.is_set():
                continue
            found.advance()
            minute += 1
            if minute == MINUTES:
                day, minute = (day + 1) % 5, 0
                found.advance(NIGHT + (0 if day else 2 * 24 * 3600))

    moving = threading.Thread(target=go_on)
    moving.start()
    try:
        yield found
    finally:
        over.set()
        moving.join()
        process.kill()
        process.communicate()


def issue_for(here: Rehearsal, name: str, **fields: Any) -> None:
    """Issue a certificate for a strategy of the workspace."""
    from runtime.backtest.histories import load_history

    config = load_strategy(here.file.parent / f"{name}.toml")
    history = load_history(config.data, Path())
    place: dict[str, Any] = {"venue": "alpaca", "environment": "rehearsal", "account": NUMBER}
    here.issue(
        fingerprint_of(
            config,
            instruments=history.instruments,
            timeframe=history.passport.timeframe,
            **place,
        ),
        **fields,
    )


class Command(subprocess.Popen[str]):
    """A process, which tells its problems to a file: a pipe that nobody reads would stop it."""

    problems: Path

    def told(self) -> str:
        """Return what it has told of its problems."""
        return self.problems.read_text()


def start(folder: Path, *line: str) -> Command:
    """Run a command of `trader`."""
    return run(folder, "trader", *line)


def run(folder: Path, module: str, *line: str) -> Command:
    """Run a module in a workspace."""
    problems = folder / f"{module}.stderr"
    with problems.open("w") as file:
        command = Command(
            [sys.executable, "-m", module, *line],
            cwd=folder,
            env=os.environ
            | KEYS
            | {"PYTHONPATH": str(ROOT), "TRADER_DATABASE_URL": f"sqlite:///{folder / 'trader.db'}"},
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    command.problems = problems
    return command


def when(is_so: Callable[[], Any], process: Command) -> None:
    """Wait until something is so, as long as the process lives: how long that takes is the machine's."""
    while not is_so():
        assert process.poll() is None, process.told()
        time.sleep(0.05)
