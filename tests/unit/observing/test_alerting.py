"""Alerts: once an episode, repeated where that is asked for, held back but never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.model.units import NS_PER_SECOND
from runtime.observing.alerting import REPEAT_NS, AlertBook, Clear, Raise, Told, alerts_of
from runtime.observing.events import CRITICAL, WARNING, Event, EventName

S = NS_PER_SECOND


def raised(episode: str = "feed", severity: str = WARNING, **keys: int) -> Raise:
    return Raise(episode, severity, "feed", "it is silent", **keys)


def test_an_episode_is_told_once_and_its_end_once() -> None:
    book = AlertBook()
    told = [each for second in range(500) for each in book.take(raised(), second * S)]
    assert [each.count for each in told] == [1]
    over = book.take(Clear("feed"), 501 * S)
    assert [(each.is_over, each.count) for each in over] == [(True, 500)]
    assert book.take(Clear("feed"), 502 * S) == []
    assert len(book.take(raised(), 503 * S)) == 1, "a new episode"


def test_what_asks_for_it_is_repeated_each_ten_minutes_while_it_lasts() -> None:
    book = AlertBook()
    book.take(raised(repeat_ns=REPEAT_NS), 0)
    times = [t for t in range(1, 2_000) if book.look(t * S)]
    assert times == [600, 1200, 1800]


def test_what_becomes_worse_is_told_again() -> None:
    book = AlertBook()
    book.take(raised(), 0)
    assert [each.severity for each in book.take(raised(severity=CRITICAL), S)] == [CRITICAL]


def test_what_nobody_ends_lapses() -> None:
    book = AlertBook()
    book.take(raised(lapse_ns=60 * S), 0)
    book.take(raised(lapse_ns=60 * S), 30 * S)
    assert book.look(89 * S) == []
    assert [each.is_over for each in book.look(90 * S)] == [True]


def test_a_storm_is_told_together_and_what_is_critical_at_once() -> None:
    book = AlertBook(per_minute=3)
    told = [each for n in range(10) for each in book.take(raised(f"stale:{n}"), n)]
    assert [each.episode for each in told] == ["stale:0", "stale:1", "stale:2"]
    assert [each.episode for each in book.take(raised("kill", CRITICAL), 20)] == ["kill"]
    (rest,) = book.look(61 * S)
    assert rest.count == 7 and rest.subject == "7 alerts"


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from([WARNING, CRITICAL])),
        max_size=60,
    ),
    st.integers(1, 5),
)
def test_no_episode_is_lost_and_none_told_twice(
    story: list[tuple[int, bool, str]], per_minute: int
) -> None:
    book, told = AlertBook(per_minute), list[Told]()
    begun: list[str] = []
    is_open: dict[str, str] = {}
    for second, (number, begins, severity) in enumerate(story):
        name = f"e{number}"
        if begins:
            if name not in is_open or (severity == CRITICAL and is_open[name] == WARNING):
                begun.append(name)
            is_open[name] = severity
            told += book.take(Raise(name, severity, name, "x"), second * S)
        else:
            is_open.pop(name, None)
            told += book.take(Clear(name), second * S)
    for minute in range(1, 70):
        told += book.look((len(story) + 61 * minute) * S)
    counted = [each.subject for each in told if each.episode != "several" and not each.is_over]
    for each in told:
        if each.episode == "several":
            lines = each.text.split("\n")
            counted += [line.split(":")[0] for line in lines if not line.endswith("(over)")]
    assert sorted(counted) == sorted(begun)


def event(name: EventName, **values: str) -> Event:
    return Event(name, 0, **values)  # type: ignore[arg-type]


def test_guards_states_and_feeds_begin_and_end_episodes() -> None:
    book = AlertBook()
    story = [
        event(EventName.GUARD_SET, episode="guard:daily_loss", severity=CRITICAL, text="x"),
        event(EventName.STATE_CHANGED, reason="halted", text="x"),
        event(EventName.NOTED, episode="feed", reason="disconnected", severity=WARNING, text="x"),
        event(EventName.NOTED, episode="feed", reason="stale", severity=WARNING, text="x"),
        event(EventName.NOTED, episode="feed", reason="connected", text="x"),
        event(EventName.GUARD_CLEARED, episode="guard:daily_loss", text="x"),
        event(EventName.STATE_CHANGED, reason="running", text="x"),
    ]
    told = [each for one in story for what in alerts_of(one) for each in book.take(what, 0)]
    assert [(each.episode, each.is_over) for each in told] == [
        ("guard:daily_loss", False),
        ("state:halted", False),
        ("noted:feed", False),
        ("noted:feed", True),
        ("guard:daily_loss", True),
        ("state:halted", True),
    ]
    assert book.open == ()
