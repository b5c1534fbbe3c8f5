"""Sign-ins, coaching, plans, whole sessions, jobs and webhooks.

Columns are only added: to copy a table that others refer to would delete their rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)
USERS, SESSIONS, EXERCISES = "users", "sessions", "exercises"


def upgrade() -> None:
    _add_columns()
    _accounts()
    _plans()
    _session_parts()
    _background()


def _add_columns() -> None:
    for table, column in (
        (USERS, sa.Column("role", sa.String(16), nullable=False, server_default="member")),
        (EXERCISES, sa.Column("description", sa.Text(), nullable=False, server_default="")),
        (EXERCISES, sa.Column("clip_duration_s", sa.Float())),
        (EXERCISES, sa.Column("start_s", sa.Float())),
        (EXERCISES, sa.Column("end_s", sa.Float())),
        (EXERCISES, sa.Column("mirrored", sa.Boolean(), nullable=False, server_default=sa.false())),
        (
            EXERCISES,
            sa.Column("kind", sa.String(16), nullable=False, server_default="repetitions"),
        ),
        (EXERCISES, sa.Column("target", sa.Integer())),
        (
            EXERCISES,
            sa.Column("visibility", sa.String(16), nullable=False, server_default="private"),
        ),
        (SESSIONS, sa.Column("source", sa.String(16), nullable=False, server_default="live")),
        (SESSIONS, sa.Column("kind", sa.String(16), nullable=False, server_default="repetitions")),
        (SESSIONS, sa.Column("target", sa.Integer())),
        (
            SESSIONS,
            sa.Column("reference_start_s", sa.Float(), nullable=False, server_default=sa.text("0")),
        ),
        (SESSIONS, sa.Column("imported_at", MOMENT)),
        (SESSIONS, sa.Column("imported_exercise_id", sa.String(36))),
    ):
        op.add_column(table, column)
    op.execute("UPDATE exercises SET clip_duration_s = duration_s")  # nothing was cut off yet
    op.create_index("ix_exercises_visibility", EXERCISES, ["visibility"])
    op.create_index(
        "ix_sessions_user_id_exercise_id_created_at",
        SESSIONS,
        ["user_id", "exercise_id", "created_at"],
    )
    op.create_index("ix_sessions_user_id_started_at", SESSIONS, ["user_id", "started_at"])


def _accounts() -> None:
    _table(
        "identities",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        _id("user_id"),
        key=("issuer", "subject"),
        refers={"user_id": (USERS, "CASCADE")},
        indexes=("user_id",),
    )
    _table(
        "sign_ins",
        _id("id"),
        _id("user_id"),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("previous_sha256", sa.String(64)),
        sa.Column("renewed_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        refers={"user_id": (USERS, "CASCADE")},
        indexes=("user_id",),
    )
    _table(
        "invitations",
        _id("id"),
        _id("coach_id"),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("note", sa.String(80), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("accepted_at", MOMENT),
        _id("member_id", nullable=True),
        sa.UniqueConstraint("token_sha256", name="uq_invitations_token_sha256"),
        refers={"coach_id": (USERS, "CASCADE"), "member_id": (USERS, "SET NULL")},
        indexes=("coach_id",),
    )
    _table(
        "coachings",
        _id("coach_id"),
        _id("member_id"),
        sa.Column("created_at", MOMENT, nullable=False),
        key=("coach_id", "member_id"),
        refers={"coach_id": (USERS, "CASCADE"), "member_id": (USERS, "CASCADE")},
        indexes=("member_id",),
    )
    _table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        _id("actor_id", nullable=True),
        sa.Column("action", sa.String(64), nullable=False),
        _id("subject_id", nullable=True),
        sa.Column("object_id", sa.String(64)),
        indexes=("subject_id at", "at"),
    )
    _table(
        "consents",
        _id("id"),
        _id("user_id"),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("given_at", MOMENT, nullable=False),
        sa.Column("withdrawn_at", MOMENT),
        refers={"user_id": (USERS, "CASCADE")},
        indexes=("user_id",),
    )


def _plans() -> None:
    _table(
        "assignments",
        _id("id"),
        _id("coach_id"),
        _id("member_id"),
        _id("exercise_id"),
        sa.Column("target", sa.Integer()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("weekdays", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date()),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        refers={
            "coach_id": (USERS, "CASCADE"),
            "member_id": (USERS, "CASCADE"),
            "exercise_id": (EXERCISES, "CASCADE"),
        },
        indexes=("member_id", "coach_id", "exercise_id"),
    )


def _session_parts() -> None:
    session = {"session_id": (SESSIONS, "CASCADE")}
    _table(
        "repetitions",
        _id("session_id"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("end_s", sa.Float(), nullable=False),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Float()),
        sa.Column("range", sa.Float(), nullable=False),
        sa.Column("tempo", sa.Float()),
        sa.Column("differences", sa.JSON(), nullable=False),
        key=("session_id", "number"),
        refers=session,
    )
    _table(
        "gaps",
        _id("session_id"),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("end_s", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        key=("session_id", "seq"),
        refers=session,
    )
    _table(
        "cues",
        _id("session_id"),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("t_s", sa.Float(), nullable=False),
        sa.Column("cue", sa.String(16), nullable=False),
        sa.Column("part", sa.String(16)),
        sa.Column("praise", sa.Boolean(), nullable=False),
        key=("session_id", "seq"),
        refers=session,
    )


def _background() -> None:
    _table(
        "jobs",
        _id("id"),
        _id("user_id"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("video_name", sa.String(255), nullable=False),
        _id("exercise_id", nullable=True),
        sa.Column("reference_name", sa.String(255), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("error", sa.Text()),
        sa.Column("result", sa.JSON()),
        _id("session_id", nullable=True),
        refers={
            "user_id": (USERS, "CASCADE"),
            "exercise_id": (EXERCISES, "SET NULL"),
            "session_id": (SESSIONS, "SET NULL"),
        },
        indexes=("user_id created_at", "exercise_id", "session_id", "state"),
    )
    _table(
        "webhooks",
        _id("id"),
        _id("user_id"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(128), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False, server_default="own"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("failing_since", MOMENT),
        sa.Column("disabled_at", MOMENT),
        refers={"user_id": (USERS, "CASCADE")},
        indexes=("user_id",),
    )
    _table(
        "deliveries",
        _id("id"),
        _id("webhook_id"),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", MOMENT),
        sa.Column("delivered_at", MOMENT),
        sa.Column("outcome", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        refers={"webhook_id": ("webhooks", "CASCADE")},
        indexes=("webhook_id created_at", "next_at"),
    )


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(36), nullable=nullable)


def _table(
    name: str,
    *columns: sa.schema.SchemaItem,
    key: tuple[str, ...] = ("id",),
    refers: dict[str, tuple[str, str]] | None = None,
    indexes: tuple[str, ...] = (),
) -> None:
    """Make a table with the names that `schema.metadata` gives to keys and indexes."""
    op.create_table(
        name,
        *columns,
        sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{other}.id"], name=f"fk_{name}_{column}_{other}", ondelete=rule
            )
            for column, (other, rule) in (refers or {}).items()
        ),
    )
    for index in indexes:
        of = index.split()
        op.create_index(f"ix_{name}_{'_'.join(of)}", name, of)


def downgrade() -> None:
    raise NotImplementedError("Restore a backup: what 0002 keeps has no place in 0001.")
