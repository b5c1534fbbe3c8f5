import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from posesim_server import schema
from posesim_server.api.operation import operations_of
from posesim_server.database import new_id
from posesim_server.keys import STORE
from server import problem, running

INVALID = (
    "This invitation is not valid. It may have been used, or its time is over. Ask your coach for "
    "a new one."
)
NOBODY = "00000000-0000-4000-8000-000000000000"
NOTHING_THERE = "There is nothing at this address."
WEEK = timedelta(days=7)


@pytest.fixture
async def server(tmp_path, database_url):
    async with running(tmp_path, database_url=database_url) as server:
        yield server


async def add_coach(server, name="carla"):
    return await server.add_user(name, "coach")


async def send(server, method, path, user, body=None):
    headers = server.headers_of(user) if user else {}
    return await server.client.request(method, path, json=body, headers=headers)


async def invite(server, coach, **body):
    response = await send(server, "POST", "/v1/invitations", coach, body)
    assert response.status == 201, await response.text()
    return await response.json()


async def accept(server, token, user, **more):
    body = {"token": token, **more}
    return await send(server, "POST", "/v1/invitations/accept", user, body)


async def preview(server, token):
    return await server.client.post("/v1/invitations/preview", json={"token": token})


async def add_session(server, user, *, ago=timedelta(0), score=None, started=True):
    at = datetime.now(UTC) - ago
    session_id = new_id()
    await server.app[STORE].database.change(
        sa.insert(schema.sessions).values(
            id=session_id,
            user_id=user.id,
            exercise_name="Squat",
            state="ended",
            created_at=at,
            started_at=at if started else None,
            summary={"score": score} if started else None,
        )
    )
    return session_id


# Inviting


async def test_an_invitation_is_for_seven_days_and_has_a_link(server):
    coach = await add_coach(server)
    made = await invite(server, coach, note="  Anna, knee ")
    lifetime = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert made["note"] == "Anna, knee"
    assert made["url"] == f"/#/invite/{made['token']}"
    assert WEEK - timedelta(minutes=1) < lifetime <= WEEK


async def test_of_a_token_only_its_hash_is_kept(server):
    token = (await invite(server, await add_coach(server)))["token"]
    row = await server.app[STORE].database.first(sa.select(schema.invitations))
    assert row["token_sha256"] == hashlib.sha256(token.encode()).hexdigest()
    files = [path for path in server.config.data.iterdir() if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in files)


async def test_a_list_shows_a_coach_what_became_of_the_own_invitations(server):
    coach = await add_coach(server)
    rows = server.app[STORE].invitations
    await rows.add(coach.id, note="late", lifetime=timedelta(seconds=-1))
    await invite(server, coach, note="waiting")
    await accept(server, (await invite(server, coach, note="came"))["token"], server.user)
    await invite(server, await add_coach(server, "carlo"), note="of another coach")
    listed = (await server.get("/v1/invitations", coach))["invitations"]
    assert [(one["note"], one["state"], one["member_name"]) for one in listed] == [
        ("came", "accepted", "anna"),
        ("waiting", "open", None),
        ("late", "expired", None),
    ]
    assert all("token" not in one for one in listed)


async def test_a_coach_withdraws_the_own_invitations_alone(server):
    coach, other = await add_coach(server), await add_coach(server, "carlo")
    made = await invite(server, coach)
    path = f"/v1/invitations/{made['id']}"
    assert await problem(await send(server, "DELETE", path, other), 404)
    assert (await send(server, "DELETE", path, coach)).status == 204
    assert await problem(await send(server, "DELETE", path, coach), 404)
    assert await problem(await accept(server, made["token"], server.user), 404) == INVALID


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"note": "two\nlines"}, "note: Write one line, without control characters."),
        ({"note": "a\x07b"}, "note: Write one line, without control characters."),
        ({"note": "\u202egnp.exe"}, "note: Write one line, without control characters."),
        ({"note": "x" * 81}, "note: String should have at most 80 characters."),
        ({"note": None}, "note: Input should be a valid string."),
        ({"expires_in_days": 0}, "expires_in_days: Input should be greater than or equal to 1."),
        ({"expires_in_days": 31}, "expires_in_days: Input should be less than or equal to 30."),
        ({"coach_id": NOBODY}, "coach_id: Extra inputs are not permitted."),
    ],
)
async def test_an_invitation_that_can_not_be_made_is_a_sentence(server, body, sentence):
    response = await send(server, "POST", "/v1/invitations", await add_coach(server), body)
    assert await problem(response, 422) == sentence


