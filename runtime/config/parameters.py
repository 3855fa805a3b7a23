"""Parameters: declared with a default, a range and a grid; overrides are checked against both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TypeAlias

from engine.errors import ConfigError
from runtime.config.problems import did_you_mean, shown

ParameterValue: TypeAlias = Decimal | bool

DIGITS_MAX = 18
MODERATE = f"a number with at most {DIGITS_MAX} digits before and after the point"


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """A parameter: its value, and which values it may take.

    `step` lays a grid that begins at `minimum`, or at 0 where that is not given.
    """

    default: ParameterValue
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    description: str = ""

    @property
    def is_condition(self) -> bool:
        """Whether the parameter is true or false."""
        return isinstance(self.default, bool)

    def problem_with(self, value: ParameterValue) -> str:
        """Say why `value` is not accepted; empty when it is."""
        if isinstance(value, bool) or self.is_condition:
            accepted = isinstance(value, bool) and self.is_condition
            return "" if accepted else f"{shown(value)} is not {self.accepted()}"
        too_small = self.minimum is not None and value < self.minimum
        too_large = self.maximum is not None and value > self.maximum
        is_refused = too_small or too_large or not self._is_on_grid(value)
        return f"{value} is not {self.accepted()}" if is_refused else ""

    def _is_on_grid(self, value: Decimal) -> bool:
        if self.step is None:
            return True
        # Fractions: a remainder of Decimals is refused where the quotient has over 28 digits.
        steps = (Fraction(value) - Fraction(self.minimum or 0)) / Fraction(self.step)
        return steps.denominator == 1

    def accepted(self) -> str:
        """Return the accepted values in words."""
        if self.is_condition:
            return "true or false"
        text = "a number"
        if self.minimum is not None and self.maximum is not None:
            text += f" from {self.minimum} to {self.maximum}"
        elif self.minimum is not None:
            text += f" of at least {self.minimum}"
        elif self.maximum is not None:
            text += f" of at most {self.maximum}"
        return text if self.step is None else f"{text} in steps of {self.step}"


def parse_value(text: str, *, name: str = "") -> ParameterValue:
    """Return a parameter's value from a command line: a number, ``true`` or ``false``.

    `name` is the parameter, for the message.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    word = text.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    try:
        number = Decimal(word)
    except InvalidOperation:
        raise ConfigError(
            f"{text!r} is neither a number nor true or false", where=_place(name)
        ) from None
    if not is_moderate(number):
        raise ConfigError(
            f"{text} is out of range", where=_place(name), remedy=f"accepted: {MODERATE}"
        )
    return number


def _place(name: str) -> str:
    return f"parameter {name}" if name else ""


def is_moderate(number: Decimal) -> bool:
    """Say whether a number is finite and has a size and a precision that a formula can use."""
    if not number.is_finite():
        return False
    return number == 0 or (number.adjusted() < DIGITS_MAX and _exponent(number) > -DIGITS_MAX)


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "the number is finite"
    return exponent


def override(
    specs: Mapping[str, ParameterSpec], changes: Mapping[str, ParameterValue]
) -> dict[str, ParameterSpec]:
    """Return the parameters with other values.

    Raises
    ------
    ConfigError
        If a name is not declared, or its value is not accepted.
    """
    changed = dict(specs)
    for name, value in changes.items():
        if name not in specs:
            raise _unknown(name, specs)
        problem = specs[name].problem_with(value)
        if problem:
            raise ConfigError(problem, where=f"parameter {name}")
        changed[name] = replace(specs[name], default=value)
    return changed


def _unknown(name: str, specs: Mapping[str, ParameterSpec]) -> ConfigError:
    known = f"declared are: {', '.join(specs)}" if specs else "the file declares none"
    where = f"parameter {name}"
    return ConfigError(
        f"unknown parameter {name!r}", where=where, remedy=did_you_mean(name, specs) or known
    )
