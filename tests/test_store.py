import asyncio
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from posesim_server import schema
from posesim_server.database import DatabaseTooNew, StoreError, now
from posesim_server.store import Store
from posesim_server.store.parts import Parts, ScoreRow
from posesim_server.store.users import NameTaken

SHA = "0" * 64
HOUR = timedelta(hours=1)


def url(folder):
    return f"sqlite+aiosqlite:///{folder / 'db.sqlite3'}"


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


async def add_exercise(store, user, name="Squat", sha=SHA):
    return await store.exercises.add(
        user.id, name=name, clip_sha256=sha, clip_type="video/mp4", duration_s=8.4
    )


async def add_session(store, user):
    return await store.sessions.add(user.id, await add_exercise(store, user))


def row(seq, score=80.0):
    return ScoreRow(
        seq=seq,
        t_s=seq * 0.32,
        score=score,
        state="scoring" if score is not None else "warming_up",
        movement=0.9,
        timing=0.8,
        range=0.7,
        reference_s=1.5,
        tempo=1.1,
    )


def run_sql(folder, statement):
    with sqlite3.connect(folder / "db.sqlite3") as connection:
        connection.execute(statement)
    connection.close()


# Migrations


async def test_migrations_make_the_tables_that_the_code_expects(tmp_path):
    await (await Store.open(url(tmp_path))).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, schema.metadata)
        added = connection.execute(sa.text("PRAGMA foreign_key_list(sessions)")).mappings().all()
    engine.dispose()
    # A reference that came with a column is read without its rule by SQLAlchemy: it is looked at
    # below instead.
    assert [each for each in differences if not _is_of(each, "sessions", "call_id")] == []
    (call,) = (one for one in added if one["from"] == "call_id")
    assert (call["table"], call["to"], call["on_delete"]) == ("calls", "id", "SET NULL")


def _is_of(difference, table, column):
    kind, constraint = difference
    return (
        kind in ("remove_fk", "add_fk")
        and constraint.table.name == table
        and [each.name for each in constraint.columns] == [column]
    )


async def test_what_is_stored_is_there_after_a_restart(tmp_path):
    store = await Store.open(url(tmp_path))
    user = await store.users.add("anna", "hash")
    await store.close()
    store = await Store.open(url(tmp_path))
    assert await store.users.get(user.id) == user
    await store.close()


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    await (await Store.open(url(tmp_path))).close()
    run_sql(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match=r"newer posesim \(revision 9999\). Install that"):
        await Store.open(url(tmp_path))
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("9999",)
        ]
    connection.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path):
    run_sql(tmp_path, "CREATE TABLE sessions (id TEXT)")  # in the way of the third table
    with pytest.raises(StoreError, match=r"already exists\. Nothing in it was changed"):
        await Store.open(url(tmp_path))
    with sqlite3.connect(tmp_path / "db.sqlite3") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    connection.close()
    assert tables == [("sessions",)]


async def test_several_writers_share_one_database(tmp_path):
    stores = [await Store.open(url(tmp_path)) for _ in range(4)]
    await asyncio.gather(*(store.users.add(f"u{n}", "h") for n, store in enumerate(stores)))
    assert len(await stores[0].users.all()) == 4
    for store in stores:
        await store.close()


async def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path):
    (tmp_path / "db.sqlite3").write_bytes(b"These are my holiday notes. " * 100)
    with pytest.raises(StoreError, match=r"db\.sqlite3 can't be opened: .*not a database"):
        await Store.open(url(tmp_path))


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreError, match="Check that it is a posesim database"):
        await Store.open(url(tmp_path / "nowhere"))


@pytest.mark.parametrize("bad", ["nonsense", "mystery+driver://x", "sqlite:///sync.db"])
async def test_a_url_that_can_not_be_used_is_refused_with_an_example(bad):
    with pytest.raises(StoreError, match=r"sqlite\+aiosqlite:////folder/file"):
        await Store.open(bad)


async def test_a_refusal_does_not_show_the_password_of_the_database(tmp_path):
    with pytest.raises(StoreError) as caught:
        await Store.open(f"sqlite+aiosqlite://user:hunter2@/{tmp_path}/x/y.db")
    assert "hunter2" not in str(caught.value)


