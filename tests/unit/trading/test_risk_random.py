"""Random accounts and orders: the checks of size and exposure against a slow judge in decimals.

The judge keeps plain lists of positions and orders, works in money, and shares no code with the
kernels. What it expects is written from docs/explain/risk.md.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from tests.unit.trading.account import INSTRUMENTS, SYMBOLS, Account

D = Decimal
RATES = {"USD": D(1), "EUR": D("1.25")}
SIDES = {"buy": 1, "sell": -1}
TRADED = ("ABC", "DEF", "GHI", "RAIN", "SNOW", "SAP")
EVENTS = {"RAIN": 1, "SNOW": 1}


@dataclass
class Judge:
    """An account as a list of what is held and of what works."""

    limits: dict[str, str]
    prices: dict[str, Decimal]
    equity: Decimal
    held: dict[str, int] = field(default_factory=dict)
    working: list[tuple[str, int, int, Decimal | None, bool]] = field(default_factory=list)

    def money(self, symbol: str, quantity: int, price: Decimal) -> Decimal:
        currency = INSTRUMENTS[SYMBOLS.index(symbol)].currency
        return quantity * price * RATES[currency]

    def cases(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return the signed values when all buys fill, and when all sales do."""
        mine = [order for order in self.working if order[0] == symbol and not order[4]]
        last, limits = self.prices[symbol], [o for o in mine if o[3] is not None]
        price = max([last, *(o[3] for o in limits if o[3] is not None)])
        held = self.held.get(symbol, 0)
        ups = held + sum(quantity for _, side, quantity, _, _ in mine if side > 0)
        downs = held - sum(quantity for _, side, quantity, _, _ in mine if side < 0)
        sold = min([last, *(o[3] for o in limits if o[3] is not None and o[1] < 0)])
        lowest = sold if symbol in EVENTS else price
        return self.stake(symbol, ups, price, lowest), self.stake(symbol, downs, price, lowest)

    def stake(self, symbol: str, quantity: int, price: Decimal, lowest: Decimal) -> Decimal:
        """Return what a position can lose, signed: of an event contract sold short 1 - price."""
        if quantity < 0 and symbol in EVENTS:
            return quantity * (1 - lowest)
        return self.money(symbol, quantity, price)

    def traded(self, symbol: str, side: int, quantity: int, price: Decimal) -> Decimal:
        """Return the money of an order: of what it closes its price, of the rest what is at stake."""
        same = sum(
            q for s, way, q, _, only in self.working if (s, way, only) == (symbol, side, False)
        )
        closes = min(max(max(-side * self.held.get(symbol, 0), 0) - same, 0), quantity)
        opened = self.stake(symbol, side * (quantity - closes), price, price)
        return self.money(symbol, closes, price) + abs(opened)

    def share(self, amount: Decimal, name: str) -> bool:
        return amount * 100 > D(self.limits[name]) * self.equity

    def says_no(self, symbol: str, side: int, quantity: int, limit: Decimal | None) -> list[str]:
        """Return the checks that deny a new order, in their order."""
        self.working.append((symbol, side, quantity, limit, False))
        cases = {name: self.cases(name) for name in TRADED}
        worst = {name: max(abs(up), abs(down)) for name, (up, down) in cases.items()}
        self.working.pop()
        price = self.prices[symbol] if limit is None else limit
        of_event = sum(worst[n] for n in EVENTS) if symbol in EVENTS else D(0)
        net = max(abs(sum(up for up, _ in cases.values())), abs(sum(d for _, d in cases.values())))
        far = abs(price - self.prices[symbol])
        step = INSTRUMENTS[SYMBOLS.index(symbol)].tick_size
        denials = {
            "max_positions": sum(value > 0 for value in worst.values())
            > int(self.limits["positions"]),
            "position_size": self.share(worst[symbol], "position"),
            "gross_exposure": self.share(sum(worst.values(), D(0)), "gross"),
            "net_exposure": self.share(net, "net"),
            "concentration": self.share(of_event, "event"),
            "price_collar": far > step
            and far * 100 > D(self.limits["collar"]) * self.prices[symbol],
            "order_notional": self.traded(symbol, side, quantity, price)
            > D(self.limits["notional"]),
            "order_quantity": quantity > int(self.limits["quantity"]),
        }
        return [name for name, is_denied in denials.items() if is_denied]

    def opens(self, symbol: str, side: int, quantity: int) -> bool:
        against = max(-side * self.held.get(symbol, 0), 0)
        same = sum(
            q for s, way, q, _, only in self.working if s == symbol and way == side and not only
        )
        return quantity > max(against - same, 0)


