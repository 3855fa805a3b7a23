"""The house's habits as tests: what `engine/` may touch, and what no file may contain."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.architecture.source import (
    PACKAGES,
    ROOT,
    calls,
    functions,
    functions_with,
    imports,
    kernels,
    name_of,
    nodes,
    place,
    python_files,
    tracked_files,
    tree_of,
)

# --- engine/ is pure --------------------------------------------------------------------------------
ENGINE_IMPORTS = frozenset(
    {
        "__future__", "collections", "collections.abc", "dataclasses", "decimal", "difflib", "enum",
        "fractions", "functools", "hashlib", "itertools", "math", "msgspec", "numpy",
        "numpy.typing", "operator", "re", "statistics", "types", "typing",
    }
)  # fmt: skip
# The modules that hand kernels to the compiler.
COMPILER_MODULES = frozenset({"engine/jit.py", "engine/linking.py", "engine/pointers.py"})
BANNED_CALLS = frozenset(
    {
        "open", "print", "input", "eval", "exec", "hash", "id", "breakpoint", "globals",
        "__import__",
    }
)  # fmt: skip
BANNED_NAMES = frozenset({"os", "sys", "time", "random", "logging", "threading", "asyncio"})


def test_the_engine_imports_only_what_is_pure() -> None:
    wrong = [
        f"{place(path, node)}: {module}"
        for path in python_files("engine")
        for node, module in imports(tree_of(path))
        if not _may_import(str(path.relative_to(ROOT)), module)
    ]
    assert wrong == []


def _may_import(file: str, module: str) -> bool:
    if module.split(".")[0] == "numba":
        return file in COMPILER_MODULES
    return module in ENGINE_IMPORTS or module.split(".")[0] == "engine"


def test_the_engine_calls_nothing_that_a_run_could_differ_by() -> None:
    wrong = [
        f"{place(path, call)}: {call.func.id}()"
        for path in python_files("engine")
        for call in calls(tree_of(path))
        if isinstance(call.func, ast.Name) and call.func.id in BANNED_CALLS
    ]
    assert wrong == []


def test_the_engine_names_no_module_of_the_outside_world() -> None:
    wrong = [
        f"{place(path, node)}: {node.value.id}.{node.attr}"
        for path in python_files("engine")
        for node in nodes(tree_of(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in BANNED_NAMES
    ]
    assert wrong == []


def test_the_engine_never_goes_through_a_set() -> None:
    """A set has no order that two processes share."""
    wrong = [
        place(path, source)
        for path in python_files("engine")
        for source in _iterated(tree_of(path))
        if _is_set(source)
    ]
    assert wrong == []


def _iterated(tree: ast.AST) -> list[ast.expr]:
    """Return what a tree's loops, comprehensions and ordering calls go through."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension):
            found.append(node.iter)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("list", "tuple"):
            found.extend(node.args)
    return found


def _is_set(source: ast.expr) -> bool:
    if isinstance(source, ast.Set | ast.SetComp):
        return True
    return isinstance(source, ast.Call) and getattr(source.func, "id", "") in ("set", "frozenset")


# --- kernels ----------------------------------------------------------------------------------------
MONEY_KERNELS = (
    "engine/kernels/money.py",
    "engine/kernels/ledger.py",
    "engine/kernels/positions.py",
    "engine/kernels/orders.py",
    "engine/rules/breakers.py",
    "engine/rules/equity.py",
    "engine/rules/guards.py",
    "engine/rules/latches.py",
    "engine/rules/losses.py",
    "engine/rules/peaks.py",
    "engine/rules/account_checks.py",
    "engine/rules/checks.py",
    "engine/rules/exposure.py",
    "engine/rules/latched.py",
    "engine/rules/market_checks.py",
    "engine/rules/opening.py",
    "engine/rules/quiet.py",
    "engine/rules/rate.py",
    "engine/rules/closing.py",
    "engine/rules/conditions.py",
    "engine/rules/escalation.py",
    "engine/rules/exits.py",
    "engine/rules/opportunities.py",
    "engine/rules/prices.py",
    "engine/rules/scaling.py",
    "engine/rules/suspects.py",
    "engine/rules/trailing.py",
    "engine/rules/risk.py",
    "engine/rules/signal_checks.py",
    "engine/rules/signals.py",
    "engine/rules/sizing.py",
    "engine/rules/sizes.py",
    "engine/rules/entries.py",
    "engine/rules/protection.py",
    "engine/rules/targets.py",
    "engine/rules/decide.py",
    "engine/rules/tiers.py",
    "engine/rules/tilt.py",
    "engine/rules/trust.py",
    "engine/step.py",
)


@pytest.mark.parametrize("name", MONEY_KERNELS)
def test_no_binary_float_touches_money(name: str) -> None:
    path = ROOT / name
    for node in nodes(tree_of(path)):
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        is_float = isinstance(node, ast.Name) and node.id in ("float", "float64")
        assert not (is_literal or is_division or is_float), place(path, node)


