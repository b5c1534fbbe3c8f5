"""Users, exercises, sessions and scores."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "users",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "exercises",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("duration_s", sa.Float()),
        sa.Column("clip_sha256", sa.String(64), nullable=False),
        sa.Column("clip_type", sa.String(64), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exercises"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_exercises_user_id_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_exercises_user_id_created_at", "exercises", ["user_id", "created_at"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("exercise_id", sa.String(36)),
        sa.Column("exercise_name", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("started_at", moment),
        sa.Column("ended_at", moment),
        sa.Column("end_reason", sa.String(32)),
        sa.Column("summary", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_sessions_user_id_users", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["exercise_id"],
            ["exercises.id"],
            name="fk_sessions_exercise_id_exercises",
            ondelete="SET NULL",
        ),
    )
    op.create_index("ix_sessions_exercise_id", "sessions", ["exercise_id"])
    op.create_index("ix_sessions_user_id_created_at", "sessions", ["user_id", "created_at"])
    op.create_table(
        "scores",
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("t_s", sa.Float(), nullable=False),
        sa.Column("score", sa.Float()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("movement", sa.Float()),
        sa.Column("timing", sa.Float()),
        sa.Column("range", sa.Float()),
        sa.Column("reference_s", sa.Float()),
        sa.Column("tempo", sa.Float()),
        sa.PrimaryKeyConstraint("session_id", "seq", name="pk_scores"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name="fk_scores_session_id_sessions",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    for table in ("scores", "sessions", "exercises", "users"):
        op.drop_table(table)
