"""Changes to an exercise: what is known of it, and which part of its clip is trained with."""

import asyncio
import json

import cv2
import numpy as np
import pytest
from test_api_exercises import MISSING, files
from videos import stick_figure

from posesim.references import Reference
from posesim_server.api.exercises import ExerciseChange
from posesim_server.keys import EXERCISES, SESSIONS, STORE
from posesim_server.problems import Problem, parse
from server import WAIT_S, FakeEngine, problem, running


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=6.0)


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data") as server:
        yield server


async def patch(server, exercise, user=None, **values):
    url = f"/v1/exercises/{exercise['id']}"
    return await server.client.patch(
        url, json=values, headers=server.headers_of(user or server.user)
    )


async def changed(server, exercise, **values):
    response = await patch(server, exercise, **values)
    assert response.status == 200, await response.text()
    return await response.json()


async def stored(server, exercise):
    return await server.app[STORE].exercises.get(server.user.id, exercise["id"])


def kept(server):
    """The names of the files of the only clip."""
    return [name.split("/")[-1] for name in files(server) if name.count("/") == 3]


# What is known of it


async def test_what_is_known_of_an_exercise_can_be_changed_and_the_rest_stays(server, clip):
    before = await server.ready_exercise(clip)
    about = {
        "name": "  Squat   deep ",
        "description": "Slowly down.\r\n\r\nHeels stay on the floor.",
        "mirrored": True,
        "kind": "hold",
        "target": 30,
    }
    after = await changed(server, before, **about)
    about |= {"name": "Squat deep", "description": "Slowly down.\n\nHeels stay on the floor."}
    assert after == before | about
    assert await server.get(f"/v1/exercises/{before['id']}") == after
    assert (await changed(server, before, target=None)) == after | {"target": None}
    assert (await changed(server, before)) == after | {"target": None}


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\x07b"},
        {"name": None},
        {"description": "x" * 2001},
        {"description": "a\x1b[31mb"},
        {"description": "gnp.\u202eexe"},
        {"mirrored": None},
        {"mirrored": "perhaps"},
        {"kind": "dance"},
        {"target": 0},
        {"target": 3601},
        {"target": 2.5},
        {"visibility": "friends"},
        {"start_s": -1},
        {"start_s": "NaN"},
        {"end_s": 1e300},
        {"state": "ready"},
        {"user_id": MISSING},
    ],
)
def test_what_makes_no_sense_is_refused_and_named(values):
    with pytest.raises(Problem, match=next(iter(values))) as refused:
        parse(ExerciseChange, json.dumps(values).encode())
    assert refused.value.status == 422


async def test_letters_that_are_joined_stay_joined(server, clip):
    exercise = await server.ready_exercise(clip)
    text = "👩\u200d👧 and می\u200cخواهم"
    assert (await changed(server, exercise, description=text))["description"] == text


async def test_a_new_name_that_another_exercise_has_gets_a_number(server, clip):
    await server.ready_exercise(clip, "Squat")
    lunge = await server.ready_exercise(clip, "Lunge")
    assert (await changed(server, lunge, name="Squat"))["name"] == "Squat (2)"


async def test_an_exercise_that_is_not_there_can_not_be_changed(server):
    assert "no such exercise of yours" in await problem(
        await patch(server, {"id": MISSING}, name="x"), 404
    )


# The part of its clip


async def test_a_part_becomes_the_reference(server, clip):
    exercise = await server.ready_exercise(clip)
    cut = await changed(server, exercise, start_s=1.2, end_s=5.0)
    assert (cut["start_s"], cut["end_s"]) == (1.2, 5.0)
    assert (cut["state"], cut["duration_s"]) == ("embedding", 3.8)
    assert cut["clip_duration_s"] == exercise["clip_duration_s"]
    ready = await server.until(exercise["id"], "ready")
    assert ready["duration_s"] == pytest.approx(3.8, abs=0.1)
    reference = await server.app[EXERCISES].files.reference(await stored(server, exercise))
    assert reference.name == "reference-1200-5000.npz"
    assert Reference.load(reference).duration_s == pytest.approx(3.8, abs=0.1)


