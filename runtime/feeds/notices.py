"""What a feed says of itself, counted."""

from __future__ import annotations

from collections import Counter

from engine.ports import Notice, NoticeKind


class Notices:
    """Makes and counts notices."""

    def __init__(self) -> None:
        self.counts: Counter[NoticeKind] = Counter()

    def note(self, kind: NoticeKind, detail: str, since_ns: int = 0) -> Notice:
        """Count and return a notice."""
        self.counts[kind] += 1
        return Notice(kind, detail, since_ns=since_ns)


class VenueNotices(Notices):
    """A venue's feed knows, too, whether it is in a gap."""

    def __init__(self) -> None:
        super().__init__()
        self.is_in_gap = False  # what comes now is of nobody knows how long ago

    def gap(self, text: str, since_ns: int) -> Notice:
        """Begin a gap."""
        self.is_in_gap = True
        return self.note(NoticeKind.GAP, text, since_ns)

    def filled(self, text: str, since_ns: int) -> Notice:
        """End a gap, or say that nothing is missing where there was none."""
        self.is_in_gap = False
        return self.note(NoticeKind.FILLED, text, since_ns)
