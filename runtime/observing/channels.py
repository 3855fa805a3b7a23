"""Channels that alerts go to: any that apprise knows, each with a thread and a queue of its own.

Sending may hang for seconds, and a channel may be broken for days: whoever raises an alert waits for
nothing, and one channel waits for no other. What could not be sent is tried again with backoff; that a
channel fails is told once, and once that it works again.
"""

from __future__ import annotations

import logging
import queue
import random
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from engine.errors import ConfigError
from runtime.observing.alerting import Told
from runtime.observing.events import CRITICAL, WARNING
from runtime.observing.masking import Masker
from runtime.secrets import secret_of

QUEUE_MAX: Final = 1_000
FIRST_SECONDS: Final = 0.1
MOST_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 3.0
Send = Callable[[str, str, str], bool]  # title, text, severity or `OVER`
OVER: Final = "over"  # what an alert was about has ended


class Trouble(msgspec.Struct, frozen=True):
    """A channel fails, or works again."""

    channel: str
    works: bool
    problem: str = ""


class Channel:
    """One way out.

    Parameters
    ----------
    send
        Returns False, or raises, where it could not be sent.
    told
        Called on the channel's thread when it begins to fail and when it works again.
    sent
        Called on its thread with what was sent.
    """

    def __init__(
        self,
        name: str,
        send: Send,
        *,
        told: Callable[[Trouble], None] = lambda trouble: None,
        sent: Callable[[str, Told], None] = lambda name, one: None,
        title: str = "trader PAPER",
    ) -> None:
        self.name, self._send, self._told, self._sent = name, send, told, sent
        self._title = title
        self._queue: queue.Queue[Told | None] = queue.Queue(QUEUE_MAX)
        self._closing = threading.Event()
        self._attempts = 0
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name=f"alerts {name}", daemon=True)
        self._thread.start()

    def put(self, one: Told) -> None:
        """Take a message, at once; where the queue is full the oldest goes."""
        while True:
            try:
                self._queue.put_nowait(one)
                return
            except queue.Full:
                self.lost += 1
                try:
                    self._queue.get_nowait()
                except queue.Empty:
                    continue

    def close(self) -> None:
        """Send what waits, for at most three seconds."""
        self._closing.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while (one := self._queue.get()) is not None:
            while not self._try(one):
                if self._closing.wait(self._next_wait()):
                    return

    def _try(self, one: Told) -> bool:
        whose = f"{self._title} {one.strategy}".strip()
        title = f"{whose}: {one.subject}{' is over' if one.is_over else ''}"
        problem = "it was not taken"
        try:
            works = self._send(title, one.text, OVER if one.is_over else one.severity)
        except Exception as error:  # noqa: BLE001  (a channel's mistake is no trouble of trading)
            works, problem = False, f"{type(error).__name__}: {error}"
        if works:
            if self._attempts:
                self._told(Trouble(self.name, True))
            self._attempts = 0
            self._sent(self.name, one)
        else:
            if not self._attempts:
                self._told(Trouble(self.name, False, problem))
            self._attempts += 1
        return works

    def _next_wait(self) -> float:
        doubled = FIRST_SECONDS * 2.0 ** min(self._attempts - 1, 30)
        return min(MOST_SECONDS, doubled) * random.uniform(0.5, 1.0)


def apprise_channel(url: str) -> Send:
    """Return what sends by an apprise URL.

    Raises
    ------
    ValueError
        If apprise knows no such URL; the message does not show it.
    """
    from apprise import Apprise, NotifyType

    logging.getLogger("apprise").addHandler(logging.NullHandler())
    logging.getLogger("apprise").propagate = False  # its lines may show addresses
    channel = Apprise()
    if not channel.add(url):
        raise ValueError("apprise knows no channel of this address")
    kinds = {
        CRITICAL: NotifyType.FAILURE,
        WARNING: NotifyType.WARNING,
        OVER: NotifyType.SUCCESS,
    }

    def send(title: str, text: str, severity: str) -> bool:
        kind = kinds.get(severity, NotifyType.INFO)
        return bool(channel.notify(body=text or title, title=title, notify_type=kind))

    return send


def secret_parts(url: str) -> list[str]:
    """Return the parts of a channel's address that may be secrets of their own.

    Examples
    --------
    >>> secret_parts("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops")
    ['T1JJ3T3L2', 'A1BRTD4JD', 'TIiajkdnlazkcOXrIdevi7FQ']
    """
    parts = re.split(r"[/:@?&=#]+", url)[1:]
    return [part for part in parts if len(part) >= 8 and "." not in part and part != "localhost"]


def open_channels(
    references: Mapping[str, str],
    root: Path,
    masker: Masker,
    *,
    told: Callable[[Trouble], None],
    sent: Callable[[str, Told], None],
    title: str,
) -> list[Channel]:
    """Open the channels of ``[alerts.channels]``; their addresses are secrets from now on.

    Raises
    ------
    ConfigError
        With the channel's key.
    """
    sends: dict[str, Send] = {}
    for name, reference in references.items():
        where = f"trader.toml, alerts.channels.{name}"
        try:
            url = secret_of(reference, root, what="a channel's address")
            masker.add([url, *secret_parts(url)])
            sends[name] = apprise_channel(url)
        except ImportError:
            raise ConfigError(
                "alerts need apprise", where=where, remedy="pip install 'trader[alerts]'"
            ) from None
        except (ConfigError, ValueError) as error:
            problem = error.problem if isinstance(error, ConfigError) else str(error)
            remedy = error.remedy if isinstance(error, ConfigError) else ""
            place = error.where if isinstance(error, ConfigError) and error.where else where
            raise ConfigError(problem, where=place, remedy=remedy) from None
    return [Channel(name, send, told=told, sent=sent, title=title) for name, send in sends.items()]
