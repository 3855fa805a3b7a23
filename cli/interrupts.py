"""Ctrl-C: when it is an exception, and whether it has come.

Inside a command it is an exception, as usual: what is half done is undone. While the program is loaded, and
when its command has ended, there is nothing to undo, and an exception would show the traceback of whatever
was being imported: it ends the process at once.

Compiled libraries may turn the exception into one of their own; a picture in the making said that its
arguments had wrong types. So a command also has the system's own note that the signal came.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted: nothing half-written is left"


def end_at_once() -> None:
    """Let Ctrl-C end the process from now on; one that was told not to hear of it stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


@contextlib.contextmanager
def raised() -> Iterator[Callable[[], bool]]:
    """Raise `KeyboardInterrupt` inside; what is given says whether Ctrl-C has come."""
    if signal.getsignal(signal.SIGINT) is not _end:  # a test, or a process that does not hear of it
        yield lambda: False
        return
    reading, writing = os.pipe()
    for each in (reading, writing):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)  # asyncio takes it for its own signals
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield lambda: _has_come(reading)
    finally:
        end_at_once()


def _has_come(reading: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        return signal.SIGINT in os.read(reading, 4_096)
    return False


def _end(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(Exception):  # it may be closed, or be written to just now
        sys.stdout.flush()  # a command that has ended has said something whole
    with contextlib.suppress(OSError):
        os.write(2, f"{INTERRUPTED}\n".encode())
    os._exit(EXIT_INTERRUPTED)
