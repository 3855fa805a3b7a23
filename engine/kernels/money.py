"""Exact integer arithmetic that refuses to wrap.

Compiled int64 wraps silently and interpreted Python integers never do; so every operation that
could leave the range is checked before it is done, the same way in both worlds. A result that does
not fit is `OVERFLOW`, which every checked operation passes on, as a float passes on NaN.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel

INT64_MAX: Final = 2**63 - 1
OVERFLOW: Final = -(2**63)
# Two numbers below HALF, or one below WIDE and one below NARROW, have a product below 2**62: that is told
# without a division, which costs more than all the rest. A million is below NARROW.
HALF: Final = 2**31
WIDE: Final = 2**42
NARROW: Final = 2**20


@kernel
def is_short(a: int, b: int) -> bool:
    """Return whether a * b surely fits, for a, b >= 0; where not, it may fit all the same."""
    return (a < HALF and b < HALF) or (a < WIDE and b < NARROW) or (a < NARROW and b < WIDE)


@kernel
def add_checked(a: int, b: int) -> int:
    """Return a + b, or OVERFLOW."""
    if a == OVERFLOW or b == OVERFLOW:
        return OVERFLOW
    if b > 0 and a > INT64_MAX - b:
        return OVERFLOW
    if b < 0 and a < -INT64_MAX - b:
        return OVERFLOW
    return a + b


@kernel
def multiply_checked(a: int, b: int) -> int:
    """Return a * b, or OVERFLOW."""
    if -HALF < a < HALF and -HALF < b < HALF:
        return a * b
    if a == OVERFLOW or b == OVERFLOW:
        return OVERFLOW
    if a == 0 or b == 0:
        return 0
    if abs(a) > INT64_MAX // abs(b):
        return OVERFLOW
    return a * b


@kernel
def divide_wide(a: int, b: int, c: int) -> tuple[int, int]:
    """Return quotient and remainder of a * b / c for a, b >= 0 and c > 0.

    The product may be wider than 64 bits. The quotient is OVERFLOW when it does not fit.
    """
    if is_short(a, b) or a == 0 or b <= INT64_MAX // a:
        product = a * b
        return product // c, product % c
    # a * b = whole * c * b + part * b: both terms mostly fit, and this is five times as fast as below.
    whole, part = a // c, a % c
    if (whole == 0 or b <= INT64_MAX // whole) and (part == 0 or b <= INT64_MAX // part):
        product = part * b
        quotient = add_checked(whole * b, product // c)
        return quotient, product % c if quotient != OVERFLOW else 0
    # Shift and add: multiply b by the bits of a from the highest, keeping quotient and remainder.
    # Sums of remainders are compared before they are made: they may be wider than 64 bits as well.
    whole, part = b // c, b % c
    quotient, remainder = 0, 0
    for bit in range(62, -1, -1):
        carry = 1 if remainder >= c - remainder else 0
        if quotient > (INT64_MAX - carry) // 2:
            return OVERFLOW, 0
        quotient = quotient * 2 + carry
        remainder = remainder - (c - remainder) if carry == 1 else remainder * 2
        if (a >> bit) & 1:
            carry = 1 if remainder >= c - part else 0
            if quotient > INT64_MAX - whole - carry:
                return OVERFLOW, 0
            quotient = quotient + whole + carry
            remainder = remainder - (c - part) if carry == 1 else remainder + part
    return quotient, remainder


@kernel
def multiply_divide_floor(a: int, b: int, c: int) -> int:
    """Return floor(a * b / c) for a, b >= 0, or OVERFLOW."""
    if a == OVERFLOW or b == OVERFLOW:
        return OVERFLOW
    quotient, _ = divide_wide(a, b, c)
    return quotient


@kernel
def multiply_divide_ceiling(a: int, b: int, c: int) -> int:
    """Return ceil(a * b / c) for a, b >= 0, or OVERFLOW."""
    if a == OVERFLOW or b == OVERFLOW:
        return OVERFLOW
    quotient, remainder = divide_wide(a, b, c)
    if quotient != OVERFLOW and remainder > 0:
        return add_checked(quotient, 1)
    return quotient


@kernel
def multiply_divide_even(a: int, b: int, c: int) -> int:
    """Return a * b / c rounded half-even, for any signs of a and b and c > 0, or OVERFLOW."""
    if a == OVERFLOW or b == OVERFLOW:
        return OVERFLOW
    quotient, remainder = divide_wide(abs(a), abs(b), c)
    if quotient == OVERFLOW:
        return OVERFLOW
    if rounds_up(quotient, remainder, c):
        quotient = add_checked(quotient, 1)
    if (a < 0) != (b < 0) and quotient != OVERFLOW:
        return -quotient
    return quotient


@kernel
def rounds_up(quotient: int, remainder: int, c: int) -> bool:
    """Return whether half-even rounding of quotient + remainder / c goes to the next number."""
    other = c - remainder
    return remainder > other or (remainder == other and quotient % 2 == 1)


@kernel
def compare_products(a: int, b: int, c: int, d: int) -> int:
    """Return the sign of a * b - c * d for numbers >= 0, exactly.

    The products may be wider than 64 bits: then a / c is compared with d / b as Euclid divides, whole
    part by whole part, each pair of remainders turned over.
    """
    if is_short(a, b) and is_short(c, d):
        return (1 if a * b > c * d else 0) - (1 if a * b < c * d else 0)
    if a == 0 or b == 0 or c == 0 or d == 0:
        left = 1 if a > 0 and b > 0 else 0
        right = 1 if c > 0 and d > 0 else 0
        return left - right
    while a > INT64_MAX // b or c > INT64_MAX // d:
        first, second = a // c, d // b
        if first != second:
            return 1 if first > second else -1
        rest, other = a % c, d % b
        if rest == 0 or other == 0:
            left = 1 if rest > 0 else 0
            right = 1 if other > 0 else 0
            return left - right
        a, b, c, d = b, rest, other, c
    if a * b == c * d:
        return 0
    return 1 if a * b > c * d else -1


@kernel
def notional_minor(price: int, lots: int, numerator: int, denominator: int) -> int:
    """Return the money of `lots` at `price` in minor units, or OVERFLOW.

    Exact where the instrument's denominator is 1; else rounded half-even. The sign is that of the
    product (a sold quantity is negative).
    """
    if denominator == 1:
        return multiply_checked(multiply_checked(price, lots), numerator)
    # The numerator is small here, the product of price and quantity may be wider than 64 bits.
    return multiply_divide_even(multiply_checked(price, numerator), lots, denominator)


@kernel
def ceil_to(value: int, step: int) -> int:
    """Return the smallest multiple of `step` that is at least `value`, or OVERFLOW."""
    if value == OVERFLOW:
        return OVERFLOW
    return add_checked(value, -value % step)


@kernel
def floor_to(value: int, step: int) -> int:
    """Return the largest multiple of `step` that is at most `value`, or OVERFLOW."""
    if value == OVERFLOW:
        return OVERFLOW
    return add_checked(value, -(value % step))
