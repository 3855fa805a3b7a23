"""`Player`: a tape that runs for whoever listens, and remembers how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from engine.ports import Clock
from runtime.feeds import wire
from runtime.feeds.pace import Pace
from runtime.feeds.tape import Numbered, Tape

QUEUE_MESSAGES = 2_000  # of a listener; one that is further behind is let go
_TURN_MESSAGES = 64  # then other tasks have a turn

Told = tuple[int | None, bytes]  # the number of a message, if it has one, and its content
Listener = asyncio.Queue[Told | None]


class Player:
    """The messages of a tape in their time.

    It begins when somebody listens. Paced, it then goes on whether anybody listens or not; without a
    speed it goes as fast as it is listened to.

    Parameters
    ----------
    tape, clock
        What, and by whose time.
    speed
        Seconds of the data in a second of the clock; None: as fast as possible.
    tick_seconds
        How often it tells that time passes.
    """

    def __init__(
        self, tape: Tape, clock: Clock, *, speed: float | None, tick_seconds: float
    ) -> None:
        self._tape, self._clock, self._speed = tape, clock, speed
        self._tick_seconds = tick_seconds
        self._listeners: list[Listener] = []
        self._changed = asyncio.Event()  # who listens, and how far they are
        self._pace: Pace | None = None
        self._next_ns = 0
        self.head = 0
        self.is_over = False

    def listen(self) -> Listener:
        """Return a queue of everything after `head`; None in it: too far behind, let go."""
        listener: Listener = asyncio.Queue(QUEUE_MESSAGES)
        self._listeners.append(listener)
        self._changed.set()
        return listener

    async def hear(self, listener: Listener) -> Told | None:
        """Return what a listener is told next."""
        told = await listener.get()
        self._changed.set()
        return told

    def forget(self, listener: Listener) -> None:
        """Tell a listener nothing more."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        self._changed.set()

    async def play(self) -> None:
        """Run the tape to its end, then only tell that this was all."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            await self._run(self._tape.messages())

    async def _run(self, messages: Iterator[Numbered]) -> None:
        for n, message in enumerate(messages):
            self._next_ns = message.ts_ns
            await self._wait(message, n)
            self.head = message.seq
            self._tell((message.seq, message.content))
        self.is_over = True
        self._tell((None, self._now()))

    async def _wait(self, message: Numbered, n: int) -> None:
        if self._speed is not None:
            while self._pace is None:
                await self._changed.wait()
                self._pace = Pace(self._clock, self._speed, message.ts_ns)
            await self._pace.until(message.ts_ns)
        elif n % _TURN_MESSAGES == 0:
            await asyncio.sleep(0)
        while self._speed is None and (
            not self._listeners or any(each.full() for each in self._listeners)
        ):
            self._changed.clear()
            await self._changed.wait()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(self._tick_seconds)
            if self._pace is not None or self.head or self.is_over:
                self._tell((None, self._now()))

    def _now(self) -> bytes:
        """Return the message of what time it is: just before the next message at most."""
        if self.is_over:
            return wire.encode(wire.End(self._tape.last_ns, self.head))
        before_ns = max(self._next_ns - 1, 1)
        now_ns = before_ns if self._pace is None else min(self._pace.now_ns(), before_ns)
        return wire.encode(wire.Time(now_ns, self.head))

    def _tell(self, told: Told) -> None:
        for listener in tuple(self._listeners):
            if not listener.full():
                listener.put_nowait(told)
            elif self._speed is not None:
                self.forget(listener)
                listener.get_nowait()  # room for the last word
                listener.put_nowait(None)