async def test_a_coach_can_not_pile_up_open_invitations(server, monkeypatch):
    monkeypatch.setattr("posesim_server.store.invitations.MOST_OPEN", 2)
    coach = await add_coach(server)
    await invite(server, coach)
    await accept(server, (await invite(server, coach))["token"], server.user)
    await invite(server, coach)  # the one that was accepted is not open
    response = await send(server, "POST", "/v1/invitations", coach, {})
    assert "2 open invitations" in await problem(response, 409)


# Accepting


async def test_a_preview_says_who_invites(server):
    made = await invite(server, await add_coach(server))
    response = await preview(server, made["token"])
    assert response.status == 200
    assert await response.json() == {"coach_name": "carla", "expires_at": made["expires_at"]}


async def test_who_accepts_is_seen_by_the_coach_and_sees_the_coach(server):
    coach = await add_coach(server)
    response = await accept(server, (await invite(server, coach))["token"], server.user)
    assert await response.json() == {"coach": {"id": coach.id, "name": "carla"}}
    (member,) = (await server.get("/v1/members", coach))["members"]
    (of_member,) = (await server.get("/v1/coaches"))["coaches"]
    assert (member["id"], member["name"]) == (server.user.id, "anna")
    assert (of_member["id"], of_member["name"]) == (coach.id, "carla")
    assert await server.app[STORE].coachings.coaches(coach.id, server.user.id)


async def test_accepting_is_agreeing_in_the_words_that_were_read(server):
    token = (await invite(server, await add_coach(server)))["token"]
    await accept(server, token, server.user, language="de")
    given = (await server.get("/v1/consents"))["given"]
    assert ("coaching", "de") in {(one["purpose"], one["language"]) for one in given}


async def refusals(server):
    """Tokens that invite nobody, by the reason."""
    coach = await add_coach(server)
    rows = server.app[STORE].invitations
    _, expired = await rows.add(coach.id, note="", lifetime=timedelta(seconds=-1))
    used = (await invite(server, coach))["token"]
    await accept(server, used, await server.add_user("ben"))
    withdrawn = await invite(server, coach)
    await send(server, "DELETE", f"/v1/invitations/{withdrawn['id']}", coach)
    return {
        "guessed": "A" * 43,
        "not a token": "ä\n",
        "empty": "",
        "expired": expired,
        "used": used,
        "withdrawn": withdrawn["token"],
    }


async def test_guessed_used_expired_and_withdrawn_tokens_are_refused_alike(server):
    answers = set()
    for token in (await refusals(server)).values():
        answers.add(await problem(await preview(server, token), 404))
        answers.add(await problem(await accept(server, token, server.user), 404))
        account = {"token": token, "username": "newcomer", "password": "correct horse"}
        response = await server.client.post("/v1/accounts", json=account)
        answers.add(await problem(response, 404))
    assert answers == {INVALID}
    assert (await server.get("/v1/coaches"))["coaches"] == []
    assert await server.app[STORE].users.by_name("newcomer") is None


async def test_a_refusal_asks_the_database_the_same_whatever_its_reason(server):
    tokens = await refusals(server)
    engine = server.app[STORE].database._engine.sync_engine
    asked: list[str] = []

    def note(connection, cursor, statement, *more):
        asked.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    ways = set()
    for token in tokens.values():
        asked.clear()
        await preview(server, token)
        ways.add(tuple(asked))
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(ways) == 1


async def test_a_guesser_has_to_wait(server):
    answers = [await preview(server, "A" * 43) for _ in range(61)]
    assert [answer.status for answer in answers] == [404] * 60 + [429]
    assert 290 <= int(answers[-1].headers["Retry-After"]) <= 300
    assert "Too many tries" in await problem(answers[-1], 429)
    assert (await accept(server, "A" * 43, server.user)).status == 429


async def test_of_two_members_who_race_for_an_invitation_one_gets_it(server):
    coach = await add_coach(server)
    token = (await invite(server, coach))["token"]
    racers = [await server.add_user(f"racer{number}") for number in range(4)]
    answers = await asyncio.gather(*(accept(server, token, racer) for racer in racers))
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    assert len((await server.get("/v1/members", coach))["members"]) == 1


async def test_one_s_own_invitation_can_not_be_accepted_and_stays_open(server):
    coach = await add_coach(server)
    token = (await invite(server, coach))["token"]
    assert "your own invitation" in await problem(await accept(server, token, coach), 409)
    assert (await accept(server, token, server.user)).status == 200
    assert (await server.get("/v1/coaches", coach))["coaches"] == []


async def test_a_second_invitation_by_the_same_coach_changes_nothing(server):
    coach = await add_coach(server)
    await accept(server, (await invite(server, coach))["token"], server.user)
    before = await server.get("/v1/members", coach)
    response = await accept(server, (await invite(server, coach))["token"], server.user)
    assert response.status == 200
    assert await server.get("/v1/members", coach) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/invitations/preview", {}),
        ("/v1/invitations/preview", {"token": "x" * 257}),
        ("/v1/invitations/preview", {"token": 7}),
        ("/v1/invitations/preview", {"token": "x", "more": 1}),
        ("/v1/invitations/accept", {"token": "x", "language": "la"}),
    ],
)
async def test_what_is_no_token_is_a_sentence(server, path, body):
    assert await problem(await send(server, "POST", path, server.user, body), 422)


