"""Sizes of entries a second time: the formulas in fractions, without a rounding before the last.

Written from SPEC section 4.4, what is at stake in docs/explain/risk.md, and the comments of
tests/scenarios/sizing.txt. The kernels floor after each division, so a size lies between that of the exact
share and that of a share a few parts in 10^9 smaller: `Entry.answer` of 0 and of `SLACK`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

F = Fraction
ZERO, ONE, CENT = F(0), F(1), F(1, 100)
SLACK = F(8, 10**9)  # of equity: what a few divisions lose
MINOR = F(1, 10**8)


class Unknown(Exception):
    """A size that needs something nobody has said."""


class NoEdge(Exception):
    """There is nothing to gain."""


@dataclass(frozen=True)
class Entry:
    """What is known when an entry is sized; prices are money of one unit, in the instrument's currency."""

    method: str
    value: Fraction
    side: int
    equity: Fraction
    price: Fraction | None
    last: Fraction | None
    is_binary: bool = False
    multiplier: Fraction = ONE
    rate: Fraction = ONE  # of the account's currency for one of the instrument's
    tick: Fraction = CENT
    step: Fraction = ONE  # the fewest units that trade
    said: Mapping[str, Fraction] = field(default_factory=dict)  # p edge conf vol goal n
    bracket: Fraction | None = None  # the stop's distance, a part of the last price
    stop_loss: Fraction | None = None  # a part of the entry price
    leverage: Fraction = ONE
    used: Fraction = ZERO  # money of what is held and working
    most: Mapping[str, Fraction] = field(default_factory=dict)  # quantity notional share
    least: Mapping[str, Fraction] = field(default_factory=dict)

    # --- how much by itself ----------------------------------------------------------------------------
    def staked(self) -> tuple[Fraction, Fraction]:
        """Return the share of equity that is staked, and what a unit of it costs or risks."""
        assert self.price is not None
        if self.method == "fixed_fraction":
            return self.value, self.risk()
        if self.method == "vol_target":
            return self.value / self.positive("vol"), self.price
        if self.method == "kelly":
            return self.on_contract()
        if self.method == "kelly odds":
            return self.on_odds()
        if "p" in self.said or "edge" not in self.said:
            raise Unknown
        volatility = self.positive("vol")
        mean = self.said["edge"]
        if mean <= 0:
            raise NoEdge
        trust = self.trusted(mean**2, volatility**2)
        return self.value * trust * mean / volatility**2, self.price

    def on_contract(self) -> tuple[Fraction, Fraction]:
        """(p - c) / (1 - c) of a contract that pays 1; who sells it buys the other side."""
        assert self.price is not None
        if not self.is_binary or self.price >= 1:
            raise Unknown
        chance, cost = self.chance(), self.price if self.side > 0 else 1 - self.price
        if chance <= cost:
            raise NoEdge
        share = (chance - cost) / (1 - cost)
        trust = self.trusted((chance / cost - 1) ** 2, chance * (1 - chance) / cost**2)
        return self.value * trust * share, cost

    def on_odds(self) -> tuple[Fraction, Fraction]:
        """p - (1 - p) / b between a goal and a stop, all of it at risk."""
        assert self.price is not None
        chance, loss = self.chance(), self.risk()
        if "goal" not in self.said or (gain := self.side * (self.said["goal"] - self.price)) <= 0:
            raise Unknown
        odds = gain / loss
        share = chance - (1 - chance) / odds
        if share <= 0:
            raise NoEdge
        mean = (odds + 1) * chance - 1
        trust = self.trusted(mean**2, (odds + 1) ** 2 * chance * (1 - chance))
        return self.value * trust * share, loss

    def trusted(self, mean_squared: Fraction, variance: Fraction) -> Fraction:
        """Return the part that an estimate from n trades leaves (Baker and McHale 2013)."""
        n = self.said.get("n", F(0))
        if n == 0 or mean_squared + variance == 0:
            return F(1)
        return mean_squared / (mean_squared + variance / n)

    def chance(self) -> Fraction:
        """Return the probability that this side wins."""
        chance = self.said.get("p")
        if chance is not None and self.side < 0:
            chance = 1 - chance
        if chance is None and self.method == "kelly odds":
            chance = self.said.get("conf")
        if chance is None or not 0 <= chance <= 1:
            raise Unknown
        return chance

    def risk(self) -> Fraction:
        """Return what a unit loses from entry to stop; the stop lies on the grid, away from the entry."""
        assert self.price is not None
        if self.bracket is not None:
            assert self.last is not None
            exact = self.last * (1 - self.side * self.bracket)
        elif self.stop_loss is not None:
            exact = self.price * (1 - self.side * self.stop_loss)
        else:
            raise Unknown
        steps = exact / self.tick
        stop = (floor(steps) if self.side > 0 else ceil(steps)) * self.tick
        away = self.side * (self.price - stop)
        if away <= 0:
            raise Unknown
        return away

    def positive(self, name: str) -> Fraction:
        """Return a number without which there is no size."""
        number = self.said.get(name, F(0))
        if number <= 0:
            raise Unknown
        return number

    def stake(self, price: Fraction) -> Fraction:
        """Return what a unit entered at a price can lose: who sells a contract that pays 1 loses the rest."""
        if self.side < 0 and self.is_binary:
            return max(1 - price, ZERO)
        return price

    # --- what is left of it ----------------------------------------------------------------------------
    def units(self, money: Fraction, price: Fraction) -> Fraction:
        """Return the whole steps that so much of the account's money pays."""
        steps = money / self.rate / (price * self.multiplier * self.step)
        return max(floor(steps), 0) * self.step

    def before(self, slack: Fraction) -> Fraction:
        """Return the size that the method says."""
        assert self.price is not None
        assert self.last is not None
        equity = max(self.equity, F(0))
        sells_event = self.side < 0 and self.is_binary
        cost = self.stake(self.price) if sells_event else self.last
        if self.method == "quantity":
            return floor(self.value / self.step) * self.step
        if self.method == "notional":
            return self.units(self.value - slack * MINOR, cost)
        if self.method == "equity":
            return self.units(equity * (self.value - slack), cost)
        share, cost = self.staked()
        return self.units(equity * max(share - slack * max(F(1), share), F(0)), cost)

    def money(self, units: Fraction, price: Fraction) -> Fraction:
        """Return what so many units are worth in the account's money."""
        return units * price * self.multiplier * self.rate

    def answer(self, slack: Fraction) -> tuple[str, Fraction]:
        """Return why there is no size, or its units and what made it smaller than the method said."""
        if self.price is None or self.last is None:
            return "size_unknown", F(0)
        try:
            units = self.before(slack)
        except Unknown:
            return "size_unknown", F(0)
        except NoEdge:
            return "no_edge", F(0)
        highest = max(self.stake(self.price), self.stake(self.last))
        equity = max(self.equity, F(0))
        bounds = {
            "maximum_quantity": self.most.get("quantity"),
            "maximum_notional": self.most.get("notional"),
            "maximum_share": self.most["share"] * equity if "share" in self.most else None,
            "buying_power": max(self.leverage * equity - self.used, F(0)),
        }
        clip = ""
        for name, bound in bounds.items():
            if bound is None:
                continue
            if name == "maximum_quantity":
                most = floor(bound / self.step) * self.step
            else:
                most = self.units(bound - 2 * MINOR * (slack > 0), highest)
            if most < units:
                units, clip = most, name
        least = max(self.least.get("notional", F(0)), self.least.get("share", F(0)) * equity)
        too_few = units < self.least.get("quantity", F(0))
        if units <= 0 or too_few or self.money(units, self.stake(self.price)) < least:
            return ("buying_power" if clip == "buying_power" else "too_small"), F(0)
        return clip, units
