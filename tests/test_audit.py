from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from posesim_server import schema
from posesim_server.keys import STORE
from server import problem, running


@pytest.fixture
async def server(tmp_path, database_url):
    async with running(tmp_path, database_url=database_url) as server:
        yield server


@pytest.fixture
async def coach(server):
    return await server.add_user("carla", "coach")


@pytest.fixture
async def admin(server):
    return await server.add_user("adam", "admin")


async def send(server, method, path, user, body=None):
    headers = server.headers_of(user)
    response = await server.client.request(method, path, json=body, headers=headers)
    assert response.status < 300, await response.text()
    return await response.json() if response.status != 204 else None


async def seen(server, user=None):
    """Who did what to the user, oldest first."""
    entries = (await server.get("/v1/audit", user))["entries"]
    return [(entry["actor_name"], entry["action"]) for entry in reversed(entries)]


# What is shown to whom


async def test_everybody_sees_what_concerns_them_and_nothing_else(server, coach):
    note = server.app[STORE].audit.note
    await note(coach.id, "results.read", server.user.id, "a session")
    await note(coach.id, "results.read", coach.id)
    await note(server.user.id, "sign_in", coach.id)
    (entry,) = (await server.get("/v1/audit"))["entries"]
    assert entry["actor_id"] == coach.id
    assert (entry["actor_name"], entry["action"]) == ("carla", "results.read")
    assert (entry["subject_id"], entry["object_id"]) == (server.user.id, "a session")
    assert datetime.now(UTC) - datetime.fromisoformat(entry["at"]) < timedelta(minutes=1)


async def test_the_table_holds_no_names(server, coach):
    await server.app[STORE].coachings.add(coach.id, server.user.id)
    await server.get("/v1/members", coach)
    rows = await server.app[STORE].database.all(sa.select(schema.audit))
    assert rows
    assert not any(name in str(row) for row in rows for name in ("carla", "anna"))


async def test_an_actor_whose_account_is_gone_has_no_name(server, coach):
    store = server.app[STORE]
    await store.audit.note(coach.id, "results.read", server.user.id)
    await store.users.remove("carla")
    (entry,) = (await server.get("/v1/audit"))["entries"]
    assert (entry["actor_id"], entry["actor_name"]) == (coach.id, None)


async def test_the_operator_has_neither_id_nor_name(server):
    await server.app[STORE].audit.note(None, "role.changed", server.user.id, "coach")
    (entry,) = (await server.get("/v1/audit"))["entries"]
    assert (entry["actor_id"], entry["actor_name"]) == (None, None)


async def test_pages_of_entries_leave_nothing_out(server):
    for number in range(5):
        await server.app[STORE].audit.note(None, f"act.{number}", server.user.id)
    first = (await server.get("/v1/audit?limit=3"))["entries"]
    before = first[-1]["at"].replace("+", "%2B")
    second = (await server.get(f"/v1/audit?limit=3&before={before}"))["entries"]
    assert [entry["action"] for entry in first + second] == [
        "act.4", "act.3", "act.2", "act.1", "act.0",
    ]  # fmt: skip


async def test_an_admin_sees_all_which_is_written_down(server, coach, admin):
    await server.app[STORE].audit.note(coach.id, "results.read", server.user.id)
    entries = (await server.get("/v1/audit?all=true", admin))["entries"]
    shown = [(one["actor_name"], one["action"], one["subject_name"]) for one in entries]
    assert ("carla", "results.read", "anna") in shown
    (again, *_) = (await server.get("/v1/audit?all=true", admin))["entries"]
    assert (again["actor_name"], again["action"]) == ("adam", "audit.read")


async def test_an_admin_who_does_not_ask_for_all_sees_what_concerns_them(server, coach, admin):
    await server.app[STORE].audit.note(coach.id, "results.read", server.user.id)
    assert await seen(server, admin) == []


async def test_nobody_else_sees_all(server, coach):
    for user in (server.user, coach):
        response = await server.client.get("/v1/audit?all=true", headers=server.headers_of(user))
        assert "Only an admin" in await problem(response, 403)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=yesterday", "all=perhaps"])
async def test_a_query_that_makes_no_sense_is_a_sentence(server, query):
    response = await server.client.get(f"/v1/audit?{query}", headers=server.headers)
    assert await problem(response, 422)


# What is written down


