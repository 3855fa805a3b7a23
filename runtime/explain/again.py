"""The journal of a run that the registry knows.

The registry keeps what a run was and what came of it, not its journal: that is as large as the run is
long. So the run is made again from its record. It must be the same strategy, data and engine, which
is looked at before anything runs, and it must end in the same state, which is looked at afterwards.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from data.history import History
from engine.errors import InputError
from runtime.backtest import run_backtest
from runtime.backtest.run import Progress
from runtime.config import StrategyConfig, load_strategy
from runtime.config.file_keys import file_key
from runtime.config.moments import parse_moment
from runtime.config.parameters import parse_value
from runtime.results.journal import JOURNAL_FILE, RunJournal, read_journal
from runtime.store import RunRecord
from runtime.store.identity import Identity, data_identity, identity_of
from runtime.workspace import catalog_root

KEYS_SHOWN = 3
_REMEDY = "keep journals with `trader backtest STRATEGY --out DIR`, and explain the folder"


@dataclass(frozen=True, slots=True)
class _Data:
    """On which data a command ran; None where it is what the file says."""

    dataset: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    catalog: Path | None = None


def journal_of_folder(folder: Path) -> RunJournal:
    """Return the journal of a folder that `--out` wrote."""
    return read_journal(folder / JOURNAL_FILE)


def journal_of_record(
    record: RunRecord, *, catalog: Path | None = None, progress: Progress | None = None
) -> RunJournal:
    """Make a recorded run again and return its journal.

    Parameters
    ----------
    catalog
        Where its dataset is now; where it was then when left out.
    progress
        Called now and then with events done and events in all.

    Raises
    ------
    InputError
        If the run has no result, its strategy, data or engine is another one now, or it does not
        end as it did.
    """
    if record.state.value != "finished":
        raise InputError(
            f"run {record.id} has no result: it is {record.state.value}",
            remedy=f"`trader runs show {record.id}` says more",
            code="explain.no_result",
        )
    data = _data_of(record)
    config = _config_of(record, data)
    root = catalog_root(catalog or data.catalog, Path.cwd())

    def check(history: History) -> None:
        _require_same(record, identity_of(config, data_identity(config, history, root)))

    result = run_backtest(config, catalog_root=root, progress=progress, ready=check)
    if result.state_hash != record.state_hash:
        raise InputError(
            f"run {record.id} ended in state {record.state_hash[:12]} then, "
            f"in {result.state_hash[:12]} now, with the same strategy, data and engine",
            remedy="something outside of them decides: look for time, chance or files in the strategy",
            code="explain.not_reproduced",
        )
    return result.journal


def _config_of(record: RunRecord, data: _Data) -> StrategyConfig:
    config = load_strategy(Path(record.path))
    values = {name: parse_value(text, name=name) for name, text in record.parameters.items()}
    known = {name: value for name, value in values.items() if name in config.parameters}
    return config.with_parameters(known).with_data(
        dataset=data.dataset, start_ns=data.start_ns, end_ns=data.end_ns
    )


def _data_of(record: RunRecord) -> _Data:
    """Return the data that the record's command names; the command is one that we wrote."""
    words = shlex.split(record.command)
    if words[:2] == ["trader", "demo"]:
        return _Data()
    if words[:2] != ["trader", "backtest"]:
        raise InputError(
            f"run {record.id} cannot be made again: it was given data that no command names",
            remedy="save such a result with `result.save(DIR)`, and explain the folder",
            code="explain.no_command",
        )
    options = dict(pairwise(words))
    catalog = options.get("--catalog")
    return _Data(
        dataset=options.get("--data"),
        start_ns=_moment(options.get("--start"), "--start"),
        end_ns=_moment(options.get("--end"), "--end"),
        catalog=None if catalog is None else Path(catalog),
    )


def _moment(text: str | None, name: str) -> int | None:
    return None if text is None else parse_moment(text, name=name)


def _require_same(record: RunRecord, now: Identity) -> None:
    if record.fingerprint == now.fingerprint:
        return
    differences = list(_differences(record, now))
    raise InputError(
        f"run {record.id} cannot be made again: {'; '.join(differences) or 'it is another one now'}",
        remedy=_REMEDY,
        code="explain.changed",
    )


def _differences(record: RunRecord, now: Identity) -> Iterator[str]:
    if record.engine != now.engine:
        yield "this is another version of the program"
    if record.family != now.family:
        yield "the strategy's code or its market has changed"
    then, today = json.loads(record.configuration), json.loads(now.configuration)
    keys = [file_key(name) for name, _ in _unequal(then, today)]
    if keys:
        more = f" and {len(keys) - KEYS_SHOWN} more" if len(keys) > KEYS_SHOWN else ""
        yield f"its configuration differs in {', '.join(keys[:KEYS_SHOWN])}{more}"
    if record.data_id != now.data.fingerprint:
        yield f"dataset {record.dataset} has changed"
    if (record.start_ns, record.end_ns) != (now.data.start_ns, now.data.end_ns):
        yield "it covers another time"


def _unequal(one: object, other: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted keys in which two configurations differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            name = f"{prefix}.{key}" if prefix else str(key)
            yield from _unequal(one.get(key), other.get(key), name)
    elif one != other:
        yield prefix, one
