"""What is true of PostgreSQL alone; that the store works on it is in the store's own tests."""

import asyncio
import contextlib
import io
import sys
import traceback

import pytest
import sqlalchemy as sa
from videos import stick_figure

from posesim_server import postgresql as dialect
from posesim_server import readiness, schema
from posesim_server.cli import main
from posesim_server.database import (
    Database,
    DatabaseAway,
    DatabaseReadOnly,
    DatabaseTooNew,
    StoreError,
)
from posesim_server.metrics import Metrics
from posesim_server.store import Store
from posesim_server.store.parts import Parts, ScoreRow
from server import PASSWORD, problem, running

pytestmark = pytest.mark.postgresql

WAIT_S = 30.0  # far more than it takes; a busy machine is no failure


def row(seq):
    return ScoreRow(seq, seq * 0.32, 80.0, "scoring", 0.9, 0.8, 0.7, 1.5, 1.1)


@pytest.fixture
def url(postgresql):
    with postgresql.migrated() as url:
        yield url


@pytest.fixture
async def store(url):
    store = await Store.open(url)
    yield store
    await store.close()


async def add_session(store, name="anna"):
    user = await store.users.by_name(name) or await store.users.add(name, "h")
    exercise = await store.exercises.add(
        user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )
    return await store.sessions.add(user.id, exercise)


async def refusal(url):
    """The sentence with which a database is refused; nothing that is shown has its password."""
    with pytest.raises(StoreError) as caught:
        await Database.open(url)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@contextlib.asynccontextmanager
async def read_only(cluster):
    """All connections of before are ended; those that come can only read."""

    async def from_now_on(setting):
        await asyncio.to_thread(cluster.sql, f"ALTER ROLE posesim {setting}")
        await asyncio.to_thread(
            cluster.sql,
            "SELECT pg_terminate_backend(pid, 20000) "  # waits until it has ended
            "FROM pg_stat_activity WHERE usename = 'posesim'",
        )
        await asyncio.sleep(0.05)  # for the driver to hear of it

    await from_now_on("SET default_transaction_read_only = on")
    try:
        yield
    finally:
        await from_now_on("RESET default_transaction_read_only")


# The URL


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
@pytest.mark.parametrize("options", ["", "?sslmode=disable", "?ssl=disable"])
async def test_a_url_is_taken_as_others_write_it(url, scheme, options):
    database = await Database.open(url.replace("postgresql", scheme, 1) + options)
    await database.try_writing()
    await database.close()


async def test_a_wrong_password_is_said_and_not_shown(url, postgresql):
    said = await refusal(url.replace(postgresql.password, "hunter2"))
    assert "password authentication failed" in said
    assert said.endswith("Check the user and the password in the URL.")
    assert "password authentication failed" in await refusal(
        url.replace(f":{postgresql.password}", "") + "?password=hunter2"
    )


async def test_a_url_that_can_not_be_read_is_not_shown(url, postgresql):
    for wrong in (url.replace(str(postgresql.port), "hunter2"), "postgresql://a:hunter2@[::1/x"):
        assert "written as %40" in await refusal(wrong)


async def test_a_database_that_was_not_made_is_named(url):
    assert '/nowhere can\'t be opened: database "nowhere" does not exist. Make it' in await refusal(
        url.rsplit("/", 1)[0] + "/nowhere"
    )


async def test_a_server_that_is_not_there_is_said(postgresql):
    with_nobody = postgresql.url("x", "hunter2").replace(str(postgresql.port), "1")
    assert (await refusal(with_nobody)).endswith(
        "Check host and port, and that PostgreSQL runs there and lets this machine in."
    )


async def test_a_server_without_tls_is_refused_where_it_is_required(url):
    assert "rejected SSL" in await refusal(url + "?sslmode=require")


async def test_an_option_that_the_driver_does_not_have_is_named(url):
    assert "options channel_binding." in await refusal(url + "?channel_binding=require")


