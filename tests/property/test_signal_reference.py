"""Signals in random accounts: what the kernels say of them, and what the reference model says."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from tests.reference.trading_signals import Desk, Instrument
from tests.unit.trading.account import INSTRUMENTS, NOW, PRICES, SYMBOLS, Account, to_ns

F = Fraction
SEEDS = range(60)
STEPS = 30
USED = ("ABC", "DEF", "RAIN", "SNOW")
SIDES = {"buy": 1, "sell": -1}
TIMES = ("0s", "1s", "2s", "1.999s", "30s", "60s", "61s", "5m", "301s")


def random_settings(draw: Random) -> dict[str, str]:
    """Return what a file could ask for."""
    options = {
        "min_edge": draw.choice(("5", "0", "2")),
        "min_confidence": draw.choice(("0", "0.5")),
        "goal": "",
        "expiry": draw.choice(("5m", "30s")),
        "first": draw.choice(("30s", "5m")),
        "last": draw.choice(("30s", "5m")),
        "quote_age": draw.choice(("60s", "30s")),
    }
    settings = {key: value for key, value in options.items() if draw.random() < 0.5}
    settings["risk"] = "off"  # what the order itself meets is judged elsewhere
    if "min_edge" in settings and draw.random() < 0.5:
        settings["probability"] = ""
    return settings


def desk_of(settings: dict[str, str]) -> Desk:
    """Return the reference of an account with these settings."""
    known = {}
    for symbol in USED:
        tick = F(INSTRUMENTS[SYMBOLS.index(symbol)].tick_size)
        known[symbol] = Instrument(F(PRICES[symbol]), NOW, tick)
    desk = Desk(now=NOW, known=known, has_goal="goal" in settings)
    desk.is_probability = "probability" in settings
    if "min_edge" in settings:
        desk.min_edge = F(settings["min_edge"]) / 100
    if "min_confidence" in settings:
        desk.min_confidence = F(settings["min_confidence"])
    for name in ("expiry", "first", "last", "quote_age"):
        setattr(desk, name, to_ns(settings.get(name, "0s")))
    return desk


class Both:
    """An account and its reference, to which the same happens."""

    def __init__(self, settings: dict[str, str], world: str) -> None:
        self.account, self.desk = Account(settings, world), desk_of(settings)
        self.settings = settings
        self.account.tell("")  # its money

    def happen(self, draw: Random) -> None:
        """Let something happen to the market, the calendar, an instrument."""
        symbol = draw.choice(USED)
        word = draw.choice(
            ("passes", "passes", "price", "price", "quote", "bar", "halted", "settled", "locked",
             "cools", "suspect", "exit", "entry", "wants", "hold", "closed", "opened", "closes")
        )  # fmt: skip
        rare = word in ("halted", "settled", "exit", "entry", "closed", "wants")
        if rare and draw.random() < 0.7:
            return
        time = draw.choice(TIMES)
        if word in ("passes", "closed", "opened", "closes"):
            self.of_account(word, time)
        else:
            self.of_instrument(draw, word, symbol, time)

    def of_account(self, word: str, time: str) -> None:
        """Time passes, a session opens or closes."""
        desk, ns = self.desk, to_ns(time)
        if word == "passes":
            desk.now += ns
        elif word == "closed":
            desk.is_open = False
        elif word == "opened":
            desk.is_open, desk.opened = True, NOW - ns
        else:
            desk.closes = NOW + ns
        self.account.tell(word if word == "closed" else f"{word} {time}")

    def of_instrument(self, draw: Random, word: str, symbol: str, time: str) -> None:
        """The market shows a price, or something begins to work."""
        one, now = self.desk.known[symbol], self.desk.now
        words = f"{word} {symbol}"
        if one.is_settled and word in ("price", "quote", "bar", "settled", "hold"):
            return
        if word in ("price", "bar"):
            price = max(F(round(one.last * draw.choice((90, 96, 100, 101, 105)))) / 100, one.tick)
            one.mark(price, now, by_bar=word == "bar")
            one.bar_length = to_ns(time) if word == "bar" else 0
            words += f" {time} {float(price):.2f}" if word == "bar" else f" {float(price):.2f}"
        elif word == "quote":
            bid = max(F(round(one.last * draw.choice((94, 99, 100)))) / 100, one.tick)
            ask = bid + one.tick * draw.choice((2, 4))
            one.mark((bid + ask) / 2, now)
            one.bid, one.ask = bid, ask
            words += f" {float(bid):.2f} {float(ask):.2f}"
        elif word == "halted":
            one.is_halted = True
        elif word == "settled":
            one.is_settled, one.last = True, F(0)
            one.hold(0)
        elif word in ("locked", "cools"):
            self.lock(one, word, time)
            words += f" {time}"
        elif word == "suspect":
            one.suspect_since = now
        elif word == "hold":
            quantity = draw.choice((-3, 2, 5))
            one.hold(one.held + quantity)
            words += f" {quantity}"
        else:
            name = {"exit": "exit_works", "entry": "entry_works", "wants": "wants_flat"}[word]
            if word == "wants" and one.held == 0:
                return
            setattr(one, name, True)
        self.account.tell(words)

    def lock(self, one: Instrument, word: str, time: str) -> None:
        """Lock an instrument, or let it rest; each word sets its own end."""
        ends = one.__dict__.setdefault("ends", {})
        ends[word] = self.desk.now + to_ns(time)
        one.free_from = max(ends.values())

    def signal(self, draw: Random) -> str:
        """Give both a signal; return where they say something else, or nothing."""
        symbol, side = draw.choice(USED), draw.choice(("buy", "sell"))
        terms: dict[str, str] = {}
        if draw.random() < 0.9:
            probability = "probability" in self.settings
            values = (
                ("0.45", "0.46", "0.35", "0.2", "1.01", "-0.01", "0.17")
                if probability
                else ("5%", "5.0000001%", "6%", "-3%", "0%", "2%", "100001%")
            )
            terms["p" if probability else "edge"] = draw.choice(values)
        if draw.random() < 0.9:
            terms["confidence"] = draw.choice(("0.5", "0.500000001", "0.9", "0", "1001"))
        if draw.random() < 0.9:
            terms["goal"] = draw.choice(("110", "0.90", "0"))
        decided = draw.choice(("0s", "0s", "0s", "1s", "30s", "5m", "301s"))
        words = f"{side} {symbol} " + " ".join(f"{k} {v}" for k, v in terms.items())
        (kernel,) = self.account.answers_to(f"{words} decided {decided}")
        said = {k: F(v.rstrip("%")) / (100 if v.endswith("%") else 1) for k, v in terms.items()}
        at = self.desk.now - to_ns(decided)
        reference = " ".join(self.desk.judge(symbol, SIDES[side], at, said)) or "ok"
        if kernel == reference:
            return ""
        return f"{words} decided {decided}: kernels {kernel}, reference {reference}"


def first_difference(seed: int, world: str = "interpreted") -> str:
    """Play a seed; return where both first say something else, or nothing."""
    draw = Random(seed)
    both = Both(random_settings(draw), world)
    for _ in range(STEPS):
        for _ in range(draw.randint(0, 2)):
            both.happen(draw)
        if found := both.signal(draw):
            return f"seed {seed} {both.settings}: {found}"
    return ""


@pytest.mark.parametrize("seed", SEEDS)
def test_signals_are_judged_as_the_reference_judges_them(seed: int) -> None:
    assert not (found := first_difference(seed)), found


@pytest.mark.timeout(900)
def test_compiled_signals_are_judged_so_too() -> None:
    assert not any(first_difference(seed, "compiled") for seed in range(3))
