"""Which errors of a session beginning again may mend: a mistake of ours, or what may come back by itself."""

from __future__ import annotations

from typing import Final

from engine.errors import InternalFault, TraderError
from runtime.journal.failures import SequenceBroken

# A database, a venue, or a clock that is being set.
_AWAY: Final = (
    "store.unreachable",
    "store.unusable",
    "store.locked",
    "live.unreachable",
    "live.clock",
)


def may_pass(error: BaseException) -> bool:
    """Return whether beginning again may mend it."""
    if isinstance(error, TraderError):
        is_ours = isinstance(error, InternalFault) and not isinstance(error, SequenceBroken)
        return is_ours or error.code in _AWAY
    return True