async def test_half_a_character_is_no_token_and_not_a_crash(server):
    response = await server.client.post(
        "/v1/invitations/preview",
        data='{"token": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert response.status in (400, 404, 422)


# What a coach sees at a glance


async def coached(server, coach, *members):
    for member in members:
        await server.app[STORE].coachings.add(coach.id, member.id)


async def test_a_coach_sees_what_each_member_did_lately(server):
    coach, ben = await add_coach(server), await server.add_user("ben")
    await coached(server, coach, server.user, ben)
    await add_session(server, server.user, ago=timedelta(days=8), score=10.0)
    await add_session(server, server.user, ago=timedelta(days=6), score=70.0)
    await add_session(server, server.user, ago=timedelta(days=2), score=90.0)
    await add_session(server, server.user, ago=timedelta(days=1), score=None)
    await add_session(server, server.user, started=False)
    await add_session(server, ben, ago=timedelta(days=30), score=50.0)
    anna_seen, ben_seen = (await server.get("/v1/members", coach))["members"]
    assert (anna_seen["sessions_7d"], anna_seen["mean_score_7d"]) == (3, 80.0)
    assert (ben_seen["sessions_7d"], ben_seen["mean_score_7d"]) == (0, None)
    day = timedelta(days=1)
    last = datetime.now(UTC) - datetime.fromisoformat(anna_seen["last_session_at"])
    assert day <= last < day + timedelta(minutes=1)


async def test_a_member_who_never_trained_is_in_the_list(server):
    coach = await add_coach(server)
    await coached(server, coach, server.user)
    await add_session(server, server.user, started=False)
    (member,) = (await server.get("/v1/members", coach))["members"]
    assert member["last_session_at"] is None
    assert (member["sessions_7d"], member["mean_score_7d"]) == (0, None)


async def test_the_list_asks_once_however_many_members_and_sessions_there_are(server):
    coach = await add_coach(server)
    members = [await server.add_user(f"member{number}") for number in range(5)]
    await coached(server, coach, *members)
    for member in members:
        await add_session(server, member, score=50.0)
    asked = []
    engine = server.app[STORE].database._engine.sync_engine

    def note(connection, cursor, statement, *more):
        if "sessions" in statement:
            asked.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    assert len(await server.app[STORE].coachings.members(coach.id)) == 5
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(asked) == 1


# The end


async def test_a_member_ends_it_and_the_coach_sees_nothing_any_more(server):
    coach = await add_coach(server)
    await accept(server, (await invite(server, coach))["token"], server.user)
    assert (await send(server, "DELETE", f"/v1/coaches/{coach.id}", server.user)).status == 204
    assert (await server.get("/v1/members", coach))["members"] == []
    (invitation,) = (await server.get("/v1/invitations", coach))["invitations"]
    assert (invitation["state"], invitation["member_name"]) == ("accepted", None)
    assert not await server.app[STORE].coachings.coaches(coach.id, server.user.id)


async def test_a_coach_ends_it_and_the_member_has_no_coach_any_more(server):
    coach = await add_coach(server)
    await coached(server, coach, server.user)
    path = f"/v1/members/{server.user.id}"
    assert (await send(server, "DELETE", path, coach)).status == 204
    assert (await server.get("/v1/coaches"))["coaches"] == []
    assert await problem(await send(server, "DELETE", path, coach), 404)


async def test_the_end_of_one_coaching_leaves_the_others(server):
    coach, other, ben = (
        await add_coach(server),
        await add_coach(server, "carlo"),
        await server.add_user("ben"),
    )
    await coached(server, coach, server.user, ben)
    await coached(server, other, server.user)
    await send(server, "DELETE", f"/v1/coaches/{coach.id}", server.user)
    assert [one["name"] for one in (await server.get("/v1/coaches"))["coaches"]] == ["carlo"]
    assert [one["name"] for one in (await server.get("/v1/members", coach))["members"]] == ["ben"]


async def test_the_end_takes_the_coach_s_plan_along_and_no_other(server):
    coach, other, ben = (
        await add_coach(server),
        await add_coach(server, "carlo"),
        await server.add_user("ben"),
    )
    await coached(server, coach, server.user, ben)
    await coached(server, other, server.user)
    database = server.app[STORE].database
    exercise_id = new_id()
    await database.change(
        sa.insert(schema.exercises).values(
            id=exercise_id,
            user_id=coach.id,
            name="Squat",
            state="ready",
            clip_sha256="0" * 64,
            clip_type="video/mp4",
            created_at=datetime.now(UTC),
        )
    )
    for of_coach, member in ((coach, server.user), (coach, ben), (other, server.user)):
        await database.change(
            sa.insert(schema.assignments).values(
                id=new_id(),
                coach_id=of_coach.id,
                member_id=member.id,
                exercise_id=exercise_id,
                note="",
                weekdays=127,
                starts_on=datetime.now(UTC).date(),
                position=0,
                created_at=datetime.now(UTC),
            )
        )
    await send(server, "DELETE", f"/v1/members/{server.user.id}", coach)
    left = await database.all(sa.select(schema.assignments))
    assert {(one["coach_id"], one["member_id"]) for one in left} == {
        (coach.id, ben.id),
        (other.id, server.user.id),
    }


async def test_nobody_ends_a_coaching_of_others(server):
    coach, stranger = await add_coach(server), await add_coach(server, "carlo")
    await coached(server, coach, server.user)
    for user, path in (
        (stranger, f"/v1/members/{server.user.id}"),
        (stranger, f"/v1/coaches/{coach.id}"),
        (coach, f"/v1/coaches/{coach.id}"),
        (server.user, f"/v1/coaches/{server.user.id}"),
        (server.user, "/v1/coaches/not-an-id"),
    ):
        assert await problem(await send(server, "DELETE", path, user), 404)
    assert await server.app[STORE].coachings.coaches(coach.id, server.user.id)


# Every operation of coaches, also those of other modules

BODIES = {
    ("POST", "/v1/invitations"): {},
    ("POST", "/v1/members/{id}/assignments"): {"exercise_id": NOBODY},
    ("PATCH", "/v1/assignments/{id}"): {"note": "slowly"},
    ("POST", "/v1/calls"): {"title": "Knee"},
    ("PATCH", "/v1/calls/{id}"): {"title": "Knee"},
    ("POST", "/v1/calls/{id}/marks"): {"note": "slowly"},
    ("PUT", "/v1/calls/{id}/sessions/{session}/repetitions"): {"repetitions": 3},
}


def operations(server, wanted=lambda operation: True):
    """Operations of coaches, each with a body that it would take."""
    for operation in operations_of(server.app):
        if operation.access == "coach" and wanted(operation):
            key = operation.method, operation.path
            yield operation, BODIES[key] if operation.body else None


def about_a_member(operation):
    return "/members/{id}" in operation.path


async def call(server, operation, body, user, member, session_id):
    path = operation.path.replace("{id}", member.id)
    path = path.replace("{session}", session_id).replace("{mark}", NOBODY)
    assert "{" not in path, f"say here what stands for the rest of {path}"
    return await send(server, operation.method, path, user, body)


@pytest.mark.parametrize("who", ["stranger", "ended", "of another coach", "nobody", "oneself"])
async def test_whom_a_coach_does_not_coach_is_not_there(server, who):
    coach, other = await add_coach(server), await add_coach(server, "carlo")
    member, coachings = server.user, server.app[STORE].coachings
    if who == "ended":
        await coached(server, coach, member)
        assert await coachings.remove(coach.id, member.id)
    if who == "of another coach":
        await coached(server, other, member)
    if who == "oneself":
        member = coach
    session_id = await add_session(server, member, score=50.0)
    if who == "nobody":
        await server.app[STORE].users.remove("anna")
    tried = 0
    for operation, body in operations(server, about_a_member):
        response = await call(server, operation, body, coach, member, session_id)
        assert await problem(response, 404) != NOTHING_THERE, operation.path
        tried += 1
    assert tried >= 1
    if who == "of another coach":
        assert await coachings.coaches(other.id, member.id)


async def test_an_admin_sees_no_more_members_than_a_coach(server):
    coach, admin = await add_coach(server), await server.add_user("adam", "admin")
    await coached(server, coach, server.user)
    session_id = await add_session(server, server.user, score=50.0)
    assert (await server.get("/v1/members", admin))["members"] == []
    for operation, body in operations(server, about_a_member):
        response = await call(server, operation, body, admin, server.user, session_id)
        assert await problem(response, 404) != NOTHING_THERE, operation.path


async def test_a_member_may_do_nothing_that_a_coach_may(server):
    ben = await server.add_user("ben")
    await coached(server, ben, server.user)  # left over from when ben was one
    session_id = await add_session(server, server.user)
    for operation, body in operations(server):
        response = await call(server, operation, body, ben, server.user, session_id)
        assert "Only a coach" in await problem(response, 403), operation.path


async def test_without_a_token_there_is_nothing_to_coach(server):
    for operation, body in operations(server):
        response = await call(server, operation, body, None, server.user, NOBODY)
        assert await problem(response, 401) == "Sign in first.", operation.path
