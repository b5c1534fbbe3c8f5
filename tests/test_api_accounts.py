import asyncio

import pytest

from posesim_server.api.operation import operations_of
from posesim_server.keys import STORE
from server import PASSWORD, problem, running

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as server:
        await server.app[STORE].users.change_role(server.user.id, "admin")
        yield server


async def send(server, method, path, user, body=None):
    headers = server.headers_of(user) if user else {}
    return await server.client.request(method, path, json=body, headers=headers)


async def by_admin(server, method, path, body=None):
    return await send(server, method, path, server.user, body)


async def sign_in(server, name, password=PASSWORD):
    response = await server.client.post("/token", json={"username": name, "password": password})
    return response.status


# By an admin


async def test_an_admin_makes_an_account_that_can_be_used(server):
    body = {"name": " Ben ", "password": "battery staple", "role": "coach"}
    response = await by_admin(server, "POST", "/v1/users", body)
    assert response.status == 201
    made = await response.json()
    assert (made["name"], made["role"]) == ("ben", "coach")
    assert set(made) == {"id", "name", "role", "created_at"}
    assert await sign_in(server, "ben", "battery staple") == 200


async def test_without_a_word_an_account_is_a_member_s(server):
    body = {"name": "ben", "password": "battery staple"}
    response = await by_admin(server, "POST", "/v1/users", body)
    assert (await response.json())["role"] == "member"


async def test_an_admin_sees_all_accounts_by_name(server):
    await server.add_user("zoe", "coach")
    await server.add_user("ben", "member")
    listed = (await server.get("/v1/users"))["users"]
    assert [(user["name"], user["role"]) for user in listed] == [
        ("anna", "admin"),
        ("ben", "member"),
        ("zoe", "coach"),
    ]


async def test_a_new_role_counts_at_once(server):
    ben = await server.add_user("ben")
    assert (await send(server, "GET", "/v1/members", ben)).status == 403
    response = await by_admin(server, "PATCH", f"/v1/users/{ben.id}", {"role": "coach"})
    assert (await response.json())["role"] == "coach"
    assert (await send(server, "GET", "/v1/members", ben)).status == 200


async def test_a_new_password_replaces_the_old_one(server):
    ben = await server.add_user("ben")
    body = {"password": "battery staple"}
    assert (await by_admin(server, "PATCH", f"/v1/users/{ben.id}", body)).status == 200
    assert await sign_in(server, "ben") == 401
    assert await sign_in(server, "ben", "battery staple") == 200


async def test_a_new_password_ends_what_was_signed_in_with_the_old_one(server):
    ben = await server.add_user("ben")
    assert (await send(server, "GET", "/v1/me", ben)).status == 200
    await by_admin(server, "PATCH", f"/v1/users/{ben.id}", {"password": "battery staple"})
    assert await problem(await send(server, "GET", "/v1/me", ben), 401)


async def test_a_password_that_can_not_be_used_changes_nothing_at_all(server):
    ben = await server.add_user("ben")
    body = {"role": "coach", "password": "short"}
    response = await by_admin(server, "PATCH", f"/v1/users/{ben.id}", body)
    assert "A password has at least 10" in await problem(response, 422)
    assert (await server.app[STORE].users.get(ben.id)).role == "member"


async def test_an_account_is_removed_with_its_files(server):
    ben = await server.add_user("ben")
    folder = server.config.data / "references" / ben.id
    folder.mkdir(parents=True)
    headers = server.headers_of(ben)
    assert (await by_admin(server, "DELETE", f"/v1/users/{ben.id}")).status == 204
    assert not folder.exists()
    assert await problem(await server.client.get("/v1/me", headers=headers), 401)
    assert await problem(await by_admin(server, "DELETE", f"/v1/users/{ben.id}"), 404)


@pytest.mark.parametrize("role", ["member", "coach"])
async def test_the_last_admin_keeps_the_role(server, role):
    response = await by_admin(server, "PATCH", f"/v1/users/{server.user.id}", {"role": role})
    assert "This is the last admin" in await problem(response, 409)
    assert (await server.get("/v1/me"))["role"] == "admin"


async def test_the_last_admin_is_not_removed(server):
    await server.add_user("ben", "coach")
    response = await by_admin(server, "DELETE", f"/v1/users/{server.user.id}")
    assert "This is the last admin" in await problem(response, 409)


