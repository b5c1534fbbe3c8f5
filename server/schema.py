"""The tables, as SQLAlchemy Core; `migrations/` brings a database to this form."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment. SQLite forgets time zones, so it is stored as UTC and gets its zone back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC; a moment without a zone is a mistake of ours."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone, got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give a moment its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# Constraints have fixed names, so that a later migration can name what it changes.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _of(table: str, name: str, *, primary_key: bool = False) -> Column[str]:
    """What a row belongs to, and goes with."""
    return Column(
        name,
        String(36),
        ForeignKey(f"{table}.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def _user(name: str = "user_id", *, primary_key: bool = False) -> Column[str]:
    return _of("users", name, primary_key=primary_key)


def _session() -> Column[str]:
    return _of("sessions", "session_id", primary_key=True)


# Accounts

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password_hash", String(255), nullable=False),  # empty: signs in elsewhere
    Column("role", String(16), nullable=False, server_default="member"),
    Column("created_at", UtcDateTime, nullable=False),
)

# Who a user is to an outside issuer of tokens.
identities = Table(
    "identities",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    _user(),
    Index(None, "user_id"),
)

# One row from signing in to signing out; each renewal replaces its secret.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", String(36), primary_key=True),
    _user(),
    Column("secret_sha256", String(64), nullable=False),
    Column("previous_sha256", String(64)),
    Column("renewed_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "user_id"),
)

# Who coaches whom

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(36), primary_key=True),
    _user("coach_id"),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("note", String(80), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("accepted_at", UtcDateTime),
    Column("member_id", String(36), ForeignKey("users.id", ondelete="SET NULL")),
    Index(None, "coach_id"),
)

coachings = Table(
    "coachings",
    metadata,
    _user("coach_id", primary_key=True),
    _user("member_id", primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "member_id"),
)

# Without foreign keys: it says what happened, also of accounts that are gone. Ids only, no names.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_id", String(36)),
    Column("action", String(64), nullable=False),
    Column("subject_id", String(36)),
    Column("object_id", String(64)),
    Index(None, "subject_id", "at"),
    Index(None, "at"),
)

consents = Table(
    "consents",
    metadata,
    Column("id", String(36), primary_key=True),
    _user(),
    Column("purpose", String(32), nullable=False),
    Column("language", String(8), nullable=False),
    Column("wording", Text, nullable=False),  # as it was shown
    Column("given_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index(None, "user_id"),
)

# Exercises and plans

exercises = Table(
    "exercises",
    metadata,
    Column("id", String(36), primary_key=True),
    _user(),
    Column("name", String(80), nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("error", Text),
    Column("duration_s", Float),
    Column("clip_duration_s", Float),
    Column("clip_sha256", String(64), nullable=False),  # names the files of this exercise
    Column("clip_type", String(64), nullable=False),
    Column("start_s", Float),
    Column("end_s", Float),
    Column("mirrored", Boolean, nullable=False, server_default=false()),
    Column("kind", String(16), nullable=False, server_default="repetitions"),
    Column("target", Integer),
    Column("visibility", String(16), nullable=False, server_default="private"),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "user_id", "created_at"),
    Index(None, "visibility"),
)

assignments = Table(
    "assignments",
    metadata,
    Column("id", String(36), primary_key=True),
    _user("coach_id"),
    _user("member_id"),
    _of("exercises", "exercise_id"),
    Column("target", Integer),
    Column("note", Text, nullable=False),
    Column("weekdays", Integer, nullable=False),  # bit 0 is Monday
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),
    Column("position", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "member_id"),
    Index(None, "coach_id"),
    Index(None, "exercise_id"),
)

# Calls

calls = Table(
    "calls",
    metadata,
    Column("id", String(36), primary_key=True),
    _user("coach_id"),
    # Nobody's until its link is used; it goes with its member as with its coach.
    Column("member_id", String(36), ForeignKey("users.id", ondelete="CASCADE")),
    Column("title", String(80), nullable=False),
    Column("starts_at", UtcDateTime),
    Column("token_sha256", String(64), unique=True),  # null once the link was used
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),  # when the link does
    Column("accepted_at", UtcDateTime),
    Column("admitted_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("notes", Text, nullable=False, server_default=""),
    Index(None, "coach_id", "created_at"),
    Index(None, "member_id", "created_at"),
)

call_exercises = Table(
    "call_exercises",
    metadata,
    _of("calls", "call_id", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _of("exercises", "exercise_id"),
    Index(None, "exercise_id"),
)

# Sessions and what was said in them

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    _user(),
    Column("exercise_id", String(36), ForeignKey("exercises.id", ondelete="SET NULL"), index=True),
    Column("exercise_name", String(80), nullable=False),
    Column("source", String(16), nullable=False, server_default="live"),
    Column("kind", String(16), nullable=False, server_default="repetitions"),
    Column("target", Integer),
    Column("reference_start_s", Float, nullable=False, server_default=text("0")),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(32)),
    Column("summary", JSON(none_as_null=True)),
    Column("imported_at", UtcDateTime),  # read from an export then
    Column("imported_exercise_id", String(36)),  # its exercise there, if that is not here
    Column("call_id", String(36), ForeignKey("calls.id", ondelete="SET NULL"), index=True),
    # Stays when the call is forgotten: what was done in a call is for its two people alone.
    Column("in_call", Boolean, nullable=False, server_default=false()),
    Column("corrected_repetitions", Integer),  # as the call's coach counted them
    Index(None, "user_id", "created_at"),
    Index(None, "user_id", "exercise_id", "created_at"),
    Index(None, "user_id", "started_at"),
)

# What another run of the server needs to go on with one; gone when it has ended.
open_sessions = Table(
    "open_sessions",
    metadata,
    _session(),
    Column("sign_in_id", String(36), ForeignKey("sign_ins.id", ondelete="CASCADE"), index=True),
    Column("restarts", Integer, nullable=False, server_default=text("0")),
    Column("held_s", Float),  # the longest so far, of a posture that is held
)

scores = Table(
    "scores",
    metadata,
    _session(),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("t_s", Float, nullable=False),
    Column("score", Float),
    Column("state", String(16), nullable=False),
    Column("movement", Float),
    Column("timing", Float),
    Column("range", Float),
    Column("reference_s", Float),
    Column("tempo", Float),
)

repetitions = Table(
    "repetitions",
    metadata,
    _session(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("valid", Boolean, nullable=False),
    Column("score", Float),
    Column("range", Float, nullable=False),
    Column("tempo", Float),
    Column("differences", JSON, nullable=False),  # [{"part", "degrees"}]
)

gaps = Table(
    "gaps",
    metadata,
    _session(),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("start_s", Float, nullable=False),
    Column("end_s", Float, nullable=False),
    Column("reason", String(16), nullable=False),
)

cues = Table(
    "cues",
    metadata,
    _session(),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("t_s", Float, nullable=False),
    Column("cue", String(16), nullable=False),
    Column("part", String(16)),
    Column("praise", Boolean, nullable=False),
)

# Moments of a call, each with a note.
call_marks = Table(
    "call_marks",
    metadata,
    Column("id", String(36), primary_key=True),
    _of("calls", "call_id"),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="SET NULL")),
    Column("at", UtcDateTime, nullable=False),
    Column("t_s", Float),  # the moment on the time of that session
    Column("note", Text, nullable=False),
    Index(None, "call_id", "at"),
    Index(None, "session_id"),
)

# Work in the background

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    _user(),
    Column("state", String(16), nullable=False),
    Column("video_name", String(255), nullable=False),
    Column("exercise_id", String(36), ForeignKey("exercises.id", ondelete="SET NULL")),
    Column("reference_name", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("error", Text),
    Column("result", JSON(none_as_null=True)),
    Column("session_id", String(36), ForeignKey("sessions.id", ondelete="SET NULL")),
    Index(None, "user_id", "created_at"),
    Index(None, "exercise_id"),
    Index(None, "session_id"),
    Index(None, "state"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    _user(),
    Column("url", Text, nullable=False),
    Column("secret", String(128), nullable=False),
    Column("events", JSON, nullable=False),  # names of what it is told
    Column("scope", String(16), nullable=False, server_default="own"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("failing_since", UtcDateTime),  # nothing was delivered since; null: something was
    Column("disabled_at", UtcDateTime),
    Index(None, "user_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(36), primary_key=True),
    _of("webhooks", "webhook_id"),
    Column("event", String(32), nullable=False),
    Column("body", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", UtcDateTime),  # null: delivered or given up
    Column("delivered_at", UtcDateTime),
    Column("outcome", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "webhook_id", "created_at"),
    Index(None, "next_at"),
)
