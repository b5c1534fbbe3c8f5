"""From one machine to PostgreSQL and a bucket: all of it, whole or not at all, nothing changed."""

import asyncio
import shutil
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import empty_sqlite
from histories import whole_session
from videos import stick_figure

from posesim_server import schema
from posesim_server.cli import main
from posesim_server.config import ServerConfig
from posesim_server.database import now
from posesim_server.moving import source
from posesim_server.moving.rows import ROWS_A_STATEMENT
from posesim_server.objects.opening import open_objects
from posesim_server.store import Store
from server import running

TABLES = schema.metadata.sorted_tables
DAY = timedelta(days=1)
ROUND = "Kniebeuge – 膝 🦵"


@asynccontextmanager
async def opened(url):
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


@dataclass
class Machine:
    """A data folder in which is one of everything, and the token of somebody who is signed in."""

    data: Path
    token: str
    clip: bytes
    exercise_id: str

    @property
    def file(self) -> Path:
        return self.data / "posesim.sqlite3"

    @property
    def url(self) -> str:
        return ServerConfig(data=self.data).database

    @property
    def clips(self) -> list[Path]:
        return sorted((self.data / "references").glob("*/*/clip"))

    @property
    def keys(self) -> set[str]:
        files = [*(self.data / "references").rglob("*"), *(self.data / "jobs").rglob("*")]
        return {path.relative_to(self.data).as_posix() for path in files if path.is_file()}

    def content(self) -> dict[str, bytes]:
        files = (path for path in self.data.rglob("*") if path.is_file())
        return {path.relative_to(self.data).as_posix(): path.read_bytes() for path in files}

    def sql(self, statement: str) -> None:
        """Change the database as no server would."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute(statement)

    def move(self, to: str, *options: str) -> int:
        return main(["move", "--data", str(self.data), "--to-database", to, *options])


async def fill(store: Store, exercise_id: str) -> str:
    """Add what the server did not make; return the id of a job that waits."""
    anna = await store.users.by_name("anna")
    carla = await store.users.add("carla", "hash", "coach")
    await store.identities.add("https://issuer.example", "ben at the issuer", "ben")
    exercise = await store.exercises.get(anna.id, exercise_id)
    _, token = await store.invitations.add(carla.id, note="for anna", lifetime=DAY)
    await store.invitations.accept(token, anna.id)
    await store.invitations.add(carla.id, note=ROUND, lifetime=DAY)
    squat = await store.exercises.change(anna.id, exercise_id, {"name": ROUND, "mirrored": True})
    await store.plans.add(
        carla.id,
        anna.id,
        await shared(store, carla),
        target=12,
        note="slowly",
        weekdays=[1, 7],
        starts_on=date(2026, 11, 30),
        ends_on=None,
    )
    _, token = await store.calls.add(carla.id, title="Knee", starts_at=now(), lifetime=DAY)
    call = await store.calls.accept(token, anna.id)
    await store.database.change(
        sa.insert(schema.call_exercises).values(
            call_id=call.id, position=0, exercise_id=exercise.id
        )
    )
    whole = whole_session(anna.id, 1, exercise=squat, scores=3 * ROWS_A_STATEMENT // 2)
    in_call = whole_session(anna.id, 2, name="shown live")
    session = replace(in_call.session, call_id=call.id, in_call=True, summary=None)
    await store.sessions.add_whole([whole, replace(in_call, session=session)])
    await store.calls.add_mark(call.id, note="here", session_id=session.id, t_s=1.5, at=now())
    assert await store.sign_ins.add("a sign-in", anna, "0" * 64, now(), now() + DAY)
    live = await store.sessions.add(anna.id, squat, sign_in_id="a sign-in")
    assert await store.sessions.start(live.id)
    for job_id, result in (("a job", {"score": 81.25, "of": [ROUND, None, True]}), ("waits", None)):
        await store.jobs.add(
            anna.id, job_id, video_name="v.mp4", exercise_id=squat.id, reference_name="r", keep=9
        )
        if result:
            assert await store.jobs.finish(job_id, result, session.id)
    await store.webhooks.add(
        anna.id,
        url="https://127.0.0.1:9/hook",
        secret="whsec_c2VjcmV0",
        events=["session.ended"],
        scope="own",
        most=3,
    )
    await store.webhooks.enqueue(anna.id, "session.ended", "{}", now(), 9)
    await store.audit.note(carla.id, "looked", anna.id)
    return "waits"


async def shared(store: Store, coach) -> str:
    """An exercise of the coach's with a clip of its own."""
    made = await store.exercises.add(
        coach.id, name="Lunge", clip_sha256="a" * 64, clip_type="video/webm", duration_s=4.0
    )
    return made.id


