"""Bringing a database to this version's form: nothing lost, whole or not at all."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from posesim_server import schema
from posesim_server.database import StoreError
from posesim_server.migrating import MIGRATIONS
from posesim_server.store import Store
from posesim_server.store.users import User

USER = "b1b6a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c10"
EXERCISE = "c2f0a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c11"
SESSION = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11"
THEN = "2026-10-01 12:00:00.000000"


def url(folder):
    return f"sqlite+aiosqlite:///{folder / 'db.sqlite3'}"


def user(name):
    return User(f"id of {name}", name, "hash", "member", datetime(2026, 11, 25, tzinfo=UTC))


def make_first_version(folder):
    """A database as the first version left it, with one row in each table."""
    engine = sa.create_engine(f"sqlite:///{folder / 'db.sqlite3'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes.update(connection=connection, metadata=schema.metadata)
        command.upgrade(config, "0001")
        for statement in (
            f"INSERT INTO users VALUES ('{USER}', 'anna', 'hash', '{THEN}')",
            f"INSERT INTO exercises VALUES ('{EXERCISE}', '{USER}', 'Squat', 'ready', NULL, 8.4,"
            f" '{'0' * 64}', 'video/mp4', '{THEN}')",
            f"INSERT INTO sessions VALUES ('{SESSION}', '{USER}', '{EXERCISE}', 'Squat', 'ended',"
            f" '{THEN}', '{THEN}', '{THEN}', 'left', NULL)",
            f"INSERT INTO scores VALUES ('{SESSION}', 0, 2.56, 81.0, 'scoring', 0.9, 0.8, 0.7,"
            " 1.5, 1.1)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()


def rows(folder, statement):
    with closing(sqlite3.connect(folder / "db.sqlite3")) as connection:
        return connection.execute(statement).fetchall()


async def test_what_the_first_version_kept_is_all_there(tmp_path):
    make_first_version(tmp_path)
    store = await Store.open(url(tmp_path))
    user = await store.users.by_name("anna")
    assert user is not None
    assert (user.id, user.role) == (USER, "member")
    exercise = await store.exercises.get(USER, EXERCISE)
    assert exercise is not None
    assert (exercise.name, exercise.kind, exercise.visibility) == (
        "Squat",
        "repetitions",
        "private",
    )
    session = await store.sessions.get(USER, SESSION)
    assert session is not None
    assert (session.exercise_id, session.source, session.reference_start_s) == (
        EXERCISE,
        "live",
        0.0,
    )
    assert [score.score for score in await store.sessions.scores(USER, SESSION)] == [81.0]
    await store.close()


async def test_a_migration_that_fails_half_way_is_rolled_back_and_says_so(tmp_path):
    make_first_version(tmp_path)
    migrations = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, migrations)
    (migrations / "versions" / "9999_broken.py").write_text(
        "from alembic import op\n"
        "revision = '9999'\n"
        "down_revision = '0004'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE half_way (id TEXT)')\n"
        "    op.execute('DELETE FROM scores')\n"
        "    op.execute('ALTER TABLE nowhere ADD COLUMN x TEXT')\n"
    )
    with pytest.raises(StoreError, match=r"no such table: nowhere\. Nothing in it was changed"):
        await Store.open(url(tmp_path), migrations)
    assert rows(tmp_path, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert rows(tmp_path, "SELECT score FROM scores") == [(81.0,)]
    tables = {name for (name,) in rows(tmp_path, "SELECT name FROM sqlite_master")}
    assert not tables & {"half_way", "sign_ins"}


async def test_after_a_failed_migration_the_right_version_opens_it(tmp_path):
    make_first_version(tmp_path)
    migrations = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, migrations)
    broken = migrations / "versions" / "9999_broken.py"
    broken.write_text(
        "from alembic import op\n"
        "revision = '9999'\n"
        "down_revision = '0004'\n"
        "def upgrade():\n"
        "    op.execute('SELECT * FROM nowhere')\n"
    )
    with pytest.raises(StoreError, match="nowhere"):
        await Store.open(url(tmp_path), migrations)
    store = await Store.open(url(tmp_path))
    assert await store.users.by_name("anna") is not None
    await store.close()


async def test_what_was_deleted_can_not_be_read_in_the_files(tmp_path):
    store = await Store.open(url(tmp_path))
    await store.users.add("a-name-to-find", "hash")
    assert any(b"a-name-to-find" in file.read_bytes() for file in tmp_path.iterdir())
    await store.users.remove("a-name-to-find")
    await store.database.forget_traces()
    assert not any(b"a-name-to-find" in file.read_bytes() for file in tmp_path.iterdir())
    await store.close()


async def test_who_reads_before_writing_waits_for_another_writer(database_url):
    store = await Store.open(database_url)
    other = await Store.open(database_url)
    async with store.database.transaction() as connection:
        await connection.execute(sa.select(schema.users))
        writes = asyncio.create_task(other.users.add("berta", "hash"))
        await asyncio.wait({writes}, timeout=0.2)
        assert not writes.done()
        await connection.execute(sa.insert(schema.users).values(vars(user("anna"))))
    await writes
    assert [each.name for each in await store.users.all()] == ["anna", "berta"]
    await store.close()
    await other.close()


async def test_several_that_open_a_new_database_at_the_same_time_migrate_it_once(
    empty_database_url,
):
    stores = await asyncio.gather(*(Store.open(empty_database_url) for _ in range(4)))
    await asyncio.gather(*(store.users.add(f"u{n}", "h") for n, store in enumerate(stores)))
    assert len(await stores[0].users.all()) == 4
    for store in stores:
        await store.close()


async def test_all_of_a_snapshot_is_of_one_moment(database_url):
    store = await Store.open(database_url)
    count = sa.select(sa.func.count()).select_from(schema.users)
    async with store.database.snapshot() as connection:
        assert (await connection.execute(count)).scalar_one() == 0
        await store.users.add("anna", "hash")
        assert (await connection.execute(count)).scalar_one() == 0
    assert len(await store.users.all()) == 1
    await store.close()


async def test_readers_do_not_wait_for_a_writer(database_url):
    store = await Store.open(database_url)
    async with store.database.transaction() as connection:
        await connection.execute(sa.insert(schema.users).values(vars(user("anna"))))
        assert await store.users.all() == []
    assert [each.name for each in await store.users.all()] == ["anna"]
    await store.close()
