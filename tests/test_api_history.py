"""What a user did: whole sessions and progress, for themselves and for their coach."""

from datetime import UTC, datetime, timedelta

import pytest
from histories import whole_session

from posesim_server.keys import STORE
from posesim_server.moments import moments_of
from server import problem, running

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def server(tmp_path, database_url):
    async with running(tmp_path, database_url=database_url) as server:
        yield server


async def keep(server, user=None, seed=1, **options):
    whole = whole_session((user or server.user).id, seed, **options)
    await server.app[STORE].sessions.add_whole([whole])
    return whole


async def add_exercise(server):
    return await server.app[STORE].exercises.add(
        server.user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )


async def coach_of(server, member, name="carla"):
    coach = await server.add_user(name, "coach")
    await server.app[STORE].coachings.add(coach.id, member.id)
    return coach


async def reads(server, member):
    """What the member's log says that others did with their results."""
    entries = await server.app[STORE].audit.of_user(member.id, limit=50)
    return [
        (entry.actor_name, entry.action, entry.object_id)
        for entry in reversed(entries)
        if entry.action.startswith("results.")
    ]


# Whole sessions


async def test_a_record_shows_all_that_was_said_in_a_session(server):
    whole = await keep(server)
    parts = whole.parts
    record = await server.get(f"/v1/sessions/{whole.session.id}/record")
    moments = moments_of(parts.scores, 0.4)
    without_seq = [
        [{name: value for name, value in vars(row).items() if name != "seq"} for row in rows]
        for rows in (parts.scores, parts.repetitions, parts.gaps, parts.cues)
    ]
    assert record == {
        "session": await server.get(f"/v1/sessions/{whole.session.id}"),
        "scores": without_seq[0],
        "repetitions": without_seq[1],
        "gaps": without_seq[2],
        "cues": without_seq[3],
        "moments": {"best": vars(moments.best), "worst": vars(moments.worst)},
    }
    assert moments.best.clip_s == pytest.approx(moments.best.reference_s + 0.4)


async def test_a_session_says_what_it_was(server):
    whole = await keep(server)
    session = await server.get(f"/v1/sessions/{whole.session.id}")
    said = ("source", "kind", "target", "reference_start_s", "state", "end_reason")
    assert [session[name] for name in said] == ["live", "repetitions", 12, 0.4, "ended", "left"]


async def test_the_sessions_of_one_exercise_are_listed_alone(server):
    exercise = await add_exercise(server)
    await keep(server, seed=1)
    whole = await keep(server, seed=2, exercise=exercise)
    found = (await server.get(f"/v1/sessions?exercise_id={exercise.id}"))["sessions"]
    assert [session["id"] for session in found] == [whole.session.id]


async def test_a_removed_record_is_gone_for_ever(server):
    whole = await keep(server)
    url = f"/v1/sessions/{whole.session.id}"
    response = await server.client.delete(f"{url}/record", headers=server.headers)
    assert response.status == 204
    for path in (url, f"{url}/record", f"{url}/scores"):
        await problem(await server.client.get(path, headers=server.headers), 404)


async def test_a_running_session_has_to_be_ended_before_it_is_removed(server):
    exercise = await add_exercise(server)
    session = await server.app[STORE].sessions.add(server.user.id, exercise)
    url = f"/v1/sessions/{session.id}/record"
    response = await server.client.delete(url, headers=server.headers)
    assert "End it first" in await problem(response, 409)
    assert (await server.get(url))["scores"] == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_nobody_sees_or_removes_the_record_of_another(server, method):
    whole = await keep(server)
    ben = await server.add_user("ben")
    for session_id in (whole.session.id, MISSING):
        url = f"/v1/sessions/{session_id}/record"
        response = await server.client.request(method, url, headers=server.headers_of(ben))
        assert "no such session" in await problem(response, 404)
    assert (await server.get(f"/v1/sessions/{whole.session.id}/record"))["scores"]


# Progress


async def test_progress_sums_up_the_weeks_up_to_now(server):
    now = datetime.now(UTC)
    one = await keep(server, seed=1, at=now - timedelta(seconds=60))
    two = await keep(server, seed=2, at=now - timedelta(days=21), name="Plank")
    await keep(server, seed=3, at=now - timedelta(days=365))
    progress = await server.get("/v1/progress?weeks=4")
    weeks = progress["weeks"]
    assert [week["sessions"] for week in weeks] == [1, 0, 0, 1]
    summary = one.session.summary
    assert weeks[3] == {
        "monday": (now - timedelta(seconds=60, days=now.weekday())).date().isoformat(),
        "sessions": 1,
        "mean_score": summary["score"],
        "best_score": summary["best_score"],
        "repetitions": summary["repetitions"],
        "scored_s": summary["scored_s"],
        "days": 1,
    }
    assert [(each["name"], each["mean_score"]) for each in progress["exercises"]] == [
        ("Squat", summary["score"]),
        ("Plank", two.session.summary["score"]),
    ]


