"""Calls in the database: one link for one person, and what remains for two."""

import asyncio
import hashlib
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from histories import whole_session

from posesim_server import schema
from posesim_server.database import StoreError, new_id
from posesim_server.migrating import MIGRATIONS
from posesim_server.store import Store
from posesim_server.store.calls import (
    MOST_EXERCISES,
    NoCall,
    NotToShow,
    OwnCall,
    TooManyCalls,
    TooManyMarks,
)
from posesim_server.store.users import NameTaken, User

WEEK = timedelta(days=7)
SOON = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
NOBODY = "00000000-0000-4000-8000-000000000000"


class World:
    """A coach, a member, and somebody else of either kind."""

    def __init__(self, store, carla, anna, carlo, ben):
        self.store, self.calls = store, store.calls
        self.carla, self.anna, self.carlo, self.ben = carla, anna, carlo, ben

    async def call(self, coach=None, *, lifetime=WEEK, title="Knee"):
        coach = coach or self.carla
        return await self.calls.add(coach.id, title=title, starts_at=SOON, lifetime=lifetime)

    async def joined(self, member=None, coach=None):
        _, token = await self.call(coach)
        return await self.calls.accept(token, (member or self.anna).id)

    async def exercise(self, owner=None, visibility="private"):
        made = await self.store.exercises.add(
            (owner or self.carla).id,
            name="Squat",
            clip_sha256="0" * 64,
            clip_type="video/mp4",
            duration_s=4.0,
        )
        return await self.store.exercises.change(made.user_id, made.id, {"visibility": visibility})

    async def session(self, call, seed=1, **values):
        whole = whole_session(call.member_id, seed)
        session = replace(whole.session, call_id=call.id, in_call=True, **values)
        await self.store.sessions.add_whole([replace(whole, session=session)])
        return session

    async def set_role(self, user, role):
        statement = sa.update(schema.users).where(schema.users.c.id == user.id)
        await self.store.database.change(statement.values(role=role))


@pytest.fixture
async def world(database_url):
    store = await Store.open(database_url)
    add = store.users.add
    people = [await add("carla", "h", "coach"), await add("anna", "h")]
    people += [await add("carlo", "h", "coach"), await add("ben", "h")]
    yield World(store, *people)
    await store.close()


# The link


