"""The page about the stream names everything that there is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.ports import NoticeKind
from runtime.feeds import wire
from runtime.feeds.faults import FaultKind, parse_schedule
from runtime.feeds.settings import StreamSettings

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "stream.md").read_text("utf-8")


def test_every_notice_and_every_fault_is_on_the_page() -> None:
    assert [kind for kind in NoticeKind if f"`{kind}`" not in PAGE] == []
    assert [kind for kind in FaultKind if f"`{kind}`" not in PAGE] == []


def test_every_message_and_every_field_is_on_the_page() -> None:
    messages = [wire.Hello, wire.Bar, wire.Quote, wire.Trade, wire.ActionMessage]
    for message in [*messages, wire.Timer, wire.Time, wire.End]:
        assert f"| `{message.__struct_config__.tag}` |" in PAGE
        unnamed = [name for name in message.__struct_fields__ if f"`{name}`" not in PAGE]
        assert unnamed in ([], ["new_symbol"]), message


def test_its_examples_are_read_and_its_numbers_are_the_defaults() -> None:
    bar, schedule = (text.split("```")[0] for text in PAGE.split("```json\n")[1:])
    assert isinstance(wire.parse(bar), wire.Bar) and len(parse_schedule(schedule).faults) == 2
    one = StreamSettings()
    for value, unit in (
        (one.silence_seconds, "s"),
        (one.stale_seconds, "s"),
        (0.1, "s"),
        (30, "s"),
    ):
        assert f"{value:g} {unit}" in PAGE
    assert (one.wait_seconds_min, one.wait_seconds_max, one.fill_attempts) == (0.1, 30.0, 5)
    assert f"{one.disorder_seconds:g} s or {one.disorder_messages} messages" in PAGE
    assert one.grace_seconds == 2.0 and "two seconds after its time" in PAGE
    assert msgspec.json.encode(parse_schedule(schedule))
