"""A process of sessions, and the small one that watches it and begins it again.

The sessions' process shows every ten seconds that its loop turns: a byte in a pipe. Dead, or silent for three
of these, it is killed and begun again, with growing waits; its sessions go on from their journals. More than
five times in a minute it is begun without entries, and a person is told. A signal to the watching process is
passed on; what the sessions' process answers to it is the end of both.

A process that ends with 0 was stopped in order, or its feeds have ended. One that is refused before it lives (its
certificate has expired, everything is halted, its file was edited) is not tried again: a person is told, unless
it says that what keeps it away may pass by itself.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final

import msgspec

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.observing.supervising import HEARTBEAT_SECONDS, MISSED_MAX, Restarts
from runtime.session.parts import Again
from runtime.session.passing import may_pass

VARIABLE: Final = "TRADER_SUPERVISED"
START_SECONDS: Final = 600.0  # until the first sign of life: a long journal may have to be played
LOOK_SECONDS: Final = 1.0
_BEAT: Final = b"."
_ENDED: Final = b"e"  # the sessions have ended; what is left may take its time
_PASSES: Final = b"p"  # what keeps it from beginning may pass by itself
_REFUSED: Final = (1, 2)  # exit codes
_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM)
_INTERRUPTED: Final = 130


class Watched(msgspec.Struct, frozen=True):
    """What a process of sessions knows of who watches it.

    Parameters
    ----------
    pipe
        Where it shows that it lives, every `seconds`.
    again
        Why it was begun again; None the first time.
    left_seconds
        How long it may run; None: until its feeds end.
    since_ns
        Since when it is watched, by the wall clock.
    """

    pipe: int
    seconds: float
    again: Again | None = None
    left_seconds: float | None = None
    since_ns: int = 0

    @staticmethod
    def here() -> Watched | None:
        """Return who watches this process; its own children do not see it."""
        text = os.environ.pop(VARIABLE, "")
        if not text:
            return None
        found = msgspec.json.decode(text, type=Watched)
        os.set_blocking(found.pipe, False)  # whoever watches may be stopped itself
        return found

    async def beat(self, clock: Clock) -> None:
        """Show for ever that the loop turns."""
        while True:
            self._show(_BEAT)
            await clock.sleep(self.seconds)

    def ended(self) -> None:
        """Show that the sessions have ended."""
        self._show(_ENDED)

    def left(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show, where an error ends a context, whether beginning again may mend it."""
        if error is not None and may_pass(error):
            self._show(_PASSES)

    def _show(self, sign: bytes) -> None:
        with suppress(
            BrokenPipeError, BlockingIOError
        ):  # nobody watches: what is held stays managed
            os.write(self.pipe, sign)


class Supervisor:
    """Runs a command until it ends in order.

    Parameters
    ----------
    seconds
        How long the whole may take; None: for ever.
    told
        Called before each restart.
    lost
        Called where it was begun again too often, and has shown no life since; and where it is refused.
    """

    def __init__(
        self,
        command: Sequence[str],
        clock: Clock,
        *,
        beat_seconds: float = HEARTBEAT_SECONDS,
        seconds: float | None = None,
        told: Callable[[Again], None] = lambda again: None,
        lost: Callable[[Again], None] = lambda again: None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._command, self._clock = [*command], clock
        self._beat_seconds, self._seconds = beat_seconds, seconds
        self._told, self._lost, self._draw = told, lost, draw
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = 0  # the signals that were passed on
        self._has_lived = False  # at any time
        self._lives = self._passes = False  # since it was begun last
        self._wake, self._woken = -1, -1
        self._since_ns = clock.now_ns()

    def run(self) -> int:
        """Run the command, again and again; return its last exit code."""
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        before = {each: signal.signal(each, self._pass_on) for each in _PASSED_ON}
        try:
            return self._run()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
            os.close(self._wake)
            os.close(self._woken)

    def _run(self) -> int:
        begun_ns, restarts, again = self._clock.monotonic_ns(), Restarts(), None
        is_told = False
        while True:
            life_ns = self._clock.monotonic_ns()
            code, reason = self._life(again, self._left(begun_ns))
            if code == 0 or self._asked:
                return code if code >= 0 else _INTERRUPTED
            if code > 0 and not self._has_lived:
                return code
            if code in _REFUSED and not self._lives and not self._passes:
                self._lost(Again("it was refused, and is not tried again"))
                return code
            again = Again(reason, restarts.add(self._clock.monotonic_ns(), life_ns))
            self._told(again)
            if again.is_too_often and not self._lives and not is_told:
                self._lost(again)
            is_told = again.is_too_often and not self._lives
            self._sleep(restarts.wait_seconds(self._draw()))
            if self._asked:
                return _INTERRUPTED

    def _life(self, again: Again | None, left_seconds: float | None) -> tuple[int, str]:
        """Run the command once; return its exit code, negative for a signal, and what ended it."""
        ours, theirs = os.pipe()
        watched = Watched(theirs, self._beat_seconds, again, left_seconds, self._since_ns)
        environment = os.environ | {VARIABLE: msgspec.json.encode(watched).decode()}
        # A group of its own: what a terminal sends to both is passed on once, by us.
        self._child = child = subprocess.Popen(
            self._command, env=environment, pass_fds=[theirs], process_group=0
        )
        os.close(theirs)
        if self._asked:  # in between
            child.send_signal(signal.SIGTERM)
        try:
            silent = self._watch(child, ours)
        finally:
            os.close(ours)
            if child.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
            self._child = None
        if silent:
            return code, f"it has shown no life for {silent:g} seconds"
        if code < 0:
            return code, f"it was killed by {signal.Signals(-code).name}"
        return code, f"it ended with exit code {code}"

    def _watch(self, child: subprocess.Popen[bytes], pipe: int) -> float:
        """Wait until the command ends: 0; or until it is silent for too long, and return how long."""
        self._lives = self._passes = False
        allowed = START_SECONDS
        seen_ns, pipes = self._clock.monotonic_ns(), [pipe]
        while child.poll() is None:
            silent = (self._clock.monotonic_ns() - seen_ns) / NS_PER_SECOND
            if silent > allowed:
                return allowed
            ready, _, _ = select.select([*pipes, self._wake], [], [], min(LOOK_SECONDS, allowed))
            if self._wake in ready:
                os.read(self._wake, 64)
            if pipe not in ready:
                continue
            signs = os.read(pipe, 4096)
            if not signs:  # it has closed it: dead, or as good as
                pipes = []
                with suppress(subprocess.TimeoutExpired):
                    child.wait(LOOK_SECONDS)
                continue
            seen_ns = self._clock.monotonic_ns()
            self._heed(signs)
            is_ended = _ENDED in signs
            allowed = START_SECONDS if is_ended else MISSED_MAX * self._beat_seconds
        if pipes and select.select(pipes, [], [], 0)[0]:  # its last words
            self._heed(os.read(pipe, 4096))
        return 0.0

    def _heed(self, signs: bytes) -> None:
        self._passes = self._passes or _PASSES in signs
        if _BEAT in signs or _ENDED in signs:
            self._lives = self._has_lived = True

    def _left(self, begun_ns: int) -> float | None:
        if self._seconds is None:
            return None
        spent = (self._clock.monotonic_ns() - begun_ns) / NS_PER_SECOND
        return max(self._seconds - spent, 0.001)

    def _sleep(self, seconds: float) -> None:
        """Wait, unless a signal comes."""
        if not self._asked:
            select.select([self._wake], [], [], seconds)

    def _pass_on(self, number: int, frame: object) -> None:
        self._asked += 1
        os.write(self._woken, b"!")
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(number)
