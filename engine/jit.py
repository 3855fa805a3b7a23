"""One source, two speeds: plain kernels and their compiled twins.

The problem: the core must run compiled (millions of events a second) and interpreted (debugging,
coverage, jobs shorter than a compilation), from the same source and with the same result.
Decorating with numba's ``njit`` at import makes every import pay for numba and leaves no plain
version; an environment switch would allow only one of the two in a process.

The choice: ``@kernel`` only registers a function and returns it unchanged. `compiled` builds, on
demand, a twin of the function in which every kernel that it calls by name is replaced by that
kernel's twin. So a kernel must call other kernels by their bare names
(``from engine.kernels.money import checked_add``), never through a module attribute.

Kernels are written in the subset that means the same in both worlds: int64 and float64 only,
two-dimensional blocks indexed as ``block[row, COLUMN]``, ``math`` instead of ``numpy``, no slices.
In the interpreted world blocks are memoryviews, whose elements are plain Python numbers
(numpy scalars would be three times slower and would wrap with a warning).
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numpy.typing import NDArray

_Function = TypeVar("_Function", bound=Callable[..., Any])

_KERNELS: set[Callable[..., Any]] = set()
_LOOP_DOORS: set[Callable[..., Any]] = set()
_LEADS_TO_LOOP: dict[Callable[..., Any], bool] = {}
# By the kernel, and whether the trading loop is compiled into its twin.
_TWINS: dict[tuple[Callable[..., Any], bool], Callable[..., Any]] = {}
_INNER_TWINS: dict[tuple[Callable[..., Any], bool], Callable[..., Any]] = {}
_CALLBACKS: dict[tuple[Any, ...], Any] = {}
_CONSTANTS = (int, float, str, bytes, type(None))


def kernel(function: _Function) -> _Function:
    """Register `function` as a kernel: it can be compiled by `compiled`. Returned unchanged."""
    _KERNELS.add(function)
    return function


def loop_door(function: _Function) -> _Function:
    """Register a kernel by which other code enters the trading loop.

    Half of all kernels are the trading loop's. Code that is compiled without it has a stand-in in the
    place of each door: it does nothing to a core without a trading loop, and stops one that has it.
    """
    _LOOP_DOORS.add(function)
    return kernel(function)


def compiled(function: _Function, *, with_loop: bool = True) -> _Function:
    """Return the compiled twin of a kernel; the first call with new types compiles or loads it.

    Parameters
    ----------
    function
        A kernel.
    with_loop
        Whether the kernels of the trading loop are compiled too; see `loop_door`.

    Raises
    ------
    ValueError
        If `function` is not a registered kernel.
    """
    if function not in _KERNELS:
        raise ValueError(f"{function.__qualname__} is not a kernel: decorate it with @kernel")
    key = (function, with_loop or not _leads_to_loop(function))
    if key not in _TWINS:
        from numba import njit

        door = _clone(function, with_loop=key[1])
        # numba's cache tells functions apart by name alone. The inner twin of this kernel, which has
        # no door, must never be loaded in its place: a call from Python would be a jump to nowhere.
        door.__qualname__ += "_door"
        _TWINS[key] = njit(cache=True)(door)
    return cast(_Function, _TWINS[key])


def is_in_use() -> bool:
    """Return whether this process runs compiled kernels, so that the compiler is loaded."""
    return bool(_TWINS)


def _inner(function: Callable[..., Any], *, with_loop: bool) -> Callable[..., Any]:
    """Return the twin that other twins call: without a door to Python, which costs compile time."""
    key = (function, with_loop or not _leads_to_loop(function))
    if key not in _INNER_TWINS:
        from numba import njit

        from engine.linking import PartCompiler

        build: Any = njit  # these options are not in numba's stubs
        part = build(no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=PartCompiler)
        is_stand_in = not key[1] and function in _LOOP_DOORS
        own = _stand_in(function) if is_stand_in else _clone(function, with_loop=key[1])
        _INNER_TWINS[key] = _for_any_number(part(own))
    return _INNER_TWINS[key]


def _leads_to_loop(function: Callable[..., Any]) -> bool:
    """Return whether a kernel is a door of the trading loop or calls, in the end, one that is."""
    if function not in _LEADS_TO_LOOP:
        _LEADS_TO_LOOP[function] = False  # one that calls itself adds nothing
        _LEADS_TO_LOOP[function] = function in _LOOP_DOORS or any(
            _leads_to_loop(called) for called in _kernels_named_by(function)
        )
    return _LEADS_TO_LOOP[function]


def _kernels_named_by(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    plain = cast(types.FunctionType, function)
    values = [plain.__globals__.get(name) for name in plain.__code__.co_names]
    return [cast(Callable[..., Any], value) for value in values if _is_kernel(value)]


_NOTHING = {"None": None, "int": 0, "bool": False}


def _stand_in(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for a door of the trading loop in code that is compiled without it."""
    from engine.model.layout import ACCOUNT_FAULT, ACCOUNT_TRADING, FAULT_WITHOUT_LOOP

    answer = _NOTHING[function.__annotations__["return"]]

    def stand_in(s: Any, *_others: Any) -> Any:
        if s.account[ACCOUNT_TRADING] != 0:
            s.account[ACCOUNT_FAULT] = FAULT_WITHOUT_LOOP
        return answer

    return stand_in


