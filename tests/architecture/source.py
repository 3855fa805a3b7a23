"""The project's own sources, parsed once for the tests of this folder."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
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


def place(path: Path, node: ast.AST) -> str:
    """Return file and line of a node, as an editor takes them."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function of a tree, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def kernels(tree: ast.AST) -> Iterator[Function]:
    """Yield the functions that ``@kernel`` registers."""
    for function in functions(tree):
        if any(isinstance(d, ast.Name) and d.id == "kernel" for d in function.decorator_list):
            yield function


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import of a tree with the module it names, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def is_type_checking_only(tree: ast.Module, statement: ast.stmt) -> bool:
    """Return whether a statement stands under ``if TYPE_CHECKING``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            if any(statement is inner for inner in ast.walk(node)):
                return True
    return False
