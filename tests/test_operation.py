"""What every declared operation does by itself: read, check, answer."""

import uuid

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel, ConfigDict, Field

from posesim_server.api.operation import Operations, operation_of
from posesim_server.problems import problems
from server import problem


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    word: str = Field(max_length=8)


class Answer(BaseModel):
    word: str


class Filter(BaseModel):
    limit: int = Field(default=5, ge=1, le=9)
    word: str | None = None


operations = Operations("Words")


@operations.post("/words", access="open", body=Question, answer=Answer, status=201)
async def ask(request: web.Request, body: Question) -> Answer:
    """Ask for a word.

    It comes back as it went in.
    """
    return Answer(word=body.word)


@operations.get("/words", access="open", query=Filter, answer=Answer)
async def find(request: web.Request, query: Filter) -> Answer:
    """Find a word."""
    return Answer(word=f"{query.word} {query.limit}")


@operations.delete("/words", status=204)
async def forget(request: web.Request) -> None:
    """Forget all words."""


@operations.get("/words/{id}", access="open", answer=Answer)
async def show(request: web.Request) -> Answer:
    """Show a word."""
    return Answer(word=request.match_info["id"])


@operations.get("/broken", access="open", answer=Answer)
async def broken(request: web.Request) -> Answer:
    """Fail."""
    raise RuntimeError("nobody foresaw it")


@pytest.fixture
async def client():
    app = web.Application(middlewares=[problems])
    app.add_routes(operations.routes)
    async with TestClient(TestServer(app)) as client:
        yield client


async def send(client, body):
    headers = {"Content-Type": "application/json"}
    return await client.post("/words", data=body, headers=headers)


def test_a_handler_says_by_its_docstring_and_name_what_it_does():
    (route,) = (each for each in operations.routes if each.method == "POST")
    operation = operation_of(route.handler)
    assert operation.name == "ask"
    assert operation.summary == "Ask for a word."
    assert operation.description == "It comes back as it went in."


def test_an_operation_is_for_signed_in_users_unless_it_says_otherwise():
    (route,) = (each for each in operations.routes if each.method == "DELETE")
    assert operation_of(route.handler).access == "member"


async def test_a_body_is_read_and_an_answer_written_by_their_models(client):
    response = await send(client, b'{"word": "squat"}')
    assert response.status == 201
    assert await response.json() == {"word": "squat"}


async def test_an_id_in_an_address_is_an_id(client):
    assert (await client.get(f"/words/{uuid.uuid4()}")).status == 200
    assert await problem(await client.get("/words/all"), 404) == "There is nothing at this address."


async def test_nothing_to_say_is_an_answer_without_a_body(client):
    response = await client.delete("/words")
    assert response.status == 204
    assert await response.read() == b""


async def test_a_query_is_read_with_its_defaults(client):
    response = await client.get("/words?word=squat")
    assert await response.json() == {"word": "squat 5"}


async def test_a_parameter_that_does_not_fit_is_named(client):
    response = await client.get("/words?limit=10")
    assert await problem(response, 422) == "limit: Input should be less than or equal to 9."


async def test_a_body_of_another_type_is_refused(client):
    response = await client.post("/words", data=b"word", headers={"Content-Type": "text/plain"})
    assert await problem(response, 415) == "Send the request as application/json."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"word": NaN',
        b'{"word": "\\ud800"}',
        b"[" * 5000,
        b'{"word": "a\x00"}',
    ],
)
async def test_what_is_no_json_is_refused(client, body):
    assert await problem(await send(client, body), 400) == "The request is not valid JSON."


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{}", "word"),
        (b"[]", "the request"),
        (b'{"word": 1}', "word"),
        (b'{"word": "much too long"}', "word"),
        (b'{"word": "a", "more": 1}', "more"),
    ],
)
async def test_the_field_that_does_not_fit_is_named(client, body, named):
    assert (await problem(await send(client, body), 422)).startswith(f"{named}: ")


@pytest.mark.parametrize(
    "body", [b'{"word": "a\\u0000"}', b'{"a\\u0000": 1}', b'{"word": ["\\u0000"]}']
)
async def test_a_text_with_the_character_that_no_database_keeps_is_refused(client, body):
    assert "U+0000" in await problem(await send(client, body), 422)


async def test_a_backslash_before_u0000_is_no_such_character(client):
    response = await send(client, b'{"word": "\\\\u0000"}')
    assert await response.json() == {"word": "\\u0000"}


async def test_a_query_with_that_character_is_refused(client):
    assert "word: A text" in await problem(await client.get("/words?word=%00"), 422)


async def test_what_nobody_foresaw_is_a_problem_that_says_nothing_of_the_inside(client, caplog):
    detail = await problem(await client.get("/broken"), 500)
    assert "nobody foresaw" not in detail
