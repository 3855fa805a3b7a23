"""Many sessions in one process, on one loop; what breaks one of them leaves the others alone.

A session that ends by a mistake of ours goes on from its journal, in the same process: at once, and each time
a little later. More than five times in a minute is a fault that beginning again does not mend: it then enters
nothing more until a person resumes it. What a person has to put right (a full disk, a damaged journal, an
account that somebody else has) ends it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from engine.ports import Clock
from runtime.observing.supervising import Restarts
from runtime.session.parts import Again
from runtime.session.passing import may_pass
from runtime.session.session import Session
from runtime.session.states import SessionState


class Ended(msgspec.Struct, frozen=True):
    """How a session has ended; `error` is what broke it."""

    session: str
    state: SessionState
    error: Exception | None = None

    @property
    def problem(self) -> str:
        """What broke it; empty where nothing did."""
        return "" if self.error is None else str(self.error) or type(self.error).__name__


@dataclass(slots=True)
class Seat:
    """A session's place in the process.

    Parameters
    ----------
    again
        Returns the session, going on from its journal; None: it is not begun again.
    """

    session: Session
    again: Callable[[Again], Session] | None = None


class Host:
    """Runs sessions side by side.

    Parameters
    ----------
    told
        Called as each ends.
    gives_up
        End a session that breaks more than five times in a minute, instead of going on without entries.
    draw
        For waits, in [0, 1).
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        clock: Clock,
        *,
        told: Callable[[Ended], None] = lambda ended: None,
        gives_up: bool = False,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.seats = tuple(seats)
        self._clock, self._told, self._draw, self._gives_up = clock, told, draw, gives_up
        self._stopped = asyncio.Event()
        self._cause = ""

    @property
    def is_stopping(self) -> bool:
        """Whether everything was asked to stop, or has ended."""
        return self._stopped.is_set() or all(each.session.is_stopping for each in self.seats)

    def stop(self, cause: str) -> None:
        """Ask every session to stop; one that broke is not begun again."""
        self._cause = cause
        self._stopped.set()
        for seat in self.seats:
            seat.session.stop(cause)

    async def run(self) -> list[Ended]:
        """Run until each session has ended; return how, in their order."""
        return list(await asyncio.gather(*(self._keep(seat) for seat in self.seats)))

    async def _keep(self, seat: Seat) -> Ended:
        restarts, again = Restarts(), None
        while True:
            began_ns = self._clock.monotonic_ns()
            error = await self._life(seat, again)
            if error is None or seat.again is None or not may_pass(error):
                break
            is_too_often = restarts.add(self._clock.monotonic_ns(), began_ns)
            if is_too_often and self._gives_up:
                break
            await self._wait(restarts.wait_seconds(self._draw()))
            if self._stopped.is_set():
                break
            again = Again(f"{type(error).__name__}: {error}", is_too_often)
        ended = Ended(seat.session.parts.journal.session_id, seat.session.state, error)
        self._told(ended)
        return ended

    async def _life(self, seat: Seat, again: Again | None) -> Exception | None:
        """Run a session to its end, begun again where that is said; return what broke it."""
        try:
            if again is not None:
                assert seat.again is not None
                seat.session = await asyncio.to_thread(seat.again, again)
            if self._stopped.is_set():
                asyncio.get_running_loop().call_soon(seat.session.stop, self._cause)
            await seat.session.run()
        except Exception as error:  # noqa: BLE001  (it is this session's alone, and told)
            return error
        return None

    async def _wait(self, seconds: float) -> None:
        """Wait, unless everything is to stop."""
        waits = [
            asyncio.ensure_future(each)
            for each in (self._clock.sleep(seconds), self._stopped.wait())
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()


async def run_all(
    sessions: Sequence[Session], told: Callable[[Ended], None] = lambda ended: None
) -> list[Ended]:
    """Run sessions side by side, once, until each has ended; return how, in their order."""
    clock = sessions[0].parts.clock
    return await Host([Seat(each) for each in sessions], clock, told=told).run()
