"""The project's own sources, parsed once for the tests of this folder."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine", "brokers", "sims", "data", "reports", "runtime", "cli", "trader")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file of the project that is under version control."""
    answer = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = (ROOT / line for line in answer.stdout.splitlines())
    return tuple(path for path in paths if path.is_file())


def python_files(*folders: str) -> list[Path]:
    """Return the Python files under some folders of the project, in order."""
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _nodes_of_file(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def forget_trees() -> None:
    """Give the memory back."""
    tree_of.cache_clear()
    _nodes_of_file.cache_clear()


def nodes(tree: ast.AST) -> Iterable[ast.AST]:
    """Return all nodes of a tree; those of a file, which many tests look through, are found once."""
    return _nodes_of_file(tree) if isinstance(tree, ast.Module) else ast.walk(tree)


def place(path: Path, node: ast.AST) -> str:
    """Return file and line of a node, as an editor takes them."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function of a tree, nested ones too."""
    for node in nodes(tree):
        if isinstance(node, Function):
            yield node


def functions_with(is_wanted: Callable[[ast.AST], bool]) -> set[str]:
    """Return file and name of each function of the product in which such a node stands."""
    return {
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in python_files(*PACKAGES)
        if any(map(is_wanted, nodes(tree_of(path))))
        for function in functions(tree_of(path))
        if any(map(is_wanted, ast.walk(function)))
    }


def kernels(tree: ast.AST) -> Iterator[Function]:
    """Yield the functions that ``@kernel`` registers."""
    for function in functions(tree):
        if any(isinstance(d, ast.Name) and d.id == "kernel" for d in function.decorator_list):
            yield function


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in a tree."""
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            yield node


def name_of(called: ast.expr) -> str:
    """Return the last part of the name that is called, empty where it has none."""
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import of a tree with the module it names, those inside functions too."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def is_type_checking_only(tree: ast.Module, statement: ast.stmt) -> bool:
    """Return whether a statement stands under ``if TYPE_CHECKING``."""
    for node in nodes(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            if any(statement is inner for inner in ast.walk(node)):
                return True
    return False
