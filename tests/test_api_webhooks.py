"""Webhooks over HTTP: made, looked at, tested, told of what really happens."""

import pytest
from aiohttp import FormData
from receiver import receiving
from videos import stick_figure

from posesim_server.api import webhooks as webhooks_api
from posesim_server.keys import STORE
from server import Server, problem, running

URL = "https://example.org/hook"
MISSING = "00000000-0000-4000-8000-000000000000"
EVENTS = ["session.ended", "job.done"]


@pytest.fixture
async def server(tmp_path):
    async with running(tmp_path / "data", allow_private_webhooks=True) as server:
        yield server


async def post(server: Server, path: str, json=None, user=None):
    headers = server.headers_of(user or server.user)
    return await server.client.post(path, json=json, headers=headers)


async def made(server: Server, url: str = URL, user=None, **body):
    response = await post(server, "/v1/webhooks", {"url": url, "events": EVENTS, **body}, user)
    assert response.status == 201, await response.text()
    return await response.json()


async def test_the_secret_of_a_webhook_is_shown_once(server):
    webhook = await made(server)
    secret = webhook.pop("secret")
    assert secret.startswith("whsec_")
    assert webhook.pop("created_at").endswith("Z")
    shown = await server.get(f"/v1/webhooks/{webhook['id']}")
    shown.pop("created_at")
    assert shown == webhook == {
        "id": webhook["id"],
        "url": URL,
        "events": EVENTS,
        "scope": "own",
        "failing_since": None,
        "disabled_at": None,
    }  # fmt: skip
    listed = await server.client.get("/v1/webhooks", headers=server.headers)
    assert secret not in await listed.text()


async def test_webhooks_are_listed_newest_first(server):
    ids = [(await made(server))["id"] for _ in range(3)]
    listed = (await server.get("/v1/webhooks"))["webhooks"]
    assert [webhook["id"] for webhook in listed] == ids[::-1]


async def test_a_user_has_only_so_many_webhooks(server, monkeypatch):
    monkeypatch.setattr(webhooks_api, "MOST", 2)
    first, _ = await made(server), await made(server)
    response = await post(server, "/v1/webhooks", {"url": URL, "events": EVENTS})
    assert "You have 2 webhooks" in await problem(response, 409)
    assert len((await server.get("/v1/webhooks"))["webhooks"]) == 2
    await made(server, user=await server.add_user("ben"))
    await server.client.delete(f"/v1/webhooks/{first['id']}", headers=server.headers)
    await made(server)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"url": "ftp://example.org", "events": EVENTS}, "url: "),
        ({"url": "", "events": EVENTS}, "url: "),
        ({"url": "https://a.example/" + "x" * 3000, "events": EVENTS}, "url: "),
        ({"url": URL, "events": []}, "events: "),
        ({"url": URL, "events": ["session.began"]}, "events.0: "),
        ({"url": URL, "events": ["job.done", "job.done"]}, "name each event once"),
        ({"url": URL, "events": EVENTS, "secret": "whsec_mine"}, "secret: "),
        ({"url": URL, "events": EVENTS, "scope": "all"}, "scope: "),
        ({"url": URL}, "events: "),
    ],
)
async def test_a_webhook_that_makes_no_sense_is_refused(server, body, sentence):
    assert sentence in await problem(await post(server, "/v1/webhooks", body), 422)


@pytest.mark.parametrize("url", ["http://example.org/", "https://127.0.0.1/", "https://[::1]/"])
async def test_a_webhook_leads_to_the_internet_unless_the_operator_says_otherwise(tmp_path, url):
    async with running(tmp_path / "data") as server:
        response = await post(server, "/v1/webhooks", {"url": url, "events": EVENTS})
        assert (await problem(response, 422)).startswith("url: ")


async def test_only_an_admin_hears_of_everybodys_events(server):
    body = {"url": URL, "events": EVENTS, "scope": "server"}
    for role in ("member", "coach"):
        user = await server.add_user(role, role)
        assert "Only an admin" in await problem(await post(server, "/v1/webhooks", body, user), 403)
    root = await server.add_user("root", "admin")
    webhook = await made(server, user=root, scope="server")
    entry = (await server.get("/v1/audit?all=true", root))["entries"][0]
    assert (entry["action"], entry["actor_id"]) == ("webhook.made", root.id)
    assert entry["object_id"] == webhook["id"]


async def test_nobody_reaches_anothers_webhook(server):
    webhook = await made(server)
    root = await server.add_user("root", "admin")
    url = f"/v1/webhooks/{webhook['id']}"
    for method, path in [
        ("GET", url),
        ("DELETE", url),
        ("GET", f"{url}/deliveries"),
        ("POST", f"{url}/test"),
    ]:
        response = await server.client.request(method, path, headers=server.headers_of(root))
        assert "no such webhook" in await problem(response, 404)
    assert await server.get(url)


