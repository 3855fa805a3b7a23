"""Processes that die at an effect: an appended record, a commit, a request to the broker, a checkpoint.

At its death and after it nothing more of a process has any effect: what is on the disk is what the next
one finds.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest

from runtime.journal.checkpoints import Checkpoints
from runtime.journal.journal import SessionJournal
from runtime.journal.writer import GroupWriter
from runtime.session_core.playing import at_once
from sims.paper import PaperBroker

EFFECTS = (
    (SessionJournal, "append"),
    (GroupWriter, "_commit"),
    (PaperBroker, "submit"),
    (PaperBroker, "cancel"),
    (PaperBroker, "replace"),
    (Checkpoints, "save"),
)


class Dead(BaseException):
    """The process is no more."""


class Fate:
    """Counts effects and kills at one of them; `at_effect` 0 lives."""

    def __init__(self, at_effect: int, *, after: bool = False) -> None:
        self.at_effect, self.after = at_effect, after
        self.effects, self.is_dead = 0, False

    def wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def effect(*args: Any, **kwargs: Any) -> Any:
            if self.is_dead:
                raise Dead
            self.effects += 1
            if self.effects == self.at_effect:
                self.is_dead = True
                if self.after and isinstance(done := method(*args, **kwargs), Coroutine):
                    at_once(done)
                raise Dead
            return method(*args, **kwargs)

        return effect


@contextmanager
def living_with(fate: Fate) -> Iterator[None]:
    """Have all processes inside die at the effect of a fate."""
    with pytest.MonkeyPatch.context() as patch:
        for kind, name in EFFECTS:
            patch.setattr(kind, name, fate.wrapped(getattr(kind, name)))
        yield
