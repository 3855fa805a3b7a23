"""Loading a user's strategy file by its path, and telling its mistakes from ours."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from engine.errors import ConfigError, FormulaError, StrategyError, TraderError
from engine.strategy import Parameter, Strategy, declared
from runtime.config import StrategyConfig


def load_module(config: StrategyConfig) -> ModuleType:
    """Import the file that a strategy names, by its path; its folder is not put on ``sys.path``.

    Raises
    ------
    StrategyError
        If the file cannot be read, does not compile, or raises while it is imported.
    """
    path = config.strategy.code_path
    assert path is not None
    name = f"_strategy_{hashlib.blake2b(str(path).encode(), digest_size=6).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} is not a Python file", where=config.where("strategy"))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except TraderError:
        raise
    except SyntaxError as error:
        line = "" if error.lineno is None else f", line {error.lineno}"
        shown = f"{error.msg}: {(error.text or '').strip()}".removesuffix(": ")
        raise StrategyError(shown, where=f"{path}{line}") from None
    except (Exception, SystemExit) as error:
        raise _blame(error, path, "import") from error
    return module


def placed_formula(error: FormulaError, config: StrategyConfig) -> FormulaError:
    """Return the error of a declared indicator's formula, with the file that declares it."""
    code = config.strategy
    return FormulaError(
        error.problem,
        text=error.text,
        column=error.column,
        where=f"{code.code_path}, {code.code_name}.{error.where}",
        remedy=error.remedy,
    )


# Classes that a program holds already: to import their file again would run the program again.
_GIVEN: dict[tuple[Path | None, str], type[Strategy]] = {}


def use_class(path: Path, name: str, kind: type[Strategy]) -> None:
    """Take `kind` for the class `name` of the file `path` from now on, instead of importing it."""
    _GIVEN[path, name] = kind


def load_object(config: StrategyConfig) -> Any:
    """Return the object that a strategy names in its file, or the class that `use_class` gave."""
    given = _GIVEN.get((config.strategy.code_path, config.strategy.code_name))
    if given is not None:
        return given
    module, name = load_module(config), config.strategy.code_name
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), n=1)
        assert config.strategy.code_path is not None
        raise StrategyError(
            f"{config.strategy.code_path.name} has no {name!r}",
            where=config.where("strategy", config.strategy.logic),
            remedy=f"did you mean {near[0]!r}?" if near else "",
        )
    return getattr(module, name)


def load_class(config: StrategyConfig) -> type[Strategy]:
    """Return the strategy class that a file names."""
    kind = load_object(config)
    if not isinstance(kind, type) or not issubclass(kind, Strategy):
        raise StrategyError(
            f"{config.strategy.code_name} is not a subclass of trader.Strategy",
            where=str(config.strategy.code_path),
        )
    _require_callable(kind, str(config.strategy.code_path))
    if sum(callable(getattr(kind, name, None)) for name in _SAVING) == 1:
        raise StrategyError(
            f"{config.strategy.code_name} has only one of save_state and restore_state",
            where=str(config.strategy.code_path),
            remedy="write both, or none",
        )
    return kind


def _require_callable(kind: type[Strategy], where: str) -> None:
    """Refuse a class that cannot be made, or whose callbacks do not take what they are given.

    Raises
    ------
    StrategyError
        With the method and what it must take.
    """
    for name, given in _CALLBACKS.items():
        method = kind.__dict__.get(name)
        if method is None or not inspect.isfunction(method):
            continue
        try:
            inspect.signature(method).bind(None, *given)
        except TypeError as error:
            takes = ", ".join(["self", *given])
            raise StrategyError(
                f"{kind.__name__}.{name} cannot be called with ({takes}): {error}",
                where=f"{where}, line {method.__code__.co_firstlineno}",
                remedy=f"write: def {name}({takes})",
            ) from None