@pytest.mark.parametrize("name", [MISSING, "x"])
async def test_a_webhook_that_is_not_there_is_not_found(server, name):
    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test")]:
        response = await server.client.request(
            method, f"/v1/webhooks/{name}{path}", headers=server.headers
        )
        assert await problem(response, 404)


async def test_a_deleted_webhook_is_forgotten_with_what_it_was_told(server):
    webhook = await made(server)
    url = f"/v1/webhooks/{webhook['id']}"
    assert (await server.client.delete(url, headers=server.headers)).status == 204
    assert (await server.client.get(url, headers=server.headers)).status == 404
    left = await server.app[STORE].webhooks.deliveries(server.user.id, webhook["id"], limit=1)
    assert left == []


# Deliveries


async def delivered(server: Server, webhook_id: str):
    """The only delivery to a webhook, when it has been tried."""

    async def one():
        (delivery,) = (await server.get(f"/v1/webhooks/{webhook_id}/deliveries"))["deliveries"]
        return delivery

    delivery = await one()
    while delivery["tries"] == 0:
        delivery = await one()
    return delivery


async def test_a_test_is_sent_and_its_delivery_says_what_came_of_it(server):
    async with receiving(418) as receiver:
        webhook = await made(server, receiver.url)
        response = await post(server, f"/v1/webhooks/{webhook['id']}/test")
        assert response.status == 202
        received = await receiver.next()
        received.verify(webhook["secret"])
        assert received.message["type"] == "webhook.test"
        delivery = await delivered(server, webhook["id"])
    assert delivery.pop("created_at").endswith("Z")
    assert delivery == {
        "id": received.id,
        "event": "webhook.test",
        "tries": 1,
        "next_at": None,
        "delivered_at": None,
        "outcome": "It answered with status 418.",
    }


async def test_a_second_test_waits_for_the_first(server):
    async with receiving(talks=False) as receiver:
        webhook = await made(server, receiver.url)
        await post(server, f"/v1/webhooks/{webhook['id']}/test")
        await receiver.next()
        response = await post(server, f"/v1/webhooks/{webhook['id']}/test")
        assert response.headers["Retry-After"] == "60"
        assert "on its way already" in await problem(response, 429)


async def test_the_end_of_a_live_session_is_told(server, tmp_path):
    exercise = await server.ready_exercise(stick_figure(tmp_path / "squat.mp4", seconds=4.0))
    async with receiving() as receiver:
        webhook = await made(server, receiver.url)
        ticket = await post(server, "/v1/sessions", {"exercise_id": exercise["id"]})
        session_id = (await ticket.json())["id"]
        await server.client.delete(f"/v1/sessions/{session_id}", headers=server.headers)
        received = await receiver.next()
        received.verify(webhook["secret"])
    assert received.message["type"] == "session.ended"
    data = received.message["data"]
    assert (data["session_id"], data["exercise_id"]) == (session_id, exercise["id"])
    assert (data["user_id"], data["end_reason"]) == (server.user.id, "deleted")


async def test_the_end_of_a_job_is_told_with_its_session(server, tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", seconds=4.0)
    form = FormData()
    form.add_field("reference", clip.read_bytes(), filename="squat.mp4")
    form.add_field("video", clip.read_bytes(), filename="me.mp4")
    async with receiving() as receiver:
        await made(server, receiver.url, events=["job.done"])
        sent = await server.client.post("/predict", data=form, headers=server.headers)
        job_id = (await sent.json())["id"]
        data = (await receiver.next()).message["data"]
    job = await server.get(f"/v1/jobs/{job_id}")
    assert (data["job_id"], data["state"]) == (job_id, "done")
    assert data["session_id"] == job["session_id"]
    assert data["session_id"] is not None


async def test_sessions_that_a_stop_ends_are_told_by_the_next_start(tmp_path):
    clip = stick_figure(tmp_path / "squat.mp4", seconds=4.0)
    async with receiving(talks=False) as receiver:
        async with running(tmp_path / "data", allow_private_webhooks=True) as server:
            exercise = await server.ready_exercise(clip)
            await made(server, receiver.url)
            ticket = await post(server, "/v1/sessions", {"exercise_id": exercise["id"]})
            session_id = (await ticket.json())["id"]
        receiver.talks.set()
        async with running(tmp_path / "data", allow_private_webhooks=True):
            data = (await receiver.next()).message["data"]
            assert (data["session_id"], data["end_reason"]) == (session_id, "shutdown")