async def test_of_a_link_only_its_hash_is_kept(world):
    call, token = await world.call()
    row = await world.store.database.first(sa.select(schema.calls))
    assert row["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(row)
    assert (call.coach_name, call.member_id, call.title, call.starts_at) == (
        "carla",
        None,
        "Knee",
        SOON,
    )


async def test_a_link_says_whose_call_it_is(world):
    call, token = await world.call()
    found = await world.calls.find(token)
    assert (found.id, found.coach_name, found.title) == (call.id, "carla", "Knee")
    assert (found.starts_at, found.expires_at) == (SOON, call.expires_at)


async def test_a_link_is_good_for_one_person_once(world):
    _, token = await world.call()
    call = await world.calls.accept(token, world.anna.id)
    assert (call.member_id, call.member_name) == (world.anna.id, "anna")
    for again in (world.ben, world.anna):
        with pytest.raises(NoCall):
            await world.calls.accept(token, again.id)
    with pytest.raises(NoCall):
        await world.calls.find(token)
    assert (await world.calls.get(world.carla.id, call.id)).member_id == world.anna.id
    assert (await world.store.database.first(sa.select(schema.calls)))["token_sha256"] is None


async def test_of_many_who_come_at_once_one_gets_the_call(world):
    _, token = await world.call()
    people = [await world.store.users.add(f"u{n}", "h") for n in range(8)]
    came = await asyncio.gather(
        *(world.calls.accept(token, person.id) for person in people), return_exceptions=True
    )
    (call,) = (one for one in came if not isinstance(one, Exception))
    assert sum(isinstance(one, NoCall) for one in came) == 7
    assert (await world.calls.get(world.carla.id, call.id)).member_id == call.member_id


@pytest.mark.parametrize("why", ["guessed", "expired", "withdrawn", "ended", "coach is gone"])
async def test_what_can_not_be_joined_looks_alike(world, why):
    call, token = await world.call(lifetime=-WEEK if why == "expired" else WEEK)
    if why == "guessed":
        token = token[::-1]
    if why == "withdrawn":
        assert await world.calls.delete(world.carla.id, call.id)
    if why == "ended":
        assert await world.calls.end(call.id)
    if why == "coach is gone":
        await world.store.users.remove("carla")
    with pytest.raises(NoCall, match=r"^This link is not valid\. It may have been used"):
        await world.calls.find(token)
    with pytest.raises(NoCall, match=r"^This link is not valid\. It may have been used"):
        await world.calls.accept(token, world.anna.id)


async def test_a_coach_does_not_join_the_own_call_and_the_link_stays_good(world):
    _, token = await world.call()
    with pytest.raises(OwnCall, match="Send its link to the person you want to see"):
        await world.calls.accept(token, world.carla.id)
    assert (await world.calls.accept(token, world.anna.id)).member_name == "anna"


async def test_a_coach_can_be_the_member_of_another_coach_s_call(world):
    call = await world.joined(world.carlo)
    assert (await world.calls.get(world.carlo.id, call.id)).member_name == "carlo"


async def test_who_has_no_account_any_more_uses_no_link_up(world):
    _, token = await world.call()
    with pytest.raises(NoCall):
        await world.calls.accept(token, NOBODY)
    assert await world.calls.find(token)


async def test_a_newcomer_gets_account_and_call_or_neither(world):
    _, token = await world.call()

    def newcomer(name):
        return User(new_id(), name, "h", "member", datetime.now(UTC))

    with pytest.raises(NameTaken):
        await world.calls.accept_as_newcomer(token, newcomer("ben"))
    mia = newcomer("mia")
    call = await world.calls.accept_as_newcomer(token, mia)
    assert (call.member_id, call.member_name) == (mia.id, "mia")
    with pytest.raises(NoCall):
        await world.calls.accept_as_newcomer(token, newcomer("max"))
    assert await world.store.users.by_name("max") is None


async def test_a_coach_can_not_pile_up_links(world, monkeypatch):
    monkeypatch.setattr("posesim_server.store.calls.MOST_OPEN", 2)
    await world.call(lifetime=-WEEK)  # this one is over
    await world.joined()  # and this one used
    await world.call()
    call, _ = await world.call()
    with pytest.raises(TooManyCalls, match="You have 2 calls that nobody joined yet"):
        await world.call()
    assert len(await world.calls.of(world.carla.id, limit=10)) == 4
    await world.calls.delete(world.carla.id, call.id)
    await world.call()


# Whose it is


async def test_a_call_is_there_for_its_two_people_alone(world):
    call = await world.joined()
    for person in (world.carla, world.anna):
        assert (await world.calls.get(person.id, call.id)).id == call.id
        assert [one.id for one in await world.calls.of(person.id, limit=10)] == [call.id]
    for person in (world.carlo, world.ben):
        assert await world.calls.get(person.id, call.id) is None
        assert await world.calls.of(person.id, limit=10) == []
        assert await world.calls.change(person.id, call.id, {"title": "Mine"}) is None
        assert not await world.calls.delete(person.id, call.id)


async def test_calls_come_newest_first_and_page_by_page(world):
    made = [(await world.call(title=str(number)))[0] for number in range(3)]
    listed = await world.calls.of(world.carla.id, limit=2)
    assert [call.title for call in listed] == ["2", "1"]
    rest = await world.calls.of(world.carla.id, limit=2, before=listed[-1].created_at)
    assert [call.title for call in rest] == ["0"]
    assert made[0].id == rest[0].id


async def test_who_is_no_coach_any_more_has_no_calls_but_those_joined(world):
    call = await world.joined()
    await world.set_role(world.carla, "member")
    assert await world.calls.get(world.carla.id, call.id) is None
    assert await world.calls.of(world.carla.id, limit=10) == []
    assert not await world.calls.delete(world.carla.id, call.id)
    assert (await world.calls.get(world.anna.id, call.id)).coach_name == "carla"


async def test_a_member_changes_nothing_of_a_call(world):
    call = await world.joined()
    assert await world.calls.change(world.anna.id, call.id, {"notes": "All well"}) is None
    assert (await world.calls.get(world.anna.id, call.id)).notes == ""


async def test_a_coach_changes_title_time_and_notes(world):
    call = await world.joined()
    values = {"title": "Hip", "starts_at": None, "notes": "Less deep."}
    changed = await world.calls.change(world.carla.id, call.id, values)
    assert (changed.title, changed.starts_at, changed.notes) == ("Hip", None, "Less deep.")
    assert await world.calls.get(world.anna.id, call.id) == changed
    assert await world.calls.change(world.carla.id, call.id, {}) == changed


# Its course


async def test_a_member_is_admitted_and_sent_out_until_the_call_ends(world):
    call = await world.joined()

    async def admitted_at():
        return (await world.calls.get(world.carla.id, call.id)).admitted_at

    assert await admitted_at() is None
    await world.calls.admit(call.id)
    assert await admitted_at() is not None
    await world.calls.dismiss(call.id)
    assert await admitted_at() is None
    assert await world.calls.end(call.id)
    assert not await world.calls.end(call.id)
    await world.calls.admit(call.id)
    assert await admitted_at() is None


async def test_all_calls_of_somebody_end_and_no_others(world):
    joined, other = await world.joined(), await world.joined(world.ben, world.carlo)
    waiting, token = await world.call()
    assert await world.calls.end_of_member(world.anna.id) == [joined.id]
    assert await world.calls.end_of_coach(world.carla.id) == {waiting.id: None}
    with pytest.raises(NoCall):
        await world.calls.find(token)
    assert (await world.calls.get(world.ben.id, other.id)).ended_at is None


# The program


async def test_a_program_keeps_its_order_and_may_have_an_exercise_twice(world):
    call = await world.joined()
    first, second = await world.exercise(), await world.exercise()
    await world.calls.set_program(call.id, [second.id, first.id, second.id])
    program = await world.calls.program(call.id)
    assert [each.id for each in program] == [second.id, first.id, second.id]
    assert (program[0].owner_name, program[0].clip_sha256) == ("carla", "0" * 64)
    await world.calls.set_program(call.id, [first.id])
    assert [each.id for each in await world.calls.program(call.id)] == [first.id]
    await world.calls.set_program(call.id, [])
    assert await world.calls.program(call.id) == []


async def test_a_deleted_exercise_leaves_the_program(world):
    call = await world.joined()
    first, second = await world.exercise(), await world.exercise()
    await world.calls.set_program(call.id, [first.id, second.id])
    await world.store.exercises.delete(world.carla.id, first.id)
    assert [each.id for each in await world.calls.program(call.id)] == [second.id]


@pytest.mark.parametrize("whose", ["member's", "other coach's", "for members", "nobody's"])
async def test_a_coach_shows_nothing_private_of_somebody_else(world, whose):
    call, kept = await world.joined(), await world.exercise()
    await world.calls.set_program(call.id, [kept.id])
    match whose:
        case "member's":
            exercise_id = (await world.exercise(world.anna)).id
        case "other coach's":
            exercise_id = (await world.exercise(world.carlo)).id
        case "for members":  # of a coach by whom the caller is coached
            await world.store.coachings.add(world.carlo.id, world.carla.id)
            exercise_id = (await world.exercise(world.carlo, "members")).id
        case _:
            exercise_id = NOBODY
    with pytest.raises(NotToShow, match="Choose one of your own"):
        await world.calls.set_program(call.id, [kept.id, exercise_id])
    assert [each.id for each in await world.calls.program(call.id)] == [kept.id]


async def test_a_coach_shows_what_others_show_to_everyone(world):
    call, shown = await world.joined(), await world.exercise(world.carlo, "everyone")
    await world.calls.set_program(call.id, [shown.id])
    assert [each.id for each in await world.calls.program(call.id)] == [shown.id]


async def test_a_program_has_an_end(world):
    call, exercise = await world.joined(), await world.exercise()
    await world.calls.set_program(call.id, [exercise.id] * MOST_EXERCISES)
    with pytest.raises(ValueError, match="at most 30, got 31"):
        await world.calls.set_program(call.id, [exercise.id] * (MOST_EXERCISES + 1))


async def test_a_program_of_a_deleted_call_is_refused(world):
    exercise = await world.exercise()
    with pytest.raises(StoreError, match="This call was deleted"):
        await world.calls.set_program(NOBODY, [exercise.id])


# Marks and counts


async def test_marks_come_in_the_order_of_their_moments(world):
    call = await world.joined()
    session = await world.session(call)
    late = await world.calls.add_mark(call.id, note="Knee in", session_id=session.id, t_s=12.5)
    early = await world.calls.add_mark(call.id, note="Hello", at=late.at - timedelta(seconds=9))
    assert await world.calls.marks(call.id) == [early, late]
    assert (late.session_id, late.t_s, early.session_id) == (session.id, 12.5, None)
    assert await world.calls.delete_mark(call.id, early.id)
    assert not await world.calls.delete_mark(call.id, early.id)
    assert await world.calls.marks(call.id) == [late]


async def test_a_mark_is_of_its_own_call(world):
    call, other = await world.joined(), await world.joined(world.ben, world.carlo)
    mark, theirs = await world.calls.add_mark(call.id, note="x"), await world.session(other)
    assert not await world.calls.delete_mark(other.id, mark.id)
    with pytest.raises(StoreError, match="none of the call"):
        await world.calls.add_mark(call.id, note="x", session_id=theirs.id)
    with pytest.raises(StoreError, match="This call was deleted"):
        await world.calls.add_mark(NOBODY, note="x")
    assert await world.calls.marks(call.id) == [mark]


async def test_marks_can_not_be_piled_up(world, monkeypatch):
    monkeypatch.setattr("posesim_server.store.calls.MOST_MARKS", 1)
    call = await world.joined()
    await world.calls.add_mark(call.id, note="x")
    with pytest.raises(TooManyMarks, match="at most 1 marks"):
        await world.calls.add_mark(call.id, note="y")


async def test_a_deleted_session_leaves_its_marks_without_it(world):
    call = await world.joined()
    session = await world.session(call)
    await world.calls.add_mark(call.id, note="Knee in", session_id=session.id, t_s=3.0)
    assert await world.store.sessions.remove(world.anna.id, session.id)
    (mark,) = await world.calls.marks(call.id)
    assert (mark.note, mark.session_id) == ("Knee in", None)


async def test_a_coach_corrects_a_count_of_the_own_call_alone(world):
    call, other = await world.joined(), await world.joined(world.ben, world.carlo)
    session = await world.session(call)
    assert await world.calls.correct(call.id, session.id, 12)
    assert not await world.calls.correct(other.id, session.id, 3)
    (kept,) = await world.calls.sessions(call.id)
    assert kept.corrected_repetitions == 12
    assert kept.summary == session.summary
    assert await world.calls.correct(call.id, session.id, None)
    assert (await world.calls.sessions(call.id))[0].corrected_repetitions is None


# Its sessions


async def test_sessions_of_a_call_are_the_member_s_and_come_oldest_first(world):
    call, exercise = await world.joined(), await world.exercise()
    first = await world.store.sessions.add(world.anna.id, exercise, call_id=call.id)
    shown = await world.store.sessions.add_demonstrated(
        world.anna.id, "Shown by carla", call_id=call.id
    )
    await world.store.sessions.add(world.anna.id, exercise)
    assert await world.calls.sessions(call.id) == [first, shown]
    assert (first.call_id, first.in_call) == (call.id, True)
    assert (shown.exercise_id, shown.exercise_name, shown.kind) == (
        None,
        "Shown by carla",
        "repetitions",
    )
    assert await world.store.sessions.of_call(call.id) == []  # none has ended
    await world.store.sessions.end(shown.id, "left", None)
    assert [w.session.id for w in await world.store.sessions.of_call(call.id)] == [shown.id]


async def test_no_session_is_made_in_a_call_that_is_gone(world):
    exercise = await world.exercise()
    with pytest.raises(StoreError, match=r"deleted, or the call\. Choose another one"):
        await world.store.sessions.add(world.anna.id, exercise, call_id=NOBODY)
    with pytest.raises(StoreError, match="or the call"):
        await world.store.sessions.add_demonstrated(world.anna.id, "x", call_id=NOBODY)
    assert await world.store.sessions.of_user(world.anna.id, limit=10) == []


@pytest.mark.parametrize("by", ["coach", "member"])
async def test_a_deleted_call_leaves_its_sessions_to_the_member_and_hidden_from_coaches(world, by):
    call, exercise = await world.joined(), await world.exercise()
    await world.store.coachings.add(world.carlo.id, world.anna.id)
    session = await world.session(call, corrected_repetitions=12)
    await world.calls.set_program(call.id, [exercise.id])
    await world.calls.add_mark(call.id, note="x", session_id=session.id)
    user = world.carla if by == "coach" else world.anna
    assert await world.calls.delete(user.id, call.id)
    kept = await world.store.sessions.get(world.anna.id, session.id)
    assert kept == replace(session, call_id=None)
    assert await world.store.sessions.of_user(world.anna.id, limit=5, by_coach=True) == []
    (member,) = await world.store.coachings.members(world.carlo.id)
    assert (member.last_session_at, member.sessions_7d) == (None, 0)
    for table in (schema.calls, schema.call_marks, schema.call_exercises):
        assert await world.store.database.all(sa.select(table)) == []


async def test_with_its_member_everything_of_a_call_goes(world):
    call = await world.joined()
    session = await world.session(call)
    await world.calls.add_mark(call.id, note="x", session_id=session.id)
    await world.store.users.remove("anna")
    for table in (schema.calls, schema.call_marks, schema.sessions):
        assert await world.store.database.all(sa.select(table)) == []


async def test_with_its_coach_a_call_goes_and_its_sessions_stay(world):
    call = await world.joined()
    session = await world.session(call)
    await world.store.users.remove("carla")
    assert await world.calls.of(world.anna.id, limit=5) == []
    kept = await world.store.sessions.get(world.anna.id, session.id)
    assert (kept.call_id, kept.in_call) == (None, True)


# What coaches see, apart from calls


async def test_no_figure_of_a_coach_counts_sessions_of_calls(world):
    await world.store.coachings.add(world.carla.id, world.anna.id)
    call = await world.joined()  # with the very same coach
    at = datetime.now(UTC)
    await world.session(call, seed=1, created_at=at, started_at=at)
    assert [m.sessions_7d for m in await world.store.coachings.members(world.carla.id)] == [0]
    whole = whole_session(world.anna.id, 2)
    begun = at - timedelta(days=2)
    alone = replace(whole.session, created_at=begun, started_at=begun)
    await world.store.sessions.add_whole([replace(whole, session=alone)])
    (member,) = await world.store.coachings.members(world.carla.id)
    assert (member.sessions_7d, member.last_session_at) == (1, begun)
    assert member.mean_score_7d == pytest.approx(alone.summary["score"])
    since = at - timedelta(days=9)
    trained = world.store.progress.trained
    assert len(await trained(world.anna.id, since)) == 2
    assert [each.at for each in await trained(world.anna.id, since, by_coach=True)] == [begun]


async def test_progress_and_plan_count_what_the_coach_counted(world):
    call, exercise = await world.joined(), await world.exercise()
    at = datetime.now(UTC)
    await world.session(call, created_at=at, corrected_repetitions=3, exercise_id=exercise.id)
    span = at - timedelta(days=1), at + timedelta(days=1)
    (trained,) = await world.store.progress.trained(world.anna.id, span[0])
    assert trained.repetitions == 3
    done = await world.store.plans.done(world.anna.id, [exercise.id], *span)
    assert done[exercise.id].repetitions == 3


# From an earlier version


async def test_what_0002_kept_is_there_and_belongs_to_no_call(tmp_path):
    """The database of before calls, with rows in what refers to what is changed."""
    migrations = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, migrations)
    for later in (migrations / "versions").glob("0*.py"):
        if later.name > "0003":
            later.unlink()
    url = f"sqlite+aiosqlite:///{tmp_path / 'db.sqlite3'}"
    await (await Store.open(url, migrations)).close()
    whole = whole_session("u", 1)
    moment = "2026-11-23 17:30:00.000000"
    with sqlite3.connect(tmp_path / "db.sqlite3") as old:
        old.execute(
            "INSERT INTO users (id, name, password_hash, role, created_at) "
            f"VALUES ('u', 'anna', 'h', 'member', '{moment}')"
        )
        old.execute(
            "INSERT INTO sessions (id, user_id, exercise_name, state, created_at, ended_at) "
            f"VALUES ('s', 'u', 'Squat', 'ended', '{moment}', '{moment}')"
        )
        row = whole.parts.scores[0]
        old.execute(
            "INSERT INTO scores (session_id, seq, t_s, state) VALUES ('s', 0, ?, ?)",
            (row.t_s, row.state),
        )
        old.execute(
            "INSERT INTO jobs (id, user_id, state, video_name, reference_name, created_at, "
            f"session_id) VALUES ('j', 'u', 'done', 'a', 'b', '{moment}', 's')"
        )
    old.close()
    store = await Store.open(url)
    kept = await store.sessions.whole("u", "s", by_coach=True)
    assert (kept.session.exercise_name, kept.session.call_id) == ("Squat", None)
    assert (kept.session.in_call, kept.session.corrected_repetitions) == (False, None)
    assert [each.t_s for each in kept.parts.scores] == [row.t_s]
    (job,) = await store.database.all(sa.select(schema.jobs))
    assert job["session_id"] == "s"
    # The column that was added refers to calls as the others refer to what is theirs.
    carla = await store.users.add("carla", "h", "coach")
    call, token = await store.calls.add(carla.id, title="Knee", starts_at=None, lifetime=WEEK)
    await store.calls.accept(token, "u")
    change = sa.update(schema.sessions).values(call_id=call.id)
    await store.database.change(change)
    assert [each.id for each in await store.calls.sessions(call.id)] == ["s"]
    await store.calls.delete(carla.id, call.id)
    assert (await store.sessions.get("u", "s")).call_id is None
    with pytest.raises(sa.exc.IntegrityError):
        await store.database.change(sa.update(schema.sessions).values(call_id=NOBODY))
    await store.close()
