"""What a strategy written in Python does, without layout, comments, docstrings and names.

The problem: trials are counted for each *family*, and a family is known by its code. Whoever renames
a class, a method, a parameter or a variable, reformats, comments, reorders methods, or moves a helper
to a file beside, has not written another strategy. A hash over bytes would believe it.

The choice: the syntax tree is written out from the strategy's class (or function), callbacks first.
Names of its own are numbered where they are first met, local ones in each function anew; what it uses
of its own modules follows in the order of use; what it does not use is left out. Names of others
(`Strategy`, ``self.buy``, ``bar.close``, numpy) stay. Defaults and ranges of declared parameters are
left out: they are values, and values belong to the evaluation, not to the family.

A tree can be disguised further (statements split, constants moved); that is another program to this
module, and the gate has other checks. It never runs the code.
"""

from __future__ import annotations

import ast
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine import strategy as api
from runtime.store.formulas import canonical_formula
from runtime.store.python_modules import Imported, Module, Reference, imported_by, load, locals_of

Value = int | float | bool
Function = ast.FunctionDef | ast.AsyncFunctionDef

_PUBLIC = ("trader", "engine.strategy")
_CALLBACKS_AND_VERBS = frozenset(dir(api.Strategy))
_VIEWS = (api.Bar, api.Quote, api.Trade, api.Fill)
_BUILTINS = (bool, bytes, dict, float, int, list, set, str, tuple, Decimal, deque)
_OTHERS = _CALLBACKS_AND_VERBS | {name for kind in (*_VIEWS, *_BUILTINS) for name in dir(kind)}


@dataclass(frozen=True, slots=True)
class PythonCode:
    """What a file's strategy is.

    Parameters
    ----------
    digest
        Equal for code that differs only in layout and names.
    names
        What its parameters are called in the digest, by their real names.
    defaults
        The parameters' defaults, where they are written as plain values.
    """

    digest: str
    names: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Value] = field(default_factory=dict)


def python_code(path: Path, name: str, parameters: Sequence[str] = ()) -> PythonCode:
    """Return what the class or function `name` of a file is.

    Parameters
    ----------
    parameters
        Names that the strategy file declares, in its order: a compiled function gets them by place.

    A file that cannot be read or parsed is known by its bytes: the run will say what is wrong.
    """
    try:
        main = load(path)
    except (OSError, SyntaxError, ValueError):
        return PythonCode(_hash(_bytes_of(path)))
    writer = _Writer({each: f"p{place}" for place, each in enumerate(parameters)})
    text = writer.write(main, name)
    named = {each: writer.attributes.get(each, each) for each in writer.defaults}
    return PythonCode(_hash(text.encode()), {**writer.given, **named}, writer.defaults)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class _Scope:
    """The names of one function: its own numbers, what it imports, and what surrounds it."""

    module: Module
    own: frozenset[str] = frozenset()
    parent: _Scope | None = None
    myself: str = ""
    numbers: dict[str, int] = field(default_factory=dict)
    imports: dict[str, Imported] = field(default_factory=dict)

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


