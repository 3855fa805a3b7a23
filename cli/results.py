"""Finding the run that a person means: in the registry, in a result file or a saved folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from reports.record import RunDocument

RUN_HELP = "A recorded run (the beginning of its id, or `last`), a result file or a saved folder."


def load_run(name: str) -> RunDocument:
    """Return the run that `name` means.

    Raises
    ------
    InputError
        If there is none, or it has no result.
    """
    from reports.record import read_document
    from runtime.results.saved import SUMMARY_FILE

    path = Path(name)
    if path.is_dir():
        return read_document(path / SUMMARY_FILE)
    if path.is_file() or path.suffix == ".json":
        return read_document(path)
    return _recorded(name)


def _recorded(name: str) -> RunDocument:
    import msgspec

    from reports.record import to_document
    from runtime.store import Store

    record = Store.open().run(name)
    if record.state.value != "finished":
        raise InputError(
            f"run {record.id} has no result: it is {record.state.value}",
            remedy=f"`trader runs show {record.id}` says more",
            code="report.no_result",
        )
    document = to_document(msgspec.json.decode(record.summary), where=record.id)
    return msgspec.structs.replace(document, run_id=record.id)
