"""Logs: readable lines where a person looks, JSON lines for programs, no secret in either.

Writing may take its time (a pipe that nobody reads, a full disk), so each sink has a thread and a queue of
its own: whoever logs waits for nothing. What finds no room is dropped and counted.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TextIO

import msgspec
import structlog

from engine.model.units import NS_PER_SECOND
from engine.ports import Clock
from runtime.observing.events import CRITICAL, INFO, WARNING, Event
from runtime.observing.masking import Masker

QUEUE_MAX: Final = 10_000
CLOSE_SECONDS: Final = 2.0
WIDTH: Final = 80
_COLOURS: Final = {WARNING: "\x1b[33m", CRITICAL: "\x1b[1;31m"}
_PLAIN: Final = "\x1b[0m"
_HIDDEN: Final = (
    "event", "text", "level", "at", "environment", "session", "strategy", "ts_ns", "severity",
)  # fmt: skip
_Line = MutableMapping[str, Any]


class Sink(Protocol):
    """Where lines go."""

    def put(self, line: _Line) -> None:
        """Take a line, at once."""

    def close(self) -> None:
        """Write what is left, for at most two seconds."""


class InlineSink:
    """Renders and hands over at once: for tests, and for memory."""

    def __init__(self, render: Callable[[_Line], str], write: Callable[[str], None]) -> None:
        self._render, self._write = render, write

    def put(self, line: _Line) -> None:
        """Take a line."""
        self._write(self._render(line))

    def close(self) -> None:
        """Nothing is left."""


class ThreadSink:
    """A file, written by a thread; `lost` lines found no room or could not be written."""

    def __init__(self, render: Callable[[_Line], str], file: TextIO) -> None:
        self._render, self._file = render, file
        self._lines: queue.Queue[_Line | None] = queue.Queue(QUEUE_MAX)
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    def put(self, line: _Line) -> None:
        """Take a line; drop it where the reader is too slow."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Write what is left, for at most two seconds."""
        try:
            self._lines.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._file.write(self._render(line) + "\n")
                if self._lines.empty():
                    self._file.flush()
            except (OSError, ValueError):  # a closed pipe, a full disk: the session goes on
                self.lost += 1


class Log:
    """The log of one session.

    Parameters
    ----------
    environment
        ``PAPER``: it stands in every line.
    """

    def __init__(
        self, sinks: Sequence[Sink], clock: Clock, *, session: str, environment: str
    ) -> None:
        self._clock = clock
        self._sinks = sinks
        self._bound = {"environment": environment, "session": session, "strategy": ""}

    def join(self, session_id: str, strategy: str) -> None:
        """Belong to a session."""
        self._bound |= {"session": session_id, "strategy": strategy}

    def event(self, event: Event) -> None:
        """Write an event."""
        fields = msgspec.structs.asdict(event)
        told = {name: fields[name] for name in _FIELDS if fields[name]}
        self._put(str(event.name), event.severity, told | {"ts_ns": event.ts_ns})

    def line(self, name: str, severity: str = INFO, **fields: object) -> None:
        """Write something else, e.g. a heartbeat."""
        self._put(name, severity, fields)

    def _put(self, name: str, level: str, fields: dict[str, object]) -> None:
        line = {"at": self._clock.now_ns(), "level": level, **self._bound, "event": name, **fields}
        for sink in self._sinks:
            sink.put(dict(line))


_FIELDS: Final = tuple(name for name in Event.__struct_fields__ if name not in ("name", "ts_ns", "severity"))  # fmt: skip


def json_lines(masker: Masker) -> Callable[[_Line], str]:
    """Return what renders a line as JSON."""
    render = structlog.processors.JSONRenderer(
        serializer=lambda line, **_: msgspec.json.encode(line).decode()
    )

    def rendered(line: _Line) -> str:
        line["at"] = iso(line["at"])
        return str(render(None, "", _masked(masker, line)))

    return rendered


def text_lines(masker: Masker, *, colours: bool) -> Callable[[_Line], str]:
    """Return what renders a line for a person: at most 80 columns, what matters first."""

    def rendered(line: _Line) -> str:
        shown = _masked(masker, line)
        head = f"{iso(line['at'])[11:19]} {shown['environment']} {str(shown['session'])[-5:]} "
        ids = " ".join(f"{name}={shown[name]}" for name in shown if name not in _HIDDEN)
        body = " ".join(filter(None, (str(shown["event"]), str(shown.get("text", "")), ids)))
        room = WIDTH - len(head)
        body = body if len(body) <= room else f"{body[: room - 1]}…"
        body = "".join(c if c.isprintable() else "?" for c in body)
        colour = _COLOURS.get(str(line["level"]), "") if colours else ""
        return f"{head}{colour}{body}{_PLAIN if colour else ''}"

    return rendered


def sink_of(file: TextIO, masker: Masker) -> Sink:
    """Return a sink: readable lines for a terminal, JSON lines for a pipe or a file."""
    if file.isatty():
        colours = not os.environ.get("NO_COLOR")
        return ThreadSink(text_lines(masker, colours=colours), file)
    return ThreadSink(json_lines(masker), file)


def iso(ns: int) -> str:
    """Return a time as ISO 8601 with milliseconds, UTC."""
    seconds, rest = divmod(ns, NS_PER_SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def _masked(masker: Masker, line: _Line) -> dict[str, object]:
    return {name: masker.value(value, name=name) for name, value in line.items()}
