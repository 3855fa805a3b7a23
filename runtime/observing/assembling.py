"""From a workspace's settings to who looks on at a session: logs, channels, the database of alerts."""

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
from runtime.observing.events import WARNING
from runtime.observing.known import known_of
from runtime.observing.logs import Log, Sink, sink_of
from runtime.observing.masking import Masker
from runtime.observing.metrics import MetricsServer, SessionCollector
from runtime.observing.observer import Looks, Outlet, SessionObserver
from runtime.workspace import Workspace, find_workspace

_CLOSE_SECONDS: Final = 3.0
_KEPT: Final = 1_000
_Work = Callable[[], None]


class AlertStore:
    """Keeps alerts in the database, on a thread of its own: it may be slow, or away."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self.session_id = ""
        self._ids: dict[str, str] = {}  # of episodes that are open
        self._delivered: dict[str, list[str]] = {}
        self._work: queue.Queue[_Work | None] = queue.Queue(_KEPT)
        self._thread = threading.Thread(target=self._run, name="alerts database", daemon=True)
        self._thread.start()

    def join(self, session_id: str) -> None:
        """Belong to a session."""
        self.session_id = session_id

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
            self._alerts.clear(told.episode, session_id=self.session_id)
            self._ids.pop(told.episode, None)
            return
        kept = self._alerts.tell(
            told.episode, told.severity, told.subject, told.text, session_id=self.session_id
        )
        self._ids[told.episode] = kept.id

    def _note(self, channel: str, told: Told) -> None:
        alert_id = self._ids.get(told.episode)
        if alert_id is None or told.is_over:
            return
        names = self._delivered.setdefault(alert_id, [])
        if channel not in names:
            names.append(channel)
            self._alerts.delivered(alert_id, " ".join(names))


@dataclass(slots=True)
class Show:
    """What a person wants to see: files for log lines (a terminal gets readable ones)."""

    files: Sequence[TextIO] = ()
    environment: str = "PAPER"
    workspace: Workspace | None = field(default_factory=lambda: find_workspace(Path.cwd()))


def metrics_of(observer: SessionObserver, show: Show) -> MetricsServer | None:
    """Serve a session's metrics where the workspace wants that; who asked closes it.

    Raises
    ------
    InputError
        If the port is taken.
    """
    if show.workspace is None or not show.workspace.metrics_port:
        return None
    collector = SessionCollector(environment=show.environment)
    collector.add(observer)
    return MetricsServer(collector, show.workspace.metrics_port)


def observer_of(store: SessionStore, show: Show, masker: Masker | None = None) -> SessionObserver:
    """Return the observer of a session that is about to begin; its channels are open.

    Raises
    ------
    ConfigError
        If a channel's address cannot be had.
    """
    masker = masker or Masker.of_environment()
    space = show.workspace
    sinks: list[Sink] = [sink_of(file, masker) for file in show.files]
    log = Log(sinks, store.clock, session="", environment=show.environment) if sinks else None
    per_minute = PER_MINUTE if space is None else space.alerts_per_minute
    looks = Looks(
        store.clock,
        masker,
        log,
        severity=WARNING if space is None else space.alert_severity,
        book=AlertBook(per_minute),
        known=lambda session_id: known_of(store, session_id),
    )
    observer = SessionObserver(looks)
    kept = AlertStore(store.alerts)

    def trouble(what: Trouble) -> None:
        observer.soon(_of_channel(what))

    channels = open_channels(
        {} if space is None else space.channels,
        Path.cwd() if space is None else space.root,
        masker,
        told=trouble,
        sent=kept.delivered,
        title=f"trader {show.environment}",
    )
    looks.outlets = (
        *(Outlet(channel.put, channel.close) for channel in channels),
        Outlet(kept.put, kept.close, kept.join),  # the last to be closed: it notes what was sent
    )
    return observer


def _of_channel(what: Trouble) -> Raise | Clear:
    episode = f"channel:{what.channel}"
    if what.works:
        return Clear(episode)
    return Raise(
        episode, WARNING, f"channel {what.channel}", f"alerts do not get out: {what.problem}"
    )