async def test_files_of_the_part_before_are_gone_and_the_clip_stays_whole(server, clip):
    exercise = await server.ready_exercise(clip)
    assert kept(server) == ["clip", "reference.npz", "thumbnail.jpg"]
    await changed(server, exercise, start_s=1.2, end_s=5.0)
    await server.until(exercise["id"], "ready")
    assert kept(server) == ["clip", "reference-1200-5000.npz", "thumbnail-1200-5000.jpg"]
    await changed(server, exercise, start_s=2.0)
    await server.until(exercise["id"], "ready")
    assert kept(server) == ["clip", "reference-2000-5000.npz", "thumbnail-2000-5000.jpg"]
    await changed(server, exercise, start_s=None, end_s=None)
    await server.until(exercise["id"], "ready")
    assert kept(server) == ["clip", "reference.npz", "thumbnail.jpg"]
    response = await server.client.get(exercise["clip_url"], headers=server.headers)
    assert await response.read() == clip.read_bytes()


async def test_files_that_an_exercise_of_the_same_clip_needs_stay(server, clip):
    one, two = await server.ready_exercise(clip), await server.ready_exercise(clip)
    await changed(server, one, start_s=1.2)
    await server.until(one["id"], "ready")
    assert "reference.npz" in kept(server)
    await changed(server, two, start_s=1.2)
    await server.until(two["id"], "ready")
    assert kept(server) == ["clip", "reference-1200-end.npz", "thumbnail-1200-end.jpg"]
    await server.client.delete(f"/v1/exercises/{one['id']}", headers=server.headers)
    assert "reference-1200-end.npz" in kept(server)
    await server.client.delete(f"/v1/exercises/{two['id']}", headers=server.headers)
    assert kept(server) == []


async def test_trim_points_that_stay_make_nothing_anew(server, clip):
    exercise = await server.ready_exercise(clip)
    await changed(server, exercise, start_s=1.2, end_s=5.0)
    ready = await server.until(exercise["id"], "ready")
    same = await changed(server, exercise, start_s=1.2000004, end_s=5.0, name="Lunge")
    assert same == ready | {"name": "Lunge"}


@pytest.mark.parametrize(
    ("trim", "sentence"),
    [
        ({"start_s": 1.0, "end_s": 3.0}, "too short"),
        ({"start_s": 4.0}, "too short"),
        ({"start_s": 2.0, "end_s": 7.0}, "between 0 and 6.00 s"),
        ({"start_s": 4.0, "end_s": 1.0}, "too short"),
    ],
)
async def test_a_part_that_can_not_be_trained_with_is_refused(server, clip, trim, sentence):
    exercise = await server.ready_exercise(clip)
    assert sentence in await problem(await patch(server, exercise, **trim, name="Lunge"), 422)
    assert await server.get(f"/v1/exercises/{exercise['id']}") == exercise


async def test_the_newest_of_several_parts_counts(tmp_path, clip):
    engine = FakeEngine()
    async with running(tmp_path, engine) as server:
        exercise = await server.ready_exercise(clip)
        engine.gate.clear()
        engine.reached.clear()
        await changed(server, exercise, start_s=1.0)
        await asyncio.to_thread(engine.reached.wait, WAIT_S)  # the first one is being embedded
        await changed(server, exercise, start_s=2.0)
        await changed(server, exercise, start_s=3.0)
        engine.gate.set()
        ready = await server.until(exercise["id"], "ready")
        assert ready["duration_s"] == pytest.approx(3.0, abs=0.1)
        assert kept(server) == ["clip", "reference-3000-end.npz", "thumbnail-3000-end.jpg"]


