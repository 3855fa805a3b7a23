"""The screen: a console of 80 columns (most pages) or fewer, JSON, and a progress bar where somebody looks."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import WIDTH
from engine.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[float, str], None]


def console(width_max: int = WIDTH) -> Console:
    """Return the console for results; rich decides about colour (NO_COLOR, a pipe).

    Parameters
    ----------
    width_max
        Columns; fewer where the terminal has fewer.
    """
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would leave with 1; the reader has seen enough

    wide = Console(highlight=False).width or WIDTH  # 0: a terminal that does not know
    return Screen(width=min(wide, width_max), highlight=False, soft_wrap=False)


def print_json(value: object) -> None:
    """Print a value as indented JSON; undefined numbers are null, never NaN."""
    can_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(to_json(value) if can_all else json.dumps(value, indent=2, allow_nan=False))


def to_json(value: object) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def require_writable(path: Path) -> None:
    """Refuse a file that could not be written after a long run.

    Raises
    ------
    InputError
        If the folder can neither be made nor written, or the path is a folder.
    """
    from reports.places import require_folder

    if path.is_dir():
        raise InputError("this is a folder", where=str(path), remedy="name a file in it")
    require_folder(path)


def write_file(path: Path, text: str) -> None:
    """Write a whole file or nothing.

    Raises
    ------
    InputError
        If it cannot be written; the file is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise _not_written(path, error) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        temporary.chmod(0o644)  # mkstemp makes private files
        temporary.replace(path)
    except OSError as error:
        raise _not_written(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> InputError:
    return InputError(
        f"the file cannot be written: {error.strerror}",
        where=str(path),
        remedy="choose a folder in which you may write",
    )


@contextmanager
def progress(step: str) -> Iterator[Advance]:
    """Show a progress bar with an estimate on a terminal; stay quiet anywhere else.

    The function that is given takes a fraction from 0 to 1 and the name of the step.
    """
    if not sys.stderr.isatty():
        yield lambda _fraction, _step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(30), TaskProgressColumn(), Remaining())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task(step, total=1.0)
        yield lambda fraction, name: bar.update(task, completed=fraction, description=name)