def test_kernels_call_kernels_by_their_bare_name() -> None:
    """`engine.jit.compiled` replaces the kernels that a kernel names; it does not see ``x.y()``."""
    wrong = [
        f"{place(path, call)}: {ast.unparse(call.func)}"
        for path in python_files("engine", "sims")
        for kernel in kernels(tree_of(path))
        for call in calls(kernel)
        if isinstance(call.func, ast.Attribute) and not ast.unparse(call.func).startswith("math.")
    ]
    assert wrong == []


# --- only what was checked can be sent ---------------------------------------------------------------
APPROVED_TYPES = frozenset({"RiskApproved", "CancelApproved", "ReplaceApproved"})


def test_approved_commands_are_made_in_one_module() -> None:
    wrong = [
        f"{place(path, call)}: {ast.unparse(call.func)}()"
        for path in python_files(*PACKAGES)
        if str(path.relative_to(ROOT)) != "engine/approved.py"
        for call in calls(tree_of(path))
        if name_of(call.func) in APPROVED_TYPES
    ]
    assert wrong == []


def test_a_verified_certificate_is_made_in_one_module() -> None:
    """By `verify`, which makes one after every check and nowhere else."""
    makers = functions_with(
        lambda node: isinstance(node, ast.Call) and name_of(node.func) == "VerifiedCertificate"
    )
    assert makers == {"runtime/promotion/certificate.py: _verified"}


def test_commands_are_written_by_one_kernel() -> None:
    """`push_command`, which is called after the checks and nowhere else."""
    writers = functions_with(
        lambda node: (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "commands"
        )
    )
    assert writers == {"engine/kernels/orders.py: push_command"}
    callers = functions_with(
        lambda node: isinstance(node, ast.Call) and name_of(node.func) == "push_command"
    )
    module = "engine/kernels/orders.py"
    assert callers == {f"{module}: place", f"{module}: ask_cancel", f"{module}: ask_replace"}


def test_the_sources_have_kernels_to_look_at() -> None:
    found = [k.name for path in python_files("engine", "sims") for k in kernels(tree_of(path))]
    assert {"apply_event", "place", "decide", "replay", "match_bar", "divide_wide"} <= set(found)
    assert len(found) > 100


# --- every file -------------------------------------------------------------------------------------
def test_imports_point_down() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_imports_are_absolute() -> None:
    wrong = [
        place(path, node)
        for path in python_files(*PACKAGES, "tests")
        for node, module in imports(tree_of(path))
        if module.startswith(".")
    ]
    assert wrong == []


def test_no_file_holds_two_ideas() -> None:
    texts = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in python_files(*PACKAGES, "tests")
    }
    lengths = {
        name: len(text.splitlines())
        for name, text in texts.items()
        if not text.startswith('"""Generated by')
    }
    assert {name: lines for name, lines in lengths.items() if lines >= 800} == {}


def test_functions_fit_on_a_screen_or_two() -> None:
    """Counted without the signature and the docstring: options of a command are a table."""
    wrong = [
        f"{place(path, function)}: {function.name} has {length} lines"
        for path in python_files(*PACKAGES)
        for function in functions(tree_of(path))
        if (length := _body_lines(function)) >= 100
    ]
    assert wrong == []


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body
    if ast.get_docstring(function) is not None and len(body) > 1:
        body = body[1:]
    return (function.end_lineno or 0) - body[0].lineno + 1


HOMES = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/")
TEXTS = frozenset({".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cfg", ".json", ".csv", ""})


def test_no_file_names_a_folder_of_one_machine() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix in TEXTS
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if HOMES.search(line) or str(ROOT) in line
    ]
    assert wrong == []


def test_no_two_files_of_tests_have_one_name() -> None:
    """Without packages pytest imports them by their names, and stops at the second of two."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_a_test_is_skipped_only_where_the_shared_data_are_absent() -> None:
    wrong = [
        place(path, call)
        for path in python_files("tests")
        if path != ROOT / "tests" / "conftest.py"
        for call in calls(tree_of(path))
        if name_of(call.func) in ("skip", "xfail")
        and ast.unparse(call.func) in ("pytest.skip", "pytest.mark.skip", "pytest.mark.xfail")
    ]
    assert wrong == []


def test_tests_on_shared_data_carry_its_marker() -> None:
    wrong = [
        f"{place(path, function)}: {function.name}"
        for path in python_files("tests")
        if "pytest.mark.shared" not in _module_marks(tree_of(path))
        for function in functions(tree_of(path))
        if function.name.startswith("test_")
        and any(argument.arg == "shared_data" for argument in function.args.args)
        and not any("pytest.mark.shared" in ast.unparse(d) for d in function.decorator_list)
    ]
    assert wrong == []


def _module_marks(tree: ast.Module) -> str:
    return "".join(
        ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    )


# --- the checks themselves --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "is_wrong"),
    [
        ("for x in {1, 2}: pass", True),
        ("y = [x for x in set(names)]", True),
        ("y = list({x for x in names})", True),
        ("y = sorted(set(names))", False),
        ("for x in [1, 2]: pass", False),
    ],
)
def test_a_walk_through_a_set_is_seen(source: str, is_wrong: bool) -> None:
    assert any(map(_is_set, _iterated(ast.parse(source)))) is is_wrong


def test_a_home_folder_is_seen() -> None:
    assert HOMES.search(f"see {Path('/', 'home', 'me')}")
    assert not HOMES.search("https://example.com/home/page")
