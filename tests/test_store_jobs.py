"""The queue of jobs in the database."""

import pytest

from posesim_server.database import StoreError, new_id
from posesim_server.store import Store


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


async def add(store, user, exercise_id=None, keep=100):
    return await store.jobs.add(
        user.id,
        new_id(),
        video_name="me.mp4",
        exercise_id=exercise_id,
        reference_name="squat",
        keep=keep,
    )


async def taken(store):
    """The ids of all that wait, in the order in which their turn comes."""
    ids = []
    while job := await store.jobs.take():
        ids.append(job.id)
        await store.jobs.end(job.id, "failed", "It is only a test.")
    return ids


async def test_jobs_of_one_user_take_their_turn_in_order(store):
    anna = await store.users.add("anna", "hash")
    jobs = [await add(store, anna) for _ in range(3)]
    assert await taken(store) == [job.id for job in jobs]


async def test_a_user_who_was_not_served_comes_before_another_job_of_one_who_was(store):
    anna, ben = [await store.users.add(name, "hash") for name in ("anna", "ben")]
    first, second = await add(store, anna), await add(store, anna)
    third = await add(store, ben)
    assert await taken(store) == [first.id, third.id, second.id]


async def test_what_was_begun_comes_first(store):
    anna, ben = [await store.users.add(name, "hash") for name in ("anna", "ben")]
    begun = await add(store, anna)
    assert (await store.jobs.take()).id == begun.id
    other = await add(store, ben)
    assert await taken(store) == [begun.id, other.id]


async def test_a_job_that_is_taken_runs(store):
    await add(store, await store.users.add("anna", "hash"))
    job = await store.jobs.take()
    assert job.state == "running"
    assert job.started_at is not None
    assert await store.jobs.get(job.user_id, job.id) == job


async def test_the_first_end_counts(store):
    anna = await store.users.add("anna", "hash")
    job = await add(store, anna)
    assert await store.jobs.end(job.id, "cancelled")
    assert not await store.jobs.end(job.id, "failed", "Too late.")
    assert not await store.jobs.finish(job.id, {}, new_id())
    ended = await store.jobs.get(anna.id, job.id)
    assert (ended.state, ended.error, ended.result) == ("cancelled", None, None)


async def test_only_a_job_that_is_over_is_removed(store):
    anna, ben = [await store.users.add(name, "hash") for name in ("anna", "ben")]
    job = await add(store, anna)
    assert not await store.jobs.remove(anna.id, job.id)
    await store.jobs.end(job.id, "cancelled")
    assert not await store.jobs.remove(ben.id, job.id)
    assert await store.jobs.remove(anna.id, job.id)
    assert await store.jobs.get(anna.id, job.id) is None


async def test_only_what_is_over_is_forgotten_for_what_is_new(store):
    anna, ben = [await store.users.add(name, "hash") for name in ("anna", "ben")]
    waiting, others = await add(store, anna), await add(store, ben)
    await store.jobs.end(others.id, "cancelled")
    over = [await add(store, anna) for _ in range(3)]
    for job in over:
        await store.jobs.end(job.id, "cancelled")
    newest = await add(store, anna, keep=2)
    left = {job.id for job in await store.jobs.of_user(anna.id, limit=10)}
    assert left == {waiting.id, over[1].id, over[2].id, newest.id}
    assert len(await store.jobs.of_user(ben.id, limit=10)) == 1


async def test_a_job_with_an_exercise_that_is_gone_is_a_sentence(store):
    anna = await store.users.add("anna", "hash")
    with pytest.raises(StoreError, match="This exercise was deleted"):
        await add(store, anna, exercise_id=new_id())


async def test_jobs_go_with_their_account(store):
    anna = await store.users.add("anna", "hash")
    await add(store, anna)
    await store.users.remove("anna")
    assert await store.jobs.unfinished() == []
