"""Sizes of entries: every method, random numbers, the kernels against the exact fractions."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from tests.reference.trading_sizes import SLACK, Entry
from tests.unit.core.books import GERMAN
from tests.unit.trading.test_sizing_table import Case
from tests.unit.trading.trading_books import Line

F = Fraction
SEEDS = range(60)
SIZES = 25
METHODS = (
    "quantity", "notional", "equity", "kelly", "kelly odds", "kelly continuous", "fixed_fraction",
    "vol_target",
)  # fmt: skip
SAID = ("p", "edge", "conf", "vol", "goal", "n")


def number(text: str) -> Fraction:
    """Return a number as a word gives it: 5 % is a twentieth."""
    return F(text.rstrip("%$")) / (100 if text.endswith("%") else 1)


def random_line(draw: Random) -> Line:
    """Return a line as it could stand in sizing.txt."""
    method = draw.choice(METHODS)
    symbol = "RAIN" if method == "kelly" else draw.choice(("ABC", "ABC", "ES", "SAP", "RAIN"))
    whole = draw.randint(5, 900)
    price = F(whole if symbol != "RAIN" else draw.randint(3, 97), 1 if symbol != "RAIN" else 100)
    value = {
        "quantity": str(draw.randint(1, 3000)),
        "notional": str(draw.randint(50, 20_000)),
        "equity": f"{draw.randint(1, 150)}%",
        "vol_target": f"{draw.randint(2, 30)}%",
        "fixed_fraction": f"{draw.randint(1, 50)}".rjust(2, "0") + "%",
    }.get(method, draw.choice(("0.25", "0.5", "1", "0.3333")))
    words = [f"E {draw.randint(100, 200_000)}.{draw.randint(10, 99)}", f"at {float(price):.2f}"]
    side = draw.choice((1, -1))
    if side < 0:
        words.append("short")
    if draw.random() < 0.3:
        words.append(f"last {float(price * draw.choice((F(98, 100), F(101, 100)))):.2f}")
    if draw.random() < 0.75:
        words.append(f"p 0.{draw.randint(1, 999_999):06d}")
    elif draw.random() < 0.8:
        words.append(f"edge 0.{draw.randint(1, 300):03d}")
    if draw.random() < 0.4 and method != "kelly":
        words = [word for word in words if not word.startswith("p ")]
        words.append(f"edge 0.{draw.randint(1, 300):03d}")
        words = list({word.split()[0]: word for word in words}.values())
    for chance, word in (
        (0.7, f"conf 0.{draw.randint(1, 999):03d}"),
        (0.85, f"vol 0.{draw.randint(20, 999):03d}"),
        (0.3, f"n {draw.randint(1, 400)}"),
        (0.3, f"leverage {draw.choice((1, 2, 4))}"),
        (0.2, f"step {draw.choice((10, 100))}"),
        (0.25, f"maximum {draw.randint(1, 400)}"),
        (0.25, f"maximum {draw.randint(100, 9000)}$"),
        (0.25, f"maximum {draw.randint(1, 40)}%"),
        (0.1, f"minimum {draw.randint(1, 60)}"),
        (0.1, f"minimum {draw.randint(10, 900)}$"),
        (0.1, f"minimum {draw.randint(1, 9)}%"),
    ):
        if draw.random() < chance:
            words.append(word)
    words += goal_and_stop(draw, price, side)
    if draw.random() < 0.3 and symbol == "ABC":
        words.append(f"hold {draw.randint(1, 50)} @ {draw.randint(5, 60)}")
    return Line("", 0, (symbol,), (f"{method} {value}", "; ".join(words), "", ""))


def goal_and_stop(draw: Random, price: Fraction, side: int) -> list[str]:
    """Return a goal on one side of the price and a stop on the other, or some of them."""
    words = []
    if draw.random() < 0.8:
        goal = price * (1 + F(side * draw.randint(1, 60), 100))
        words.append(f"goal {float(round(goal * 100)) / 100:.2f}")
    if draw.random() < 0.5:
        words.append(f"stop_loss {draw.randint(1, 30)}%")
    elif draw.random() < 0.7 and price.denominator == 1:
        words.append(f"stop {float(price * (1 - F(side * draw.randint(1, 30), 100))):.2f}")
    return words


def entry_of(case: Case) -> Entry:
    """Return what the reference needs, from the words of a line."""
    method, _, value = case.method.rpartition(" ")
    price = None if case.value("at") is None else F(case.value("at") or "0")
    last = F(case.value("last")) if case.value("last") else price
    quantity, _, paid = (case.value("hold") or "0 @ 0").split()
    held = F(quantity) * (last or F(0))
    bounds: dict[str, dict[str, Fraction]] = {"maximum": {}, "minimum": {}}
    for word in case.words:
        name, _, text = word.partition(" ")
        if name in bounds:
            kind = (
                "notional" if text.endswith("$") else "share" if text.endswith("%") else "quantity"
            )
            bounds[name][kind] = number(text)
    bracket = case.value("stop")
    item = case.item
    return Entry(
        method.strip(),
        number(value),
        case.side,
        F(case.value("E") or "0") - F(quantity) * F(paid) + held,
        price,
        last,
        is_binary=item.is_binary,
        multiplier=F(item.multiplier),
        rate=F(5, 4) if item is GERMAN or item.currency == "EUR" else F(1),
        tick=F(item.tick_size),
        step=F(item.lots_to_quantity(item.quantity_step_lots)),
        said={name: number(text) for name in SAID if (text := case.value(name)) is not None},
        bracket=abs(F(bracket) - price) / price if bracket and price else None,
        stop_loss=number(case.value("stop_loss") or "0") if case.value("stop_loss") else None,
        leverage=F(case.value("leverage") or "1"),
        used=abs(held),
        most=bounds["maximum"],
        least=bounds["minimum"],
    )


def difference(line: Line, *, fast: bool = False) -> str:
    """Return how the kernel's size differs from the exact one, or nothing."""
    case = Case(line)
    entry = entry_of(case)
    (most_why, most), (least_why, least) = entry.answer(F(0)), entry.answer(SLACK)
    core = case.books.core if fast else case.books.s
    said, _, clip = case.answer(core, fast=fast).partition(" ")
    if said[0].isdigit():
        if least <= F(said) <= most and clip in (most_why, least_why):
            return ""
    elif said in (most_why, least_why) and least == 0:
        return ""
    told = f"{most_why} {float(most)}, at least {least_why} {float(least)}"
    return f"{line.columns[0]} of {line.settings[0]}: {line.columns[1]}: {said} {clip}, not {told}"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_size_is_the_exact_one_rounded_down(seed: int) -> None:
    draw = Random(seed)
    for _ in range(SIZES):
        assert not (found := difference(random_line(draw))), f"seed {seed}: {found}"


def test_every_method_sizes_and_refuses_now_and_then() -> None:
    draw, met = Random(0), dict.fromkeys(METHODS, 0)
    for _ in range(400):
        entry = entry_of(Case(random_line(draw)))
        met[entry.method] += entry.answer(F(0))[1] > 0
    assert min(met.values()) > 5, met


def test_the_compiled_sizes_are_the_exact_ones_rounded_down() -> None:
    draw = Random(99)
    assert not any(difference(random_line(draw), fast=True) for _ in range(60))
