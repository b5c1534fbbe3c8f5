"""Calls, their program and marks, and which sessions were made in one.

Columns are only added: to copy a table that others refer to would delete their rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)
USERS, SESSIONS, EXERCISES, CALLS = "users", "sessions", "exercises", "calls"


def upgrade() -> None:
    op.create_table(
        CALLS,
        _id("id"),
        _id("coach_id"),
        _id("member_id", nullable=True),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("starts_at", MOMENT),
        sa.Column("token_sha256", sa.String(64)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("accepted_at", MOMENT),
        sa.Column("admitted_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("notes", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("token_sha256", name="uq_calls_token_sha256"),
        _refers(CALLS, "coach_id", USERS),
        _refers(CALLS, "member_id", USERS),
    )
    op.create_index("ix_calls_coach_id_created_at", CALLS, ["coach_id", "created_at"])
    op.create_index("ix_calls_member_id_created_at", CALLS, ["member_id", "created_at"])
    op.create_table(
        "call_exercises",
        _id("call_id"),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        _id("exercise_id"),
        sa.PrimaryKeyConstraint("call_id", "position", name="pk_call_exercises"),
        _refers("call_exercises", "call_id", CALLS),
        _refers("call_exercises", "exercise_id", EXERCISES),
    )
    op.create_index("ix_call_exercises_exercise_id", "call_exercises", ["exercise_id"])
    # In words, because SQLite takes no constraint for a table that is there, only for a column.
    op.execute(
        "ALTER TABLE sessions ADD COLUMN call_id VARCHAR(36) "
        "CONSTRAINT fk_sessions_call_id_calls REFERENCES calls (id) ON DELETE SET NULL"
    )
    op.add_column(
        SESSIONS, sa.Column("in_call", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(SESSIONS, sa.Column("corrected_repetitions", sa.Integer()))
    op.create_index("ix_sessions_call_id", SESSIONS, ["call_id"])
    op.create_table(
        "call_marks",
        _id("id"),
        _id("call_id"),
        _id("session_id", nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("t_s", sa.Float()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_marks"),
        _refers("call_marks", "call_id", CALLS),
        _refers("call_marks", "session_id", SESSIONS, "SET NULL"),
    )
    op.create_index("ix_call_marks_call_id_at", "call_marks", ["call_id", "at"])
    op.create_index("ix_call_marks_session_id", "call_marks", ["session_id"])


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(36), nullable=nullable)


def _refers(table: str, column: str, other: str, rule: str = "CASCADE") -> sa.ForeignKeyConstraint:
    """A reference, with the name that `schema.metadata` gives it."""
    name = f"fk_{table}_{column}_{other}"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=rule)


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what 0003 keeps has no place in 0002.")
