"""What a strategy's Python depends on outside of its own files, as far as its text says so.

A helper that stands on Python's path or is installed to be edited has no version that changes with it; a file of
weights or a variable of the environment decides as much as a line of code. So their content is part of what runs,
and of what was tried. Found are imports wherever they stand, and names that are written out: a file whose name is
put together while the strategy runs is not seen, and neither is what an installed package reads.
"""

from __future__ import annotations

import ast
import hashlib
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from runtime.store.python_modules import load

OWN_PACKAGES = frozenset(
    {"brokers", "cli", "data", "engine", "reports", "runtime", "sims", "trader"}
)
_MODULE, _FILE, _VARIABLE = "module", "file", "variable"
_READING = ("environ", "getenv")
_OWN_OUTPUT = ".log"
_LONG = 255  # characters of a name; what is longer is a text


@dataclass(frozen=True, slots=True)
class Outside:
    """Content by name, hashed: ``module.NAME``, ``file.NAME``, ``variable.NAME``; and all imported names."""

    parts: dict[str, str]
    imported: frozenset[str]


def outside_of(path: Path) -> Outside:
    """Return what the strategy in a file depends on beside its own files.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If the strategy's own file cannot be read or parsed.
    """
    own = {each.path.resolve(): each.tree for each in load(path).own_modules()}
    trees: dict[Path, ast.Module] = dict(own)
    parts: dict[str, str] = {}
    imported: set[str] = set()
    waiting = list(own.values())
    while waiting:
        for name in _imports(waiting.pop()) - imported:
            imported.add(name)
            files = [each for each in _local_files(name) if each.resolve() not in own]
            if files:
                parts[f"{_MODULE}.{name}"] = _hash(files)
            for each in files:
                if each.resolve() not in trees:
                    trees[each.resolve()] = _parsed(each)
                    waiting.append(trees[each.resolve()])
    for place, tree in trees.items():
        for name in _variables(tree):
            value = os.environ.get(name)
            text = "" if value is None else f"={value}"
            parts[f"{_VARIABLE}.{name}"] = hashlib.sha256(text.encode()).hexdigest()
        for name in _names_of_files(tree):
            found = _file(name, place.parent)
            if found is not None and found.resolve() not in trees:
                parts[f"{_FILE}.{name}"] = _hash([found])
    return Outside(dict(sorted(parts.items())), frozenset(imported))


def _hash(files: Iterable[Path]) -> str:
    """Return a hash over files; one that cannot be read counts as itself: it may be readable when it matters."""
    digest = hashlib.sha256()
    for each in files:
        try:
            with each.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError:
            digest.update(b"unreadable")
    return digest.hexdigest()


def _parsed(path: Path) -> ast.Module:
    """Return a tree; of what Python cannot read, such as a compiled module, an empty one."""
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


# --- modules ------------------------------------------------------------------------------------------
def _imports(tree: ast.Module) -> set[str]:
    """Return the packages that are imported anywhere in a file; not those that are named from where it is."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {each.name.partition(".")[0] for each in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
            case _:
                pass
    return found


def _local_files(name: str) -> list[Path]:
    """Return the files of a package or module that no installer has put in its place; else nothing."""
    if name in OWN_PACKAGES or name in sys.stdlib_module_names:
        return []
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    folders = [Path(each) for each in spec.submodule_search_locations or ()]
    if not folders:
        found = [Path(spec.origin)] if spec.origin and os.path.isfile(spec.origin) else []
    else:
        found = [each for folder in folders for each in sorted(folder.rglob("*.py"))]
    return [each for each in found if not _is_installed(each.resolve())]


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(each) for each in _installed_places())


@cache
def _installed_places() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    places = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    places += [*site.getsitepackages(), site.getusersitepackages()]
    return tuple(Path(each).resolve() for each in places)


# --- variables and files ------------------------------------------------------------------------------
def _variables(tree: ast.Module) -> set[str]:
    """Return the variables of the environment that are read by a name that is written out."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=base, slice=ast.Constant(value=str(name))):
                is_read = _is_environment(base)
            case ast.Call(
                func=ast.Attribute(value=base, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(value=str(name)), *_],
            ) if _is_environment(base):
                is_read = True
            case ast.Call(func=base, args=[ast.Constant(value=str(name)), *_]):
                is_read = _is_environment(base)
            case _:
                continue
        if is_read:
            found.add(name)
    return found


def _is_environment(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in _READING


def _names_of_files(tree: ast.Module) -> set[str]:
    """Return what may name a file that is read: each text, and texts that are joined to a path."""
    written = {id(each) for node in ast.walk(tree) for each in _written_to(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in written:
            continue
        match node:
            case ast.Constant(value=str(text)):
                found.add(text)
            case ast.BinOp(op=ast.Div()) | ast.Call():
                found.add(os.path.join("", *_texts(node)))
            case _:
                pass
    return {each for each in found if 0 < len(each) <= _LONG and not each.endswith(_OWN_OUTPUT)}


def _texts(node: ast.expr) -> list[str]:
    """Return the texts of ``folder / "a" / "b"`` and of ``join(folder, "a", "b")``, in their order."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return [*_texts(left), *_texts(right)]
        case ast.Call(args=arguments):
            return [text for each in arguments for text in _texts(each)]
        case _:
            return []


def _written_to(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a call that opens a file for writing."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        modes = [*node.args, *(each.value for each in node.keywords if each.arg == "mode")]
        is_writing = any(
            isinstance(each, ast.Constant) and str(each.value) in ("w", "a", "x", "wb", "ab", "xb")
            for each in modes
        )
        if name.startswith("write_") or (name == "open" and is_writing):
            yield from ast.walk(node)


def _file(name: str, folder: Path) -> Path | None:
    """Return the file of a name: beside the code, or where the program was started."""
    for place in (folder, Path()):
        try:
            path = place / Path(name).expanduser()
            if path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):
            return None
    return None
