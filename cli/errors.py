"""Errors on the screen: what is wrong, where, what to do; and the exit code that says it to programs.

0 success, 1 a negative answer, 2 wrong use or bad input, 3 our mistake, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer

from cli.interrupts import EXIT_INTERRUPTED, INTERRUPTED, raised
from engine.errors import FormulaError, TraderError

WIDTH = 80
EXIT_NEGATIVE = 1
EXIT_INPUT = 2
EXIT_FAULT = 3

_P = ParamSpec("_P")
_R = TypeVar("_R")

# What the machine refuses is no fault of the program: no space, no permission.
_REFUSED_BY_SYSTEM = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}
)
_DISK_FULL = f"(os error {errno.ENOSPC})"
_BROKEN = frozenset(
    {errno.EIO, errno.ELOOP, errno.ESTALE, errno.EMFILE, errno.ENFILE}
    | {errno.EISDIR, errno.ENOTDIR, errno.ENXIO, errno.EEXIST}
)


def guarded(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turn exceptions of a command into a message and an exit code.

    The traceback is shown only where the command was called with ``debug=True``.
    """

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with raised() as has_come:
            try:
                answer = command(*args, **kwargs)
                sys.stdout.flush()  # a full disk or a closed pipe is found here, not at the very end
                return answer
            except (typer.Exit, typer.Abort, typer.BadParameter, SystemExit):
                raise
            except BrokenPipeError:
                _forget_output()
                raise typer.Exit(0) from None  # the reader, e.g. `head`, has seen enough
            except BaseException as error:  # noqa: BLE001  every error gets its words: polars' panics too
                if kwargs.get("debug"):
                    traceback.print_exception(error)
                if isinstance(error, OSError):
                    _forget_output()
                if not isinstance(error, TraderError) and has_come():
                    error = KeyboardInterrupt()  # a library has made it something else
                raise typer.Exit(report(error)) from None

    return run


def report(error: BaseException, whose: str = "") -> int:
    """Print an error to stderr and return the exit code; `whose` it is, where several may have one."""
    if whose:
        _print(f"{whose}:", "", wrap=False)
    match error:
        case KeyboardInterrupt():
            _print(INTERRUPTED, "")
            return EXIT_INTERRUPTED
        case FormulaError():
            _print_error(error.problem, error.where, error.remedy, _formula(error))
            return error.exit_code
        case TraderError():
            _print_error(error.problem, error.where, error.remedy)
            return error.exit_code
        case OSError(errno=number) if number in _REFUSED_BY_SYSTEM:
            _print_error(error.strerror or str(error), str(error.filename or ""), _SYSTEM_REMEDY)
            return EXIT_INPUT
        case OSError(errno=number) if number in _BROKEN:
            _print_error(error.strerror or str(error), str(error.filename or ""), _BROKEN_REMEDY)
            return EXIT_INPUT
        case _ if _DISK_FULL in str(error):  # of polars, which makes an exception of its own of it
            _print_error("No space left on device", "", _SYSTEM_REMEDY)
            return EXIT_INPUT
        case MemoryError():
            _print_error("the memory is full", "", "ask for a shorter span or fewer instruments")
            return EXIT_INPUT
    _print_error(
        f"this is our mistake: {type(error).__name__}: {_first_line(error)}",
        _origin(error),
        "please report it, with the output of the same command and --debug",
    )
    return EXIT_FAULT


_SYSTEM_REMEDY = "make room, or choose a place where you may write"
_BROKEN_REMEDY = "look at the path, the disk, and ulimit -n"


def warn(text: str) -> None:
    """Print a warning to stderr."""
    _print(text, "warning")


def _print_error(problem: str, where: str, remedy: str, formula: str = "") -> None:
    with contextlib.suppress(OSError):  # the folder was removed meanwhile
        where = where.removeprefix(f"{Path.cwd()}{os.sep}")  # as a person here would name it
    _print(problem, "error")
    for line in filter(None, [f"in {where}" if where else "", formula, *remedy.split("\n")]):
        _print(line, "", indent="  ", wrap=line != formula)


def _print(text: str, label: str, *, indent: str = "", wrap: bool = True) -> None:
    text = _printable(f"{label}: {text}" if label else text)
    lines = [text]
    if wrap:
        lines = textwrap.wrap(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent or "  ",
            break_long_words=False,  # a path that is cut cannot be copied
            break_on_hyphens=False,
        )
    for i, line in enumerate(lines):
        is_labelled = i == 0 and label and _has_colour()
        shown = line.replace(label, f"\x1b[1;31m{label}\x1b[0m", 1) if is_labelled else line
        print(shown, file=sys.stderr)


def _printable(text: str) -> str:
    """Replace what could drive the terminal: files of others are quoted in messages."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _has_colour() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _formula(error: FormulaError) -> str:
    """Return the formula with its caret, cut to the screen around the mistake."""
    room = WIDTH - 6
    start = max(0, min(error.column - room // 2, len(error.text) - room))
    text = _printable(error.text[start : start + room])
    return f"    {text}\n    {' ' * (error.column - start)}^"


def _first_line(error: BaseException) -> str:
    return str(error).split("\n")[0][:200]


def _origin(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    return f"{os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}"


def _forget_output() -> None:
    """Keep the interpreter from flushing into a closed pipe or a full disk when it exits."""
    with contextlib.suppress(OSError, ValueError):  # tests replace stdout by what has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
