"""`trader demo --rehearsal`: the whole way from a search to a suspended certificate, by the commands themselves."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.errors import TraderError

STRATEGY: Final = "rehearsal"
SPEED: Final = "3600"
LIVE_SPEED: Final = "1800"  # a minute lasts 33 ms: an order is there before the next bar
PAPER_SECONDS: Final = "44"  # six days and a bit; a busy machine may spoil one or two
LIVE_FROM: Final = "2025-04-25"
LIVE_SECONDS_MAX: Final = "120"
_AFTERWARDS_SECONDS: Final = 4.0
_FILLS_SHOWN: Final = 4
_POLL_SECONDS: Final = 0.2
_VERDICTS: Final = ("PASS", "FAIL", "INSUFFICIENT")
_WORKSPACE: Final = """\
[database]
url = "sqlite:///rehearsal.db"

[venues.alpaca]
environment = "rehearsal"
url = "{url}"
withdrawals = true
"""


def rehearse(plot: Path) -> None:
    """Run everything in a folder that is removed afterwards, and draw what happened.

    Raises
    ------
    TraderError
        If a command fails, or no monitor alarms.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trader-rehearsal-") as folder:
        _Rehearsal(Path(folder)).run(plot)
    print(f"\nPicture: {plot}")
    print(f"REHEARSAL ended after {time.monotonic() - began:.0f} s. Nothing left this machine.")