def _for_any_number(twin: Any) -> Any:
    """Have a twin compiled once, and not anew for each constant that it is called with.

    numba types a constant argument by its value, so ``journal_row(s, KIND_FILL, i)`` and
    ``journal_row(s, KIND_DENIED, i)`` were two functions to compile. Half of all compilations were such
    repeats (277 of 138 functions for `engine.step.apply_event`, 24 of 63 s).
    """
    from numba.core import types

    resolve = twin.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        plain: Any = types.unliteral
        return resolve(tuple(plain(each) for each in args), kws)

    twin.get_call_template = get_call_template
    return twin


def callback(function: Callable[..., Any], signature: object) -> Any:
    """Return a kernel as a first-class compiled function, to be passed to another kernel.

    Its type is its signature alone, so that the kernel that receives it is compiled once and cached,
    whatever function comes. A process compiles it once, also when its file is loaded again.
    """
    from numba import cfunc

    if function not in _KERNELS:
        raise ValueError(f"{function.__qualname__} is not a kernel: decorate it with @kernel")
    key = (_recipe(function), signature)
    if key not in _CALLBACKS:
        # Not kept on disk: it is the user's code, and numba would not notice a change in what it imports.
        _CALLBACKS[key] = cfunc(signature)(_clone(function))
    return _CALLBACKS[key]


class _Same:
    """An object that equals only itself, whatever it thinks of that."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return 0  # few are ever compared, and an address must not be asked for


def _recipe(function: Callable[..., Any]) -> tuple[Any, ...]:
    """Return what a kernel's compiled code depends on: its code, and the values that it names."""
    plain = cast(types.FunctionType, function)
    made: list[Any] = [plain.__code__, plain.__defaults__]
    for name in plain.__code__.co_names:
        value = plain.__globals__.get(name)
        if isinstance(value, types.FunctionType) and value in _KERNELS and value is not function:
            made.append(_recipe(value))
        else:
            made.append(value if isinstance(value, _CONSTANTS) else _Same(value))
            made.append(type(value))
    return tuple(made)


def _clone(function: Callable[..., Any], *, with_loop: bool = True) -> Callable[..., Any]:
    """Copy a kernel, with the kernels that it names replaced by their twins."""
    plain = cast(types.FunctionType, function)
    used = [name for name in plain.__code__.co_names if name in plain.__globals__]
    names = {name: plain.__globals__[name] for name in used}
    names = {
        name: _inner(cast(Any, value), with_loop=with_loop) if _is_kernel(value) else value
        for name, value in names.items()
    }
    clone = types.FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__)
    clone.__qualname__ = plain.__qualname__ + ("" if with_loop else "_plain")
    clone.__module__ = plain.__module__
    return clone


def _is_kernel(value: object) -> bool:
    return isinstance(value, types.FunctionType) and value in _KERNELS


def as_plain(block: NDArray[Any]) -> Any:
    """View a block for the interpreted world: same memory, elements are Python numbers.

    A block that came in a message may lie at an odd address, which a memoryview cannot read: of such a
    one, which nobody writes to, it is a copy.
    """
    flags = block.flags
    assert flags.c_contiguous
    if not flags.aligned:
        block = block.copy()
    return memoryview(cast(Any, block))
