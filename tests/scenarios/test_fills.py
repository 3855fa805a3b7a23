"""Every line of fills.txt is a test, of the independent reference book and of the real one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from engine.model.orders import Liquidity
from sims.fillbook import BookSettings, FeeModel, FillBook, SlippageModel
from tests.reference.fill_book import ReferenceFillBook
from tests.reference.stories import (
    FIRST_ID,
    TIME_ZERO,
    Book,
    Said,
    make_instrument,
    parse_story,
    run_story,
)

TABLE = Path(__file__).with_name("fills.txt")
QUIET = {"accepted", "armed", "triggered", "replaced"}  # checked where a line names them


@dataclass(frozen=True)
class Line:
    """One scenario: where it stands, its section's settings, its four columns."""

    number: int
    settings: dict[str, str]
    orders: str
    events: str
    expected: str
    comment: str


def read_lines(text: str) -> Iterator[Line]:
    """Parse the table; `##` opens a section, `@` gives its settings, `#` is a remark."""
    settings: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("##"):
            settings = {}
        elif line.startswith("@ "):
            settings = dict((*word.split("=", 1), "")[:2] for word in line[2:].split())  # type: ignore[misc]
        elif line and not line.startswith("#"):
            columns = [column.strip() for column in line.split("|")]
            assert len(columns) == 4, f"fills.txt line {number}: four columns, not {len(columns)}"
            yield Line(number, settings, *columns)


LINES = list(read_lines(TABLE.read_text(encoding="utf-8")))


def settings_of(words: dict[str, str]) -> BookSettings:
    slippage, _, value = words.get("slippage", "none").partition(":")
    return BookSettings(
        path=words.get("path", "pessimistic"),
        limit_fill=words.get("limit_fill", "through"),
        volume_cap=Decimal(words["cap"]) if "cap" in words else None,
        latency_ns=int(words.get("latency", "0")),
        slippage=SlippageModel(slippage, Decimal(value or 0)),
        fees=fees_of(words.get("fees", "none")),
        is_late=words.get("late") == "yes",
    )


def fees_of(text: str) -> FeeModel:
    model, *numbers = text.split(":")
    names = {
        "none": (),
        "bps": ("maker_bps", "taker_bps"),
        "per_share": ("per_unit", "minimum", "maximum_fraction"),
        "kalshi": ("maker_rate",),
        "binance": ("maker_bps", "taker_bps"),
        "mt5": ("per_unit",),
    }[model]
    return FeeModel(model, **{name: Decimal(n) for name, n in zip(names, numbers)})


def play(line: Line, book: Book) -> list[Said]:
    story = parse_story(make_instrument(line.settings), line.orders, line.events)
    return run_story(book, story)


def render(event: Said, line: Line, *, like: str) -> str:
    """Write an event in the table's words, with the details that `like` gives too."""
    number = f"#{event.order_id - FIRST_ID} " if "#" in like else ""
    if number == "" and event.order_id != FIRST_ID + 1:
        number = f"#{event.order_id - FIRST_ID} "
    words = [event.kind]
    if event.kind == "fill":
        price = make_instrument(line.settings).ticks_to_price(event.price_ticks)
        words = [f"{event.lots} @ {price.normalize():f} {event.rule}"]
        if "maker" in like or "taker" in like:
            words.append(Liquidity(event.liquidity).name.lower())
        if "fee" in like:
            words.append(f"fee {Decimal(event.fee_minor).scaleb(-8).normalize():f}")
        if "keeps" in like:
            words.append(f"keeps {event.lots - event.fee_lots}")
    elif event.kind == "armed":
        words.append(str(event.lots))
    elif event.reason and like.split(" at ")[0].split()[-1:] != [event.kind]:
        words.append(event.reason)
    if " at " in like:
        words.append(f"at {event.ts_ns - TIME_ZERO}")
    return number + " ".join(words)


def judge(line: Line, said: Sequence[Said]) -> tuple[list[str], list[str]]:
    """Return what the line expects and what the book said, in the same words."""
    expected = [item.strip() for item in line.expected.split(";")]
    expected = [] if expected == ["waits"] else expected
    named = {kind for kind in QUIET if any(kind in item.split() for item in expected)}
    heard = [event for event in said if event.kind not in QUIET - named]
    like = [*expected, *[""] * len(heard)]
    return expected, [render(event, line, like=like[n]) for n, event in enumerate(heard)]


def line_id(line: Line) -> str:
    return f"{line.number}: {line.comment}"


@pytest.mark.parametrize("line", LINES, ids=line_id)
def test_the_reference_book_agrees_with_the_table(line: Line) -> None:
    instrument = make_instrument(line.settings)
    book = ReferenceFillBook([instrument], settings_of(line.settings))
    expected, said = judge(line, play(line, book))
    assert said == expected, f"fills.txt line {line.number}: {line.comment}"


@pytest.mark.parametrize("line", LINES, ids=line_id)
def test_the_book_agrees_with_the_table(line: Line) -> None:
    book = FillBook([make_instrument(line.settings)], settings_of(line.settings))
    expected, said = judge(line, play(line, book))
    assert said == expected, f"fills.txt line {line.number}: {line.comment}"


def test_the_compiled_book_agrees_with_every_line() -> None:
    failures = []
    for line in LINES:
        instrument, settings = make_instrument(line.settings), settings_of(line.settings)
        book = FillBook([instrument], settings, compiled=True)
        expected, said = judge(line, play(line, book))
        if said != expected:
            failures.append(f"line {line.number}: {line.comment}\n  {expected}\n  {said}")
    assert not failures, "\n".join(failures)


def test_the_table_is_long_enough_to_be_believed() -> None:
    assert len(LINES) >= 170
