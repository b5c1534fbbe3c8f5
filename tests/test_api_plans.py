"""Plans: what a coach asks a member to train, and what of it the member has done today."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from posesim_server import schema
from posesim_server.api.plans import AssignmentChange, DayQuery, NewAssignment
from posesim_server.keys import STORE
from posesim_server.problems import Problem, parse
from posesim_server.store import plans
from server import problem, running

MISSING = "00000000-0000-4000-8000-000000000000"
MONDAY = date(2026, 11, 23)
WEEK = [MONDAY + timedelta(days=n) for n in range(7)]


class World:
    """A server with the coach cora and her member anna."""

    def __init__(self, server, cora):
        self.server, self.cora, self.anna = server, cora, server.user
        self.store = server.app[STORE]

    async def call(self, method, path, user, status=200, **body):
        """Call the API; return what it answers, or its sentence."""
        body = {"json": body} if method in ("POST", "PATCH") else {}
        headers = self.server.headers_of(user)
        response = await self.server.client.request(method, path, headers=headers, **body)
        if status >= 400:
            return await problem(response, status)
        assert response.status == status, await response.text()
        return await response.json() if status != 204 else None

    async def exercise(self, owner=None, name="Squat", **values):
        """An exercise without a clip."""
        owner = owner or self.cora
        made = await self.store.exercises.add(
            owner.id, name=name, clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
        )
        return await self.store.exercises.change(owner.id, made.id, {"state": "ready", **values})

    async def plan(self, exercise, status=201, coach=None, member=None, **values):
        path = f"/v1/members/{(member or self.anna).id}/assignments"
        values = {"exercise_id": exercise.id, "starts_on": "2026-01-01", **values}
        return await self.post(path, coach or self.cora, status, values)

    async def post(self, path, user, status, values):
        return await self.call("POST", path, user, status, **values)

    async def planned(self):
        path = f"/v1/members/{self.anna.id}/assignments"
        return (await self.call("GET", path, self.cora))["assignments"]

    async def today(self, day=MONDAY, **query):
        query = "&".join(f"{name}={value}" for name, value in ({"date": day} | query).items())
        return (await self.call("GET", f"/v1/today?{query}", self.anna))["items"]

    async def names(self, day=MONDAY):
        return [item["assignment"]["exercise"]["name"] for item in await self.today(day)]

    async def train(self, exercise, at, user=None, **summary):
        """A session that was made at some moment and came to something."""
        session = await self.store.sessions.add((user or self.anna).id, exercise)
        nothing = {"score": None, "scored_s": 0.0, "repetitions": 0, "held_s": None}
        await self.store.sessions.end(session.id, "left", nothing | summary)
        table = schema.sessions
        moved = sa.update(table).where(table.c.id == session.id).values(created_at=at)
        await self.store.database.change(moved)


@pytest.fixture
async def world(tmp_path, database_url):
    async with running(tmp_path, database_url=database_url) as server:
        world = World(server, await server.add_user("cora", "coach"))
        await world.store.coachings.add(world.cora.id, world.anna.id)
        yield world


# Planning


async def test_what_is_planned_is_shown_as_it_was_said(world):
    exercise = await world.exercise(kind="hold", target=20)
    planned = await world.plan(
        exercise,
        target=30,
        note=" Breathe.\r\nBack straight. ",
        weekdays=[5, 1, 3, 1],
        starts_on="2026-11-23",
        ends_on="2026-12-31",
    )
    assert planned == {
        "id": planned["id"],
        "exercise": {
            "id": exercise.id,
            "name": "Squat",
            "kind": "hold",
            "duration_s": 8.4,
            "thumbnail_url": f"/v1/exercises/{exercise.id}/thumbnail",
        },
        "member": {"id": world.anna.id, "name": "anna"},
        "coach": {"id": world.cora.id, "name": "cora"},
        "target": 30,
        "note": "Breathe.\nBack straight.",
        "weekdays": [1, 3, 5],
        "starts_on": "2026-11-23",
        "ends_on": "2026-12-31",
        "position": 0,
    }
    assert await world.planned() == [planned]


async def test_without_more_words_an_exercise_is_planned_for_every_day_from_now_on(world):
    before = datetime.now(UTC)
    exercise = await world.exercise()
    path = f"/v1/members/{world.anna.id}/assignments"
    planned = await world.post(path, world.cora, 201, {"exercise_id": exercise.id})
    assert planned["weekdays"] == [1, 2, 3, 4, 5, 6, 7]
    assert (planned["target"], planned["note"], planned["ends_on"]) == (None, "", None)
    for offset_min in (-720, 0, 840):  # wherever the member lives
        items = (await world.call("GET", f"/v1/today?utc_offset_min={offset_min}", world.anna))[
            "items"
        ]
        assert [item["assignment"]["id"] for item in items] == [planned["id"]]
    assert date.fromisoformat(planned["starts_on"]) >= (before - timedelta(hours=12)).date()


async def test_what_is_planned_comes_in_the_order_in_which_it_was_planned(world):
    for name in ("Squat", "Lunge", "Plank"):
        await world.plan(await world.exercise(name=name))
    assert [each["position"] for each in await world.planned()] == [0, 1, 2]
    assert await world.names() == ["Squat", "Lunge", "Plank"]


async def test_what_is_planned_at_once_gets_places_of_its_own(world):
    exercise = await world.exercise()
    await asyncio.gather(*(world.plan(exercise) for _ in range(5)))
    assert [each["position"] for each in await world.planned()] == [0, 1, 2, 3, 4]


async def test_a_plan_can_be_changed_and_the_rest_stays(world):
    planned = await world.plan(await world.exercise(), target=10, ends_on="2026-12-31")
    path = f"/v1/assignments/{planned['id']}"
    new = {"target": None, "ends_on": None, "note": "Slower.", "weekdays": [7, 6], "position": 4}
    changed = await world.call("PATCH", path, world.cora, **new)
    assert changed == planned | new | {"weekdays": [6, 7]}
    assert await world.call("PATCH", path, world.cora) == changed
    assert await world.planned() == [changed]


async def test_what_is_taken_out_is_gone(world):
    planned = await world.plan(await world.exercise())
    path = f"/v1/assignments/{planned['id']}"
    await world.call("DELETE", path, world.cora, 204)
    assert await world.planned() == await world.today() == []
    assert "no such assignment" in await world.call("DELETE", path, world.cora, 404)


async def test_the_last_day_does_not_come_before_the_first(world):
    exercise = await world.exercise()
    days = {"starts_on": "2026-11-23", "ends_on": "2026-11-22"}
    assert "ends_on" in await world.plan(exercise, 422, **days)
    planned = await world.plan(exercise, starts_on="2026-11-23", ends_on="2026-11-23")
    path = f"/v1/assignments/{planned['id']}"
    sentence = await world.call("PATCH", path, world.cora, 422, starts_on="2026-11-24")
    assert "can't come before the first, 2026-11-24" in sentence


async def test_a_plan_is_only_so_long(world, monkeypatch):
    monkeypatch.setattr(plans, "MOST_ASSIGNMENTS", 2)
    exercise = await world.exercise()
    await world.plan(exercise)
    await world.plan(exercise)
    assert "at most" in await world.plan(exercise, 409)
    assert len(await world.planned()) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"exercise_id": "x" * 65},
        {"target": 0},
        {"target": 3601},
        {"note": "x" * 2001},
        {"note": "a\x07b"},
        {"weekdays": []},
        {"weekdays": [0]},
        {"weekdays": [8]},
        {"weekdays": [1] * 8},
        {"weekdays": "Monday"},
        {"starts_on": "1999-12-31"},
        {"starts_on": "2026-02-30"},
        {"ends_on": "9999-12-31"},
        {"coach_id": MISSING},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_and_named(values):
    body = json.dumps({"exercise_id": MISSING} | values).encode()
    with pytest.raises(Problem, match=next(iter(values))):
        parse(NewAssignment, body)


@pytest.mark.parametrize(
    "values",
    [
        {"note": None},
        {"weekdays": None},
        {"starts_on": None},
        {"position": None},
        {"position": -1},
        {"exercise_id": MISSING},
        {"member_id": MISSING},
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_named(values):
    with pytest.raises(Problem, match=next(iter(values))):
        parse(AssignmentChange, json.dumps(values).encode())


# Who may plan what for whom


async def test_a_coach_plans_for_members_alone(world):
    exercise = await world.exercise()
    ben = await world.server.add_user("ben")
    for member in (ben, world.cora):
        assert "coach nobody" in await world.plan(exercise, 404, member=member)
    path = f"/v1/members/{ben.id}/assignments"
    assert "coach nobody" in await world.call("GET", path, world.cora, 404)


async def test_a_member_plans_for_nobody(world):
    exercise = await world.exercise(world.anna)
    planned = await world.plan(await world.exercise())
    assert "Only a coach" in await world.plan(exercise, 403, coach=world.anna)
    for method in ("PATCH", "DELETE"):
        path = f"/v1/assignments/{planned['id']}"
        assert "Only a coach" in await world.call(method, path, world.anna, 403)
    assert await world.planned() == [planned]


async def test_another_coach_of_the_member_neither_sees_nor_changes_a_plan(world):
    planned = await world.plan(await world.exercise(), note="Between us.")
    carl = await world.server.add_user("carl", "coach")
    await world.store.coachings.add(carl.id, world.anna.id)
    path = f"/v1/members/{world.anna.id}/assignments"
    assert await world.call("GET", path, carl) == {"assignments": []}
    for method in ("PATCH", "DELETE"):
        path = f"/v1/assignments/{planned['id']}"
        assert "no such assignment" in await world.call(method, path, carl, 404)
    assert await world.planned() == [planned]


async def test_an_exercise_has_to_be_one_that_the_coach_may_use(world):
    carl = await world.server.add_user("carl", "coach")
    for exercise in (await world.exercise(carl), await world.exercise(world.anna)):
        assert "no such exercise" in await world.plan(exercise, 404)


async def test_what_another_coach_shows_to_everyone_can_be_planned(world):
    carl = await world.server.add_user("carl", "coach")
    await world.plan(await world.exercise(carl, visibility="everyone"))
    assert await world.names() == ["Squat"]


async def test_what_another_coach_shows_to_members_is_not_passed_on(world):
    carl = await world.server.add_user("carl", "coach")
    await world.store.coachings.add(carl.id, world.cora.id)
    for_members = await world.exercise(carl, visibility="members")
    for_cora = await world.exercise(carl)
    await world.plan(for_cora, coach=carl, member=world.cora)
    for exercise in (for_members, for_cora):
        assert "another coach's" in await world.plan(exercise, 409)


async def test_planning_for_a_member_is_in_the_log_that_the_member_reads(world):
    planned = await world.plan(await world.exercise())
    path = f"/v1/assignments/{planned['id']}"
    await world.call("PATCH", path, world.cora, note="Slower.")
    await world.call("DELETE", path, world.cora, 204)
    entries = await world.store.audit.of_user(world.anna.id, limit=3)
    assert [(entry.actor_id, entry.action, entry.object_id) for entry in entries] == [
        (world.cora.id, f"plan.{what}", planned["id"])
        for what in ("removed", "changed", "assigned")
    ]


# What ends a plan


async def test_a_plan_ends_with_the_coaching(world):
    planned = await world.plan(await world.exercise())
    await world.call("DELETE", f"/v1/coaches/{world.cora.id}", world.anna, 204)
    assert await world.today() == []
    path = f"/v1/members/{world.anna.id}/assignments"
    assert "coach nobody" in await world.call("GET", path, world.cora, 404)
    for method in ("PATCH", "DELETE"):
        path = f"/v1/assignments/{planned['id']}"
        assert "no such assignment" in await world.call(method, path, world.cora, 404)


async def test_a_plan_without_a_coaching_counts_nothing(world):
    exercise = await world.exercise(visibility="everyone")
    planned = await world.plan(exercise)
    await world.store.database.change(sa.delete(schema.coachings))
    assert await world.today() == []
    assert await world.store.plans.get(world.cora.id, planned["id"]) is None
    every_day = {"weekdays": [1], "starts_on": MONDAY, "ends_on": None, "target": None, "note": ""}
    added = await world.store.plans.add(world.cora.id, world.anna.id, exercise.id, **every_day)
    assert added is None
    left = await world.store.database.all(sa.select(schema.assignments.c.id))
    assert [row["id"] for row in left] == [planned["id"]]


async def test_the_plan_of_one_coach_stays_when_another_one_leaves(world):
    carl = await world.server.add_user("carl", "coach")
    await world.store.coachings.add(carl.id, world.anna.id)
    await world.plan(await world.exercise(name="Squat"))
    await world.plan(await world.exercise(carl, name="Lunge"), coach=carl)
    await world.call("DELETE", f"/v1/coaches/{world.cora.id}", world.anna, 204)
    assert await world.names() == ["Lunge"]


async def test_a_deleted_exercise_is_gone_from_plans(world):
    exercise = await world.exercise()
    await world.plan(exercise)
    await world.call("DELETE", f"/v1/exercises/{exercise.id}", world.cora, 204)
    assert await world.planned() == await world.today() == []


async def test_what_its_owner_shows_no_longer_is_not_asked_of_members_of_others(world):
    carl = await world.server.add_user("carl", "coach")
    exercise = await world.exercise(carl, visibility="everyone")
    await world.plan(exercise)
    path = f"/v1/exercises/{exercise.id}"
    await world.call("PATCH", path, carl, visibility="private")
    assert await world.today() == []


# Today


async def test_an_exercise_is_asked_for_on_its_days_of_the_week(world):
    await world.plan(await world.exercise(), weekdays=[1, 3, 7])
    assert [len(await world.today(day)) for day in WEEK] == [1, 0, 1, 0, 0, 0, 1]


async def test_an_exercise_is_asked_for_from_its_first_day_to_its_last(world):
    await world.plan(await world.exercise(), starts_on=f"{WEEK[2]}", ends_on=f"{WEEK[4]}")
    assert [len(await world.today(day)) for day in WEEK] == [0, 0, 1, 1, 1, 0, 0]


async def test_nobody_elses_plan_is_shown(world):
    await world.plan(await world.exercise())
    assert (await world.call("GET", f"/v1/today?date={MONDAY}", world.cora))["items"] == []


def at(hour, minute=0, day=MONDAY):
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "unit", "done", "amounts"),
    [
        ("repetitions", "repetitions", 15, {"repetitions": 15, "held_s": 99.0, "scored_s": 99.0}),
        ("hold", "seconds", 31, {"repetitions": 99, "held_s": 31.9, "scored_s": 99.0}),
        ("routine", "seconds", 61, {"repetitions": 99, "held_s": 99.0, "scored_s": 61.2}),
    ],
)
async def test_each_kind_of_exercise_is_counted_in_its_own_way(world, kind, unit, done, amounts):
    exercise = await world.exercise(kind=kind)
    await world.plan(exercise)
    await world.train(exercise, at(12), **amounts)
    (item,) = await world.today()
    assert (item["done"], item["unit"]) == (done, unit)


async def test_what_is_done_is_summed_over_the_days_sessions_with_that_exercise(world):
    squat, lunge = await world.exercise(name="Squat"), await world.exercise(name="Lunge")
    await world.plan(squat, target=12)
    await world.plan(lunge, target=12)
    ben = await world.server.add_user("ben")
    await world.train(squat, at(8), repetitions=5)
    await world.train(squat, at(18), repetitions=6)
    await world.train(squat, at(23, 59, day=WEEK[0] - timedelta(days=1)), repetitions=100)
    await world.train(squat, at(0, day=WEEK[1]), repetitions=100)
    await world.train(squat, at(12), user=ben, repetitions=100)
    await world.train(lunge, at(12), repetitions=12)
    items = await world.today()
    assert [(item["done"], item["completed"]) for item in items] == [(11, False), (12, True)]


async def test_a_session_that_runs_or_came_to_nothing_counts_nothing(world):
    exercise = await world.exercise(kind="hold")
    await world.plan(exercise)
    await world.store.sessions.add(world.anna.id, exercise)
    await world.train(exercise, at(12), repetitions=3)
    (item,) = await world.today(datetime.now(UTC).date())
    assert (item["done"], item["completed"]) == (0, False)


async def test_a_day_begins_and_ends_where_the_member_is(world):
    exercise = await world.exercise()
    await world.plan(exercise)
    await world.train(exercise, at(22, 59, day=WEEK[0]), repetitions=1)
    await world.train(exercise, at(23, day=WEEK[0]), repetitions=10)
    await world.train(exercise, at(22, 59, day=WEEK[1]), repetitions=100)
    await world.train(exercise, at(23, day=WEEK[1]), repetitions=1000)
    (item,) = await world.today(WEEK[1], utc_offset_min=60)
    assert item["done"] == 110


@pytest.mark.parametrize(
    ("own", "planned", "target"), [(None, None, None), (20, None, 20), (20, 10, 10), (None, 5, 5)]
)
async def test_the_plans_target_counts_before_the_exercises_own(world, own, planned, target):
    await world.plan(await world.exercise(target=own), target=planned)
    (item,) = await world.today()
    assert (item["target"], item["assignment"]["target"]) == (target, planned)


async def test_without_a_target_anything_done_completes_it(world):
    exercise = await world.exercise()
    await world.plan(exercise)
    assert not (await world.today())[0]["completed"]
    await world.train(exercise, at(12), repetitions=1)
    assert (await world.today())[0]["completed"]


async def test_tenths_of_seconds_that_sum_to_the_target_complete_it(world):
    exercise = await world.exercise(kind="hold", target=1)
    await world.plan(exercise)
    for _ in range(10):
        await world.train(exercise, at(12), held_s=0.1)
    (item,) = await world.today()
    assert (item["done"], item["completed"]) == (1, True)


async def test_a_long_plan_takes_no_more_queries_than_a_short_one(world):
    async def queries():
        seen = []
        engine = world.store.database._engine.sync_engine
        sa.event.listen(engine, "before_cursor_execute", listener := lambda *a: seen.append(a[2]))
        await world.today()
        sa.event.remove(engine, "before_cursor_execute", listener)
        return len(seen)

    await world.plan(await world.exercise())
    short = await queries()
    for number in range(10):
        await world.plan(await world.exercise(name=f"Exercise {number}"))
    assert await queries() == short


@pytest.mark.parametrize(
    "query",
    [
        {"date": "yesterday"},
        {"date": "0001-01-01"},
        {"date": "9999-12-31"},
        {"utc_offset_min": "841"},
        {"utc_offset_min": "-841"},
        {"utc_offset_min": "1.5"},
    ],
)
def test_a_day_that_is_none_is_refused_and_named(query):
    with pytest.raises(Problem, match=next(iter(query))):
        parse(DayQuery, json.dumps(query).encode())


async def test_a_thumbnail_of_what_is_planned_can_be_had(world, tmp_path):
    exercise = await world.exercise()
    folder = world.server.config.data / "references" / exercise.user_id / exercise.clip_sha256
    folder.mkdir(parents=True)
    thumbnail = folder / "thumbnail.jpg"
    thumbnail.write_bytes(b"a picture")
    planned = await world.plan(exercise)
    url = planned["exercise"]["thumbnail_url"]
    response = await world.server.client.get(url, headers=world.server.headers)
    assert await response.read() == b"a picture"