class _Writer:
    """Writes trees as text; one for each strategy."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = dict(given)  # parameters of the strategy file
        self.defaults: dict[str, Value] = {}
        self.attributes: dict[str, str] = {}
        self._declared: set[str] = set()  # attributes that the strategy's own classes define
        self._references: dict[Reference, int] = {}
        self._modules: dict[Path, Module] = {}

    # --- from the strategy to everything that it uses -----------------------------------------------
    def write(self, main: Module, name: str) -> str:
        """Return the text of a strategy and of what it uses, in the order of use."""
        self._modules = {each.path: each for each in main.own_modules()}
        self._declared = _declared_by(self._modules.values())
        parts, written = [], 0
        if name not in main.bindings:
            return f"no {name}\n{ast.dump(main.tree)}"
        self._reference(main, name)
        while written < len(self._references):
            reference = list(self._references)[written]
            parts.append(self._definition(reference))
            written += 1
            if written == len(self._references):  # what only its effects name comes last
                parts += self._effects()
        return "\n".join(parts)

    def _effects(self) -> list[str]:
        return [
            self._statement(each, _Scope(module))
            for module in self._modules.values()
            for each in module.take_effects()
        ]

    def _reference(self, module: Module, name: str) -> str:
        self._modules.setdefault(module.path, module)
        number = self._references.setdefault(Reference(module.path, name), len(self._references))
        return f"g{number}"

    def _definition(self, reference: Reference) -> str:
        module = self._modules[reference.path]
        statements = module.bindings[reference.name]
        scope = _Scope(module)
        return "|".join(self._statement(each, scope) for each in statements)

    # --- statements ---------------------------------------------------------------------------------
    def _statement(self, node: ast.AST, scope: _Scope) -> str:
        match node:
            case ast.ClassDef():
                return self._class(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                label = self._name(node.name, scope) if node.name in scope.own else "def"
                return self._function(node, scope, label=label)
            case ast.AnnAssign():
                value = "" if node.value is None else self._node(node.value, scope)
                return f"set({self._node(node.target, scope)},{value})"
            case ast.Assign(targets=[target]):
                return f"set({self._node(target, scope)},{self._node(node.value, scope)})"
            case ast.Import() | ast.ImportFrom():
                scope.imports |= imported_by(node, scope.module)
                return ""
            case ast.Global() | ast.Nonlocal():
                return ""
            case _:
                return self._generic(node, scope)

    def _block(self, body: Sequence[ast.stmt], scope: _Scope) -> str:
        kept = [each for each in body if not _says_nothing(each)]
        return "{" + ";".join(filter(None, (self._statement(each, scope) for each in kept))) + "}"

    def _class(self, node: ast.ClassDef, scope: _Scope) -> str:
        """Callbacks in alphabetical order, then members as they are used, then the rest."""
        head = [self._node(each, scope) for each in (*node.bases, *node.decorator_list)]
        head += [self._node(each.value, scope) for each in node.keywords]
        members = {name: each for each in node.body for name in _member_names(each)}
        waiting = [name for name in sorted(members) if name in _CALLBACKS_AND_VERBS]
        written: list[str] = []
        done: set[str] = set()
        while waiting:
            for name in waiting:
                done.add(name)
                written.append(self._member(name, members[name], scope))
            used = [each for each in self.attributes if each in members and each not in done]
            waiting = used or [each for each in members if each not in done][:1]
        rest = [each for each in node.body if not _member_names(each) and not _says_nothing(each)]
        written += [self._statement(each, scope) for each in rest]
        return f"class({','.join(head)}){{{';'.join(written)}}}"

    def _member(self, name: str, node: ast.stmt, scope: _Scope) -> str:
        label = self._attribute(name, is_own=True)
        if isinstance(node, Function):
            return self._function(node, scope, label=label, is_method=True)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if value is None:
            return f"{label}={type(node).__name__}"
        return f"{label}={self._declaration(name, value, scope)}"

    def _declaration(self, name: str, value: ast.expr, scope: _Scope) -> str:
        """A declared parameter is a value of the run, whatever its default and range."""
        if isinstance(value, ast.Call) and self._is_public(value.func, scope, "parameter"):
            default = _literal(value.args[0] if value.args else _keyword(value, "default"))
            if default is not None:
                self.defaults.setdefault(name, default)  # a subclass comes before its base
                return f"parameter:{type(default).__name__}"
        return self._node(value, scope)

    def _function(
        self, node: Function, scope: _Scope, *, label: str, is_method: bool = False
    ) -> str:
        decorators = ",".join(self._node(each, scope) for each in node.decorator_list)
        inner = self._entered(node, scope, is_method=is_method)
        arguments = self._arguments(node.args, inner)
        kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
        return f"{kind}{label}[{decorators}]({arguments}){self._block(node.body, inner)}"

    def _entered(
        self, node: Function | ast.Lambda, scope: _Scope, *, is_method: bool = False
    ) -> _Scope:
        names = [each.arg for each in _all_arguments(node.args)]
        body = [] if isinstance(node, ast.Lambda) else node.body
        inner = _Scope(
            scope.module,
            frozenset(names) | locals_of(body),
            scope,
            names[0] if is_method and names else scope.myself,
        )
        for each in names:
            inner.number(each)
        return inner

    def _arguments(self, arguments: ast.arguments, scope: _Scope) -> str:
        outer = scope.parent or scope
        counts = (len(arguments.posonlyargs), len(arguments.args), len(arguments.kwonlyargs))
        stars = (arguments.vararg is not None, arguments.kwarg is not None)
        defaults = [
            "-" if each is None else self._node(each, outer)
            for each in (*arguments.defaults, *arguments.kw_defaults)
        ]
        return f"{counts}{stars}{','.join(defaults)}"

    # --- expressions --------------------------------------------------------------------------------
    def _node(self, node: ast.AST, scope: _Scope) -> str:
        match node:
            case ast.Name():
                return self._name(node.id, scope)
            case ast.Attribute():
                return self._attribute_of(node, scope)
            case ast.Constant():
                return f"{type(node.value).__name__}:{node.value!r}"
            case ast.Call():
                return self._call(node, scope)
            case ast.Lambda():
                inner = self._entered(node, scope)
                return f"lambda({self._arguments(node.args, inner)}){self._node(node.body, inner)}"
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, scope)
            case ast.stmt():
                return self._statement(node, scope)
            case _:
                return self._generic(node, scope)

    def _generic(self, node: ast.AST, scope: _Scope) -> str:
        fields = [self._field(name, value, scope) for name, value in ast.iter_fields(node)]
        return f"{type(node).__name__}({','.join(filter(None, fields))})"

    def _field(self, name: str, value: Any, scope: _Scope) -> str:
        match value:
            case ast.expr_context() | None:
                return ""
            case ast.AST():
                return self._node(value, scope)
            case [ast.stmt(), *_]:
                return self._block(value, scope)
            case list():
                return f"[{','.join(self._field(name, each, scope) for each in value)}]"
            case str() if name in ("name", "rest", "id"):  # ``except E as name``, ``case name``
                return self._name(value, scope)
            case _:
                return repr(value)

    def _name(self, name: str, scope: _Scope) -> str:
        at: _Scope | None = scope
        depth = 0
        while at is not None:
            if name in at.imports:
                return self._import(at.imports[name])
            if name in at.own:
                return f"v{depth}.{at.number(name)}"
            at, depth = at.parent, depth + 1
        if name in scope.module.imports:
            return self._import(scope.module.imports[name])
        if name in scope.module.bindings:
            return self._reference(scope.module, name)
        # In a class's body its other members are bare names.
        return self._attribute(name, is_own=True) if scope.parent is None else name

    def _import(self, imported: Imported) -> str:
        if imported.module is None or not imported.name:
            return f"import:{imported.text}"
        if imported.name in imported.module.bindings:
            return self._reference(imported.module, imported.name)
        if imported.name in imported.module.imports:  # handed on by a module in between
            return self._import(imported.module.imports[imported.name])
        return f"import:{imported.text}"

    def _attribute_of(self, node: ast.Attribute, scope: _Scope) -> str:
        base = node.value
        if isinstance(base, ast.Name):
            imported = scope.imports.get(base.id) or scope.module.imports.get(base.id)
            is_hidden = any(base.id in each.own for each in _outwards(scope))
            if imported is not None and not is_hidden and not imported.name:
                return self._import(imported.member(node.attr))
        is_own = isinstance(base, ast.Name) and base.id == scope.myself != ""
        label = self._attribute(node.attr, is_own=is_own)
        return f"{self._node(base, scope)}.{label}"

    def _attribute(self, name: str, *, is_own: bool) -> str:
        foreign = _CALLBACKS_AND_VERBS if is_own else _OTHERS
        if name not in self._declared or name in foreign or name.startswith("__"):
            return name
        return self.attributes.setdefault(name, f"a{len(self.attributes)}")

    def _call(self, node: ast.Call, scope: _Scope) -> str:
        if self._is_public(node.func, scope, "indicator", "condition") and node.args:
            text = _text(node.args[0])
            if text is not None:
                name = self._name_of_public(node.func, scope)
                return f"{name}({canonical_formula(text, self._formula_name)})"
        if self._is_public(node.func, scope, "compiled_strategy"):
            return self._compiled(node, scope)
        function = self._node(node.func, scope)
        given = [self._node(each, scope) for each in node.args]
        order = _argument_order(node.func, scope)
        keywords = [
            f"{_placed(each.arg, order)}={self._node(each.value, scope)}" for each in node.keywords
        ]
        return f"{function}({','.join([*given, *keywords])})"

    def _compiled(self, node: ast.Call, scope: _Scope) -> str:
        """A compiled function's indicators come to it by their place."""
        indicators, rest = _keyword(node, "indicators"), []
        if isinstance(indicators, ast.Dict):
            for each in indicators.values:
                text = _text(each)
                rest.append(
                    self._node(each, scope)
                    if text is None
                    else canonical_formula(text, self._formula_name)
                )
        others = [each for each in node.keywords if each.arg != "indicators" or not rest]
        rest += [f"{each.arg}={self._node(each.value, scope)}" for each in others]
        return f"compiled_strategy({','.join(rest)})"

    def _formula_name(self, name: str) -> str:
        return self.given.get(name) or self._attribute(name, is_own=True)

    def _is_public(self, function: ast.expr, scope: _Scope, *names: str) -> bool:
        return self._name_of_public(function, scope) in names

    def _name_of_public(self, function: ast.expr, scope: _Scope) -> str:
        """Return what a callable is called in `trader`; empty when it is not from there."""
        if not isinstance(function, ast.Name | ast.Attribute):
            return ""
        package, _, name = self._node(function, scope).removeprefix("import:").rpartition(".")
        return name if package in _PUBLIC else ""

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: _Scope
    ) -> str:
        targets = [each.target for each in node.generators]
        names = {
            each.id for tree in targets for each in ast.walk(tree) if isinstance(each, ast.Name)
        }
        inner = _Scope(scope.module, frozenset(names), scope, scope.myself)
        rounds = [self._generic(each, inner) for each in node.generators]
        values = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        made = [self._node(each, inner) for each in values]
        return f"{type(node).__name__}({','.join([*rounds, *made])})"


