"""Kernels that only kernels call are linked into each door once, whatever the order they are met in."""

from __future__ import annotations

import pytest

from engine.jit import compiled, kernel


@kernel
def last(a: int, b: int) -> int:
    """Stand at the end of both chains; `min` is compiled by numba itself, as a library of its own."""
    return min(a, b) * 10


@kernel
def seldom(a: int, b: int) -> int:
    """Lead to `last` from what may be left out."""
    return last(b, a) + 1


@kernel
def never(a: int, b: int) -> int:
    """Name `seldom` where it cannot be reached, so that the call is gone when libraries are linked."""
    return seldom(a, b) if 1 > 2 else a


@kernel
def middle(a: int, b: int) -> int:
    """Lead to both ends, the first of which comes to nothing."""
    return never(a, b) + seldom(a, b) + last(a, b)


@kernel
def first_door(a: int, b: int) -> int:
    """Lead to all of them."""
    return middle(a, b) + last(a, b)


@kernel
def second_door(a: int, b: int) -> int:
    """Lead to some of them again."""
    return seldom(a, b) - middle(b, a)


@pytest.mark.parametrize("door", [first_door, second_door, middle, last])
def test_what_several_doors_lead_to_answers_the_same(door: object) -> None:
    plain, twin = door, compiled(door)  # type: ignore[type-var]
    for a, b in [(1, 2), (2, 1), (-3, 3), (0, 0)]:
        assert twin(a, b) == plain(a, b)  # type: ignore[operator]


def test_a_part_is_translated_once_and_its_code_stands_once_in_a_door() -> None:
    compiled(first_door)(1, 2)
    library = next(iter(compiled(first_door).overloads.values())).library  # type: ignore[attr-defined]
    names = [each.name for each in library.get_defined_functions()]
    assert len(names) == len(set(names))
