"""What was said in a session: stored whole, once, and read in order."""

from dataclasses import replace

import pytest

from posesim.updates import (
    Components,
    CueUpdate,
    Difference,
    GapUpdate,
    RepUpdate,
    ScoreUpdate,
    Summary,
)
from posesim.video_comparison import Comparison
from posesim_server.database import StoreError
from posesim_server.store import Store
from posesim_server.store.parts import (
    CueRow,
    GapRow,
    Notes,
    Parts,
    RepetitionRow,
    ScoreRow,
)

UPDATES = [
    GapUpdate(0.0, 0.6, "no_frames"),
    ScoreUpdate(0.92, "warming_up", None, None, None, None),
    CueUpdate(1.1, "check", "left_knee"),
    ScoreUpdate(1.24, "scoring", 81.123456, Components(0.9, 0.8, 0.7), 2.5, 1.1),
    RepUpdate(1, 0.7, 1.2, True, 80.0, 0.95, 1.1, (Difference("left_knee", -20),)),
    CueUpdate(1.5, "lower", praise=True),
]
ROWS = Parts(
    scores=(
        ScoreRow(0, 0.92, None, "warming_up", None, None, None, None, None),
        ScoreRow(1, 1.24, 81.1235, "scoring", 0.9, 0.8, 0.7, 2.5, 1.1),
    ),
    repetitions=(
        RepetitionRow(1, 0.7, 1.2, True, 80.0, 0.95, 1.1, [{"part": "left_knee", "degrees": -20}]),
    ),
    gaps=(GapRow(0, 0.0, 0.6, "no_frames"),),
    cues=(CueRow(0, 1.1, "check", "left_knee", False), CueRow(1, 1.5, "lower", None, True)),
)
SUMMARY = Summary(
    score=81.1235,
    state="scoring",
    components=Components(0.9, 0.8, 0.7),
    tempo=1.1,
    scored_s=0.32,
    duration_s=1.24,
    best_score=81.1235,
    best_s=1.24,
    gaps=1,
    repetitions=1,
)


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


@pytest.fixture
async def anna(store):
    return await store.users.add("anna", "h")


async def add_exercise(store, user):
    return await store.exercises.add(
        user.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )


@pytest.fixture
async def session(store, anna):
    return await store.sessions.add(anna.id, await add_exercise(store, anna))


async def parts(store, user, session):
    return (await store.sessions.whole(user.id, session.id)).parts


def test_updates_become_rows_that_are_numbered_over_all_batches():
    notes = Notes()
    seen = []
    for update in UPDATES:
        notes.add(update)
        batch = notes.waiting()
        notes.forget(batch)
        seen.append(batch)
    assert Parts(*(sum(kinds, ()) for kinds in zip(*map(in_order, seen), strict=True))) == ROWS
    assert len(notes) == 0


def in_order(parts):
    return parts.scores, parts.repetitions, parts.gaps, parts.cues


def test_what_came_while_a_batch_was_stored_waits_on():
    notes = Notes()
    notes.add(UPDATES[1])
    batch = notes.waiting()
    notes.add(UPDATES[3])
    notes.forget(batch)
    assert notes.waiting() == Parts(scores=ROWS.scores[1:])


async def test_all_that_was_said_is_kept_in_order_with_all_its_values(store, anna, session):
    await store.sessions.add_parts(session.id, Parts(cues=ROWS.cues[1:], gaps=ROWS.gaps))
    await store.sessions.add_parts(session.id, Parts(ROWS.scores[::-1], cues=ROWS.cues[:1]))
    await store.sessions.add_parts(session.id, Parts(repetitions=ROWS.repetitions))
    await store.sessions.add_parts(session.id, Parts())
    assert await parts(store, anna, session) == ROWS


async def test_storing_the_same_again_adds_only_what_is_new(store, anna, session):
    first = Parts(scores=ROWS.scores[:1], repetitions=ROWS.repetitions)
    await store.sessions.add_parts(session.id, first)
    await store.sessions.add_parts(session.id, ROWS)
    assert await parts(store, anna, session) == ROWS


