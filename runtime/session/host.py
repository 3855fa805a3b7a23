"""Many sessions in one process, on one loop; what breaks one of them leaves the others alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from runtime.session.session import Session
from runtime.session.states import SessionState


class Ended(msgspec.Struct, frozen=True):
    """How a session has ended; `problem` is empty where nothing broke."""

    session: str
    state: SessionState
    problem: str = ""


async def run_all(
    sessions: Sequence[Session], told: Callable[[Ended], None] = lambda ended: None
) -> list[Ended]:
    """Run sessions side by side until each has ended; return how, in their order.

    Parameters
    ----------
    told
        Called as each ends.
    """

    async def run(session: Session) -> Ended:
        problem = ""
        try:
            await session.run()
        except Exception as error:  # noqa: BLE001  (it is this session's alone, and told)
            problem = str(error) or type(error).__name__
        ended = Ended(session.parts.journal.session_id, session.state, problem)
        told(ended)
        return ended

    return list(await asyncio.gather(*(run(each) for each in sessions)))
