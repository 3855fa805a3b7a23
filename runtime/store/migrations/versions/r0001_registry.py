"""Runs, sweeps and their trials."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

STATES = "state IN ('running', 'finished', 'failed', 'interrupted')"


def upgrade() -> None:
    """Make the three tables."""
    _runs()
    _sweeps()
    _trials()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _hash(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(64), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _state() -> sa.Column[str]:
    return sa.Column("state", sa.String(16), nullable=False)


def _id(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, sa.String(32), nullable=False)


def _process() -> list[sa.Column[str] | sa.Column[int]]:
    return [_text("host"), _time("pid"), _text("process")]


def _figures() -> list[sa.Column[int] | sa.Column[float] | sa.Column[bytes]]:
    names = ("total_return", "sharpe_daily", "max_drawdown", "skew", "kurtosis")
    floats: list[sa.Column[float]] = [sa.Column(name, sa.Double) for name in names]
    return [_time("observations"), *floats, sa.Column("returns", sa.LargeBinary, nullable=False)]


def _runs() -> None:
    op.create_table(
        "runs",
        _id(),
        *(_hash("family"), _hash("fingerprint"), _state()),
        *(_text(name) for name in ("strategy", "path", "parameters", "dataset")),
        *(_hash("data_id"), _time("start_ns"), _time("end_ns")),
        *(_text("configuration"), _hash("engine"), _text("command"), _text("origin")),
        *_process(),
        *(_time("begun_ns"), _time("ended_ns", nullable=True)),
        *(sa.Column("final_equity", sa.Text), _text("currency"), _hash("state_hash")),
        *_figures(),
        *(sa.Column("summary", sa.LargeBinary, nullable=False), _text("error")),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.CheckConstraint(STATES, name=op.f("ck_runs_state")),
    )
    op.create_index("ix_runs_begun_ns", "runs", ["begun_ns"])
    op.create_index("ix_runs_family_fingerprint", "runs", ["family", "fingerprint"])
    op.create_index("ix_runs_state", "runs", ["state"])


def _sweeps() -> None:
    op.create_table(
        "sweeps",
        *(_id(), _hash("family"), _state()),
        *(_text("strategy"), _text("method"), _text("space"), _time("planned")),
        *(_text("dataset"), _hash("data_id"), _hash("engine"), _text("command")),
        *_process(),
        *(_time("begun_ns"), _time("ended_ns", nullable=True)),
        sa.PrimaryKeyConstraint("id", name="pk_sweeps"),
        sa.CheckConstraint(STATES, name=op.f("ck_sweeps_state")),
    )
    op.create_index("ix_sweeps_state", "sweeps", ["state"])


def _trials() -> None:
    op.create_table(
        "trials",
        *(_id("sweep_id"), _hash("family"), _hash("fingerprint"), _state()),
        *(_text("parameters"), _hash("data_id"), _time("start_ns"), _time("end_ns")),
        *_figures(),
        _text("error"),
        sa.PrimaryKeyConstraint("sweep_id", "family", "fingerprint", name="pk_trials"),
        sa.CheckConstraint(STATES, name=op.f("ck_trials_state")),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], name="fk_trials_sweep_id_sweeps"),
    )
    op.create_index("ix_trials_family_fingerprint", "trials", ["family", "fingerprint"])