def test_migrations_are_found_wherever_the_program_is_started(tmp_path):
    code = (
        "import asyncio\n"
        "from posesim_server.store import Store\n"
        "async def main():\n"
        f"    await (await Store.open({url(tmp_path)!r})).close()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert (tmp_path / "db.sqlite3").exists()


# Users


async def test_a_name_belongs_to_one_user(store):
    await store.users.add("anna", "hash")
    with pytest.raises(NameTaken, match="already a user 'anna'"):
        await store.users.add("anna", "other")


async def test_users_are_found_by_id_and_by_name(store):
    anna = await store.users.add("anna", "hash")
    await store.users.add("ben", "hash")
    assert await store.users.get(anna.id) == await store.users.by_name("anna") == anna
    assert await store.users.get("nobody") is None
    assert await store.users.by_name("nobody") is None


async def test_a_password_is_replaced(store):
    await store.users.add("anna", "old")
    assert await store.users.set_password("anna", "new")
    assert (await store.users.by_name("anna")).password_hash == "new"
    assert not await store.users.set_password("nobody", "new")


async def test_removing_a_user_removes_all_that_is_theirs_and_nothing_else(store):
    anna, ben = await store.users.add("anna", "h"), await store.users.add("ben", "h")
    hers, his = await add_session(store, anna), await add_session(store, ben)
    await store.sessions.add_parts(hers.id, Parts(scores=(row(0),)))
    await store.sessions.add_parts(his.id, Parts(scores=(row(0),)))
    assert await store.users.remove("anna")
    assert not await store.users.remove("anna")
    assert [user.name for user in await store.users.all()] == ["ben"]
    assert await store.sessions.of_user(anna.id, limit=9) == []
    assert await store.exercises.of_user(anna.id) == []
    assert await store.sessions.scores(ben.id, his.id) == (row(0),)


# Exercises


async def test_an_exercise_goes_from_embedding_to_ready(store):
    anna = await store.users.add("anna", "h")
    exercise = await add_exercise(store, anna)
    assert exercise.state == "embedding"
    assert await store.exercises.unfinished() == [exercise]
    await store.exercises.set_ready(exercise.id, 8.5)
    ready = await store.exercises.get(anna.id, exercise.id)
    assert (ready.state, ready.duration_s, ready.error) == ("ready", 8.5, None)
    assert await store.exercises.unfinished() == []


async def test_an_exercise_that_failed_says_why(store):
    anna = await store.users.add("anna", "h")
    exercise = await add_exercise(store, anna)
    await store.exercises.set_failed(exercise.id, "Too short.")
    failed = await store.exercises.get(anna.id, exercise.id)
    assert (failed.state, failed.error) == ("failed", "Too short.")


async def test_exercises_are_listed_newest_first(store):
    anna = await store.users.add("anna", "h")
    for name in ("first", "second", "third"):
        await add_exercise(store, anna, name)
    assert [e.name for e in await store.exercises.of_user(anna.id)] == ["third", "second", "first"]


async def test_nobody_reads_or_deletes_what_is_anothers(store):
    anna, ben = await store.users.add("anna", "h"), await store.users.add("ben", "h")
    session = await add_session(store, anna)
    await store.sessions.add_parts(session.id, Parts(scores=(row(0),)))
    assert await store.exercises.get(ben.id, session.exercise_id) is None
    assert not await store.exercises.delete(ben.id, session.exercise_id)
    assert await store.exercises.of_user(ben.id) == []
    assert await store.exercises.trims(ben.id, SHA) == set()
    assert await store.sessions.get(ben.id, session.id) is None
    assert await store.sessions.of_user(ben.id, limit=9) == []
    assert await store.sessions.scores(ben.id, session.id) == ()
    assert await store.exercises.get(anna.id, session.exercise_id) is not None


async def test_a_deleted_exercise_leaves_its_name_with_its_sessions(store):
    anna = await store.users.add("anna", "h")
    session = await add_session(store, anna)
    assert await store.exercises.delete(anna.id, session.exercise_id)
    kept = await store.sessions.get(anna.id, session.id)
    assert (kept.exercise_id, kept.exercise_name) == (None, "Squat")


async def test_content_is_in_use_while_one_exercise_needs_it(store):
    anna = await store.users.add("anna", "h")
    one, two = await add_exercise(store, anna), await add_exercise(store, anna)
    await store.exercises.delete(anna.id, one.id)
    assert await store.exercises.trims(anna.id, SHA) == {(None, None)}
    await store.exercises.delete(anna.id, two.id)
    assert await store.exercises.trims(anna.id, SHA) == set()


# Sessions


async def test_a_session_is_created_then_live_then_ended(store):
    anna = await store.users.add("anna", "h")
    session = await add_session(store, anna)
    assert (session.state, session.started_at) == ("created", None)
    assert await store.sessions.start(session.id)
    live = await store.sessions.get(anna.id, session.id)
    assert live.state == "live"
    assert live.started_at >= session.created_at
    assert await store.sessions.end(session.id, "left", {"score": 81.5})
    ended = await store.sessions.get(anna.id, session.id)
    assert (ended.state, ended.end_reason, ended.summary) == ("ended", "left", {"score": 81.5})
    assert ended.ended_at >= live.started_at


async def test_the_first_end_of_a_session_counts(store):
    anna = await store.users.add("anna", "h")
    session = await add_session(store, anna)
    assert await store.sessions.end(session.id, "left", {"score": 1.0})
    assert not await store.sessions.end(session.id, "lost", None)
    assert not await store.sessions.start(session.id)
    ended = await store.sessions.get(anna.id, session.id)
    assert (ended.end_reason, ended.summary) == ("left", {"score": 1.0})


async def test_a_session_without_a_summary_has_none(store):
    anna = await store.users.add("anna", "h")
    session = await add_session(store, anna)
    await store.sessions.end(session.id, "never_joined", None)
    assert (await store.sessions.get(anna.id, session.id)).summary is None


async def test_sessions_that_a_crash_left_open_are_found_and_taken(store):
    anna = await store.users.add("anna", "h")
    created, live, ended = [await add_session(store, anna) for _ in range(3)]
    await store.sessions.start(live.id)
    await store.sessions.add_parts(live.id, Parts(scores=(row(0),)))
    await store.sessions.held(live.id, 4.5)
    await store.sessions.end(ended.id, "left", None)
    assert await store.open_sessions.ids() == [created.id, live.id]
    assert await store.open_sessions.take(ended.id) is None
    await store.open_sessions.take(live.id)
    found = await store.open_sessions.take(live.id)
    assert found.goes_on
    assert (found.restarts, found.held_s, found.parts.scores) == (2, 4.5, (row(0),))
    assert await store.open_sessions.is_open(anna.id, created.id)
    assert not await store.open_sessions.is_open(anna.id, ended.id)
    assert not await store.open_sessions.is_open("somebody else", created.id)


async def test_a_session_whose_sign_in_has_ended_does_not_go_on(store):
    anna = await store.users.add("anna", "h")
    exercise = await add_exercise(store, anna)
    then = now()
    for name, until in (("ended", then + HOUR), ("run out", then - HOUR), ("good", then + HOUR)):
        assert await store.sign_ins.add(name, anna, "", then, until)
        session = await store.sessions.add(anna.id, exercise, sign_in_id=name)
        await store.sessions.start(session.id)
    await store.sign_ins.end("ended")
    left = [await store.open_sessions.take(each) for each in await store.open_sessions.ids()]
    assert {each.sign_in_id: each.goes_on for each in left} == {
        "ended": False,
        "run out": False,
        "good": True,
    }


async def test_sessions_come_in_pages_newest_first(store):
    anna = await store.users.add("anna", "h")
    made = [await add_session(store, anna) for _ in range(5)]
    first = await store.sessions.of_user(anna.id, limit=3)
    rest = await store.sessions.of_user(anna.id, limit=3, before=first[-1].created_at)
    assert [s.id for s in first + rest] == [s.id for s in reversed(made)]


async def test_a_session_against_an_exercise_that_was_just_deleted_is_refused(store):
    anna = await store.users.add("anna", "h")
    exercise = await add_exercise(store, anna)
    await store.exercises.delete(anna.id, exercise.id)
    with pytest.raises(StoreError, match="was deleted"):
        await store.sessions.add(anna.id, exercise)


# Moments


async def test_moments_keep_their_microseconds_and_come_back_as_utc(store):
    anna = await store.users.add("anna", "h")
    assert anna.created_at.tzinfo is UTC
    assert (await store.users.get(anna.id)).created_at == anna.created_at


def test_moments_of_any_zone_are_stored_as_utc():
    there = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    dialect = sa.create_engine("sqlite://").dialect
    stored = schema.UtcDateTime().process_bind_param(there, dialect)
    assert stored == datetime(2026, 1, 1, 10, tzinfo=UTC)
    with pytest.raises(ValueError, match="needs a time zone"):
        schema.UtcDateTime().process_bind_param(datetime(2026, 1, 1), dialect)
