"""Corporate actions from a table: splits, dividends, symbol changes, funding, settlements."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from data.actions import Action, ActionKind
from data.calendars import day_starts
from data.fingerprint import action_line
from data.importing.define import Known, calendar_for
from data.importing.findings import Findings
from data.importing.stamps import parse_stamps
from data.numbers import Ints
from engine.errors import DataError

if TYPE_CHECKING:
    import polars as pl

_KIND_NAMES = {
    "split": ActionKind.SPLIT,
    "stock_split": ActionKind.SPLIT,
    "reverse_split": ActionKind.SPLIT,
    "dividend": ActionKind.DIVIDEND,
    "cash_dividend": ActionKind.DIVIDEND,
    "symbol_change": ActionKind.SYMBOL_CHANGE,
    "name_change": ActionKind.SYMBOL_CHANGE,
    "funding": ActionKind.FUNDING,
    "settlement": ActionKind.SETTLEMENT,
}
_RATIO_TERM_MAX = 1000


def build_actions(
    roles: Mapping[str, pl.Series],
    rows: Ints,
    symbols: list[str],
    groups: list[Ints],
    known: Known,
    findings: Findings,
    notes: list[str],
) -> tuple[Action, ...]:
    """Return the actions of a table in time order; rows that make no sense go to `findings`."""
    stamps = parse_stamps(roles["date"], rows, known.options, findings)
    findings.raise_if_any()
    actions: list[Action] = []
    for symbol, group in zip(symbols, groups):
        if known.existing and symbol not in known.existing:
            notes.append(f"{symbol} is not in the dataset: {len(group)} actions left out")
            continue
        if stamps.days is not None:
            calendar = calendar_for(symbol, known, findings.file)
            when = day_starts(calendar, stamps.days[group])
        else:
            assert stamps.ns is not None
            when = stamps.ns[group]
        for place, ts_ns in zip(group, when):
            action = _action(roles, int(place), symbol, int(ts_ns), int(rows[place]), findings)
            if action is not None:
                actions.append(action)
    _check_repeats(actions, findings)
    if not actions and not findings.found:
        raise DataError("no action is left to import", where=findings.file, code="data.empty")
    return tuple(sorted(actions, key=lambda action: action.ts_ex_ns))


def _action(
    roles: Mapping[str, pl.Series],
    place: int,
    symbol: str,
    ts_ns: int,
    row: int,
    findings: Findings,
) -> Action | None:
    def problem(column: str, text: str) -> None:
        findings.add(np.array([row]), column, "data.bad_action", lambda _: text)

    word = _text(roles, "kind", place).lower().replace(" ", "_")
    kind = _KIND_NAMES.get(word)
    if kind is None:
        problem(roles["kind"].name, f"{word!r} is no kind of action: {', '.join(_KIND_NAMES)}")
        return None
    try:
        ratio = _ratio(roles, place) if kind is ActionKind.SPLIT else Fraction(1)
        amount = (
            None if kind in (ActionKind.SPLIT, ActionKind.SYMBOL_CHANGE) else _amount(roles, place)
        )
        new_symbol = _text(roles, "new_symbol", place)
        return Action(symbol, ts_ns, kind, ratio.numerator, ratio.denominator, amount, new_symbol)
    except (DataError, ValueError, ZeroDivisionError, InvalidOperation) as error:
        problem(roles["kind"].name, str(error) or f"{word}: a number is missing or wrong")
        return None


def _text(roles: Mapping[str, pl.Series], role: str, place: int) -> str:
    value = roles[role][place] if role in roles else None
    return "" if value is None else str(value).strip()


def _amount(roles: Mapping[str, pl.Series], place: int) -> Decimal | None:
    text = _text(roles, "amount", place)
    return Decimal(text) if text else None


def _ratio(roles: Mapping[str, pl.Series], place: int) -> Fraction:
    """Return new units for one old: ``2``, ``0.05``, ``2:1``, ``7/1``, or two columns."""
    numerator = _text(roles, "ratio_numerator", place)
    denominator = _text(roles, "ratio_denominator", place)
    if numerator and denominator:
        return Fraction(Decimal(numerator)) / Fraction(Decimal(denominator))
    text = _text(roles, "ratio", place)
    if not text:
        raise ValueError("the ratio of the split is missing")
    for sign in (":", "/"):
        if sign in text:
            new, old = text.split(sign, 1)
            return Fraction(Decimal(new.strip())) / Fraction(Decimal(old.strip()))
    return exact_ratio(Decimal(text))


def exact_ratio(value: Decimal) -> Fraction:
    """Return the simple fraction that a decimal ratio stands for.

    Examples
    --------
    >>> exact_ratio(Decimal("0.05")), exact_ratio(Decimal("0.3333333"))
    (Fraction(1, 20), Fraction(1, 3))
    """
    exact = Fraction(value)
    simple = exact.limit_denominator(_RATIO_TERM_MAX)
    return simple if abs(simple - exact) < Fraction(1, 10**6) * exact else exact


def _check_repeats(actions: list[Action], findings: Findings) -> None:
    lines: set[str] = set()
    for action in actions:
        line = action_line(action)
        if line in lines:
            raise DataError(
                f"a {action.kind.value} of {action.symbol} stands twice",
                where=findings.file,
                remedy="remove it, or read the rows of one source only: --where source=NAME",
                code="data.duplicate",
            )
        lines.add(line)