async def make(folder: Path) -> Machine:
    clip = stick_figure(folder / "clip.mp4", seconds=3.0)
    data = folder / "data"
    data.mkdir(mode=0o700)
    async with running(data) as server:
        exercise = await server.ready_exercise(clip)
        token = server.token_of(server.user)
    machine = Machine(data, token, clip.read_bytes(), exercise["id"])
    async with opened(machine.url) as store:
        job_id = await fill(store, exercise["id"])
        carla = await store.users.by_name("carla")
    lunge = data / "references" / carla.id / ("a" * 64)
    forgotten = data / "references" / "somebody-who-left" / ("b" * 64)
    for name, content in (
        (lunge / "clip", b"a lunge"),
        (data / "jobs" / job_id / "video", b"a video"),
        (forgotten / "clip", b"nobody's"),
    ):
        name.parent.mkdir(parents=True)
        name.write_bytes(content)
    return machine


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Machine:
    """Made once, because a server has to run for it."""
    return asyncio.run(make(tmp_path_factory.mktemp("machine")))


@pytest.fixture
def machine(made, tmp_path) -> Machine:
    """The same, for one test."""
    return replace(made, data=shutil.copytree(made.data, tmp_path / "data"))


def rows(url) -> dict[str, list[dict]]:
    """All rows of all tables, as the program reads them."""

    async def read():
        async with opened(url) as store:
            return {
                table.name: await store.database.all(sa.select(table).order_by(*table.primary_key))
                for table in TABLES
            }

    return asyncio.run(read())


def counts(url) -> dict[str, int]:
    return {name: len(found) for name, found in rows(url).items()}


# A cue of a session that is not there: SQLite looks at such a thing when it is written, not later.
OF_NOBODY = (
    "UPDATE cues SET session_id = 'of nobody' "
    "WHERE seq = 2 AND session_id = (SELECT min(session_id) FROM cues)"
)
EMPTY = {table.name: 0 for table in TABLES}


def said(capsys) -> str:
    return capsys.readouterr().err


# Rows


def test_every_row_of_every_table_is_there_as_it_was(machine, empty_database_url, capsys):
    before = rows(machine.url)
    assert all(before.values())  # there is one of everything
    assert machine.move(empty_database_url) == 0
    assert rows(empty_database_url) == before
    told = capsys.readouterr().out.splitlines()
    assert [line.split() for line in told[: len(TABLES)]] == [
        [table.name, str(len(before[table.name]))] for table in TABLES
    ]
    total = sum(map(len, before.values()))
    assert told[len(TABLES)] == f"Moved {total} rows of {len(TABLES)} tables."
    assert told[len(TABLES) + 1] == "Files stay where they are."


async def test_the_next_entries_get_numbers_after_those_that_came(machine, empty_database_url):
    machine.sql("UPDATE audit SET id = id + 1000")
    assert await asyncio.to_thread(machine.move, empty_database_url) == 0
    async with opened(empty_database_url) as store:
        await store.audit.note(None, "first")
        await store.audit.note(None, "second")
        found = await store.database.all(sa.select(schema.audit).order_by(schema.audit.c.id.desc()))
    assert [row["action"] for row in found[:2]] == ["second", "first"]
    assert [found[0]["id"] - row["id"] for row in found[:3]] == [0, 1, 2]


@pytest.mark.postgresql
def test_there_and_back_all_is_the_same(machine, postgresql, tmp_path):
    before = rows(machine.url)
    back = empty_sqlite(tmp_path / "back.sqlite3")
    with postgresql.empty() as url:
        assert machine.move(url) == 0
        assert machine.move(back, "--database-url", url) == 0
        assert rows(url) == before
    assert rows(back) == before


def test_nothing_is_changed_where_it_was(machine, tmp_path):
    before = machine.content()
    assert machine.move(empty_sqlite(tmp_path / "to.sqlite3")) == 0
    assert machine.content() == before