async def test_a_part_that_was_being_embedded_is_embedded_after_a_restart(tmp_path, clip):
    engine = FakeEngine()
    async with running(tmp_path, engine) as server:
        exercise = await server.ready_exercise(clip)
        engine.gate.clear()
        engine.reached.clear()
        await changed(server, exercise, start_s=1.0, end_s=5.0)
        await asyncio.to_thread(engine.reached.wait, WAIT_S)
    async with running(tmp_path) as server:
        ready = await server.until(exercise["id"], "ready")
        assert ready["duration_s"] == pytest.approx(4.0, abs=0.1)


async def test_what_runs_against_another_part_ends(server, clip):
    exercise = await server.ready_exercise(clip)
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
    )
    session = await response.json()
    await changed(server, exercise, name="Lunge", mirrored=True)
    assert server.app[SESSIONS].live == 1
    await changed(server, exercise, start_s=1.0)
    ended = await server.get(f"/v1/sessions/{session['id']}")
    assert (ended["state"], ended["end_reason"]) == ("ended", "reference_changed")


async def test_a_session_knows_where_in_the_clip_its_reference_began(server, clip):
    exercise = await server.ready_exercise(clip)
    await changed(server, exercise, start_s=1.2)
    await server.until(exercise["id"], "ready")
    response = await server.client.post(
        "/v1/sessions", json={"exercise_id": exercise["id"]}, headers=server.headers
    )
    assert response.status == 201
    session_id = (await response.json())["id"]
    session = await server.app[STORE].sessions.get(server.user.id, session_id)
    assert session.reference_start_s == 1.2


async def test_the_thumbnail_is_of_the_part(server, tmp_path):
    clip = stick_figure(tmp_path / "jack.mp4", 6.0, exercise="jumping_jack")
    exercise = await server.ready_exercise(clip)
    cut = await changed(server, exercise, start_s=2.9)
    at_s = 2.9 + (exercise["clip_duration_s"] - 2.9) / 2
    thumbnail = await (await server.client.get(cut["thumbnail_url"], headers=server.headers)).read()
    frame = await (await get_frame(server, exercise, at_s)).read()
    assert thumbnail == frame


async def test_a_clip_that_vanished_can_not_be_cut(server, clip):
    exercise = await server.ready_exercise(clip)
    (await server.app[EXERCISES].files.clip(await stored(server, exercise))).unlink()
    assert "upload it again" in await problem(await patch(server, exercise, start_s=1.0), 404)
    assert await server.get(f"/v1/exercises/{exercise['id']}") == exercise


# Frames


async def get_frame(server, exercise, at_s):
    url = f"/v1/exercises/{exercise['id']}/frame?at_s={at_s}"
    return await server.client.get(url, headers=server.headers)


async def test_a_frame_shows_the_whole_clip_at_its_time(server, tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", 6.0, cycle_s=4.0, size=(640, 480))
    exercise = await server.ready_exercise(clip)
    await changed(server, exercise, start_s=3.0)
    response = await get_frame(server, exercise, 2.0)
    assert response.content_type == "image/jpeg"
    lowest = cv2.imdecode(np.frombuffer(await response.read(), np.uint8), cv2.IMREAD_COLOR)
    assert lowest.shape == (360, 480, 3)
    upright = await (await get_frame(server, exercise, 0.0)).read()
    again = await (await get_frame(server, exercise, 4.0)).read()
    difference = [
        np.abs(lowest.astype(int) - cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1)).mean()
        for jpeg in (upright, again)
    ]
    assert min(difference) > 1


async def test_a_time_that_is_none_is_refused(server):
    for at_s in ("-1", "nan", "inf", "1e300", "x", ""):
        assert "at_s" in await problem(await get_frame(server, {"id": MISSING}, at_s), 422)


async def test_a_user_waits_for_few_frames_at_once(server, clip, monkeypatch):
    monkeypatch.setattr("posesim_server.library.exercises.FRAMES_A_USER", 0)
    exercise = await server.ready_exercise(clip)
    response = await get_frame(server, exercise, 1.0)
    assert response.headers["Retry-After"] == "1"
    assert "Wait for one" in await problem(response, 429)
