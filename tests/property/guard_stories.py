"""The words of `tests/unit/trading/guarded.py`, told to the reference model of the guards instead."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

from engine.model import layout as at
from engine.model import trading_layout as loop
from engine.model.trading import Latch, OperatorAction, Severity, Tier, Tilt
from tests.reference.trading_breakers import Breakers
from tests.reference.trading_guards import MINOR, GuardLimits, Guards
from tests.reference.trading_holdings import STEP
from tests.reference.trading_latches import Latches
from tests.reference.trading_tiers import Tiers
from tests.reference.trading_tilt import Operator
from tests.unit.trading.guarded import ACTIONS, DEFAULTS, MS, START, Guarded, duration

F = Fraction
Words = Mapping[str, str]


def reference_of(settings: Words) -> Guards:
    """Return the reference model of an account with a table's settings."""
    said = DEFAULTS | dict(settings)

    def number(name: str, otherwise: str = "0") -> Fraction:
        return F(said.get(name, otherwise))

    def time(name: str) -> int:
        return duration(said.get(name, "0s"))

    limits = GuardLimits(
        daily=number("daily"),
        daily_share=number("daily_percent") / 100,
        drawdown=number("drawdown") / 100,
        minimum=number("minimum"),
        reset=number("reset") / 100,
        checks=int(said["checks"]),
        every=time("every"),
        needs_person=said.get("manual") == "1",
        cool_down=time("cool"),
        own_tier=Tier[said.get("tier", "none").upper()],
        has_guards=said["guards"] == "1",
        has_risk=said.get("risk") == "1",
        flat_reads=int(said.get("flat_reads", "0")),
        pretends_person=said.get("operator") == "next_day",
    )
    latches = Latches()
    breakers = Breakers(
        latches,
        api_most=int(said["api"]),
        api_window=time("api_window"),
        database_most=int(said["db"]),
        database_window=time("db_window"),
        stops_least=int(said.get("stops", "0")),
        stops_window=time("stop_window"),
        stops_lock=time("stop_lock"),
        by_instrument=said.get("scope") == "instrument",
        are_on=limits.has_guards,
    )
    levels = {Tier.SNIPER: F(500), Tier.HUNTER: F(2000), Tier.STRATEGIST: F(10_000)}
    operator = Operator(time("tilt_window"), time("cooling"))
    return Guards(limits, latches, breakers, Tiers(levels, time("hold")), operator, now=START)