def test_what_a_killed_server_had_not_yet_written_to_the_file_is_moved(machine, tmp_path):
    killed = tmp_path / "killed"
    with closing(sqlite3.connect(machine.file)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        with writing:
            writing.execute("UPDATE users SET name = 'in the log' WHERE name = 'ben'")
        shutil.copytree(machine.data, killed)  # with its log, as after a kill
    to = empty_sqlite(tmp_path / "to.sqlite3")
    assert replace(machine, data=killed).move(to) == 0
    assert "in the log" in {user["name"] for user in rows(to)["users"]}


# What is refused


def test_a_target_that_has_rows_is_refused_and_left_alone(machine, database_url, capsys):
    async def add():
        async with opened(database_url) as store:
            await store.users.add("somebody", "hash")

    asyncio.run(add())
    before = rows(database_url)
    assert machine.move(database_url) == 2
    assert "is not empty (rows in users: 1). Nothing in it was changed." in said(capsys)
    assert rows(database_url) == before


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("pg", marks=pytest.mark.postgresql)])
def test_a_source_that_a_server_has_open_is_refused(machine, kind, request, tmp_path, capsys):
    to = empty_sqlite(tmp_path / "to.sqlite3")

    async def move_while_open(url):
        async with opened(url):
            return await asyncio.to_thread(machine.move, to, "--database-url", url)

    if kind == "sqlite":
        assert asyncio.run(move_while_open(machine.url)) == 2
    else:
        with request.getfixturevalue("postgresql").migrated() as url:
            assert asyncio.run(move_while_open(url)) == 2
    assert "is in use. Stop the server, and whatever else has it open" in said(capsys)
    assert not (tmp_path / "to.sqlite3").exists()


async def test_while_all_is_moved_no_server_gets_at_the_file(machine):
    async with source.opened(machine.url):
        with (
            closing(sqlite3.connect(machine.file, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="database is locked"),
        ):
            other.execute("SELECT * FROM users")


@pytest.mark.parametrize("version", ["0003", "9999"])
def test_a_source_of_another_version_is_refused_and_left_alone(machine, tmp_path, capsys, version):
    machine.sql(f"UPDATE alembic_version SET version_num = '{version}'")
    before = machine.content()
    assert machine.move(empty_sqlite(tmp_path / "to.sqlite3")) == 2
    assert "bring it to this version's form with: posesim user list" in said(capsys)
    assert machine.content() == before


def test_a_folder_without_a_database_is_named_and_nothing_made_in_it(tmp_path, capsys):
    to = empty_sqlite(tmp_path / "to.sqlite3")
    assert main(["move", "--data", str(tmp_path / "none"), "--to-database", to]) == 2
    assert "There is no database sqlite+aiosqlite:///" in said(capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_named(machine, tmp_path, capsys):
    machine.file.write_bytes(b"no database, whatever its name says" * 99)
    assert machine.move(empty_sqlite(tmp_path / "to.sqlite3")) == 2
    assert "can't be read: file is not a database. Check --data" in said(capsys)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Say where to: --to-database postgresql://"),
        (("--to-database", "{source}"), "Source and target are one database."),
        (("--to-database", "mysql://host/name"), "A database mysql:// can't be used;"),
        (
            ("--to-database", "{target}", "--to-objects", "bucket"),
            "--to-objects must look like s3://bucket",
        ),
        (
            ("--to-database", "{target}", "--objects", "s3://one", "--to-objects", "s3://one"),
            "The files are in that bucket already.",
        ),
    ],
)
def test_options_that_make_no_sense_are_a_sentence(machine, tmp_path, capsys, options, sentence):
    places = {"source": machine.url, "target": empty_sqlite(tmp_path / "to.sqlite3")}
    options = [option.format(**places) for option in options]
    assert main(["move", "--data", str(machine.data), *options]) == 2
    assert said(capsys).startswith(f"posesim: {sentence}")


def test_the_target_can_be_named_where_no_list_of_processes_shows_it(
    machine, tmp_path, monkeypatch
):
    to = empty_sqlite(tmp_path / "to.sqlite3")
    monkeypatch.setenv("POSESIM_TO_DATABASE_URL", to)
    assert main(["move", "--data", str(machine.data)]) == 0
    assert counts(to) == counts(machine.url)


# What fails in the middle


def test_a_row_that_the_target_refuses_leaves_it_empty(machine, empty_database_url, capsys):
    machine.sql(OF_NOBODY)
    assert machine.move(empty_database_url) == 2
    assert "The table cues can't be moved: " in said(capsys)
    assert counts(empty_database_url) == EMPTY
    machine.sql("DELETE FROM cues WHERE session_id = 'of nobody'")
    assert machine.move(empty_database_url) == 0
    assert rows(empty_database_url) == rows(machine.url)


@pytest.mark.postgresql
def test_what_only_sqlite_takes_is_told_with_its_table(machine, postgresql, capsys):
    machine.sql(f"UPDATE exercises SET name = '{'x' * 81}' WHERE name = 'Lunge'")
    with postgresql.migrated() as url:
        assert machine.move(url) == 2
        told = said(capsys)
        assert "The table exercises can't be moved: " in told
        assert "value too long for type character varying(80)" in told
        assert counts(url) == EMPTY


# Files


@pytest.fixture
def bucket(s3):
    return s3.bucket()