def parameter_values(config: StrategyConfig, kind: type) -> dict[str, float | bool]:
    """Return the values of a class's parameters: its defaults, overridden by the file.

    Raises
    ------
    ConfigError
        If the file names a parameter that the class does not declare, or leaves its range.
    """
    specs: dict[str, Parameter] = declared(Parameter, kind)
    values: dict[str, float | bool] = {name: spec.default for name, spec in specs.items()}
    for name, spec in config.parameters.items():
        if name not in specs:
            near = difflib.get_close_matches(name, specs, n=1)
            raise ConfigError(
                f"{kind.__name__} declares no parameter {name!r}",
                where=config.where("parameters", name),
                remedy=f"did you mean {near[0]!r}?"
                if near
                else f"it declares {', '.join(specs) or 'none'}",
            )
        values[name] = _checked(config, name, spec.default, specs[name])
    return values


def _checked(config: StrategyConfig, name: str, given: Any, spec: Parameter) -> float | bool:
    value: float | bool
    if isinstance(spec.default, bool):
        value = bool(given)
    elif isinstance(spec.default, int):
        if given != int(given):
            raise ConfigError(
                f"{name} must be a whole number, not {given}",
                where=config.where("parameters", name),
            )
        value = int(given)
    else:
        value = float(given)
    low, high = spec.minimum, spec.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(
            f"{name} is {given}; it must be from {low} to {high}",
            where=config.where("parameters", name),
        )
    return value


_CALLBACKS: dict[str, tuple[str, ...]] = {
    "__init__": (),
    "on_start": (),
    "on_bar": ("bar",),
    "on_bars": ("bars",),
    "on_quote": ("quote",),
    "on_trade": ("trade",),
    "on_fill": ("fill",),
    "on_stop": (),
    "save_state": (),
    "restore_state": ("state",),
}
_SAVING = ("save_state", "restore_state")


class UserCode:
    """Runs a user's callbacks, and turns what they raise into an error that names their line."""

    def __init__(self, config: StrategyConfig, name: str) -> None:
        self._path = config.strategy.code_path
        self._name = name

    @contextmanager
    def guard(self, callback: str, desk: Any = None) -> Iterator[None]:
        """Catch what the user's code raises inside."""
        try:
            yield
        except StrategyError as error:
            raise self._placed(error) from error.__cause__
        except TraderError:
            raise
        except (Exception, SystemExit) as error:  # a strategy does not end the program
            raise _blame(error, self._path, callback) from error

    def blame(
        self, error: Exception | SystemExit | KeyboardInterrupt, callback: str
    ) -> BaseException:
        """Return what `guard` would raise of an error; itself, where no line of the user's raised it."""
        if isinstance(error, StrategyError):
            return self._placed(error)
        return error if isinstance(error, TraderError) else _blame(error, self._path, callback)

    def place_of(self, error: BaseException) -> str:
        """Return file and line of the user's code where an error was raised in it."""
        line = _line_in(error, self._path)
        return f"{self._path}, line {line}" if line else str(self._path)

    def refuse_result(self, callback: str) -> NoReturn:
        """Say that callbacks return nothing."""
        raise StrategyError(
            f"{self._name}.{callback} returned a value; callbacks return nothing",
            where=str(self._path),
            remedy="act by self.buy, self.sell, self.close or self.target_weight",
        )

    def _placed(self, error: StrategyError) -> StrategyError:
        if error.where:
            return error
        line = _line_in(error, self._path)
        where = f"{self._path}, line {line}" if line else str(self._path)
        return StrategyError(error.problem, where=where, remedy=error.remedy, code=error.code)


def _line_in(error: BaseException, path: Path | None) -> int | None:
    """Return the last line of the user's file in an error's traceback."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if path is not None and Path(frame.filename) == path
    ]
    return lines[-1] if lines else None


def _blame(
    error: Exception | SystemExit | KeyboardInterrupt, path: Path | None, callback: str
) -> StrategyError | BaseException:
    line = _line_in(error, path)
    if line is None:
        return error  # raised by us, not by the user's file
    return StrategyError(
        f"{type(error).__name__} in {callback}: {error}".removesuffix(": "),
        where=f"{path}, line {line}",
        remedy="the strategy was stopped; nothing was written",
        code="strategy.raised",
    )
