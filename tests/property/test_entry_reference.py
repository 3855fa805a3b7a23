"""Entries that wait: random markets and brokers, told to the kernels and to the reference model."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

import engine.rules.entries as entries
from tests.reference.trading_entries import TICK, Waiting
from tests.unit.trading.entry_stories import SECOND, Story, parse_wait

F = Fraction
SEEDS = range(60)
STORIES = 12
STEPS = 14


class Told:
    """A story as it is made: the reference hears each word and says what may come next."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self.side = draw.choice((1, -1))
        self.words = [] if self.side > 0 else ["sell"]
        self.is_limit = draw.random() < 0.85
        self.words.append("limit" if self.is_limit else "market")
        self.timeout = draw.choice((None, "30s", "30s", "10s", "61s"))
        if self.timeout:
            self.words.append(self.timeout)
        how = draw.choice(("cancel", "retry", "retry", "walk", "walk"))
        self.words.append(how)
        self.entry = Waiting(
            self.side, self.is_limit, parse_wait(self.timeout) if self.timeout else None, how
        )
        self.entry.now = Story("limit").now
        self.settings()
        self.by_bars = draw.random() < 0.25
        self.mid = 10_000  # ticks
        self.items: list[str] = []

    def settings(self) -> None:
        """Draw the rest of the settings."""
        draw, entry = self.draw, self.entry
        if draw.random() < 0.4:
            entry.retries = draw.randint(0, 2)
            self.words.append(f"retries {entry.retries}")
        if draw.random() < 0.4:
            entry.walks = draw.randint(0, 3)
            self.words.append(f"walks {entry.walks}")
        if draw.random() < 0.4:
            expiry = draw.choice(("30s", "44s", "45s", "60s", "90s"))
            entry.expiry = parse_wait(expiry)
            self.words.append(f"expiry {expiry}")
        if self.is_limit and draw.random() < 0.3:  # at market the touch may be outside it
            percent = draw.choice(("0.005", "0.02", "0.04"))
            entry.collar = F(percent) / 100
            self.words.append(f"collar {percent}%")

    def say(self, item: str) -> None:
        """Let one item happen to the reference, and keep it for the kernels."""
        self.items.append(item)
        words, entry = item.split(), self.entry
        to = entry.now
        if words[0].startswith("+"):
            to += parse_wait(words.pop(0)[1:])
        entry.wait(to if words else to + 1)
        entry.now = to
        if not words:
            return
        if words[0] in ("quote", "bar", "trade"):
            prices = [F(word) for word in words[1:]]
            last = sum(prices) / len(prices) // TICK * TICK
            entry.mark(last, by_bar=words[0] == "bar")
        elif words[0] == "severity":
            entry.severity = int(words[1])
        elif words[0] == "exit":
            entry.exit_works = True
        elif words[0] in ("halt", "resume"):
            entry.is_halted = words[0] == "halt"
        else:
            entry.hear(words[0], int(words[1]) if len(words) > 1 else 0)
        entry.look()

    def price(self) -> str:
        """Return the next price's words."""
        draw = self.draw
        self.mid += draw.randint(-3, 3)
        if self.by_bars:
            return f"bar {self.mid / 100:.2f}"
        if draw.random() < 0.3:
            return f"trade {self.mid / 100:.2f}"
        wide = draw.randint(1, 40)
        return f"quote {(self.mid - wide) / 100:.2f} {(self.mid + wide) / 100:.2f}"

    def next_item(self) -> str:
        """Return what happens next: what the broker may say, a price, or time."""
        draw, entry = self.draw, self.entry
        time = draw.choice(("5s", "10s", "14.9s", "15s", "20s", "29.9s", "30s", "30s", "60s"))
        order = entry.order
        later = draw.choice(("", "", f"+{time} "))
        if order is not None and order.asked is not None and not order.is_canceling:
            return "replaced"
        if order is not None and draw.random() < 0.45:
            facts = ["fill", "rejected", "expired", "canceled"]
            if not order.is_new:
                facts.remove("rejected")
            if order.is_canceling:
                facts = ["fill", "refused", "canceled", "canceled", "canceled"]
            fact = draw.choice(facts)
            if fact == "fill":
                lots = draw.randint(1, order.open)
                return f"fill {lots} @ {float(order.price or F(100)):.2f}"
            return fact
        rare = draw.random()
        if rare < 0.04:
            return f"severity {1 - entry.severity}"
        if rare < 0.06:
            return "exit working"
        if rare < 0.1:
            return "resume" if entry.is_halted else "halt"
        if self.by_bars:
            return f"+60s {self.price()}" if draw.random() < 0.8 else "+30s"
        return draw.choice((f"+{time}", f"+{time}", f"{later}{self.price()}"))

    def tell(self) -> None:
        """Make the story."""
        self.say(self.price())
        for _ in range(STEPS):
            if self.entry.is_over:
                break
            self.say(self.next_item())
        self.say("+1s")


def first_difference(seed: int, *, stories: int = STORIES, fast: bool = False) -> str:
    """Return where the kernels do something else than the reference, or nothing."""
    draw = Random(seed)
    for _ in range(stories):
        story = Told(draw)
        story.tell()
        settings, text = " ".join(story.words), "; ".join(story.items)
        said = Story(settings, fast=fast).play(text)
        if said != story.entry.said:
            return f"{settings} | {text} |\nkernels   {'; '.join(said)}\nreference {'; '.join(story.entry.said)}"
    return ""


@pytest.mark.parametrize("seed", SEEDS)
def test_an_entry_is_executed_as_the_reference_does(seed: int) -> None:
    assert not (found := first_difference(seed)), f"seed {seed}: {found}"


@pytest.mark.timeout(900)
def test_compiled_entries_are_executed_so_too() -> None:
    assert not any(first_difference(seed, stories=3, fast=True) for seed in range(3))


DUE = entries.due_after
PLANTED = {
    "a wait is a nanosecond longer": ("due_after", lambda s, i, ns: (DUE(s, i, ns)[0] + 1, 0)),
    "the first walk is a step and a half": ("WALK_FIRST_MILLI", 1500),
    "walks do not grow": ("WALK_GROWTH_MILLI", 0),
    "walks follow at once": ("WALK_WAIT", SECOND),
    "a fourth try after rejects": ("REJECTS_MAX", 4),
    "the collar does not hold": ("bounded", lambda s, i, side, price: price),
    "an expired signal is tried": ("may_try", lambda s, i: True),
    "a halted market has a price": ("has_present_price", lambda s, i: True),
    "bars are not waited for": ("is_timed_by_bars", lambda s, i: False),
    "severity takes nothing back": ("follow_severity", lambda s: None),
    "cancels are asked for again and again": ("take_back", lambda s, r: entries.ask_cancel(s, s.orders[r, entries.ORDER_ID])),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, mistake = PLANTED[name]
    monkeypatch.setattr(entries, function, mistake)
    assert any(first_difference(seed) for seed in SEEDS)