async def test_an_admin_may_go_when_there_is_another(server):
    await server.add_user("ben", "admin")
    assert (await by_admin(server, "DELETE", f"/v1/users/{server.user.id}")).status == 204


async def test_of_two_admins_who_remove_each_other_at_once_one_stays(server):
    ben = await server.add_user("ben", "admin")
    await asyncio.gather(
        by_admin(server, "DELETE", f"/v1/users/{ben.id}"),
        send(server, "DELETE", f"/v1/users/{server.user.id}", ben),
    )
    roles = [user.role for user in await server.app[STORE].users.all()]
    assert roles == ["admin"]


async def test_who_is_no_coach_any_more_coaches_nobody_even_when_a_coach_again(server):
    coach, ben = await server.add_user("carla", "coach"), await server.add_user("ben")
    store = server.app[STORE]
    await store.coachings.add(coach.id, ben.id)
    response = await send(server, "POST", "/v1/invitations", coach, {})
    token = (await response.json())["token"]
    for role in ("member", "coach"):
        await by_admin(server, "PATCH", f"/v1/users/{coach.id}", {"role": role})
    assert not await store.coachings.coaches(coach.id, ben.id)
    response = await server.client.post("/v1/invitations/preview", json={"token": token})
    assert response.status == 404


async def test_a_coach_who_becomes_admin_keeps_the_members(server):
    coach, ben = await server.add_user("carla", "coach"), await server.add_user("ben")
    await server.app[STORE].coachings.add(coach.id, ben.id)
    await by_admin(server, "PATCH", f"/v1/users/{coach.id}", {"role": "admin"})
    assert await server.app[STORE].coachings.coaches(coach.id, ben.id)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"name": "ANNA"}, 409, "There is already a user 'anna'. Choose another name."),
        ({"name": "two words"}, 422, "A user name has 1 to 64 characters and no spaces."),
        ({"name": ""}, 422, "A user name has 1 to 64 characters and no spaces."),
        ({"name": "a\x07b"}, 422, "A user name has 1 to 64 characters and no spaces."),
        ({"name": "x" * 65}, 422, "A user name has 1 to 64 characters and no spaces."),
        ({"name": "x" * 257}, 422, "name: String should have at most 256 characters."),
        ({"password": "short"}, 422, "A password has at least 10 and at most 1024 characters."),
        ({"role": "owner"}, 422, "role: Input should be 'member', 'coach' or 'admin'."),
        ({"role": None}, 422, "role: Input should be 'member', 'coach' or 'admin'."),
        ({"id": NOBODY}, 422, "id: Extra inputs are not permitted."),
    ],
)
async def test_an_account_that_can_not_be_made_is_a_sentence(server, body, status, sentence):
    whole = {"name": "ben", "password": "battery staple", **body}
    response = await by_admin(server, "POST", "/v1/users", whole)
    assert await problem(response, status) == sentence
    assert [user.name for user in await server.app[STORE].users.all()] == ["anna"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "the request: Give a role, a password, or both."),
        ({"role": "owner"}, "role: Input should be 'member', 'coach' or 'admin'."),
        ({"name": "bob"}, "name: Extra inputs are not permitted."),
    ],
)
async def test_a_change_that_makes_no_sense_is_a_sentence(server, body, sentence):
    response = await by_admin(server, "PATCH", f"/v1/users/{server.user.id}", body)
    assert await problem(response, 422) == sentence


@pytest.mark.parametrize(
    ("user_id", "sentence"),
    [(NOBODY, "There is no such user."), ("not-an-id", "There is nothing at this address.")],
)
async def test_an_account_that_there_is_not_is_not_found(server, user_id, sentence):
    for method, body in (("PATCH", {"role": "coach"}), ("DELETE", None)):
        response = await by_admin(server, method, f"/v1/users/{user_id}", body)
        assert await problem(response, 404) == sentence


async def test_nobody_but_an_admin_touches_accounts(server):
    ben = await server.add_user("ben")
    bodies = {"POST": {"name": "x", "password": "battery staple"}, "PATCH": {"role": "admin"}}
    tried = {
        (one.method, one.path.replace("{id}", ben.id))
        for one in operations_of(server.app)
        if one.access == "admin"
    }
    assert len(tried) >= 4
    for role in ("member", "coach"):
        await server.app[STORE].users.change_role(ben.id, role)
        for method, path in tried:
            response = await send(server, method, path, ben, bodies.get(method))
            assert "Only an admin" in await problem(response, 403)
    for method, path in tried:
        assert await problem(await send(server, method, path, None, bodies.get(method)), 401)