async def test_a_driver_that_is_not_installed_is_named(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert (await refusal(url)).endswith("pip install 'posesim[postgresql]'")


# Databases that can't be used


async def test_a_database_that_can_only_be_read_is_refused(url, postgresql):
    async with read_only(postgresql):
        assert "it can only be read. Name the one that takes writes" in await refusal(url)


async def test_a_user_who_may_make_no_tables_is_refused(postgresql):
    assert "permission denied for schema public. Its user needs" in await refusal(
        postgresql.url("postgres")
    )


async def test_a_database_that_can_not_hold_every_name_is_refused(postgresql):
    latin = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc"
    with postgresql.empty(latin) as url:
        assert "its encoding is LATIN1" in await refusal(url)


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(postgresql):
    with postgresql.empty() as url:
        await (await Database.open(url)).close()
        name = url.rsplit("/", 1)[1]
        postgresql.sql("UPDATE alembic_version SET version_num = '9999'", name)
        with pytest.raises(DatabaseTooNew, match=r"newer posesim \(revision 9999\)"):
            await Database.open(url)
        assert postgresql.sql("SELECT version_num FROM alembic_version", name) == [["9999"]]


async def test_a_migration_that_fails_changes_nothing(postgresql):
    with postgresql.empty() as url:
        name = url.rsplit("/", 1)[1]
        postgresql.sql("CREATE TABLE sessions (id TEXT)", name)  # in the way of the third table
        assert 'relation "sessions" already exists. Nothing in it was changed' in await refusal(url)
        tables = postgresql.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
        assert tables == [["sessions"]]


async def test_migrations_make_the_tables_that_the_code_expects(store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, schema.metadata)

    async with store.database.snapshot() as connection:
        assert await connection.run_sync(differences) == []


# Writers beside each other


async def test_what_is_said_in_sessions_does_not_wait_for_another_writer(store):
    session = await add_session(store)
    async with store.database.transaction() as connection:
        await connection.execute(sa.select(schema.users))
        await store.sessions.start(session.id)
        await store.sessions.add_parts(session.id, Parts(scores=(row(0),)))
        await store.sessions.held(session.id, 2.0)
    assert await store.sessions.end(session.id, "left", None)


async def test_who_stands_still_in_the_middle_does_not_hold_up_others_for_ever(url, monkeypatch):
    monkeypatch.setattr(dialect, "IDLE_TIMEOUT_S", 1)
    still, other = await Store.open(url), await Store.open(url)

    async def stand_still():
        async with still.database.transaction() as connection:
            await connection.execute(sa.select(schema.users))
            await other.users.add("anna", "h")  # waits until the other one was put out
            await connection.execute(sa.select(schema.users))

    with pytest.raises(DatabaseAway):
        await stand_still()
    assert [user.name for user in await still.users.all()] == ["anna"]
    await still.close()
    await other.close()


# Its restarts


async def test_a_restart_is_noticed_by_who_asks_while_it_is_away_and_by_nobody_else(
    store, postgresql
):
    await store.users.add("anna", "h")
    await asyncio.to_thread(postgresql.stop)
    with pytest.raises(DatabaseAway, match="can't be reached at the moment"):
        await store.users.all()
    with pytest.raises(DatabaseAway):
        await store.database.try_writing()
    await asyncio.to_thread(postgresql.start)
    assert [user.name for user in await store.users.all()] == ["anna"]
    await asyncio.to_thread(postgresql.stop)
    await asyncio.to_thread(postgresql.start)
    assert [user.name for user in await store.users.all()] == ["anna"]


async def test_a_database_that_does_not_answer_is_given_up_and_asked_again(
    url, postgresql, monkeypatch
):
    monkeypatch.setattr(dialect, "COMMAND_TIMEOUT_S", 0.5)
    monkeypatch.setattr(dialect, "CONNECT_TIMEOUT_S", 0.5)
    store = await Store.open(url)
    with postgresql.frozen():
        for _ in range(2):  # on a connection of before, and on a new one
            with pytest.raises(DatabaseAway):
                await store.users.all()
    await store.users.add("anna", "h")
    await store.close()


async def test_nothing_that_was_acknowledged_is_lost_or_doubled_when_it_is_killed(
    store, postgresql
):
    sessions = [await add_session(store) for _ in range(4)]
    acknowledged = dict.fromkeys((session.id for session in sessions), 0)
    over = asyncio.Event()

    async def write(session_id):
        while not over.is_set():
            first = acknowledged[session_id]
            try:
                parts = Parts(scores=(row(first), row(first + 1)))
                await store.sessions.add_parts(session_id, parts)
            except StoreError:
                await asyncio.sleep(0.02)  # and again the same, as `live.record` does
            else:
                acknowledged[session_id] += 2

    async def more(count):
        wanted = sum(acknowledged.values()) + count
        async with asyncio.timeout(WAIT_S):
            while sum(acknowledged.values()) < wanted:  # noqa: ASYNC110 - writers tell nobody
                await asyncio.sleep(0.001)

    async with asyncio.TaskGroup() as writers:
        for session in sessions:
            writers.create_task(write(session.id))
        for _ in range(5):
            await more(40)
            await asyncio.to_thread(postgresql.kill)
            await asyncio.to_thread(postgresql.start)
        await more(40)
        over.set()
    for session in sessions:
        stored = await store.sessions.scores(session.user_id, session.id)
        assert [score.seq for score in stored] == list(range(acknowledged[session.id]))


# Whether it takes writes


async def test_the_write_that_is_tried_reaches_the_log(store, postgresql):
    def written():
        return postgresql.sql("SELECT pg_current_wal_flush_lsn()")

    before = written()
    await store.database.try_writing()
    assert written() != before


async def test_a_database_that_becomes_read_only_says_so_and_recovers(store, postgresql):
    async with read_only(postgresql):
        assert await store.users.all() == []
        with pytest.raises(DatabaseReadOnly, match="can only be read at the moment"):
            await store.users.add("anna", "h")
        with pytest.raises(DatabaseReadOnly):
            await store.database.try_writing()
    await store.users.add("anna", "h")


# The server on it

UP = 'posesim_dependency_up{dependency="database"}'


async def test_a_server_says_what_its_database_lacks_and_goes_on_when_it_is_back(
    tmp_path, url, postgresql, monkeypatch
):
    async def watch_nothing(_):
        await asyncio.Event().wait()

    monkeypatch.setattr(Metrics, "watch_loop", watch_nothing)
    monkeypatch.setattr(readiness, "AGAIN_S", 0.0)
    async with running(tmp_path, database_url=url) as server:
        ready, lists = "/readyz", "/v1/exercises"
        assert (await server.client.get(ready)).status == 200
        async with read_only(postgresql):
            assert "it can only be read" in await problem(await server.client.get(ready), 503)
            assert f"{UP} 0.0" in await (await server.client.get("/metrics")).text()
            address = {"url": "https://example.org/", "events": ["job.done"]}
            asked = await server.client.post("/v1/webhooks", json=address, headers=server.headers)
            assert "can only be read at the moment" in await problem(asked, 503)
            assert (await server.client.get(lists, headers=server.headers)).status == 200
        await asyncio.to_thread(postgresql.stop)
        assert "it is not reached" in await problem(await server.client.get(ready), 503)
        assert f"{UP} 0.0" in await (await server.client.get("/metrics")).text()
        asked = await server.client.get(lists, headers=server.headers)
        assert "can't be reached" in await problem(asked, 503)
        await asyncio.to_thread(postgresql.start)
        assert (await server.client.get(ready)).status == 200
        assert f"{UP} 1.0" in await (await server.client.get("/metrics")).text()
        assert (await server.client.get(lists, headers=server.headers)).status == 200


async def test_what_a_server_kept_is_there_for_the_next_one(tmp_path, url):
    clip = await asyncio.to_thread(stick_figure, tmp_path / "squat.mp4", seconds=3.0)
    async with running(tmp_path, database_url=url) as server:
        form = {"username": "anna", "password": PASSWORD}
        async with server.client.post("/token", json=form) as response:
            assert response.status == 200
            headers = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
        exercise = await server.ready_exercise(clip)
        wanted = {"exercise_id": exercise["id"]}
        async with server.client.post("/v1/sessions", json=wanted, headers=headers) as response:
            session = await response.json()
            assert response.status == 201, session
    async with running(tmp_path, database_url=url) as server:
        async with server.client.get("/v1/me", headers=headers) as response:
            assert (await response.json())["name"] == "anna"
        assert await server.get(f"/v1/exercises/{exercise['id']}") == exercise
        (kept,) = (await server.get("/v1/sessions"))["sessions"]
        assert (kept["id"], kept["exercise_id"]) == (session["id"], exercise["id"])


def test_accounts_are_made_at_the_command_line(tmp_path, url, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    options = ["--data", str(tmp_path), "--database-url", url]
    assert main(["user", "add", "anna", *options]) == 0
    assert main(["user", "list", *options]) == 0
    assert "anna" in capsys.readouterr().out
    assert list(tmp_path.glob("*.sqlite3")) == []


def test_a_command_without_its_database_ends_with_a_sentence(tmp_path, url, postgresql, capsys):
    wrong = url.replace(postgresql.password, "hunter2")
    assert main(["user", "list", "--data", str(tmp_path), "--database-url", wrong]) != 0
    said = capsys.readouterr().err
    assert "Check the user and the password in the URL." in said
    assert "hunter2" not in said
    assert "Traceback" not in said
