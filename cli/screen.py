"""The screen: a console of 80 columns (most pages) or fewer, JSON, and a progress bar where somebody looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import WIDTH

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
    """Refuse a file that could not be written after a long run; see `reports.places.require_file`."""
    from reports.places import require_file

    require_file(path)


def write_file(path: Path, text: str) -> None:
    """Write a whole file or nothing; see `reports.places.whole`."""
    from reports.places import whole

    with whole(path) as new:
        new.write_text(text + "\n", "utf-8")


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
