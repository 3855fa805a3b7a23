"""What is said of a journal that was damaged: a line of the table in docs/explain/sessions.md each.

The session was stopped in its middle; the damage is done to what it left, and then the commands are
called as a person does who does not know.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cli.main import app
from runtime.journal.anchors import add_anchor, read_anchors
from runtime.journal.emergency import RealDisk, SessionFiles
from runtime.journal.entries import Entry, genesis, link
from runtime.journal.frames import MARK, FileHead, entry_bytes, head_bytes
from runtime.session.session import Session
from runtime.store.location import VARIABLE
from sims.virtual_time import run_virtual
from tests.architecture.source import ROOT
from tests.unit.session.papers import Desk, example

FILE = example("full_loop.toml")
PAGE = ROOT / "docs" / "explain" / "sessions.md"
CUT = 120  # the first record that an emergency file has
BAD = 60  # the record that is damaged
NEWS = msgspec.msgpack.encode({"what": "nobody knows yet"})


@dataclass(frozen=True)
class Left:
    """What a session has left in a folder."""

    folder: Path
    session: str

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'trader.db'}"

    @property
    def files(self) -> SessionFiles:
        return SessionFiles(self.folder / "trader.sessions", self.session, RealDisk())

    @property
    def export(self) -> Path:
        return self.folder / "x.journal"

    def execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(self.folder / "trader.db", isolation_level=None)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def entries(self, after: int = 0) -> list[Entry]:
        columns = "sequence, epoch, ts_ns, kind, version, payload, hash"
        found = self.execute(
            f"SELECT {columns} FROM journal WHERE sequence > ? ORDER BY sequence", after
        )
        return [Entry(*row) for row in found]  # type: ignore[arg-type]

    def forget_after(self, sequence: int) -> None:
        """Put the database back to where it was at a record; its anchors too."""
        self.execute("DELETE FROM journal WHERE sequence > ?", sequence)
        self.execute("DELETE FROM checkpoints WHERE sequence > ?", sequence)
        kept = [each for each in read_anchors(self.files.anchors) if each.sequence <= sequence]
        self.files.anchors.unlink()
        for each in kept:
            add_anchor(self.files.anchors, each.head, each.why)

    def to_emergency(self, *more: Entry, session: str = "") -> None:
        """Move the end of the journal into an emergency file."""
        entries = self.entries(CUT - 1)
        (before,) = self.entries(CUT - 2)[:1]
        self.forget_after(CUT - 1)
        head = FileHead(session or self.session, "paper", CUT, before.hash, "emergency")
        body = b"".join(map(entry_bytes, [*entries, *more]))
        self.files.emergency.write_bytes(head_bytes(head) + body)

    def newer(self) -> Entry:
        """Return a record that a newer program adds."""
        last = self.entries()[-1]
        one = (last.sequence + 1, last.epoch, last.ts_ns, "noted", 99, NEWS)
        return Entry(*one, link(last.hash, *one))

    def add(self, entry: Entry) -> None:
        values = (self.session, *msgspec.structs.astuple(entry))
        self.execute(
            "INSERT INTO journal (session_id, sequence, epoch, ts_ns, kind, version, payload, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *values,
        )


def flip(path: Path, record: int) -> None:
    """Turn one bit in a record of a file; record 0 is its head."""
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(record + 1):
        place = content.index(MARK, place + 1)
    content[place + 30] ^= 1
    path.write_bytes(content)


def cut(path: Path, *, at_a_record: bool) -> None:
    content = path.read_bytes()
    place = content.rindex(MARK)
    path.write_bytes(content[: place if at_a_record else place + 20])


def flip_in_database(left: Left) -> None:
    ((payload,),) = left.execute("SELECT payload FROM journal WHERE sequence = ?", BAD)
    assert isinstance(payload, bytes)
    changed = payload[:-1] + bytes([payload[-1] ^ 1])
    left.execute("UPDATE journal SET payload = ? WHERE sequence = ?", changed, BAD)
    left.execute("DELETE FROM checkpoints")


def leave_out(left: Left) -> None:
    left.execute("DELETE FROM journal WHERE sequence = ?", BAD)
    left.execute("DELETE FROM checkpoints")


def put_back(left: Left) -> None:
    left.execute("DELETE FROM journal WHERE sequence >= ?", CUT)
    left.execute("DELETE FROM checkpoints")


def of_another_session(left: Left) -> None:
    """Make the first record another session's, with a chain that is sound in itself."""
    previous = genesis("another")
    for entry in left.entries():
        one = msgspec.structs.astuple(entry)[:-1]
        previous = link(previous, *one)
        left.execute("UPDATE journal SET hash = ? WHERE sequence = ?", previous, entry.sequence)
    left.execute("DELETE FROM checkpoints")
    left.files.anchors.unlink()


def damage_checkpoint(left: Left) -> None:
    left.execute("UPDATE checkpoints SET blob = x'00'")


def no_anchors(left: Left) -> None:
    left.files.anchors.unlink()


def cut_after_an_anchor(left: Left) -> None:
    """What is cut off after the last anchor nobody has witnessed."""
    left.forget_after(CUT - 1)


