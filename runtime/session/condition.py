"""`Condition`: the state that a session is in, what keeps it from entries, and what is told of both."""

from __future__ import annotations

from engine.model import layout as at
from engine.model.trading import Severity
from runtime.journal.journal import SessionJournal
from runtime.journal.records import Noted, StateChanged
from runtime.session.parts import Observers
from runtime.session.standing import Standing
from runtime.session.states import SessionState, require_transition
from runtime.session_core.core import SessionCore

_S = SessionState


class Condition:
    """See the module; each change of the state stands in the journal with its cause.

    Parameters
    ----------
    standing
        What people's wishes have left standing before.
    """

    def __init__(
        self,
        core: SessionCore,
        journal: SessionJournal,
        observers: Observers,
        standing: Standing,
    ) -> None:
        self.state, self.cause = _S.CREATED, ""  # and why it is in that state
        self.standing = standing
        self._core, self._journal, self._observers = core, journal, observers
        self._holds: dict[str, str] = {}  # who keeps it from entries, and why

    @property
    def severity(self) -> Severity:
        """What the engine's guards let through."""
        return Severity(self._core.plain.account[at.ACCOUNT_SEVERITY])

    @property
    def holds(self) -> tuple[str, ...]:
        """Why it takes no new risk, where something is not whole."""
        return tuple(self._holds.values())

    def is_held_by(self, who: str) -> bool:
        """Return whether a part of the session keeps it from entries."""
        return who in self._holds

    def go(self, state: SessionState, cause: str) -> None:
        """Change the state."""
        require_transition(self.state, state)
        cause = self._observers.masked(cause)
        changed = StateChanged(self.state.value, state.value, cause)
        self._journal.append(changed)
        self.state, self.cause = state, cause
        self._observers.state(changed)

    def go_to_work(self, cause: str) -> None:
        """Run, or stay paused where a person wants that."""
        self.go(_S.PAUSED if self.standing.is_paused else _S.RUNNING, cause)

    def hold(self, who: str, cause: str) -> None:
        """Take no new risk until `free`: something is not whole."""
        self._holds[who] = cause
        if self.state in (_S.RUNNING, _S.PAUSED, _S.HALTED):
            self.go(_S.RECONCILING, cause)

    def free(self, who: str, cause: str) -> None:
        """What one part has held is whole again."""
        was_held = self._holds.pop(who, None) is not None
        if was_held and not self._holds and self.state is _S.RECONCILING:
            self.go_to_work(cause)
            self.follow()

    def follow(self) -> None:
        """Follow what an input has changed: a guard that halts, a strategy that broke."""
        fault = self._core.take_fault()
        if fault is not None:
            self.standing = self.standing.paused()
            self.note("strategy", "critical", "strategy", str(fault))
            if self.state is _S.RUNNING:
                self.go(_S.PAUSED, "the strategy broke; what is open stays managed")
        severity = self._core.plain.account[at.ACCOUNT_SEVERITY]  # no member: that takes longer
        is_killed = self.standing.is_killed
        is_halted = is_killed or severity >= Severity.FLATTENING
        if is_halted and self.state in (_S.RUNNING, _S.PAUSED):
            halts = "the kill switch is on" if is_killed else "a guard has halted the account"
            self.go(_S.HALTED, halts)
        elif not is_halted and self.state is _S.HALTED:
            self.go_to_work("what had halted it was released")

    def note(self, kind: str, severity: str, subject: str, text: str) -> None:
        """Keep what a part of the session has to say, and show it to whoever looks on."""
        text = self._observers.masked(text)
        noted = Noted(kind, severity, subject, text, self._core.now_ns)
        self._journal.append(noted)
        self._observers.noted(noted)
