"""`Store`: the registry of runs, sweeps and trials, wherever it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import InputError, InternalFault, TraderError
from runtime.store.backend import Backend, Cell, Transaction
from runtime.store.ids import new_id, now_ns
from runtime.store.location import beside, database_url, server_url, sqlite_path
from runtime.store.processes import Process, has_ended, this_process
from runtime.store.records import (
    Evaluation,
    NewRun,
    NewSweep,
    RunOutcome,
    RunRecord,
    State,
    SweepRecord,
    Trial,
)
from runtime.store.rows import (
    evaluation_of,
    figures_row,
    packed,
    run_of,
    run_row,
    storable,
    sweep_of,
    trial_of,
    trial_row,
)
from runtime.store.witness import WITNESS_NAME, Witness

ERROR_LENGTH_MAX = 2_000
VANISHED = "the process ended without a word: killed, or the machine stopped"


class Store:
    """The registry; may be used from several threads, and by several processes at once.

    Examples
    --------
    >>> store = Store.open("sqlite:///:memory:")
    Traceback (most recent call last):
    ...
    engine.errors.InputError: sqlite:///:memory:: a SQLite URL names a file
    accepted: sqlite:///FILE and postgresql+psycopg://USER:PASSWORD@HOST/NAME
    """

    def __init__(self, backend: Backend, witness: Witness) -> None:
        self._backend = backend
        self.witness = witness

    @classmethod
    def open(cls, url: str | None = None, *, folder: Path | None = None) -> Store:
        """Open the registry, make or update its schema, and settle what was left running.

        Parameters
        ----------
        url
            ``sqlite:///FILE`` or ``postgresql+psycopg://...``. When left out: the environment's
            TRADER_DATABASE_URL, else the workspace's, else the user's own.
        folder
            Where the witness is; beside the database when left out.

        Raises
        ------
        InputError
            If it cannot be reached, opened or written, or belongs to a newer version.
        """
        url = database_url(Path.cwd()) if url is None else url
        store = cls(open_backend(url), Witness((folder or beside(url)) / WITNESS_NAME))
        store.settle()
        return store

    @property
    def place(self) -> str:
        """Where it is, without any password."""
        return self._backend.place

    def close(self) -> None:
        """Give back what it holds; a server's connections."""
        self._backend.close()

    def settle(self) -> None:
        """Mark what dead processes of this machine have left running as interrupted."""
        with self._backend.reading() as transaction:
            lost = {
                change: [row for row in transaction.read(query) if has_ended(_process(row))]
                for query, change in (("running_runs", "end_run"), ("running_sweeps", "end_sweep"))
            }
        if not any(lost.values()):
            return
        ended: dict[str, Cell] = {"state": State.INTERRUPTED.value, "ended_ns": None}
        with self._backend.writing() as transaction:
            for row in lost["end_run"]:
                transaction.write("end_run", {**ended, "error": VANISHED, "row_id": row["id"]})
            for row in lost["end_sweep"]:
                transaction.write("end_sweep", {**ended, "row_id": row["id"]})

    # --- runs ---------------------------------------------------------------------------------------
    def begin(self, run: NewRun) -> str:
        """Record a run that is about to begin, durably, and return its id."""
        self._expect_witness()
        begun_ns = now_ns()
        run_id = new_id(begun_ns)
        with self._backend.writing() as transaction:
            row = run_row(run, run_id, begun_ns, this_process())
            transaction.write("insert_run", row)
        self.witness.add(run.family, [run.fingerprint])
        return run_id

    def _expect_witness(self) -> None:
        """Begin the witness where nothing was tried yet; a later one could not know what was."""
        if self.witness.exists:
            return
        with self._backend.reading() as transaction:
            known = [transaction.read(name, {"row_limit": 1}) for name in ("runs", "sweeps")]
        if not any(known):
            self.witness.begin()

    def finish(self, run_id: str, outcome: RunOutcome) -> None:
        """Record what a run has left behind."""
        values: dict[str, Cell] = {
            "state": State.FINISHED.value,
            "ended_ns": now_ns(),
            "final_equity": f"{outcome.final_equity:f}",
            "currency": outcome.currency,
            "state_hash": outcome.state_hash,
            **figures_row(outcome.figures, outcome.returns),
            "summary": packed(outcome.summary),
        }
        self._end("finish_run", run_id, values)

    def fail(self, run_id: str, error: BaseException) -> None:
        """Record that a run has failed, or was interrupted where `error` is an interrupt."""
        was_stopped = isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)
        state = State.INTERRUPTED if was_stopped else State.FAILED
        values: dict[str, Cell] = {
            "state": state.value,
            "ended_ns": now_ns(),
            "error": "stopped by the user" if was_stopped else _told(error),
        }
        self._end("end_run", run_id, values)

    def _end(self, statement: str, run_id: str, values: dict[str, Cell]) -> None:
        with self._backend.writing() as transaction:
            changed = transaction.write(statement, {**values, "row_id": run_id})
        if changed != 1:
            raise InternalFault(f"run {run_id} is not running, so it cannot end", where=self.place)

    def runs(self, *, family: str | None = None, limit: int = 50) -> list[RunRecord]:
        """Return the newest runs first; of one family, whose hash may be given by its beginning."""
        values: dict[str, Cell] = {"row_limit": limit}
        with self._backend.reading() as transaction:
            if family is None:
                return [run_of(row) for row in transaction.read("runs", values)]
            values |= {"name": family, "length": len(family)}
            return [run_of(row) for row in transaction.read("runs_of_family", values)]

    def run(self, id_prefix: str) -> RunRecord:
        """Return one run, named by the beginning of its id or by its random end; ``last`` is the last.

        Raises
        ------
        InputError
            If none or several are meant.
        """
        with self._backend.reading() as transaction:
            if id_prefix == "last":
                newest = transaction.read("runs", {"row_limit": 1})
                id_prefix = str(newest[0]["id"]) if newest else ""
            named: dict[str, Cell] = {"name": id_prefix, "length": len(id_prefix)}
            found = transaction.read("run", named) if id_prefix else []
        if len(found) == 1:
            return run_of(found[0])
        raise _not_one(id_prefix, len(found))

    # --- sweeps and trials --------------------------------------------------------------------------
    def begin_sweep(self, sweep: NewSweep) -> str:
        """Record a search that is about to begin, durably, and return its id."""
        self._expect_witness()
        begun_ns = now_ns()
        sweep_id = new_id(begun_ns)
        process = this_process()
        values: dict[str, Cell] = {
            "id": sweep_id,
            "family": sweep.family,
            "state": State.RUNNING.value,
            "strategy": storable(sweep.strategy),
            "method": sweep.method,
            "space": sweep.space,
            "planned": sweep.planned,
            "dataset": sweep.dataset,
            "data_id": sweep.data_id,
            "engine": sweep.engine,
            "command": storable(sweep.command),
            "begun_ns": begun_ns,
            "ended_ns": None,
            **_process_row(process),
        }
        with self._backend.writing() as transaction:
            transaction.write("insert_sweep", values)
        return sweep_id

    def resume_sweep(self, sweep_id: str) -> None:
        """Record that this process goes on with a sweep."""
        values = {"state": State.RUNNING.value, "row_id": sweep_id, **_process_row(this_process())}
        with self._backend.writing() as transaction:
            changed = transaction.write("resume_sweep", values)
        if changed != 1:
            raise InputError(f"there is no sweep {sweep_id!r}", code="store.unknown_sweep")

    def finish_sweep(self, sweep_id: str, state: str) -> None:
        """Record how a sweep has ended: ``finished``, ``failed`` or ``interrupted``."""
        ended: dict[str, Cell] = {"state": State(state).value, "ended_ns": now_ns()}
        with self._backend.writing() as transaction:
            transaction.write("end_sweep", {**ended, "row_id": sweep_id})

    def add_trials(self, sweep_id: str, trials: Sequence[Trial]) -> None:
        """Record evaluations of a sweep in one transaction; those it holds already stay as they are."""
        rows = [trial_row(each, sweep_id) for each in trials]
        with self._backend.writing() as transaction:
            transaction.write_many("insert_trial", rows)
        for family in dict.fromkeys(each.family for each in trials):
            own = (each.fingerprint for each in trials if each.family == family)
            self.witness.add(family, own)

    def trial_fingerprints(self, sweep_id: str) -> frozenset[str]:
        """Return which evaluations a sweep has recorded."""
        with self._backend.reading() as transaction:
            rows = transaction.read("trial_fingerprints", {"sweep": sweep_id})
        return frozenset(str(row["fingerprint"]) for row in rows)

    def trials(self, sweep_id: str) -> list[Trial]:
        """Return the evaluations of a sweep, ordered by fingerprint."""
        with self._backend.reading() as transaction:
            return [trial_of(row) for row in transaction.read("trials", {"sweep": sweep_id})]

    def sweeps(self, *, limit: int = 50) -> list[SweepRecord]:
        """Return the newest sweeps first."""
        with self._backend.reading() as transaction:
            return [sweep_of(row) for row in transaction.read("sweeps", {"row_limit": limit})]

    def evaluations(self, family: str) -> list[Evaluation]:
        """Return all that was ever evaluated for a family, the earliest first."""
        with self._backend.reading() as transaction:
            rows = transaction.read("evaluations", {"family": family})
        return [evaluation_of(row) for row in rows]

    def count_trials(self, family: str) -> int:
        """Return how many distinct evaluations a family has: runs and trials of sweeps together.

        Runs that failed or were interrupted count too: nobody knows what was seen of them.
        """
        with self._backend.reading() as transaction:
            return _only_number(transaction, "count_trials", {"family": family})

    def tried(self, family: str | None = None) -> list[tuple[str, str]]:
        """Return each evaluation that the registry has, or that a family has: the family and itself."""
        families = self.count_families() if family is None else (family,)
        with self._backend.reading() as transaction:
            return [
                (each, str(row["fingerprint"]))
                for each in families
                for row in transaction.read("tried", {"family": each})
            ]

    def count_families(self) -> dict[str, int]:
        """Return the same for every family."""
        with self._backend.reading() as transaction:
            rows = transaction.read("count_families")
        return {str(row["family"]): int(str(row["trials"])) for row in rows}