def random_limits(draw: random.Random) -> dict[str, str]:
    return {
        "positions": str(draw.randint(1, 5)),
        "position": str(draw.randint(5, 60)),
        "gross": str(draw.randint(20, 200)),
        "net": str(draw.randint(20, 150)),
        "event": str(draw.randint(5, 40)),
        "collar": str(draw.randint(1, 10)),
        "notional": str(draw.randint(500, 6000)),
        "quantity": str(draw.randint(20, 5000)),
        "rate": "500",
    }


def random_account(seed: int) -> tuple[random.Random, Account, Judge]:
    draw = random.Random(seed)
    limits = random_limits(draw)
    account, equity = Account(limits), D(draw.randint(5_000_00, 20_000_00)) / 100
    prices = {
        "ABC": D("100"), "DEF": D("50"), "GHI": D("10"), "RAIN": D("0.40"), "SNOW": D("0.20"),
        "SAP": D("80"),
    }  # fmt: skip
    judge = Judge(limits, prices, equity)
    words = [f"equity {equity}"]
    for symbol in draw.sample(TRADED, draw.randint(0, 3)):
        quantity = draw.choice((-1, 1)) * max(int(draw.randint(100, 2500) / prices[symbol]), 1)
        judge.held[symbol] = quantity
        words.append(f"hold {symbol} {quantity}")
    words += [random_working(draw, judge) for _ in range(draw.randint(0, 2))]
    account.tell("; ".join(words))
    return draw, account, judge


def random_working(draw: random.Random, judge: Judge) -> str:
    """Return a limit order that works: partly filled, perhaps being replaced by a larger or smaller one."""
    symbol, side = draw.choice(TRADED), draw.choice(("buy", "sell"))
    quantity, limit = draw.randint(2, 30), judge.prices[symbol]
    filled, replacing = draw.randint(0, 1), draw.choice((0, draw.randint(2, 60)))
    judge.working.append((symbol, SIDES[side], max(quantity, replacing) - filled, limit, False))
    return f"working {side} {symbol} {quantity} @ {limit} replacing {replacing} filled {filled}"


@pytest.mark.parametrize("seed", range(60))
def test_the_checks_agree_with_a_slow_judge(seed: int) -> None:
    """A failing seed is the whole bug report."""
    draw, account, judge = random_account(seed)
    for _ in range(15):
        symbol, side = draw.choice(TRADED), draw.choice(("buy", "sell"))
        quantity = max(int(draw.randint(50, 4000) / judge.prices[symbol]), 1)
        limit = None
        words = f"{side} {symbol} {quantity}"
        if draw.random() < 0.6:
            moved = judge.prices[symbol] * D(draw.randint(88, 112)) / 100
            limit = max(moved.quantize(D("0.01")), D("0.01"))
            words += f" @ {limit}"
        expected = []
        if judge.opens(symbol, SIDES[side], quantity):
            expected = judge.says_no(symbol, SIDES[side], quantity, limit)
        assert account.said_of(words) == (" ".join(expected) or "-"), f"seed {seed}: {words}"
        if not expected:
            judge.working.append((symbol, SIDES[side], quantity, limit, False))
