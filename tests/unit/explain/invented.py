"""What a story says that its rows do not: nothing, in every story."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from runtime.explain import Story
from runtime.results.journal import RunJournal

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?")
_SPAN = re.compile(r"-?\d[\d,.]* (?:d|h|min|s)(?: \d[\d,.]* (?:h|min|s))*(?![a-z])")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_COUNTS = {"checked"}  # events whose sentence counts its rows


def nanoseconds(text: str) -> int:
    parts = re.findall(r"([\d,.]+) (d|h|min|s)", text)
    total = sum(Decimal(number.replace(",", "")) * _SECONDS[unit] for number, unit in parts)
    return int(total * 10**9)


def since_1970(text: str) -> int:
    whole, _, rest = text.partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + int(rest.ljust(9, "0"))


def invented(story: Story, run: RunJournal) -> list[str]:
    """Return the numbers of a story that are not in the rows of their line."""
    found = []
    for line in story.lines:
        values = {int(v) for v in run.journal[list(line.rows)].ravel()}
        text = line.text
        for when in _TIME.findall(text):
            found += [] if since_1970(when) in values else [f"{when}: {line.text}"]
        text = _TIME.sub("", text)
        spans = {abs(a - line.ts_ns) for a in values} | {abs(a) for a in values}
        for lasted in _SPAN.findall(text):
            found += [] if nanoseconds(lasted) in spans else [f"{lasted}: {line.text}"]
        text = _SPAN.sub("", text)
        for number in _NUMBER.findall(text):
            exact = Decimal(number.replace(",", ""))
            # A value stands as it is, or with the decimals of a price, a percentage or money.
            scaled = {exact * 10**digits for digits in range(10)}
            counts = range(len(line.rows) + 1) if line.event in _COUNTS else ()
            if not scaled & {Decimal(v) for v in values} and exact not in counts:
                found.append(f"{number}: {line.text}")
    return found