# By invitation


async def invitation(server, coach_name="carla"):
    coach = await server.add_user(coach_name, "coach")
    response = await send(server, "POST", "/v1/invitations", coach, {})
    return coach, (await response.json())["token"]


async def create(server, token, username="Ben", password="battery staple", **more):
    body = {"token": token, "username": username, "password": password, **more}
    return await server.client.post("/v1/accounts", json=body)


async def test_who_is_invited_makes_an_account_and_is_signed_in(server):
    _, token = await invitation(server)
    response = await create(server, token)
    assert response.status == 201
    assert response.headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {(await response.json())['access_token']}"}
    me = await (await server.client.get("/v1/me", headers=headers)).json()
    coaches = await (await server.client.get("/v1/coaches", headers=headers)).json()
    assert (me["name"], me["role"]) == ("ben", "member")
    assert [one["name"] for one in coaches["coaches"]] == ["carla"]
    assert await sign_in(server, "ben", "battery staple") == 200


async def test_the_answer_is_that_of_a_sign_in(server):
    _, token = await invitation(server)
    created = await (await create(server, token)).json()
    body = {"username": "ben", "password": "battery staple"}
    signed_in = await (await server.client.post("/token", json=body)).json()
    assert created.pop("call_id") is None
    assert set(created) == set(signed_in)


async def test_a_newcomer_agrees_to_be_coached_in_the_words_that_were_read(server):
    _, token = await invitation(server)
    await create(server, token, language="es")
    ben = await server.app[STORE].users.by_name("ben")
    await server.sign_in(ben)
    (given,) = (await server.get("/v1/consents", ben))["given"]
    assert (given["purpose"], given["language"]) == ("coaching", "es")


async def test_an_invitation_makes_one_account(server):
    _, token = await invitation(server)
    await create(server, token)
    response = await create(server, token, "bob")
    assert "not valid" in await problem(response, 404)
    assert await server.app[STORE].users.by_name("bob") is None


async def test_of_newcomers_who_race_for_an_invitation_one_gets_an_account(server):
    coach, token = await invitation(server)
    names = ["ben", "bob", "bea", "bill"]
    answers = await asyncio.gather(*(create(server, token, name) for name in names))
    assert sorted(answer.status for answer in answers) == [201, 404, 404, 404]
    accounts = {user.name for user in await server.app[STORE].users.all()}
    assert len(accounts & set(names)) == 1
    assert len(await server.app[STORE].coachings.members(coach.id)) == 1


async def test_of_newcomers_who_race_for_a_name_the_other_keeps_the_invitation(server):
    (_, first), (_, second) = await invitation(server), await invitation(server, "carlo")
    answers = await asyncio.gather(create(server, first), create(server, second))
    assert sorted(answer.status for answer in answers) == [201, 409]
    left = first if answers[0].status == 409 else second
    assert (await create(server, left, "bob")).status == 201


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"username": "anna"}, 409),
        ({"username": "two words"}, 422),
        ({"password": "short"}, 422),
        ({"language": "la"}, 422),
        ({"role": "admin"}, 422),
    ],
)
async def test_what_can_not_be_used_does_not_use_the_invitation_up(server, more, status):
    _, token = await invitation(server)
    assert await problem(await create(server, token, **more), status)
    assert (await create(server, token)).status == 201


async def test_without_an_invitation_nobody_learns_which_names_are_taken(server):
    taken = await problem(await create(server, "A" * 43, "anna"), 404)
    free = await problem(await create(server, "A" * 43, "ben"), 404)
    malformed = await problem(await create(server, "A" * 43, "a b", "short"), 404)
    assert taken == free == malformed
    assert await server.app[STORE].users.by_name("ben") is None


async def test_a_guesser_has_to_wait(server):
    answers = [(await create(server, "A" * 43)).status for _ in range(61)]
    assert answers == [404] * 60 + [429]


async def test_where_the_operator_takes_no_passwords_no_account_is_made(tmp_path):
    outside = {"issuer": "https://issuer.example", "audience": "posesim"}
    async with running(tmp_path, passwords=False, **outside) as server:
        _, token = await invitation(server)
        assert "takes no passwords" in await problem(await create(server, token), 400)
        assert await server.app[STORE].users.by_name("ben") is None
