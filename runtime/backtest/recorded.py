"""A backtest that cannot skip the registry: its record is durable before it begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from data.history import History
from engine.errors import InputError
from engine.rules.metrics import daily_returns
from runtime.backtest.assumptions import reproduce_command
from runtime.backtest.run import Progress, run_backtest
from runtime.config import StrategyConfig
from runtime.results import BacktestResult
from runtime.results.daily import daily_closes
from runtime.store import NewRun, RunOutcome, Store
from runtime.store.figures import figures_of, to_bytes
from runtime.store.identity import data_identity, identity_of


def recorded_backtest(
    config: StrategyConfig,
    *,
    catalog_root: Path | None = None,
    history: History | None = None,
    engine: str = "auto",
    progress: Progress | None = None,
    store: Store | None = None,
    origin: str = "python",
    command: str | None = None,
) -> tuple[BacktestResult, str]:
    """Run a strategy over its history and record it, whatever becomes of it.

    Parameters
    ----------
    config, catalog_root, history, engine, progress
        See `run_backtest`.
    store
        The registry; the user's, or the one that is configured, when left out.
    origin
        Who asked: ``cli`` or ``python``.
    command
        What makes the same result; that of the command line when left out.

    Returns
    -------
    tuple[BacktestResult, str]
        The result, and the run's id in the registry.

    Raises
    ------
    InputError
        If the registry cannot be written: then nothing is run. Whatever else `run_backtest` raises.
    """
    registry = Store.open() if store is None else store
    recording = _Recording(
        registry, config, catalog_root, is_given=history is not None, by=origin, command=command
    )
    try:
        result = run_backtest(
            config,
            catalog_root=catalog_root,
            history=history,
            engine=engine,
            progress=progress,
            ready=recording.begin,
        )
        recording.finish(result)
    except BaseException as error:  # Ctrl-C and the end of the process are told too
        recording.fail(error)
        raise
    finally:
        if store is None:
            registry.close()
    assert recording.run_id is not None, "a run that ends has begun"
    return result, recording.run_id


class _Recording:
    """One run's way through the registry. It begins when its data is there."""

    def __init__(
        self,
        store: Store,
        config: StrategyConfig,
        catalog_root: Path | None,
        *,
        is_given: bool,
        by: str,
        command: str | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._catalog_root = catalog_root
        self._is_given = is_given
        self._origin = by
        self._command = command
        self._is_open = False
        self.run_id: str | None = None

    def begin(self, history: History) -> None:
        self.run_id = self._store.begin(self._new_run(history))
        self._is_open = True

    def finish(self, result: BacktestResult) -> None:
        assert self.run_id is not None
        self._store.finish(self.run_id, outcome_of(result))
        self._is_open = False

    def fail(self, error: BaseException) -> None:
        if not self._is_open or self.run_id is None:
            return
        # The run's own error is what a person has to see. A row that could not be ended now is found
        # and ended when the registry is opened next.
        with suppress(InputError):
            self._store.fail(self.run_id, error)

    def _new_run(self, history: History) -> NewRun:
        config = self._config
        root = None if self._is_given else self._catalog_root or Path()
        found = identity_of(config, data_identity(config, history, root))
        return NewRun(
            family=found.family,
            fingerprint=found.fingerprint,
            strategy=config.name,
            parameters=parameters_text(config),
            path=str(config.path),
            dataset=found.data.dataset,
            data_id=found.data.fingerprint,
            start_ns=found.data.start_ns,
            end_ns=found.data.end_ns,
            configuration=found.configuration,
            engine=found.engine,
            command=self._told_command(),
            origin=self._origin,
        )

    def _told_command(self) -> str:
        if self._command is not None:
            return self._command
        return "" if self._is_given else reproduce_command(self._config, self._catalog_root)


def parameters_text(config: StrategyConfig) -> Mapping[str, str]:
    """Return the parameters of a run as the file and the command line write them."""
    return {
        name: str(spec.default).lower() if isinstance(spec.default, bool) else f"{spec.default:f}"
        for name, spec in config.parameters.items()
    }


def outcome_of(result: BacktestResult) -> RunOutcome:
    """Return what the registry keeps of a result: of its pessimistic path."""
    days = daily_closes(result.pessimistic)
    returns = daily_returns(days.equity, days.flow)
    return RunOutcome(
        final_equity=result.final_equity,
        currency=result.summary.currency,
        state_hash=result.state_hash,
        figures=figures_of(returns),
        returns=to_bytes(returns),
        summary=json.dumps(result.document().to_json(), ensure_ascii=False, separators=(",", ":")),
    )
