"""What is needed to go on with a session in another run of the server."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

OPEN = "open_sessions"


def upgrade() -> None:
    op.create_table(
        OPEN,
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("sign_in_id", sa.String(36)),
        sa.Column("restarts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("held_s", sa.Float()),
        sa.PrimaryKeyConstraint("session_id", name="pk_open_sessions"),
        _refers("session_id", "sessions"),
        _refers("sign_in_id", "sign_ins"),
    )
    op.create_index("ix_open_sessions_sign_in_id", OPEN, ["sign_in_id"])


def _refers(column: str, other: str) -> sa.ForeignKeyConstraint:
    """A reference, with the name that `schema.metadata` gives it."""
    name = f"fk_{OPEN}_{column}_{other}"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what 0004 keeps has no place in 0003.")
