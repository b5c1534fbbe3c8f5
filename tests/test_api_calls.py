"""Calls over HTTP: made by a coach, joined by one person, gone for both."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from posesim_server.keys import CONSENTS, STORE
from posesim_server.privacy.consents import ConsentMissing
from server import PASSWORD, add_user, problem, running

NOBODY = "00000000-0000-4000-8000-000000000000"
INVALID = (
    "This link is not valid. It may have been used, or its time is over. Ask who sent it for a new "
    "one; a call that you joined before is under Calls."
)
NO_INVITATION = (
    "This invitation is not valid. It may have been used, or its time is over. Ask your coach for "
    "a new one."
)
GONE = "There is no such call of yours. It may have been deleted."


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path) as server:
        server.coach = await server.add_user("carla", "coach")
        yield server


async def send(server, method, path, user=None, body=None):
    headers = server.headers_of(user) if user else {}
    return await server.client.request(method, path, json=body, headers=headers)


async def make(server, coach=None, **body):
    body = {"title": "Knee", **body}
    response = await send(server, "POST", "/v1/calls", coach or server.coach, body)
    assert response.status == 201, await response.text()
    return await response.json()


async def join(server, token, user=None, **more):
    body = {"token": token, **more}
    return await send(server, "POST", "/v1/calls/join", user or server.user, body)


async def joined(server, member=None):
    made = await make(server)
    response = await join(server, made["token"], member)
    assert response.status == 200, await response.text()
    return await response.json()


async def preview(server, token):
    return await send(server, "POST", "/v1/calls/preview", body={"token": token})


async def audited(server, user, about="call"):
    entries = await server.app[STORE].audit.of_user(user.id, limit=50)
    return [(e.actor_name, e.action, e.object_id) for e in entries if e.action.startswith(about)]


# Making one


async def test_a_call_has_a_link_for_seven_days(server):
    made = await make(server, title="  Anna, knee ", starts_at="2026-12-01T10:30:00+01:00")
    call = made["call"]
    assert made["url"] == f"/#/join/{made['token']}"
    assert (call["title"], call["role"], call["state"]) == ("Anna, knee", "coach", "open")
    assert (call["coach_name"], call["member_name"]) == ("carla", None)
    assert call["starts_at"] == "2026-12-01T09:30:00Z"
    lifetime = datetime.fromisoformat(call["expires_at"]) - datetime.now(UTC)
    week = timedelta(days=7)
    assert week - timedelta(minutes=1) < lifetime <= week
    assert await audited(server, server.coach) == [("carla", "call.made", call["id"])]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "title: Field required."),
        ({"title": " "}, "title: String should have at least 1 character."),
        ({"title": "x" * 81}, "title: String should have at most 80 characters."),
        ({"title": "two\nlines"}, "title: Write one line, without control characters."),
        ({"title": "\u202egnp.exe"}, "title: Write one line, without control characters."),
        (
            {"title": "x", "starts_at": 7},
            "starts_at: Write a time with its zone, like 2026-11-25T17:30:00Z.",
        ),
        (
            {"title": "x", "expires_in_days": 31},
            "expires_in_days: Input should be less than or equal to 30.",
        ),
        ({"title": "x", "member_id": NOBODY}, "member_id: Extra inputs are not permitted."),
    ],
)
async def test_a_call_that_can_not_be_made_is_a_sentence(server, body, sentence):
    assert await problem(await send(server, "POST", "/v1/calls", server.coach, body), 422) == (
        sentence
    )


async def test_a_coach_can_not_pile_up_links(server, monkeypatch):
    monkeypatch.setattr("posesim_server.store.calls.MOST_OPEN", 1)
    await make(server)
    response = await send(server, "POST", "/v1/calls", server.coach, {"title": "One more"})
    assert "You have 1 calls that nobody joined yet" in await problem(response, 409)


# Its link


async def test_who_has_the_link_sees_whose_call_it_is(server):
    made = await make(server)
    response = await preview(server, made["token"])
    assert response.status == 200
    assert await response.json() == {
        "coach_name": "carla",
        "title": "Knee",
        "starts_at": None,
        "expires_at": made["call"]["expires_at"],
    }


async def test_who_joins_is_the_member_and_has_agreed_to_it(server):
    ben = await server.app[STORE].users.add("ben", "h")
    await server.sign_in(ben)
    made = await make(server)
    call = await (await join(server, made["token"], ben, language="de")).json()
    assert (call["role"], call["state"], call["member_name"]) == ("member", "accepted", "ben")
    (consent,) = await server.app[STORE].consents.of_user(ben.id)
    assert (consent.purpose, consent.language) == ("call", "de")
    assert consent.wording == server.app[CONSENTS].wordings.of("call", "de")
    assert await audited(server, ben) == [("ben", "call.joined", call["id"])]
    assert (await server.get("/v1/coaches", ben))["coaches"] == []


async def test_all_that_can_not_be_joined_looks_alike(server):
    used, withdrawn = await make(server), await make(server)
    assert (await join(server, used["token"])).status == 200
    path = f"/v1/calls/{withdrawn['call']['id']}"
    assert (await send(server, "DELETE", path, server.coach)).status == 204
    _, late = await server.app[STORE].calls.add(
        server.coach.id, title="Late", starts_at=None, lifetime=timedelta(seconds=-1)
    )
    invited = await send(server, "POST", "/v1/invitations", server.coach, {})
    tokens = [used["token"], withdrawn["token"], late, "guessed", ""]
    for token in [*tokens, (await invited.json())["token"]]:
        assert await problem(await preview(server, token), 404) == INVALID
        assert await problem(await join(server, token), 404) == INVALID


async def test_of_many_who_come_at_once_one_gets_in(server):
    made = await make(server)
    people = [await server.add_user(f"u{number}") for number in range(6)]
    answers = await asyncio.gather(*(join(server, made["token"], person) for person in people))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 5
    call = await server.get(f"/v1/calls/{made['call']['id']}", server.coach)
    (inside,) = (p for p, a in zip(people, answers, strict=True) if a.status == 200)
    assert call["member_name"] == inside.name
    for person in people:
        listed = (await server.get("/v1/calls", person))["calls"]
        assert len(listed) == (person is inside)


async def test_a_coach_does_not_join_the_own_call(server):
    made = await make(server)
    response = await join(server, made["token"], server.coach)
    assert await problem(response, 409) == (
        "This is your own call. Send its link to the person you want to see."
    )
    assert (await preview(server, made["token"])).status == 200


async def test_links_can_not_be_guessed(server):
    answers = [await preview(server, f"guess {number}") for number in range(200)]
    assert answers[0].status == 404
    limited = answers[-1]
    assert "Too many tries" in await problem(limited, 429)
    assert int(limited.headers["Retry-After"]) > 0
    # Those of invitations are guessed with the same tries.
    body = {"token": "x"}
    assert (await send(server, "POST", "/v1/invitations/preview", None, body)).status == 429


async def test_a_newcomer_makes_an_account_by_the_link(server):
    made = await make(server)
    body = {"token": made["token"], "username": "mia", "password": PASSWORD, "language": "es"}
    response = await send(server, "POST", "/v1/accounts", body=body)
    assert response.status == 201, await response.text()
    given = await response.json()
    assert given["call_id"] == made["call"]["id"]
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    call = await (await server.client.get(f"/v1/calls/{given['call_id']}", headers=headers)).json()
    assert (call["role"], call["member_name"]) == ("member", "mia")
    coaches = await (await server.client.get("/v1/coaches", headers=headers)).json()
    assert coaches == {"coaches": []}
    mia = await server.app[STORE].users.by_name("mia")
    (consent,) = await server.app[STORE].consents.of_user(mia.id)
    assert (consent.purpose, consent.language) == ("call", "es")
    again = await send(server, "POST", "/v1/accounts", body={**body, "username": "max"})
    assert await problem(again, 404) == NO_INVITATION


async def test_a_name_that_is_taken_does_not_use_the_link_up(server):
    made = await make(server)
    body = {"token": made["token"], "username": "anna", "password": PASSWORD}
    response = await send(server, "POST", "/v1/accounts", body=body)
    assert response.status == 409
    assert (await preview(server, made["token"])).status == 200


async def test_an_account_by_an_invitation_leads_into_no_call(server):
    made = await (await send(server, "POST", "/v1/invitations", server.coach, {})).json()
    body = {"token": made["token"], "username": "mia", "password": PASSWORD}
    response = await send(server, "POST", "/v1/accounts", body=body)
    assert response.status == 201
    assert (await response.json())["call_id"] is None


# Whose it is


async def test_each_of_the_two_finds_the_call_in_the_own_role(server):
    call = await joined(server)
    waiting = await make(server, title="Hip")
    listed = (await server.get("/v1/calls", server.coach))["calls"]
    assert [(one["title"], one["state"], one["role"]) for one in listed] == [
        ("Hip", "open", "coach"),
        ("Knee", "accepted", "coach"),
    ]
    before = listed[0]["created_at"]
    page = (await server.get(f"/v1/calls?limit=1&before={before}", server.coach))["calls"]
    assert [one["id"] for one in page] == [call["id"]]
    (mine,) = (await server.get("/v1/calls"))["calls"]
    assert mine == call == await server.get(f"/v1/calls/{call['id']}")
    assert waiting["call"]["id"] not in str(mine)


async def test_a_call_says_how_far_it_is(server):
    calls = server.app[STORE].calls
    late, _ = await calls.add(
        server.coach.id, title="Late", starts_at=None, lifetime=timedelta(seconds=-1)
    )
    assert (await server.get(f"/v1/calls/{late.id}", server.coach))["state"] == "expired"
    call = await joined(server)
    await calls.end(call["id"])
    ended = await server.get(f"/v1/calls/{call['id']}")
    assert ended["state"] == "ended"
    assert ended["ended_at"]


async def test_a_coach_changes_a_call_and_the_member_is_told(server):
    call = await joined(server)
    path = f"/v1/calls/{call['id']}"
    body = {"title": "Hip", "notes": "Less deep.\nTwice a day."}
    changed = await (await send(server, "PATCH", path, server.coach, body)).json()
    assert (changed["title"], changed["notes"]) == ("Hip", "Less deep.\nTwice a day.")
    assert (await server.get(path))["notes"] == "Less deep.\nTwice a day."
    assert ("carla", "call.changed", call["id"]) in await audited(server, server.user)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"title": None}, "title can't be null; leave it out to keep it."),
        ({"notes": "x" * 2001}, "notes: Write at most 2000 characters, without control"),
        ({"ended_at": None}, "ended_at: Extra inputs are not permitted."),
    ],
)
async def test_a_change_that_makes_no_sense_is_a_sentence(server, body, sentence):
    call = await joined(server)
    response = await send(server, "PATCH", f"/v1/calls/{call['id']}", server.coach, body)
    assert sentence in await problem(response, 422)


async def test_a_member_changes_nothing(server):
    call = await joined(server)
    response = await send(server, "PATCH", f"/v1/calls/{call['id']}", server.user, {"title": "x"})
    assert await problem(response, 403)


# The end


@pytest.mark.parametrize("by", ["coach", "member"])
async def test_either_of_the_two_deletes_a_call_for_both(server, by):
    call = await joined(server)
    path = f"/v1/calls/{call['id']}"
    user = server.coach if by == "coach" else server.user
    assert (await send(server, "DELETE", path, user)).status == 204
    for person in (server.coach, server.user):
        assert await problem(await send(server, "GET", path, person), 404) == GONE
    assert await problem(await send(server, "DELETE", path, user), 404) == GONE
    assert (user.name, "call.deleted", call["id"]) in await audited(server, server.user)


async def test_a_call_that_nobody_joined_is_deleted_by_its_coach(server):
    made = await make(server)
    path = f"/v1/calls/{made['call']['id']}"
    assert (await send(server, "DELETE", path, server.coach)).status == 204
    assert ("carla", "call.deleted", made["call"]["id"]) in await audited(server, server.coach)


async def test_who_is_no_coach_any_more_calls_nobody(server):
    admin = await server.add_user("adam", "admin")
    call, waiting = await joined(server), await make(server)
    body = {"role": "member"}
    path = f"/v1/users/{server.coach.id}"
    assert (await send(server, "PATCH", path, admin, body)).status == 200
    assert await problem(await preview(server, waiting["token"]), 404) == INVALID
    assert (await server.get("/v1/calls", server.coach))["calls"] == []
    assert (await server.get(f"/v1/calls/{call['id']}"))["state"] == "ended"
    assert ("adam", "call.ended", call["id"]) in await audited(server, server.user)


async def test_who_is_no_coach_any_more_stays_the_member_of_a_call(server):
    admin, carlo = await server.add_user("adam", "admin"), await server.add_user("carlo", "coach")
    call = await joined(server, carlo)
    path = f"/v1/users/{carlo.id}"
    assert (await send(server, "PATCH", path, admin, {"role": "member"})).status == 200
    assert (await server.get(f"/v1/calls/{call['id']}", carlo))["state"] == "accepted"


async def test_withdrawing_the_consent_ends_what_it_allowed(server):
    ben = await add_user(server.app, "ben")
    await server.sign_in(ben)
    call, other = await joined(server), await joined(server, ben)
    given = (await server.get("/v1/consents"))["given"]
    (consent,) = (one for one in given if one["purpose"] == "call")
    path = f"/v1/consents/{consent['id']}"
    assert (await send(server, "DELETE", path, server.user)).status == 204
    assert (await server.get(f"/v1/calls/{call['id']}"))["state"] == "ended"
    assert (await server.get(f"/v1/calls/{other['id']}", ben))["state"] == "accepted"
    with pytest.raises(ConsentMissing, match="Allow first that you are seen and scored in calls"):
        await server.app[CONSENTS].require(server.user.id, "call")
