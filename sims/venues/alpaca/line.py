"""What becomes of the messages of a stream on their way."""

from __future__ import annotations

from sims.venues.alpaca.faults import OF_CONTENT, FaultKind, Schedule
from sims.venues.alpaca.spoiling import spoiled
from sims.venues.alpaca.words import Record


class Line:
    """The faults of one stream; each message is one occasion, whoever listens.

    Parameters
    ----------
    occasion
        ``order_stream`` or ``data_stream``.
    """

    def __init__(self, schedule: Schedule, occasion: str) -> None:
        self._schedule, self._occasion = schedule, occasion
        self._held: list[Record] = []
        self.tears = self.mutes = False  # what is to be done to the connections now

    def passed(self, message: Record) -> list[Record]:
        """Return what arrives instead of a message."""
        self.tears = self.mutes = False
        messages, holds = [message], False
        for fault in self._schedule.take(self._occasion):
            if fault.kind in OF_CONTENT:
                changed = (spoiled(each, fault) for each in messages)
                messages = [each for each in changed if isinstance(each, dict)]
            match fault.kind:
                case FaultKind.DUPLICATE:
                    messages = messages * 2
                case FaultKind.LOSE:
                    messages = []
                case FaultKind.REORDER:
                    holds = True
                case FaultKind.DROP:
                    self.tears, messages = True, []
                case FaultKind.MUTE:
                    self.mutes, messages = True, []
        if holds:
            self._held += messages
            return []
        late, self._held = self._held, []
        return messages + late
