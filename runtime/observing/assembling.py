"""From a workspace's settings to who looks on at sessions: logs, channels, the database of alerts, metrics."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Final, TextIO

from engine.errors import InputError
from runtime.journal.alerts import Alerts
from runtime.journal.sessions import SessionStore
from runtime.observing.alerting import PER_MINUTE, AlertBook, Clear, Raise, Told
from runtime.observing.channels import Trouble, open_channels
from runtime.observing.events import CRITICAL, WARNING
from runtime.observing.glance import Glance
from runtime.observing.known import known_of
from runtime.observing.logs import Log, sink_of
from runtime.observing.masking import Masker
from runtime.observing.metrics import MetricsServer, SessionCollector
from runtime.observing.observer import Looks, SessionObserver
from runtime.workspace import Workspace, find_workspace

_CLOSE_SECONDS: Final = 3.0
_KEPT: Final = 1_000
_Work = Callable[[], None]


class AlertStore:
    """Keeps alerts in the database, on a thread of its own: it may be slow, or away."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._ids: dict[tuple[str, str], str] = {}  # of episodes that are open, by session
        self._delivered: dict[str, list[str]] = {}
        self._work: queue.Queue[_Work | None] = queue.Queue(_KEPT)
        self._thread = threading.Thread(target=self._run, name="alerts database", daemon=True)
        self._thread.start()

    def put(self, told: Told) -> None:
        """Keep a message; where the database is away for too long it is dropped."""
        self._put(lambda: self._keep(told))

    def delivered(self, channel: str, told: Told) -> None:
        """A channel has taken a message."""
        self._put(lambda: self._note(channel, told))

    def close(self) -> None:
        """Write what waits, for at most three seconds."""
        self._put(None)
        self._thread.join(_CLOSE_SECONDS)

    def _put(self, work: _Work | None) -> None:
        try:
            self._work.put_nowait(work)
        except queue.Full:
            return  # the channels have told it; the journal has what it is about

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            # Away, or closed already: what it is about stands in the journal.
            with suppress(InputError, ProgrammingError):
                work()

    def _keep(self, told: Told) -> None:
        if told.is_over:
            self._alerts.clear(told.episode, session_id=told.session)
            self._ids.pop((told.session, told.episode), None)
            return
        kept = self._alerts.tell(
            told.episode, told.severity, told.subject, told.text, session_id=told.session
        )
        self._ids[told.session, told.episode] = kept.id

    def _note(self, channel: str, told: Told) -> None:
        alert_id = self._ids.get((told.session, told.episode))
        if alert_id is None or told.is_over:
            return
        names = self._delivered.setdefault(alert_id, [])
        if channel not in names:
            names.append(channel)
            self._alerts.delivered(alert_id, " ".join(names))


@dataclass(slots=True)
class Show:
    """What a person wants to see.

    Parameters
    ----------
    files
        For log lines: a terminal gets readable ones.
    glanced
        Shown what a screen shows of each session; None: there is no screen.
    """

    files: Sequence[TextIO] = ()
    environment: str = "PAPER"
    workspace: Workspace | None = field(default_factory=lambda: find_workspace(Path.cwd()))
    glanced: Callable[[Glance], None] | None = None


class Watching:
    """What the sessions of a process share who look on: log, channels, the database of alerts, metrics.

    Raises
    ------
    ConfigError
        If a channel's address cannot be had.
    InputError
        If the port of metrics is taken.
    """

    def __init__(self, store: SessionStore, show: Show, masker: Masker | None = None) -> None:
        self._store, self.show = store, show
        self._masker = masker or Masker.of_environment()
        self._sinks = [sink_of(file, self._masker) for file in show.files]
        self._kept = AlertStore(store.alerts)
        self._collector = SessionCollector(environment=show.environment)
        space = show.workspace
        self._channels = open_channels(
            {} if space is None else space.channels,
            Path.cwd() if space is None else space.root,
            self._masker,
            told=self._trouble,
            sent=self._kept.delivered,
            title=f"trader {show.environment}",
        )
        port = 0 if space is None else space.metrics_port
        self._server = MetricsServer(self._collector, port) if port else None

    def observer(self, instead_of: SessionObserver | None = None) -> SessionObserver:
        """Return the observer of a session that is about to begin.

        Parameters
        ----------
        instead_of
            Its observer before, where it is begun again: what was told is not told again.
        """
        store, show, space = self._store, self.show, self.show.workspace
        log = Log(self._sinks, store.clock, session="", environment=show.environment)
        per_minute = PER_MINUTE if space is None else space.alerts_per_minute
        looks = Looks(
            store.clock,
            self._masker,
            log if self._sinks else None,
            (*(channel.put for channel in self._channels), self._kept.put),
            severity=WARNING if space is None else space.alert_severity,
            book=AlertBook(per_minute) if instead_of is None else instead_of.looks.book,
            known=lambda session_id: known_of(store, session_id),
            glanced=show.glanced,
        )
        observer = SessionObserver(looks)
        self._collector.add(observer, instead_of)
        return observer

    def close(self) -> None:
        """Write and send what waits, each for at most three seconds."""
        if self._server is not None:
            self._server.close()
        for channel in self._channels:
            channel.close()
        self._kept.close()  # after them: it notes what was sent
        for sink in self._sinks:
            sink.close()

    def _trouble(self, what: Trouble) -> None:
        """Tell of a channel once, by a session that still runs."""
        for observer in self._collector.observers:
            if observer.is_on:
                observer.soon(_of_channel(what))
                return


def tell_channels(subject: str, text: str) -> None:
    """Tell every channel of the workspace something critical, and wait until it is out: three seconds each."""
    space = find_workspace(Path.cwd())
    if space is None or not space.channels:
        return
    channels = open_channels(
        space.channels,
        space.root,
        Masker.of_environment(),
        told=lambda trouble: None,
        sent=lambda name, told: None,
        title="trader",
    )
    for channel in channels:
        channel.put(Told(subject, CRITICAL, subject, text))
    for channel in channels:
        channel.close()


def _of_channel(what: Trouble) -> Raise | Clear:
    episode = f"channel:{what.channel}"
    if what.works:
        return Clear(episode)
    return Raise(
        episode, WARNING, f"channel {what.channel}", f"alerts do not get out: {what.problem}"
    )