def to_objects(bucket) -> list[str]:
    return ["--to-objects", bucket.url, "--to-objects-endpoint", bucket.s3.endpoint]


def put(bucket, tmp_path, key: str, content: bytes) -> None:
    """Keep something there as somebody else does."""
    (tmp_path / "file").write_bytes(content)

    async def upload():
        objects = await open_objects(tmp_path, bucket.url, endpoint=bucket.s3.endpoint)
        await objects.upload(key, tmp_path / "file")

    asyncio.run(upload())


def in_bucket(bucket, key: str) -> bytes:
    return (bucket.s3.folder / bucket.name / bucket.prefix / key).read_bytes()


def known(machine) -> set[str]:
    """The keys of what rows know: not what somebody left who has no account any more."""
    return {key for key in machine.keys if "somebody-who-left" not in key}


@pytest.mark.postgresql
async def test_who_was_signed_in_goes_on_with_all_that_is_theirs(
    machine, postgresql, bucket, tmp_path, capsys
):
    """On another machine, which has the secret of this one and nothing else."""
    with postgresql.empty() as url:
        assert await asyncio.to_thread(machine.move, url, *to_objects(bucket)) == 0
        told = capsys.readouterr().out
        assert f"Moved {len(known(machine))} files (" in told
        assert "0 of them were there already." in told
        assert "Files that no row knows, left where they are: 1." in told
        assert f"posesim serve --data {machine.data} --objects {bucket.url}" in told
        assert postgresql.password not in told
        other = tmp_path / "other"
        other.mkdir()
        shutil.copy(machine.data / "secret", other)
        headers = {"Authorization": f"Bearer {machine.token}"}
        async with running(other, database_url=url, **bucket.options) as server:
            path = f"/v1/exercises/{machine.exercise_id}"
            async with server.client.get(path, headers=headers) as answer:
                exercise = await answer.json()
            async with server.client.get(f"{path}/clip", headers=headers) as answer:
                assert answer.content_type == "video/mp4"
                assert await answer.read() == machine.clip
        assert (exercise["name"], exercise["state"]) == (ROUND, "ready")


def test_of_the_files_those_that_rows_know_are_in_the_bucket(machine, bucket, tmp_path):
    assert machine.move(empty_sqlite(tmp_path / "to.sqlite3"), *to_objects(bucket)) == 0
    assert bucket.content() == known(machine)
    for key in known(machine):
        assert in_bucket(bucket, key) == (machine.data / key).read_bytes()


def test_after_a_failure_files_that_are_there_are_not_sent_again(machine, bucket, tmp_path, capsys):
    to = empty_sqlite(tmp_path / "to.sqlite3")
    machine.sql(OF_NOBODY)
    assert machine.move(to, *to_objects(bucket)) == 2
    assert bucket.content() == known(machine)
    # One was changed meanwhile, and is as long as before; one is not the source's.
    machine.sql("DELETE FROM cues WHERE session_id = 'of nobody'")
    (lunge,) = (key for key in known(machine) if f"{'a' * 64}/clip" in key)
    put(bucket, tmp_path, lunge, b"a bunge")
    put(bucket, tmp_path, "jobs/gone/video", b"x")
    capsys.readouterr()
    assert machine.move(to, *to_objects(bucket)) == 0
    told = capsys.readouterr().out
    assert f"{len(known(machine)) - 1} of them were there already." in told
    assert "Other files in the bucket: 1." in told
    assert in_bucket(bucket, lunge) == b"a lunge"


def test_a_clip_that_is_missing_stops_all_before_anything_is_moved(
    machine, bucket, tmp_path, capsys
):
    to = empty_sqlite(tmp_path / "to.sqlite3")
    (clip,) = (path for path in machine.clips if path.read_bytes() == b"a lunge")
    clip.rename(tmp_path / "aside")
    assert machine.move(to, *to_objects(bucket)) == 2
    key = clip.relative_to(machine.data).as_posix()
    assert f"Clips that are missing where files are kept: 1, such as {key}. Nothing" in said(capsys)
    assert bucket.content() == set()
    assert counts(to) == EMPTY
    (tmp_path / "aside").rename(clip)
    assert machine.move(to, *to_objects(bucket)) == 0
    assert counts(to) == counts(machine.url)


def test_files_can_go_from_one_bucket_to_another(machine, s3, tmp_path):
    first, second = s3.bucket(), s3.bucket()
    one, two = (empty_sqlite(tmp_path / f"{name}.sqlite3") for name in ("one", "two"))
    assert machine.move(one, *to_objects(first)) == 0
    options = ["--database-url", one, *first.arguments, *to_objects(second)]
    assert machine.move(two, *options) == 0
    assert second.content() == first.content() == known(machine)