def torn_emergency(left: Left) -> None:
    left.to_emergency()
    cut(left.files.emergency, at_a_record=False)


def flipped_emergency(left: Left) -> None:
    left.to_emergency()
    flip(left.files.emergency, 3)


def headless_emergency(left: Left) -> None:
    left.to_emergency()
    flip(left.files.emergency, 0)


def newer_emergency(left: Left) -> None:
    left.to_emergency(left.newer())


def foreign_emergency(left: Left) -> None:
    left.to_emergency(session="20260101-000000-other")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Leave a session that was stopped in its middle."""
    folder = tmp_path_factory.mktemp("left")
    desk = Desk.of_example("full_loop.toml", folder, speed=86_400.0)
    with desk.store() as store:

        async def part() -> Session:
            session = desk.session(store)
            asyncio.get_running_loop().call_later(200.0, session.stop, "the evening")
            await session.run()
            return session

        session_id = run_virtual(part()).parts.journal.session_id
    return Left(folder, session_id)


@pytest.fixture
def left(origin: Left, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Left:
    copied = Left(tmp_path / "copy", origin.session)
    shutil.copytree(origin.folder, copied.folder)
    monkeypatch.setenv(VARIABLE, copied.url)
    monkeypatch.chdir(tmp_path)
    return copied


def called(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    assert "Traceback" not in result.output
    return result.exit_code, " ".join((result.stdout + result.stderr).split())


PAPER = ("paper", str(FILE), "--account", "paper", "--for", "0.05")
COMMANDS = (("verify", "last"), ("replay", "last"), ("sessions", "export", "last", "out"), PAPER)
DAMAGES: dict[str, Callable[[Left], object]] = {
    "nothing": lambda left: None,
    "a bit was turned in record 60": flip_in_database,
    "record 60 was removed": leave_out,
    "an old copy was put back": put_back,
    "what followed the last anchor was cut off": cut_after_an_anchor,
    "it is another session's journal": of_another_session,
    "its last record is of a newer version": lambda left: left.add(left.newer()),
    "the checkpoints are damaged": damage_checkpoint,
    "the anchors are gone": no_anchors,
    "its end is in the emergency file": lambda left: left.to_emergency(),
    "and the file's last record is torn": torn_emergency,
    "and a bit was turned inside the file": flipped_emergency,
    "and the file's head is damaged": headless_emergency,
    "and the file has a newer record": newer_emergency,
    "and the file is another session's": foreign_emergency,
}


def table(first: str) -> dict[str, list[tuple[int, str]]]:
    """Return a table of the page: by what was done the exit codes and what is said."""
    found: dict[str, list[tuple[int, str]]] = {}
    lines = iter(PAGE.read_text("utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            break
        name, *cells = (each.strip() for each in line.strip("|").split("|"))
        found[name] = [(int(each[0]), each[2:].strip("`")) for each in cells]
    return found


SAID = table("what was done")
SAID_OF_FILES = table("what was done to an exported file")


def test_the_page_has_a_line_for_each_damage() -> None:
    assert list(SAID) == list(DAMAGES)
    assert list(SAID_OF_FILES) == list(FILE_DAMAGES)


@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_said_of_a_damaged_journal_is_what_the_page_says(what: str, left: Left) -> None:
    DAMAGES[what](left)
    for words, (code, said) in zip(COMMANDS, SAID[what], strict=True):
        found, told = called(*words)
        assert said in told, words
        assert found == code, words
    if "was put aside" in SAID[what][-1][1]:
        assert called(*PAPER)[0] == 0
    assert called("sessions", "show", "last")[0] == 0


def test_a_difference_is_not_looked_for_in_a_damaged_journal(left: Left) -> None:
    flip_in_database(left)
    assert called("diff", "last")[0] == 2


def newer_export(left: Left) -> None:
    left.add(left.newer())
    called("sessions", "export", "last", str(left.export))


def renamed_export(left: Left) -> None:
    entries = left.entries()
    head = FileHead("another", "paper", 1, genesis(left.session), "export", len(entries))
    left.export.write_bytes(head_bytes(head) + b"".join(map(entry_bytes, entries)))


FILE_DAMAGES: dict[str, Callable[[Left], object]] = {
    "nothing": lambda left: None,
    "a bit was turned inside": lambda left: flip(left.export, BAD),
    "its head was damaged": lambda left: flip(left.export, 0),
    "it was cut at a record": lambda left: cut(left.export, at_a_record=True),
    "its last record is torn": lambda left: cut(left.export, at_a_record=False),
    "it is no journal": lambda left: left.export.write_text("hello"),
    "it has a newer record": newer_export,
    "it is named as another session's": renamed_export,
}


@pytest.mark.parametrize("what", FILE_DAMAGES)
def test_what_is_said_of_a_damaged_file_is_what_the_page_says(what: str, left: Left) -> None:
    assert called("sessions", "export", "last", str(left.export))[0] == 0
    FILE_DAMAGES[what](left)
    ((code, said),) = SAID_OF_FILES[what]
    found, told = called("verify", str(left.export))
    assert said in told
    assert found == code
