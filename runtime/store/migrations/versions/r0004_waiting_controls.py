"""What nobody has answered yet, among all that was ever asked: running sessions look twice a second."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the index."""
    unanswered = sa.text("done_ns IS NULL")
    op.create_index(
        "ix_controls_asked_ns_id",
        "controls",
        ["asked_ns", "id"],
        sqlite_where=unanswered,
        postgresql_where=unanswered,
    )
