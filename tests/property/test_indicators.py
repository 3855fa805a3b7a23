"""Properties of all indicators and of random programs: one source, every way to run it, no future.

Equal means equal in every bit: `tobytes`, where NaN is the one NaN of the kernels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.lang.batch import evaluate_batch
from engine.lang.compiler import compile_program
from engine.lang.functions import FUNCTIONS, ArgumentKind, Function
from engine.lang.panel import BarColumns
from engine.lang.program import Program, ValueType
from tests.unit.lang.bars import Column, bars_of, head, stream, walk

Outputs = dict[str, list[Column]]

COLUMNS = ("open", "high", "low", "close", "volume")
SETTINGS = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


def _call(function: Function) -> str:
    """Write a call with short windows, so that few bars reach every part of the code."""
    written = []
    for i, each in enumerate(function.arguments):
        if each.kind is ArgumentKind.CONDITION:
            written.append("close > open")
        elif each.kind is ArgumentKind.SERIES:
            written.append("volume" if each.name == "y" else "close")
        else:
            written.append(str(3 + i))
    return f"{function.name}({', '.join(written)})"


def _program(text: str, result: ValueType = ValueType.NUMBER) -> Program:
    return compile_program({"x": text}, {}, kinds={"x": result.value})


ALL = [
    pytest.param(_program(_call(each), each.result), id=each.name) for each in FUNCTIONS.values()
]


def _gapped(bars: BarColumns, seed: int) -> BarColumns:
    """The same bars with undefined numbers here and there, and stretches without movement."""
    draw = np.random.default_rng(seed)
    columns = {name: getattr(bars, name).copy() for name in COLUMNS}
    for column in columns.values():
        column[draw.random(len(column)) < 0.05] = np.nan
        begin = int(draw.integers(0, max(1, len(column) - 12)))
        column[begin : begin + 12] = column[begin]
    return replace(bars, **columns)


def _panel(seed: int, count: int) -> list[BarColumns]:
    """Three instruments that begin at different slices."""
    return [
        _gapped(walk(seed, count, symbol="A"), seed),
        _gapped(walk(seed + 1, count, symbol="B", first=5), seed + 1),
        walk(seed + 2, count // 2, symbol="C", first=11),
    ]


def _bits(outputs: Outputs) -> dict[str, list[bytes]]:
    return {key: [column.tobytes() for column in columns] for key, columns in outputs.items()}


def _batch(program: Program, panel: list[BarColumns], *, compiled: bool = False) -> Outputs:
    return evaluate_batch(program, panel, compiled=compiled)


@pytest.mark.parametrize("program", ALL)
def test_an_indicator_streamed_equals_the_batch(program: Program) -> None:
    panel = _panel(3, 150)
    assert _bits(stream(program, panel)) == _bits(_batch(program, panel))


@pytest.mark.parametrize("program", ALL)
def test_an_indicator_compiled_equals_the_interpreted(program: Program) -> None:
    panel = _panel(4, 150)
    assert _bits(_batch(program, panel, compiled=True)) == _bits(_batch(program, panel))


@pytest.mark.parametrize("program", ALL)
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_where_blocks_are_cut_cannot_be_seen(
    program: Program, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = _panel(8, 120)
    whole = _bits(_batch(program, panel))
    monkeypatch.setattr("engine.lang.blocks.BLOCK_ROWS", rows)
    assert _bits(_batch(program, panel)) == whole


@pytest.mark.parametrize("program", ALL)
def test_an_indicator_of_a_prefix_is_the_prefix_of_the_indicator(program: Program) -> None:
    panel = _panel(5, 150)
    whole = _batch(program, panel)["x"]
    for last_slice in (0, 1, 9, 40, 77, 150):
        counts = [int(np.searchsorted(bars.slice_index, last_slice)) for bars in panel]
        part = _batch(program, [head(bars, n) for bars, n in zip(panel, counts)])["x"]
        for full, cut, n in zip(whole, part, counts):
            assert full[:n].tobytes() == cut.tobytes()


# Random programs: numbers and conditions that nest.
WINDOW = st.integers(2, 12)
TIMEFRAME = st.sampled_from(["3m", "5m", "1h", "1d", "1w"])
_LEAVES = [*COLUMNS, "1.5", "obv()", "true_range()", "typical_price()", "session_vwap()"]
_BARS = ("atr", "cci", "adx", "plus_di", "donchian_middle", "keltner_upper", "vwap")
_ONE = ("sma", "ema", "wma", "sum", "highest", "lowest", "stdev", "zscore", "rsi", "lag")
_MORE = ("returns", "volatility", "bollinger_lower", "momentum")
_TWO = ("correlation", "beta")


def _numbers(*, is_higher: bool) -> st.SearchStrategy[str]:
    leaves = st.sampled_from(_LEAVES) | st.builds("{}({})".format, st.sampled_from(_BARS), WINDOW)
    if not is_higher:
        leaves |= st.sampled_from(['close["A"]', 'volume["B"]'])

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        one = st.builds("{}({}, {})".format, st.sampled_from(_ONE + _MORE), inner, WINDOW)
        two = st.builds("{}({}, {}, {})".format, st.sampled_from(_TWO), inner, inner, WINDOW)
        joined = st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)
        picked = st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner)
        chosen = st.builds("where({} > {}, {}, {})".format, inner, inner, inner, inner)
        shared = one | two | joined | picked | chosen
        if is_higher:
            return shared
        ranked = st.builds("{}({})".format, st.sampled_from(["rank", "count"]), inner)
        return shared | ranked

    return st.recursive(leaves, extend, max_leaves=5)


HIGHER = st.builds('timeframe("{}", {})'.format, TIMEFRAME, _numbers(is_higher=True))
NUMBERS = _numbers(is_higher=False) | HIGHER | st.builds("({} - {})".format, HIGHER, HIGHER)
CONDITIONS = st.builds(
    "({} {} {} {} cross_above({}, {}))".format,
    NUMBERS,
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    NUMBERS,
    st.sampled_from(["and", "or", "and not", "or not"]),
    NUMBERS,
    NUMBERS,
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    formulas = {"weight": draw(NUMBERS), "entry": draw(CONDITIONS)}
    return compile_program(formulas, {}, kinds={"weight": "number", "entry": "condition"})


@SETTINGS
@given(program=programs(), seed=st.integers(0, 1_000), count=st.integers(0, 90))
def test_a_random_program_streamed_equals_the_batch(
    program: Program, seed: int, count: int
) -> None:
    panel = _panel(seed, count) if count else [walk(seed, 20, symbol=each) for each in "ABC"]
    assert _bits(stream(program, panel)) == _bits(_batch(program, panel))


@SETTINGS
@given(program=programs(), seed=st.integers(0, 1_000))
def test_a_random_program_compiled_equals_the_interpreted(program: Program, seed: int) -> None:
    panel = _panel(seed, 80)
    assert _bits(_batch(program, panel, compiled=True)) == _bits(_batch(program, panel))


@SETTINGS
@given(program=programs(), seed=st.integers(0, 1_000), now=st.integers(0, 80))
def test_no_change_of_the_future_changes_an_answer_of_the_past(
    program: Program, seed: int, now: int
) -> None:
    panel = _panel(seed, 80)
    before = _batch(program, panel)
    after = _batch(program, [_with_another_future(bars, now) for bars in panel])
    for key, columns in before.items():
        for bars, one, other in zip(panel, columns, after[key]):
            n = int(np.searchsorted(bars.slice_index, now, side="right"))
            assert one[:n].tobytes() == other[:n].tobytes(), key


def _with_another_future(bars: BarColumns, now: int) -> BarColumns:
    is_future = bars.slice_index > now
    changed = {name: np.where(is_future, 7.0, getattr(bars, name)) for name in COLUMNS}
    return replace(bars, **changed)


HOSTILE = st.lists(
    st.sampled_from([0.0, -0.0, 1e-300, 1e300, -1e300, 1e15, 0.1, float("nan"), 100.0])
    | st.floats(allow_infinity=False),
    min_size=1,
    max_size=60,
)


@SETTINGS
@given(series=HOSTILE, function=st.sampled_from(list(FUNCTIONS.values())))
def test_hostile_numbers_give_finite_or_undefined_and_the_same_everywhere(
    series: list[float], function: Function
) -> None:
    column = np.array(series)
    bars = bars_of("A", column, column.copy(), column.copy(), column.copy(), column.copy())
    program = _program(_call(function), function.result)
    batch = _batch(program, [bars])
    assert not np.isinf(batch["x"][0]).any()
    assert _bits(stream(program, [bars])) == _bits(batch)
    assert _bits(_batch(program, [bars], compiled=True)) == _bits(batch)
