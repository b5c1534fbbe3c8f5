"""Who may see which exercise: the one query that decides it, by who asks."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from posesim_server import schema
from posesim_server.store import Store

VISIBILITIES = ("private", "members", "everyone")


class World:
    """An owner who coaches, and whoever asks."""

    def __init__(self, store, owner, asker):
        self.store, self.owner, self.asker = store, owner, asker

    async def coach(self):
        await self.store.coachings.add(self.owner.id, self.asker.id)

    async def plan(self, exercise, coach=None):
        coach = coach or self.owner
        return await self.store.plans.add(
            coach.id,
            self.asker.id,
            exercise.id,
            target=None,
            note="",
            weekdays=[1],
            starts_on=date(2026, 1, 1),
            ends_on=None,
        )

    async def call(self, exercise, coach=None):
        """A call with whoever asks, who has joined it, and with this in its program."""
        coach, calls = coach or self.owner, self.store.calls
        made, token = await calls.add(
            coach.id, title="Knee", starts_at=None, lifetime=timedelta(days=1)
        )
        await calls.set_program(made.id, [exercise.id])
        await calls.accept(token, self.asker.id)
        return made

    async def set_role(self, user, role):
        statement = sa.update(schema.users).where(schema.users.c.id == user.id)
        await self.store.database.change(statement.values(role=role))


@pytest.fixture
async def world(database_url):
    store = await Store.open(database_url)
    owner = await store.users.add("owner", "h", "coach")
    yield World(store, owner, await store.users.add("asker", "h"))
    await store.close()


async def owner(world, exercise):
    world.asker = world.owner


async def stranger(world, exercise):
    pass


async def admin(world, exercise):
    await world.set_role(world.asker, "admin")


async def member(world, exercise):
    await world.coach()


async def coach_of_the_owner(world, exercise):
    await world.set_role(world.asker, "coach")
    await world.store.coachings.add(world.asker.id, world.owner.id)


async def former_member(world, exercise):
    await world.coach()
    await world.store.coachings.remove(world.owner.id, world.asker.id)


async def member_with_a_plan(world, exercise):
    await world.coach()
    await world.plan(exercise)


async def member_with_a_plan_of_something_else(world, exercise):
    await world.coach()
    other = await add_exercise(world, "private")
    await world.plan(other)


async def member_whose_plan_lost_it(world, exercise):
    await world.coach()
    planned = await world.plan(exercise)
    await world.store.plans.delete(world.owner.id, planned.id)


async def former_member_who_had_a_plan(world, exercise):
    await world.coach()
    await world.plan(exercise)
    await world.store.coachings.remove(world.owner.id, world.asker.id)


async def member_of_another_coach_who_plans_it(world, exercise):
    other = await world.store.users.add("other coach", "h", "coach")
    await world.store.coachings.add(other.id, world.asker.id)
    await world.plan(exercise, other)


async def member_of_who_is_no_coach_any_more(world, exercise):
    await world.coach()
    await world.plan(exercise)
    await world.set_role(world.owner, "member")


async def member_of_a_call(world, exercise):
    await world.call(exercise)


async def member_of_a_call_that_ended(world, exercise):
    await world.store.calls.end((await world.call(exercise)).id)


async def member_of_a_call_that_was_deleted(world, exercise):
    await world.store.calls.delete(world.owner.id, (await world.call(exercise)).id)


async def member_of_a_call_with_something_else(world, exercise):
    other = await world.store.exercises.add(
        world.owner.id, name="Else", clip_sha256="1" * 64, clip_type="video/mp4", duration_s=4.0
    )
    await world.call(other)


async def somebody_who_was_only_sent_the_link(world, exercise):
    made, _ = await world.store.calls.add(
        world.owner.id, title="Knee", starts_at=None, lifetime=timedelta(days=1)
    )
    await world.store.calls.set_program(made.id, [exercise.id])


async def member_of_a_call_of_who_is_no_coach_any_more(world, exercise):
    await world.call(exercise)
    await world.set_role(world.owner, "member")


async def coach_of_the_owner_in_a_call(world, exercise):
    """The call goes the other way: what its member has is not its coach's to see."""
    await world.set_role(world.asker, "coach")
    _, token = await world.store.calls.add(
        world.asker.id, title="Knee", starts_at=None, lifetime=timedelta(days=1)
    )
    await world.store.calls.accept(token, world.owner.id)


async def add_exercise(world, visibility):
    made = await world.store.exercises.add(
        world.owner.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=4.0
    )
    return await world.store.exercises.change(world.owner.id, made.id, {"visibility": visibility})


@pytest.mark.parametrize(
    ("who", "private", "members", "everyone"),
    [
        (owner, True, True, True),
        (stranger, False, False, True),
        (admin, False, False, True),
        (member, False, True, True),
        (coach_of_the_owner, False, False, True),
        (former_member, False, False, True),
        (member_with_a_plan, True, True, True),
        (member_with_a_plan_of_something_else, False, True, True),
        (member_whose_plan_lost_it, False, True, True),
        (former_member_who_had_a_plan, False, False, True),
        (member_of_another_coach_who_plans_it, False, False, True),
        (member_of_who_is_no_coach_any_more, False, False, False),
        (member_of_a_call, True, True, True),
        (member_of_a_call_that_ended, False, False, True),
        (member_of_a_call_that_was_deleted, False, False, True),
        (member_of_a_call_with_something_else, False, False, True),
        (somebody_who_was_only_sent_the_link, False, False, True),
        (member_of_a_call_of_who_is_no_coach_any_more, False, False, False),
        (coach_of_the_owner_in_a_call, False, False, True),
    ],
)
@pytest.mark.parametrize("visibility", VISIBILITIES)
async def test_who_sees_an_exercise(world, who, private, members, everyone, visibility):
    exercise = await add_exercise(world, visibility)
    await who(world, exercise)
    expected = dict(zip(VISIBILITIES, (private, members, everyone), strict=True))[visibility]
    found = await world.store.exercises.visible(world.asker.id, exercise.id)
    listed = await world.store.exercises.visible_to(world.asker.id)
    assert (found is not None) == expected
    assert (exercise.id in {one.id for one in listed}) == expected


async def test_what_is_seen_says_whose_it_is(world):
    exercise = await add_exercise(world, "everyone")
    found = await world.store.exercises.visible(world.asker.id, exercise.id)
    assert (found.user_id, found.owner_name) == (world.owner.id, "owner")


async def test_what_two_coaches_show_is_listed_once(world):
    exercise = await add_exercise(world, "everyone")
    await world.coach()
    await world.plan(exercise)
    listed = await world.store.exercises.visible_to(world.asker.id)
    assert [one.id for one in listed] == [exercise.id]


async def test_only_the_owner_gets_changes_and_deletes_it(world):
    exercise = await add_exercise(world, "everyone")
    rows, asker = world.store.exercises, world.asker.id
    assert await rows.get(asker, exercise.id) is None
    assert await rows.change(asker, exercise.id, {"name": "Mine"}) is None
    assert not await rows.delete(asker, exercise.id)
    assert await rows.get(world.owner.id, exercise.id) == exercise