class _Rehearsal:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = dict(os.environ) | {
            "TRADER_ALPACA_KEY_ID": "REHEARSAL",
            "TRADER_ALPACA_SECRET_KEY": "rehearsal-secret",  # no word of a page: it is masked
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }

    def run(self, plot: Path) -> None:
        """Run all stages."""
        print("REHEARSAL: a synthetic market, a venue on this machine, no money.")
        self._use_venue("http://127.0.0.1:1")
        _stage(1, "search, and one backtest of the best; what is held out stays sealed")
        search = ("--param", "window=60,90,120", "--param", "dip=0.002,0.003")
        _show(self._trader("sweep", STRATEGY, *search, has_progress=True), 4)
        lines = self._trader("backtest", STRATEGY, has_progress=True)
        _show([each for each in lines if "Sharpe 95" in each])
        _stage(2, "keys of the gate and of the one who approves; the brake is tried")
        self._trader("keys", "new", "gate", "--name", "gate")
        self._trader("keys", "new", "approver", "--name", "anna")
        _show(self._trader("drill")[1:3])
        _stage(3, "six days of paper on the venue's own data, an hour in a second")
        with self._venue(SPEED):
            lines = self._trader("paper", STRATEGY, "--feed", "alpaca", "--for", PAPER_SECONDS)
            _show([each for each in lines if each.startswith("Session")])
        with self._venue(LIVE_SPEED, "--start", LIVE_FROM):
            _stage(4, "the gate: it reads what was held out, once")
            _show(_table(self._trader("promote", STRATEGY, "--request", has_progress=True)))
            _stage(5, "a person approves; the certificate opens venues of this machine only")
            _show(self._trader("promote", "--approve", f"{STRATEGY}.request"))
            _stage(6, "live at the venue, until a monitor alarms")
            self._live()
        _show(self._trader("promote", "--show"))
        _stage(7, "what happened, in one picture")
        self._draw(plot)

    # --- commands ----------------------------------------------------------------------------------
    def _trader(
        self, *words: str, ok: Sequence[int] = (0,), has_progress: bool = False
    ) -> list[str]:
        """Run a command and return what it prints, by lines; its own progress bar shows on a terminal."""
        is_shown = has_progress and sys.stderr.isatty()
        print(f"$ trader {shlex.join(words)}", flush=True)
        done = subprocess.run(
            self._command(*words),
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=None if is_shown else subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode not in ok:
            print(done.stdout, file=sys.stderr)
            said = "see above" if is_shown else done.stderr.strip()[-500:]
            raise TraderError(
                f"`trader {shlex.join(words)}` has ended with {done.returncode}: {said}"
            )
        return done.stdout.splitlines()

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "trader", *words]

    def _start(self, *words: str) -> subprocess.Popen[str]:
        print(f"$ trader {shlex.join(words)}", flush=True)
        return subprocess.Popen(
            self._command(*words),
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @contextmanager
    def _venue(self, speed: str, *more: str) -> Iterator[None]:
        """Have a venue over the days after the strategy's data, at a port that is free."""
        ports = ("--port", "0", "--control-port", "0")
        words = ("venue", "alpaca", "--data", f"{STRATEGY}.toml", "--speed", speed, *more)
        process = self._start(*words, *ports)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("trading, data"):
                    self._use_venue(line.split()[-1])
                    break
            else:
                raise TraderError("the venue has not begun")
            yield
        finally:
            process.terminate()
            process.wait()

    def _use_venue(self, url: str) -> None:
        (self._folder / "trader.toml").write_text(_WORKSPACE.format(url=url), encoding="utf-8")

    # --- live ----------------------------------------------------------------------------------------
    def _live(self) -> None:
        """Trade until the certificate is suspended, and a little longer."""
        words = ("live", STRATEGY, "--for", LIVE_SECONDS_MAX, "--log", "live.jsonl")
        process = self._start(*words)
        told = _Told()
        stopped = False
        until = float("inf")
        while process.poll() is None:
            told.read(self._folder / "live.jsonl")
            if told.is_suspended and until == float("inf"):
                until = time.monotonic() + _AFTERWARDS_SECONDS
            if time.monotonic() > until and not stopped:
                self._trader("sessions", "stop", "last", "--why", "the rehearsal is over")
                stopped = True
            time.sleep(_POLL_SECONDS)
        told.read(self._folder / "live.jsonl")
        if process.returncode != 0:
            raise TraderError(f"`trader live` has ended with {process.returncode}")
        if not told.is_suspended:
            raise TraderError("no monitor has alarmed")

    def _draw(self, plot: Path) -> None:
        """Draw it where the databases are those of the rehearsal."""
        script = "from runtime.rehearsed import draw; import sys; draw(sys.argv[1])"
        subprocess.run(
            [sys.executable, "-c", script, str(plot.absolute())],
            cwd=self._folder,
            env=self._environment,
            check=True,
        )


class _Told:
    """Reads a session's log as it grows, and prints what a person wants to see of it."""

    def __init__(self) -> None:
        self._read = 0
        self._fills = 0
        self.is_suspended = False

    def read(self, path: Path) -> None:
        """Take in what is new."""
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for line in lines[self._read :]:
            if not line.endswith("\n"):
                break
            self._read += 1
            self._line(json.loads(line))

    def _line(self, event: dict[str, Any]) -> None:
        text = str(event.get("text", ""))
        if event.get("event") == "TRADE_EXECUTED":
            self._fills += 1
            if self._fills <= _FILLS_SHOWN:
                print(f"  {_time(event)}  {text}", flush=True)
            elif self._fills == _FILLS_SHOWN + 1:
                print("  ...", flush=True)
        elif event.get("episode") == "drift":
            if str(event.get("reason")) == "state":
                state = json.loads(text)["state"]
                day = date(1970, 1, 1) + timedelta(state["last_day"])
                print(
                    f"  {day}  {self._fills} fills so far, "
                    f"CUSUM of returns {state['fast']:.2f} of 5, of costs {state['cost']:.2f} of 5",
                    flush=True,
                )
            else:
                print(f"  {_time(event)}  ALARM: {text}", flush=True)
                self.is_suspended = True


def _time(event: dict[str, Any]) -> str:
    from runtime.config.moments import format_moment

    return format_moment(int(event.get("ts_ns", 0)))[:16].replace("T", " ")


def _table(lines: Sequence[str]) -> list[str]:
    """Return a line for each check, and what the gate says in the end."""
    checks = [
        each for each in lines if each.strip().startswith(_VERDICTS) or "required pass" in each
    ]
    ends = [n for n, each in enumerate(lines) if each.startswith(f"{STRATEGY} at ")]
    return checks + list(lines[ends[0] :] if ends else lines)


def _stage(number: int, text: str) -> None:
    print(f"\n{number}. {text[0].upper()}{text[1:]}", flush=True)


_Line = TypeVar("_Line", bound=str)


def _show(lines: Sequence[_Line], count: int | None = None) -> None:
    for line in lines[:count]:
        print(f"  {line}", flush=True)