class Told:
    """A reference account, to which the same words happen at the same times."""

    def __init__(self, settings: Words) -> None:
        self.guards = reference_of(settings)
        self.has_moved = False

    def happen(self, word: str, *, looks: bool = True) -> None:
        """Let one word happen, as `Guarded.happen` does."""
        guards = self.guards
        if word.startswith("+"):
            self.move(duration(word[1:]))
            self.has_moved = True
            return
        if word.startswith("&"):
            word = word[1:].strip()
        elif not self.has_moved:
            self.move(MS)
        self.has_moved = False
        self.do(word)
        if looks:
            guards.look()

    def move(self, ns: int) -> None:
        """Let time pass."""
        to = self.guards.now + ns
        self.guards.wait(to)
        self.guards.now = to

    def finish(self) -> None:
        """End the waits that end now."""
        self.guards.look()

    def do(self, word: str) -> None:
        """Carry out one word."""
        guards, (verb, *rest) = self.guards, word.split()
        if word in ACTIONS:
            guards.ask(ACTIONS[word])
        elif verb in ("bar", "print"):
            guards.holdings.of(rest[0]).take(F(rest[1]), guards.now, by_bar=verb == "bar")
        elif verb == "quote":
            self.quote(rest[0], F(rest[1]), F(rest[2]))
        elif verb in ("buy", "sell", "hold"):
            sign, fee = -1 if verb == "sell" else 1, F(rest[5]) if len(rest) > 4 else F(0)
            self.fill(rest[0], sign * F(rest[1]), F(rest[3]), fee)
        elif verb in ("cash", "deposit", "withdraw"):
            guards.flow(-F(rest[0]) if verb == "withdraw" else F(rest[0]))
        elif verb == "correction":
            guards.correct(F(rest[0]))
        elif verb == "stopped":
            self.fill(rest[0], F(1), F(100), F(0))
            self.fill(rest[0], F(-1), F(99), F(0), stopped=True)
        elif verb == "reset":
            guards.ask(OperatorAction.RESET, Latch[rest[0].upper()])
        elif verb in ("manual", "cancel", "edit"):
            self.manual(verb, *rest)
        else:
            self.do_rare(verb, *rest)

    def do_rare(self, verb: str, *rest: str) -> None:
        """Carry out a word of a session's own parts."""
        guards = self.guards
        if verb == "day":
            guards.open_session(int(rest[0]) if rest else 0)
        elif verb == "close":
            guards.is_open = False
        elif verb in ("halted", "resumed"):
            guards.holdings.of(rest[0]).is_halted = verb == "halted"
        elif verb == "lost":
            guards.holdings.of(rest[0]).is_lost = True
        elif verb == "api" and rest == ("auth",):
            guards.breakers.authorization_error()
        elif verb == "api":
            if not rest:
                guards.breakers.api_error(guards.now)
        elif verb == "db":
            guards.breakers.database_error(guards.now)
        elif verb in ("reconciled", "unreconciled"):
            guards.reconciled(good=verb == "reconciled", flat=rest == ("flat",))
        elif verb in ("bad", "good"):
            guards.component(Latch[rest[0].upper()], good=verb == "good")
        elif verb in ("order", "no_order"):
            guards.orders = int(verb == "order")
        elif verb == "suspect":
            since = guards.now if rest[1] == "1" else None
            guards.holdings.of(rest[0]).suspect_since = since
        else:
            raise AssertionError(f"no such word: {verb}")

    def quote(self, symbol: str, bid: Fraction, ask: Fraction) -> None:
        """Show a quote: one-sided the mark is lost, crossed or locked the old one stays."""
        one = self.guards.holdings.of(symbol)
        if bid <= 0 or ask <= 0:
            one.is_lost = True
        elif bid < ask:
            mid = (bid + ask) / 2 // STEP * STEP  # on the grid, down
            one.take(mid, self.guards.now, by_bar=False)

    def fill(
        self,
        symbol: str,
        quantity: Fraction,
        price: Fraction,
        fee: Fraction,
        *,
        stopped: bool = False,
    ) -> None:
        """Book a fill."""
        self.guards.fill(symbol, quantity, price, fee, stopped=stopped)

    def manual(self, verb: str, *rest: str) -> None:
        """A person orders, cancels or edits."""
        guards, operator = self.guards, self.guards.operator
        if operator.window == 0:
            return
        if verb == "edit":
            operator.edit(guards.now)
        elif verb == "cancel":
            operator.act(guards.now)
        else:
            loss = guards.last_loss
            re_enters = (
                loss is not None and loss[1] == rest[0] and not guards.holdings.of(rest[0]).quantity
            )
            lost_at = None if loss is None else loss[0]
            operator.order(guards.now, F(rest[1]), lost_at, re_enters=re_enters)