def open_backend(url: str, *, wait_seconds: float | None = None) -> Backend:
    """Open a database by its URL; `wait_seconds` is how long to wait for locks of other programs."""
    path = sqlite_path(url)
    if path is not None:
        from runtime.store.sqlite import open_sqlite

        return open_sqlite(path, wait_seconds)
    from runtime.store.server import open_server

    return open_server(server_url(url), wait_seconds)


def _only_number(transaction: Transaction, statement: str, values: Mapping[str, Cell]) -> int:
    (row,) = transaction.read(statement, values)
    (number,) = row.values()
    assert isinstance(number, int)
    return number


def _process(row: Mapping[str, Any]) -> Process:
    return Process(row["host"], row["pid"], row["process"])


def _process_row(process: Process) -> dict[str, Cell]:
    return {"host": process.host, "pid": process.pid, "process": process.process}


def _told(error: BaseException) -> str:
    """Return what went wrong and where; what to do about it was said on the screen."""
    text = str(error)
    if isinstance(error, TraderError):
        text = f"{error.where}: {error.problem}" if error.where else error.problem
    return storable(f"{type(error).__name__}: {text}"[:ERROR_LENGTH_MAX])


def _not_one(name: str, count: int) -> InputError:
    if count:
        problem, remedy = f"several runs begin with {name!r}", "write more of the id"
    elif not name:
        problem, remedy = "no run is recorded yet", "run `trader backtest STRATEGY`"
    else:
        problem, remedy = f"no run is called {name!r}", "`trader runs list` shows their ids"
    return InputError(problem, remedy=remedy, code="store.unknown_run")
