"""Exercises of others: how they come to be seen, and that they are gone as soon as they are not."""

import pytest
from test_exercises_changes import patch
from videos import stick_figure

from posesim_server.keys import STORE
from server import problem, running


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=3.0)


@pytest.fixture
async def server(tmp_path):
    """A server with the coach cora, whose member anna is."""
    async with running(tmp_path / "data") as server:
        server.cora = await server.add_user("cora", "coach")
        await server.app[STORE].coachings.add(server.cora.id, server.user.id)
        yield server


async def exercise_of(server, user, clip, **values):
    exercise = await server.ready_exercise(clip, user=user)
    response = await patch(server, exercise, user, **values)
    assert response.status == 200, await response.text()
    return await server.until(exercise["id"], "ready", user)


async def statuses(server, exercise, user=None):
    """What a user gets of an exercise: itself, its files, and a session with it."""
    headers = server.headers_of(user or server.user)
    url = f"/v1/exercises/{exercise['id']}"
    got = []
    for path in (url, f"{url}/clip", f"{url}/thumbnail", f"{url}/frame?at_s=1"):
        got.append((await server.client.get(path, headers=headers)).status)
    body = {"exercise_id": exercise["id"]}
    response = await server.client.post("/v1/sessions", json=body, headers=headers)
    if response.status == 201:
        session = (await response.json())["id"]
        await server.client.delete(f"/v1/sessions/{session}", headers=headers)
    listed = (await server.get("/v1/exercises", user))["exercises"]
    return [*got, response.status, exercise["id"] in {one["id"] for one in listed}]


SEEN = [200, 200, 200, 200, 201, True]
NOT_SEEN = [404, 404, 404, 404, 404, False]


async def plan(server, exercise):
    return await server.client.post(
        f"/v1/members/{server.user.id}/assignments",
        json={"exercise_id": exercise["id"]},
        headers=server.headers_of(server.cora),
    )


async def test_what_is_private_becomes_visible_and_private_again(server, clip):
    exercise = await exercise_of(server, server.cora, clip)
    ben = await server.add_user("ben")
    assert await statuses(server, exercise) == NOT_SEEN
    await patch(server, exercise, server.cora, visibility="members")
    assert await statuses(server, exercise) == SEEN
    assert await statuses(server, exercise, ben) == NOT_SEEN
    await patch(server, exercise, server.cora, visibility="everyone")
    assert await statuses(server, exercise, ben) == SEEN
    await patch(server, exercise, server.cora, visibility="private")
    assert await statuses(server, exercise) == NOT_SEEN
    assert await statuses(server, exercise, server.cora) == SEEN


async def test_what_is_planned_is_seen_until_it_is_taken_out(server, clip):
    exercise = await exercise_of(server, server.cora, clip)
    ben = await server.add_user("ben")
    await server.app[STORE].coachings.add(server.cora.id, ben.id)
    planned = await (await plan(server, exercise)).json()
    assert await statuses(server, exercise) == SEEN
    assert await statuses(server, exercise, ben) == NOT_SEEN
    url = f"/v1/assignments/{planned['id']}"
    headers = server.headers_of(server.cora)
    assert (await server.client.delete(url, headers=headers)).status == 204
    assert await statuses(server, exercise) == NOT_SEEN


async def test_nothing_of_a_coach_is_seen_once_the_coaching_ended(server, clip):
    for_members = await exercise_of(server, server.cora, clip, visibility="members")
    planned = await exercise_of(server, server.cora, clip)
    await plan(server, planned)
    url = f"/v1/coaches/{server.cora.id}"
    assert (await server.client.delete(url, headers=server.headers)).status == 204
    assert await statuses(server, for_members) == NOT_SEEN
    assert await statuses(server, planned) == NOT_SEEN


async def test_a_coach_sees_nothing_of_a_members_own_exercises(server, clip):
    exercise = await exercise_of(server, server.user, clip)
    assert await statuses(server, exercise, server.cora) == NOT_SEEN


async def test_what_is_seen_says_whose_it_is_and_can_not_be_changed(server, clip):
    exercise = await exercise_of(server, server.cora, clip, visibility="everyone")
    seen = await server.get(f"/v1/exercises/{exercise['id']}")
    assert seen["owner"] == {"id": server.cora.id, "name": "cora"}
    assert not seen["mine"]
    response = await patch(server, exercise, name="Mine")
    assert "no such exercise of yours" in await problem(response, 404)
    url = f"/v1/exercises/{exercise['id']}"
    response = await server.client.delete(url, headers=server.headers)
    assert "no such exercise of yours" in await problem(response, 404)
    assert await statuses(server, exercise) == SEEN


async def test_the_list_can_be_asked_for_ones_own_alone(server, clip):
    await exercise_of(server, server.cora, clip, visibility="everyone")
    own = await exercise_of(server, server.user, clip)
    listed = (await server.get("/v1/exercises"))["exercises"]
    assert [one["mine"] for one in listed] == [True, False]
    listed = (await server.get("/v1/exercises?mine=true"))["exercises"]
    assert [one["id"] for one in listed] == [own["id"]]


@pytest.mark.parametrize("visibility", ["members", "everyone"])
async def test_a_member_shows_nothing_to_others(server, clip, visibility):
    exercise = await exercise_of(server, server.user, clip)
    response = await patch(server, exercise, visibility=visibility)
    assert "Only a coach may show exercises" in await problem(response, 403)
    assert (await patch(server, exercise, visibility="private")).status == 200


async def test_a_member_trains_with_the_part_that_the_coach_chose(server, tmp_path):
    clip = stick_figure(tmp_path / "long.mp4", seconds=5.0)
    exercise = await exercise_of(server, server.cora, clip, visibility="members", start_s=2.0)
    assert await statuses(server, exercise) == SEEN
    seen = await server.get(f"/v1/exercises/{exercise['id']}")
    assert seen["duration_s"] == pytest.approx(3.0, abs=0.1)
