"""Going on where a session was: from the newest checkpoint, or from its beginning, by playing its journal.

What the engine decides now has to be what it decided then, to the bit, and the paper market has to tell
what it told then; else the session does not go on.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import msgspec

from engine.errors import InputError
from engine.ports import SimulatedBroker
from runtime.compile_cache import sources_digest
from runtime.gateway.inbox import Inbox
from runtime.gateway.ledger import OrderLedger
from runtime.journal.checkpoints import Checkpoint
from runtime.journal.entries import Entry
from runtime.journal.records import (
    Intents,
    OperatorInput,
    Outcome,
    StartInput,
    StopInput,
)
from runtime.session.playback import Divergence, Playback
from runtime.session.standing import Standing
from runtime.session_core.core import SessionCore

_VERSION = 6  # of a checkpoint's blob
_STEP = 10_000  # inputs


class Image(msgspec.Struct, frozen=True, array_like=True):
    """The state of a session between two inputs."""

    core: bytes
    market: bytes
    books: bytes
    standing: Standing
    state: str
    inbox: bytes = b""


class Recovered(msgspec.Struct, frozen=True):
    """Where a session goes on.

    Parameters
    ----------
    in_hand, outcomes, state
        Intents of an input that a crash has cut off, and which were perhaps sent; what is known to have
        become of them; and the session's state when they were written.
    """

    cursor: int = 0
    standing: Standing = Standing()
    in_hand: tuple[Intents, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    state: str = ""
    has_started: bool = False
    has_stopped: bool = False  # the strategy was told that the feed has ended
    played: int = 0


def schema() -> int:
    """Return the version of a checkpoint's blob: one of another engine is passed over, not misread."""
    return int(sources_digest()[:12], 16) * 16 + _VERSION


def image_of(
    core: SessionCore,
    market: SimulatedBroker | None,
    books: OrderLedger,
    standing: Standing,
    state: str,
    inbox: Inbox | None = None,
) -> bytes:
    """Return a checkpoint's blob, packed: much of a paper market's blocks is room that nothing uses."""
    image = Image(
        core.snapshot(),
        b"" if market is None else market.snapshot(),
        books.snapshot(),
        standing,
        state,
        b"" if inbox is None else inbox.snapshot(),
    )
    return zlib.compress(msgspec.msgpack.encode(image), 1)


def recover(
    core: SessionCore,
    market: SimulatedBroker | None,
    books: OrderLedger,
    entries: Callable[[int], Iterator[Entry]],
    checkpoint: Checkpoint | None,
    progress: Callable[[int], None] = lambda played: None,
    inbox: Inbox | None = None,
) -> Recovered:
    """Bring core, paper market and books to where a journal ends.

    Parameters
    ----------
    entries
        The journal after a sequence.
    checkpoint
        Where to begin; None: at the beginning.
    progress
        Called now and then with the inputs played.

    Raises
    ------
    InputError
        If this program decides something else than the journal has.
    """
    playback, after = Playback(core, market, books, inbox), 0
    standing, has_started, has_stopped = Standing(), False, False
    if checkpoint is not None and core.has_snapshots:
        image = msgspec.msgpack.decode(zlib.decompress(checkpoint.blob), type=Image)
        core.restore(image.core)
        if market is not None:
            market.restore(image.market)
        books.restore(image.books)
        if inbox is not None:
            inbox.restore(image.inbox)
        after, standing, has_started = checkpoint.sequence, image.standing, True
        playback.cursor, playback.state = checkpoint.cursor, image.state
    try:
        for played in playback.play(entry.record for entry in entries(after)):
            match played.input:
                case StartInput():
                    has_started = True
                case StopInput():
                    has_stopped = True
                case OperatorInput() as wish:
                    standing = standing.after(wish.verb)
                case _:
                    pass
            if core.take_fault() is not None:
                standing = standing.paused()
            if played.number % _STEP == 0:
                progress(played.number)
    except Divergence as error:
        raise refusal(error) from error
    return Recovered(
        playback.cursor,
        standing,
        tuple(playback.pending),
        tuple(playback.outcomes),
        playback.state_in_hand,
        has_started,
        has_stopped,
        playback.number,
    )


def refusal(error: Divergence) -> InputError:
    """Return what a person is told whose journal cannot be gone on with."""
    what = {
        "decided": "the engine decides something else than it did",
        "sent": "an order was sent that is not decided now",
        "market": "the paper market fills otherwise than it did",
    }[error.subject]
    return InputError(
        f"{what}, at input {error.number} of the journal",
        remedy="go on with the version of trader and the strategy that the session ran with, or "
        "begin a new one (--new); `trader replay` shows the difference",
        code="session.diverged",
    )
