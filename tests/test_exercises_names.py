import asyncio

import pytest

from posesim_server.store import Store
from posesim_server.store.exercises import LONGEST_NAME, free_name


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


async def add(store, user, name):
    made = await store.exercises.add(
        user.id, name=name, clip_sha256="0" * 64, clip_type="video/mp4", duration_s=4.0
    )
    return made.name


@pytest.mark.parametrize(
    ("taken", "name"),
    [
        ([], "Squat"),
        (["squat"], "Squat"),
        (["Squat"], "Squat (2)"),
        (["Squat", "Squat (2)"], "Squat (3)"),
        (["Squat", "Squat (3)"], "Squat (2)"),
    ],
)
def test_a_name_that_is_taken_gets_the_first_free_number(taken, name):
    assert free_name("Squat", taken) == name


def test_a_long_name_is_cut_before_its_number():
    name = free_name("x" * LONGEST_NAME, ["x" * LONGEST_NAME])
    assert name == "x" * 76 + " (2)"


def test_no_space_is_left_where_a_name_is_cut():
    long = "x" * 75 + " yyyy"
    assert free_name(long, [long]) == "x" * 75 + " (2)"


@pytest.mark.parametrize(
    "last", ["e\N{COMBINING ACUTE ACCENT}", "👍🏽", "क\N{DEVANAGARI VOWEL SIGN AA}"]
)
def test_a_name_is_not_cut_between_a_letter_and_what_belongs_to_it(last):
    long = "x" * 75 + last + "yyy"
    assert len(long) == LONGEST_NAME
    assert free_name(long, [long]) == "x" * 75 + " (2)"


async def test_a_name_is_taken_by_the_same_user_alone(store):
    anna, ben = await store.users.add("anna", "h"), await store.users.add("ben", "h")
    assert [await add(store, anna, "Squat"), await add(store, ben, "Squat")] == ["Squat", "Squat"]


async def test_exercises_that_are_added_at_once_get_different_names(store):
    anna = await store.users.add("anna", "h")
    names = await asyncio.gather(*(add(store, anna, "Squat") for _ in range(5)))
    assert sorted(names) == ["Squat", "Squat (2)", "Squat (3)", "Squat (4)", "Squat (5)"]


async def test_a_name_may_be_given_to_the_exercise_that_has_it(store):
    anna = await store.users.add("anna", "h")
    await add(store, anna, "Squat")
    (exercise,) = await store.exercises.of_user(anna.id)
    same = await store.exercises.change(anna.id, exercise.id, {"name": "Squat"})
    assert same == exercise


async def test_a_new_name_that_another_one_has_gets_a_number(store):
    anna = await store.users.add("anna", "h")
    await add(store, anna, "Squat")
    await add(store, anna, "Lunge")
    lunge, _ = await store.exercises.of_user(anna.id)
    changed = await store.exercises.change(anna.id, lunge.id, {"name": "Squat"})
    assert changed.name == "Squat (2)"