async def test_a_session_in_which_nothing_was_scored_is_no_progress(server):
    exercise = await add_exercise(server)
    sessions = server.app[STORE].sessions
    for summary in (None, {"score": None, "scored_s": 0.0, "best_score": None}):
        session = await sessions.add(server.user.id, exercise)
        await sessions.end(session.id, "left", summary)
    progress = await server.get("/v1/progress")
    assert sum(week["sessions"] for week in progress["weeks"]) == 0
    assert len(progress["weeks"]) == 12
    assert progress["exercises"] == []


async def test_progress_of_before_repetitions_were_counted_has_none(server):
    exercise = await add_exercise(server)
    session = await server.app[STORE].sessions.add(server.user.id, exercise)
    old = {"score": 70, "scored_s": 20.5, "best_score": 80.0}
    await server.app[STORE].sessions.end(session.id, "left", old)
    (week,) = (await server.get("/v1/progress?weeks=1"))["weeks"]
    assert (week["sessions"], week["mean_score"], week["repetitions"]) == (1, 70.0, 0)


async def test_progress_may_be_asked_of_one_exercise(server):
    exercise = await add_exercise(server)
    now = datetime.now(UTC)
    await keep(server, seed=1, at=now, exercise=exercise)
    await keep(server, seed=2, at=now, name="Plank")
    progress = await server.get(f"/v1/progress?weeks=1&exercise_id={exercise.id}")
    assert [week["sessions"] for week in progress["weeks"]] == [1]
    assert [each["exercise_id"] for each in progress["exercises"]] == [exercise.id]


@pytest.mark.parametrize("query", ["weeks=0", "weeks=105", "utc_offset_min=841", "weeks=x"])
async def test_progress_that_makes_no_sense_is_refused(server, query):
    response = await server.client.get(f"/v1/progress?{query}", headers=server.headers)
    assert (await problem(response, 422)).startswith(query.partition("=")[0])


# Coaches


async def test_a_coach_sees_what_a_member_sees_and_the_member_sees_that(server):
    anna = server.user
    whole = await keep(server, at=datetime.now(UTC))
    carla = await coach_of(server, anna)
    member, record = f"/v1/members/{anna.id}", f"sessions/{whole.session.id}/record"
    for path in ("sessions", record, "progress"):
        assert await server.get(f"{member}/{path}", carla) == await server.get(f"/v1/{path}")
    assert await reads(server, anna) == [
        ("carla", "results.read", None),
        ("carla", "results.read", whole.session.id),
    ]


async def test_looking_at_a_list_again_and_again_is_noted_once(server):
    carla = await coach_of(server, server.user)
    for _ in range(3):
        await server.get(f"/v1/members/{server.user.id}/sessions", carla)
    assert await reads(server, server.user) == [("carla", "results.read", None)]


async def test_a_coach_sees_nothing_of_others_and_leaves_no_trace(server):
    whole = await keep(server)
    other = await server.add_user("ben")
    carla = await coach_of(server, other)
    member = f"/v1/members/{server.user.id}"
    for path in ("sessions", f"sessions/{whole.session.id}/record", "progress"):
        response = await server.client.get(f"{member}/{path}", headers=server.headers_of(carla))
        assert "You coach nobody" in await problem(response, 404)
    assert await reads(server, server.user) == []


async def test_a_session_is_found_with_its_own_member_alone(server):
    whole = await keep(server)
    carla = await coach_of(server, server.user)
    ben = await server.add_user("ben")
    await server.app[STORE].coachings.add(carla.id, ben.id)
    path = f"/v1/members/{ben.id}/sessions/{whole.session.id}/record"
    response = await server.client.get(path, headers=server.headers_of(carla))
    assert "no such session" in await problem(response, 404)
    assert await reads(server, ben) == []


async def test_a_coaching_that_has_ended_shows_nothing_at_once(server):
    carla = await coach_of(server, server.user)
    path = f"/v1/members/{server.user.id}/progress"
    await server.get(path, carla)
    await server.app[STORE].coachings.remove(carla.id, server.user.id)
    response = await server.client.get(path, headers=server.headers_of(carla))
    await problem(response, 404)


async def test_a_member_coaches_nobody(server):
    response = await server.client.get(
        f"/v1/members/{server.user.id}/sessions", headers=server.headers
    )
    assert "Only a coach" in await problem(response, 403)
