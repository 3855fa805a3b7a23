"""What a session survives: the mistakes of its strategy."""

from __future__ import annotations

import msgspec


class StrategyFault(msgspec.Struct, frozen=True):
    """The user's code raised, or gave nonsense; `where` names file and line where they are known."""

    strategy: str
    callback: str
    problem: str
    where: str = ""