async def test_a_coaching_is_on_record_from_its_beginning_to_its_end(server, coach):
    made = await send(server, "POST", "/v1/invitations", coach, {})
    body = {"token": made["token"]}
    await send(server, "POST", "/v1/invitations/accept", server.user, body)
    await send(server, "GET", "/v1/members", coach)
    await send(server, "DELETE", f"/v1/members/{server.user.id}", coach)
    assert await seen(server) == [
        ("anna", "coaching.begun"),
        ("carla", "overview.read"),
        ("carla", "member.removed"),
    ]
    assert await seen(server, coach) == [("carla", "invitation.made")]


async def test_a_member_who_ends_it_finds_that_too(server, coach):
    await server.app[STORE].coachings.add(coach.id, server.user.id)
    await send(server, "DELETE", f"/v1/coaches/{coach.id}", server.user)
    assert await seen(server) == [("anna", "coach.removed")]


async def test_a_withdrawn_invitation_is_on_record(server, coach):
    made = await send(server, "POST", "/v1/invitations", coach, {})
    await send(server, "DELETE", f"/v1/invitations/{made['id']}", coach)
    assert await seen(server, coach) == [
        ("carla", "invitation.made"),
        ("carla", "invitation.deleted"),
    ]


async def test_a_list_that_is_loaded_again_and_again_is_one_look(server, coach):
    await server.app[STORE].coachings.add(coach.id, server.user.id)
    for _ in range(3):
        await server.get("/v1/members", coach)
    assert await seen(server) == [("carla", "overview.read")]


async def test_a_look_an_hour_later_is_another_one(server, coach):
    database = server.app[STORE].database
    await server.app[STORE].coachings.add(coach.id, server.user.id)
    await server.get("/v1/members", coach)
    earlier = datetime.now(UTC) - timedelta(hours=1)
    await database.change(sa.update(schema.audit).values(at=earlier))
    await server.get("/v1/members", coach)
    assert await seen(server) == [("carla", "overview.read")] * 2


async def test_one_coach_s_look_does_not_hide_another_s(server, coach):
    other = await server.add_user("carlo", "coach")
    for each in (coach, other):
        await server.app[STORE].coachings.add(each.id, server.user.id)
        await server.get("/v1/members", each)
    assert await seen(server) == [("carla", "overview.read"), ("carlo", "overview.read")]


async def test_what_an_admin_does_to_an_account_is_on_record(server, admin):
    path = f"/v1/users/{server.user.id}"
    await send(server, "PATCH", path, admin, {"role": "coach"})
    await send(server, "PATCH", path, admin, {"password": "battery staple"})
    await server.sign_in(await server.app[STORE].users.get(server.user.id))
    assert await seen(server) == [
        ("adam", "role.changed"),
        ("adam", "password.changed"),
    ]


async def test_a_role_that_stays_as_it_is_is_no_change(server, admin):
    await send(server, "PATCH", f"/v1/users/{server.user.id}", admin, {"role": "member"})
    assert await seen(server) == []


async def test_a_member_finds_that_the_coach_lost_the_role(server, coach, admin):
    await server.app[STORE].coachings.add(coach.id, server.user.id)
    await send(server, "PATCH", f"/v1/users/{coach.id}", admin, {"role": "member"})
    assert await seen(server) == [("adam", "coach.removed")]


async def test_that_an_account_was_made_and_removed_stays_on_record(server, admin):
    body = {"name": "ben", "password": "battery staple"}
    made = await send(server, "POST", "/v1/users", admin, body)
    await send(server, "DELETE", f"/v1/users/{made['id']}", admin)
    entries = (await server.get("/v1/audit?all=true", admin))["entries"]
    about = [entry for entry in reversed(entries) if entry["subject_id"] == made["id"]]
    assert [entry["action"] for entry in about] == [
        "user.added",
        "account.deleted",
        "user.removed",
    ]
    assert all(entry["subject_name"] is None for entry in about)


async def test_an_account_by_invitation_is_on_record(server, coach):
    made = await send(server, "POST", "/v1/invitations", coach, {})
    body = {"token": made["token"], "username": "ben", "password": "battery staple"}
    await send(server, "POST", "/v1/accounts", coach, body)
    ben = await server.app[STORE].users.by_name("ben")
    await server.sign_in(ben)
    assert await seen(server, ben) == [
        ("ben", "account.created"),
        ("ben", "coaching.begun"),
        ("ben", "sign_in.begun"),
    ]