# --- What both say ---------------------------------------------------------------------------------------
def state_of_reference(told: Told) -> dict[str, object]:
    """Return what the reference says, in comparable words."""
    guards = told.guards
    latches = {
        latch.name: (known.severity.name, known.is_manual, known.until)
        for latch, known in sorted(guards.latches.found.items())
    }
    tier = guards.tiers.tier if guards.has_begun else Tier.NONE
    state: dict[str, object] = {
        "latches": latches,
        "severity": guards.latches.severity.name,
        "untrusted": guards.is_distrusted,
        "tilt": guards.operator.level(guards.now).name,
        "tier": (tier or Tier.NONE).name,
        "alerts": guards.alerts,
        "day": guards.day_result * MINOR,
        "peak": guards.peak * MINOR,
        "excused": guards.excused * MINOR,
        "cooling": {s: ts for s, ts in guards.cooling.items() if ts > guards.now},
        "locked": {s: ts for s, ts in guards.breakers.locked.items() if ts > guards.now},
        "equity": guards.holdings.equity * MINOR,
    }
    if any(latch.name in latches for latch in (Latch.DRAWDOWN, Latch.MINIMUM_EQUITY)):
        state["reset"] = -(-guards.reset_level * MINOR // 1)
    return state


def state_of_kernel(account: Guarded) -> dict[str, object]:
    """Return what the kernels say, in the same words."""
    latches = {}
    for latch in list(Latch)[1:]:
        row = account.latch(latch.name.lower())
        if row["severity"]:
            until = None if row["until"] == loop.NEVER else row["until"]
            latches[latch.name] = (Severity(row["severity"]).name, row["manual"] == 1, until)
    guard = account.s.guard
    state: dict[str, object] = {
        "latches": latches,
        "severity": account.severity.name,
        "untrusted": guard[loop.GUARD_TRUSTED] == 1,
        "tilt": Tilt(int(guard[loop.GUARD_TILT])).name,
        "tier": Tier(int(guard[loop.GUARD_TIER])).name,
        "alerts": [row[at.EVENT_TS] for row in account.journal(at.KIND_ALERT)],
        "day": int(account.claim("day") * MINOR),
        "peak": int(guard[loop.GUARD_PEAK]),
        "excused": int(guard[loop.GUARD_DAY_EXCUSED]),
        "cooling": untils(account, loop.MONITOR_COOL_UNTIL),
        "locked": untils(account, loop.MONITOR_LOCKED_UNTIL),
        "equity": equity_of(account),
    }
    if any(latch.name in latches for latch in (Latch.DRAWDOWN, Latch.MINIMUM_EQUITY)):
        state["reset"] = int(guard[loop.GUARD_RESET_LEVEL])
    return state


def untils(account: Guarded, column: int) -> dict[str, int]:
    """Return the instruments whose lock or rest has not ended."""
    names = ("ABC", "DEF")
    found = {name: int(account.s.monitors[account.number(name), column]) for name in names}
    return {name: ts for name, ts in found.items() if ts > account.now}


def equity_of(account: Guarded) -> int:
    """Return the account's equity at the last marks, from its books."""
    total = int(account.s.ledger[0, at.LEDGER_CASH])
    for name in ("ABC", "DEF"):
        row = account.number(name)
        ticks = int(account.s.positions[row, at.POSITION_LAST])
        total += int(account.s.positions[row, at.POSITION_QUANTITY]) * ticks * MINOR // 100
    return total


# --- Random stories --------------------------------------------------------------------------------------
PRICES = (
    "60",
    "79.99",
    "80",
    "90",
    "95",
    "99.99",
    "100",
    "100",
    "101",
    "104",
    "105",
    "105.26",
    "125",
    "130",
)
MONEY = ("0.01", "5", "20", "77.77", "100", "600", "2000")
WAITS = (
    "+1s", "+2s", "+10s", "+1h", "+24h", "+0s", "+1.999s", "+5m", "+299.999s", "+59m", "+30m", "+60s",
)  # fmt: skip
NAMES = tuple(latch.name.lower() for latch in list(Latch)[1:])
ODD = (
    "close", "day 7", "day 8", "halted ABC", "resumed ABC", "+10m", "+25m", "lost ABC", "lost DEF", "quote ABC 0 5", "quote ABC 100 100", "quote ABC 101 99", "day", "db",
    "reconciled flat", "reconciled", "unreconciled", "pause", "resume", "kill", "flatten", "kill flatten",
    "bad health", "good health", "bad supervisor", "good supervisor", "bad reconciling", "bad kill",
    "stopped DEF", "stopped ABC", "api", "api business", "api auth", "order", "no_order",
)  # fmt: skip


def random_settings(draw: Random) -> dict[str, str]:
    """Return limits near enough to be met."""
    settings = {
        "daily": draw.choice(("0", "20", "77", "300", "500")),
        "daily_percent": draw.choice(("0", "0", "5", "2.5")),
        "drawdown": draw.choice(("0", "5", "20")),
        "minimum": draw.choice(("0", "60", "1400")),
        "reset": draw.choice(("2", "10")),
        "checks": draw.choice(("1", "3")),
        "every": draw.choice(("1s", "10s")),
        "manual": draw.choice(("0", "0", "1")),
        "flat_reads": draw.choice(("0", "0", "2")),
        "stops": draw.choice(("0", "2", "3")),
        "scope": draw.choice(("all", "instrument")),
        "cool": draw.choice(("0s", "10m")),
        "tier": draw.choice(("none", "sniper", "hunter")),
        "hold": draw.choice(("2s", "1h", "24h")),
        "operator": draw.choice(("none", "none", "next_day")),
        "guards": draw.choice(("1", "1", "1", "1", "0")),
        "risk": draw.choice(("0", "1")),
    }
    if draw.random() < 0.5:
        settings |= {
            "tilt_window": draw.choice(("1h", "24h")),
            "cooling": draw.choice(("1m", "1h")),
        }
    if settings["guards"] == "0":
        settings |= {"daily": "0", "daily_percent": "0", "drawdown": "0", "minimum": "0"}
    return settings


def random_words(draw: Random, count: int) -> list[str]:
    """Return words whose themes change: a breaker needs several errors in a row to trip."""
    words: list[str] = []
    if draw.random() < 0.2:  # a fall by exactly a share of the first 1,500, or a part less
        words.append(
            f"correction -{draw.choice(('75', '74.99999999', '300', '299.99999999', '100'))}"
        )
    while len(words) < count:
        theme = draw.choice(("market", "market", "market", "errors", "odd", "person", "manual"))
        if draw.random() < 0.25:
            words += random_motif(draw)
        else:
            words += [random_word(draw, theme) for _ in range(draw.randint(2, 9))]
    return words


def random_motif(draw: Random) -> list[str]:
    """Return words that belong together: what must happen often, or exactly at a window's end."""
    kind = draw.choice(("window", "window", "recovery", "health", "marks", "hours", "tier"))
    if kind == "window":
        word, window, times = draw.choice(
            (
                ("api", 300_000, 6),
                ("db", 60_000, 4),
                ("stopped DEF", 3_600_000, 3),
                ("stopped DEF", 3_600_000, 2),
                ("edit", 3_600_000, 3),
                ("edit", 3_600_000, 8),
            )
        )
        return at_times(draw, word, window - draw.choice((0, 0, 1)), times)
    if kind == "recovery":
        errors = [word for _ in range(6) for word in ("+10s", "api")]
        waits = draw.choice(
            (["+300s"], ["+299.999s", "api", "+300s"], ["+150s", "reconciled", "+150s"])
        )
        return [*errors, draw.choice(("reconciled", "reconciled", "lost DEF")), *waits] * 3
    if kind == "health":
        wait = draw.choice(("+1s", "+19m", "+20m", "+30m"))
        good = draw.choice(("good health", "good health", "reset health"))
        return ["bad health", "good health", wait] * 3 + [
            "bad health",
            good,
            wait,
            "bad health",
            "good health",
        ]
    if kind == "marks":
        held = draw.choice(("buy ABC 1 @ 100", "sell ABC 1 @ 100"))
        return [held, *["lost ABC", "bar ABC 100"] * 5]
    if kind == "hours":
        usual = draw.randint(1, 5)
        hours = [["cancel"] * draw.choice((usual, usual, usual + 1)) + ["+1h"] for _ in range(6)]
        unusual = ["cancel"] * (usual + draw.randint(3, 6))
        return [*(word for hour in hours for word in hour), *unusual]
    level = draw.choice(("500", "600", "2000"))
    return [f"deposit {level}", draw.choice(WAITS), draw.choice(WAITS), f"withdraw {level}"]


def at_times(draw: Random, word: str, spread: int, count: int) -> list[str]:
    """Return a word so many times, the last `spread` ms after the first."""
    cuts = sorted(draw.randint(0, spread) for _ in range(count - 2))
    times = [0, *cuts, spread]
    waits = [after - before for before, after in pairwise(times)]
    return ["+1ms", word, *(said for wait in waits for said in (f"+{wait}ms", word))]


def random_word(draw: Random, theme: str) -> str:
    """Return one word of a theme, or a wait."""
    if draw.random() < 0.2:
        return draw.choice(WAITS)
    price, other, money = draw.choice(PRICES), draw.choice(PRICES), draw.choice(MONEY)
    symbol = draw.choice(("ABC", "ABC", "DEF"))
    if theme == "errors":
        return draw.choice(("api", "api", "api", "db", "+20s", "+60s", "reconciled", "+4m"))
    if theme == "odd":
        return draw.choice(ODD)
    if theme == "person":
        reset = f"reset {draw.choice(NAMES)}"
        return draw.choice((reset, reset, "resume", "day", f"deposit {money}", f"withdraw {money}"))
    if theme == "manual":
        return draw.choice(
            ("edit", "edit", "cancel", f"manual {symbol} {money}", "stopped ABC", "+1h")
        )
    quantity, fee = draw.choice(("1", "1", "2", "3")), draw.choice(("0", "0.01", "5"))
    ask = str(Decimal(price) + Decimal(draw.choice(("0.01", "0.02", "3", "40"))))
    return draw.choice(
        (
            f"bar {symbol} {price}",
            f"& bar {symbol} {price}",
            f"print {symbol} {price}",
            f"quote {symbol} {price} {ask}",
            f"& quote {symbol} {price} {ask}",
            f"buy {symbol} {quantity} @ {price} fee {fee}",
            f"sell {symbol} {quantity} @ {other} fee {fee}",
            f"correction -{money}",
            f"correction {money}",
            f"deposit {money}",
        )
    )