def _declared_by(modules: Iterable[Module]) -> set[str]:
    """Return the attributes that the classes of a strategy's own modules define."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                found |= {name for each in node.body for name in _member_names(each)}
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found.add(node.attr)
    return found


def _member_names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _says_nothing(node: ast.stmt) -> bool:
    """A docstring, a lone constant, or ``pass``."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant or isinstance(node, ast.Pass)


def _all_arguments(arguments: ast.arguments) -> list[ast.arg]:
    stars = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *stars]


def _argument_order(function: ast.expr, scope: _Scope) -> list[str]:
    """Return the arguments of a function of one's own, so that keywords go by their place."""
    for each in _definitions_of(function, scope):
        if isinstance(each, Function):
            return [one.arg for one in _all_arguments(each.args)]
    return []


def _definitions_of(function: ast.expr, scope: _Scope) -> Sequence[ast.stmt]:
    imports = scope.module.imports | scope.imports
    match function:
        case ast.Name(id=name) if name in imports:
            return _bindings_of(imports[name])
        case ast.Name(id=name):
            return scope.module.bindings.get(name, [])
        case ast.Attribute(value=ast.Name(id=base), attr=name) if base == scope.myself:
            classes = [
                each for each in ast.walk(scope.module.tree) if isinstance(each, ast.ClassDef)
            ]
            return [each for one in classes for each in one.body if name in _member_names(each)]
        case ast.Attribute(value=ast.Name(id=base), attr=name) if base in imports:
            return _bindings_of(imports[base].member(name))
    return []


def _bindings_of(imported: Imported) -> Sequence[ast.stmt]:
    return imported.module.bindings.get(imported.name, []) if imported.module else []


def _placed(name: str | None, order: Sequence[str]) -> str:
    if name is None:
        return "**"
    return f"k{order.index(name)}" if name in order else name


def _outwards(scope: _Scope | None) -> list[_Scope]:
    found = []
    while scope is not None:
        found.append(scope)
        scope = scope.parent
    return found


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in node.keywords if each.arg == name), None)


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _literal(node: ast.expr | None) -> Value | None:
    try:
        value = None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int | float | bool) else None
