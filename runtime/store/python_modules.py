"""The files of a strategy: what each binds at its top, and which imports lead to files of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BINDING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a file binds."""

    path: Path
    name: str


@dataclass(slots=True, eq=False)
class Module:
    """One file.

    Parameters
    ----------
    bindings
        The statements that bind a name, more than one where it is bound again.
    imports
        What imported names stand for.
    effects
        Statements that do something when the file is loaded, and bind nothing.
    """

    path: Path
    tree: ast.Module
    bindings: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Imported] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)

    def take_effects(self) -> list[ast.stmt]:
        """Return the effects, once."""
        taken, self.effects = self.effects, []
        return taken

    def own_modules(self) -> list[Module]:
        """Return this file and those of the strategy's own that it imports, each once."""
        found: dict[Path, Module] = {}
        waiting = [self]
        while waiting:
            module = waiting.pop(0)
            if module.path in found:
                continue
            found[module.path] = module
            waiting += [each.module for each in module.imports.values() if each.module]
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Imported:
    """What an imported name stands for: of a file of one's own, or of somebody else's package."""

    text: str
    module: Module | None = None
    name: str = ""

    def member(self, name: str) -> Imported:
        """Return what ``imported.name`` stands for."""
        return Imported(f"{self.text}.{name}", self.module, name)


def load(path: Path) -> Module:
    """Read and parse a file.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If it cannot be read or parsed.
    """
    return _load(path, {})


def _load(path: Path, loaded: dict[Path, Module]) -> Module:
    if path in loaded:
        return loaded[path]
    module = Module(path, ast.parse(path.read_bytes(), filename=str(path)))
    loaded[path] = module
    for node in module.tree.body:
        _note(node, module, loaded)
    return module


def _note(node: ast.stmt, module: Module, loaded: dict[Path, Module]) -> None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        module.imports |= _imported(node, module, loaded)
        return
    names = _bound(node)
    for name in names:
        module.bindings.setdefault(name, []).append(node)
    if not names and not _is_idle(node):
        module.effects.append(node)


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets) if all(isinstance(each, ast.Name) for each in targets):
            return [each.id for each in targets if isinstance(each, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _is_idle(node: ast.stmt) -> bool:
    """Docstrings, and what only type checkers and ``python file.py`` look at."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
    return False


def imported_by(node: ast.Import | ast.ImportFrom, module: Module) -> dict[str, Imported]:
    """Return what an import inside a function binds."""
    return _imported(node, module, {module.path: module})


def _imported(
    node: ast.Import | ast.ImportFrom, module: Module, loaded: dict[Path, Module]
) -> dict[str, Imported]:
    if isinstance(node, ast.Import):
        found = {}
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.split(".")[0]
            found[alias.asname or name] = Imported(name, _own(name, 0, module, loaded))
        return found
    if node.module == "__future__":
        return {}
    package = node.module or ""
    own = _own(package, node.level, module, loaded)
    found = {}
    for alias in node.names:
        if alias.name == "*" and own is not None:
            found |= {name: Imported(name, own, name) for name in own.bindings}
            continue
        inner = f"{package}.{alias.name}".strip(".")
        beside = None if own else _own(inner, node.level, module, loaded)
        name = alias.asname or alias.name
        found[name] = Imported(inner, beside) if beside else Imported(inner, own, alias.name)
    return found


def _own(name: str, level: int, module: Module, loaded: dict[Path, Module]) -> Module | None:
    """Return the module if it is a file of the strategy's own: beside it, or of its package."""
    for path in _candidates(name, level, module.path):
        if path.is_file():
            try:
                return _load(path, loaded)
            except (OSError, SyntaxError, ValueError):
                return None
    return None


def _candidates(name: str, level: int, path: Path) -> Iterable[Path]:
    parts = [each for each in name.split(".") if each]
    if level:
        folders = [path.parents[level - 1]]
    else:
        # Beside the file, or above it where a folder on the way is the package that is named.
        packages = [each.parent for each in path.parents if parts and each.name == parts[0]]
        folders = [path.parent, *packages]
    for folder in folders:
        target = folder.joinpath(*parts)
        if parts:
            yield target.with_suffix(".py")
        yield target / "__init__.py"


def locals_of(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Return the names that a function's body binds, without those of functions inside it."""
    found: set[str] = set()
    outside: set[str] = set()
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                outside |= set(names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                found.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
                continue
            case ast.ClassDef(name=name):
                found.add(name)
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                continue
            case ast.GeneratorExp():
                continue
        waiting += list(ast.iter_child_nodes(node))
    return frozenset(found - outside)