async def test_a_number_that_stands_for_something_else_refuses_the_whole_batch(
    store, anna, session
):
    await store.sessions.add_parts(session.id, Parts(scores=ROWS.scores[:1]))
    other = replace(ROWS.scores[0], state="lost")
    with pytest.raises(StoreError, match=f"does not fit the session {session.id}"):
        await store.sessions.add_parts(session.id, Parts((other, ROWS.scores[1]), gaps=ROWS.gaps))
    assert await parts(store, anna, session) == Parts(scores=ROWS.scores[:1])


async def test_what_is_said_needs_a_session(store):
    with pytest.raises(StoreError, match="does not fit the session nothing"):
        await store.sessions.add_parts("nothing", ROWS)


async def test_thousands_of_rows_come_back_as_they_went(store, anna, session):
    rows = tuple(replace(ROWS.scores[1], seq=seq, t_s=seq * 0.32) for seq in range(1201))
    await store.sessions.add_parts(session.id, Parts(scores=rows))
    assert await store.sessions.scores(anna.id, session.id) == rows


async def test_the_numbers_of_a_large_batch_of_several_kinds_may_differ(store, anna, session):
    await store.sessions.add_parts(session.id, Parts(gaps=ROWS.gaps))
    await store.sessions.add_parts(session.id, ROWS)  # the gap is there, nothing else is
    assert await parts(store, anna, session) == ROWS


# Files that were compared


async def test_a_compared_file_is_a_session_that_has_ended(store, anna):
    exercise = await add_exercise(store, anna)
    comparison = Comparison("Squat", SUMMARY, UPDATES, 100.0)
    kept = await store.sessions.add_finished(anna.id, exercise, "ignored", comparison)
    whole = await store.sessions.whole(anna.id, kept.id)
    assert whole.session == kept
    assert whole.parts == ROWS
    assert (kept.exercise_id, kept.exercise_name) == (exercise.id, "Squat")
    assert (kept.source, kept.state, kept.end_reason) == ("file", "ended", None)
    assert (kept.summary["score"], kept.summary["gaps"]) == (81.1235, 1)


async def test_a_comparison_outlives_the_exercise_that_was_deleted_meanwhile(store, anna):
    exercise = await add_exercise(store, anna)
    await store.exercises.delete(anna.id, exercise.id)
    comparison = Comparison("Squat", SUMMARY, UPDATES, 100.0)
    kept = await store.sessions.add_finished(anna.id, exercise, "", comparison)
    assert (kept.exercise_id, kept.exercise_name) == (None, "Squat")
    assert await parts(store, anna, kept) == ROWS


async def test_a_comparison_of_somebody_who_is_gone_is_kept_nowhere(store):
    with pytest.raises(StoreError, match="account or the exercise was deleted"):
        await store.sessions.add_finished("nobody", None, "x", Comparison("x", SUMMARY, [], 1.0))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("my\nclip\x00.mp4", "my clip .mp4"), ("  ", "?"), ("x" * 200, "x" * 80), ("\ud800a", "a")],
)
async def test_a_references_own_name_is_made_fit_to_be_shown(store, anna, name, shown):
    kept = await store.sessions.add_finished(anna.id, None, name, Comparison(name, SUMMARY, [], 1))
    assert kept.exercise_name == shown


# Removal


async def test_a_removed_session_is_gone_with_all_that_was_said_in_it(store, anna):
    kept, other = [
        await store.sessions.add_finished(anna.id, None, "x", Comparison("x", SUMMARY, UPDATES, 1))
        for _ in range(2)
    ]
    assert await store.sessions.remove(anna.id, kept.id)
    assert await store.sessions.whole(anna.id, kept.id) is None
    assert not await store.sessions.remove(anna.id, kept.id)
    assert await parts(store, anna, other) == ROWS


async def test_nobody_removes_anothers_session_or_one_that_runs(store, anna, session):
    ben = await store.users.add("ben", "h")
    kept = await store.sessions.add_finished(anna.id, None, "x", Comparison("x", SUMMARY, [], 1))
    assert not await store.sessions.remove(ben.id, kept.id)
    assert not await store.sessions.remove(anna.id, session.id)
    assert await store.sessions.whole(anna.id, kept.id)
    assert await store.sessions.whole(anna.id, session.id)
