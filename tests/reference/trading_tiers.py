"""Tiers a second time: a list of times, written from docs/explain/guards.md section 8."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from engine.model.trading import Tier


@dataclass
class Tiers:
    """Where an account stands; `levels` are the lowest equities of sniper, hunter, strategist."""

    levels: dict[Tier, Fraction]
    hold: int
    tier: Tier | None = None
    since: dict[Tier, int] = field(default_factory=dict)

    def look(self, equity: Fraction, now: int) -> None:
        """Move as a trusted equity says: down at once, up after a level was held without a break."""
        reached = [tier for tier, level in self.levels.items() if equity >= level]
        if self.tier is None:
            self.tier = max(reached, default=Tier.NONE)
        self.since = {tier: self.since.get(tier, now) for tier in reached}
        held = [
            tier for tier in reached if tier <= self.tier or now - self.since[tier] >= self.hold
        ]
        self.tier = max(held, default=Tier.NONE)

    def moments(self) -> list[int]:
        """Return when a level will have been held long enough."""
        return [ts + self.hold for ts in self.since.values()]
