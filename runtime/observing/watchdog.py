"""The watchdog: a strategy's callback that does not return is ended, and the session goes on.

A thread looks ten times a second at what is being called. When a callback has not returned in time it has
an exception raised in the thread that runs it, between two instructions of the user's code. That must never
hit our own code, so there is a handshake: whoever leaves the user's code says so first (`_inside`), then
waits for a shot that is being fired (`_firing`), then takes back one that has not hit yet. The thread says
that it fires before it looks a last time. Both orders of these steps are safe, for each is one
instruction under the interpreter's lock. The desk's verbs, which change the engine's state, are sheltered
in the same way.

What waits inside a C function (a long `time.sleep`, one endless call of numpy) is ended when that returns.
"""

from __future__ import annotations

import ctypes
import functools
import threading
import time
from collections.abc import Callable
from typing import Any, Final

LIMIT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1
AGAIN_SECONDS: Final = 1.0  # where the user's code has caught it


class StrategyStuck(BaseException):
    """A callback did not return in time; no `Exception`, so that ``except Exception`` lets it pass."""


class CallbackGuard:
    """Calls one strategy's callbacks, on one thread, one at a time.

    Parameters
    ----------
    limit_seconds
        After this a callback is ended; `LIMIT_SECONDS` when left out.

    Attributes
    ----------
    timer
        Nanoseconds; what `take_spent_ns` is measured with.
    """

    def __init__(self, limit_seconds: float | None = None) -> None:
        self.limit_seconds = LIMIT_SECONDS if limit_seconds is None else limit_seconds
        self.timer: Callable[[], int] = time.monotonic_ns
        self._spent_ns: int | None = None
        self._thread = 0
        self._since = self._next = 0.0
        self._is_calling = self._inside = self._firing = self._fired = False

    def call(self, callback: Callable[..., Any], *given: Any) -> Any:
        """Call back and return what comes of it.

        Raises
        ------
        StrategyStuck
            If it did not return in time.
        """
        began = self.timer()
        self._thread = threading.get_ident()
        self._since = time.monotonic()
        self._next = self._since + self.limit_seconds
        self._fired = False
        _watcher().watch(self)
        self._is_calling = self._inside = True
        try:
            return callback(*given)
        finally:
            self._end()
            self._is_calling = False
            self._spent_ns = (self._spent_ns or 0) + self.timer() - began

    def take_spent_ns(self) -> int | None:
        """Return, once, how long the callbacks since the last time have taken; None: there was none."""
        spent, self._spent_ns = self._spent_ns, None
        return spent

    def shelter(self) -> None:
        """Before a callback enters our own code: nothing is raised in there.

        Raises
        ------
        StrategyStuck
            If the time is over.
        """
        if self._is_calling:
            self._leave()
            if self._fired:
                raise StrategyStuck

    def unshelter(self) -> None:
        """When the callback goes on.

        Raises
        ------
        StrategyStuck
            If the time is over.
        """
        if self._is_calling:
            if time.monotonic() >= self._next:
                raise StrategyStuck
            self._inside = True

    def look(self, now: float) -> None:
        """Fire, where the time is over; called on the watcher's thread."""
        if not self._inside or now < self._next:
            return
        self._firing = True
        if self._inside and now >= self._next:
            self._fired = True
            self._next = now + AGAIN_SECONDS
            _raise_in(self._thread, StrategyStuck)
        self._firing = False

    def _leave(self) -> None:
        self._inside = False
        while self._firing:
            time.sleep(0)
        if self._fired:
            _raise_in(self._thread, None)  # what has not hit yet is taken back

    def _end(self) -> None:
        while True:
            try:
                self._leave()
                return
            except StrategyStuck:  # it hit on the way out: the callback has returned or raised
                continue


class _Watcher:
    """The thread that looks; one in a process."""

    def __init__(self) -> None:
        self._guards: dict[int, CallbackGuard] = {}
        threading.Thread(target=self._work, name="strategy watchdog", daemon=True).start()

    def watch(self, guard: CallbackGuard) -> None:
        """Look at a guard from now on; each thread is in one callback at a time."""
        self._guards[guard._thread] = guard

    def _work(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for guard in list(self._guards.values()):
                guard.look(now)


@functools.cache
def _watcher() -> _Watcher:
    return _Watcher()


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    target = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), target)
