"""Whatever is sent, the answer is a problem, and the server goes on."""

import asyncio
import json
from email.parser import BytesParser
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from posesim_server.api.operation import operations_of
from posesim_server.app import create_app
from posesim_server.config import ServerConfig
from posesim_server.problems import problems
from posesim_server.runner import Runner
from server import WAIT_S, problem, running

END = b"Host: x\r\nConnection: close\r\n\r\n"
FORM = b"POST /token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"
TOKEN = b"POST /token HTTP/1.1\r\nContent-Type: application/json\r\n"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory):
    """One for all: what is refused leaves nothing behind."""
    async with running(tmp_path_factory.mktemp("server")) as server:
        server.user = await server.add_user("ada", "admin")
        yield server


async def sent(server, raw: bytes):
    """Send bytes and return the answer's status, headers and body."""
    async with asyncio.timeout(WAIT_S):
        reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
        try:
            writer.write(raw)
            await writer.drain()
            answer = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, _, fields = head.partition(b"\r\n")
    return int(first.split()[1]), BytesParser().parsebytes(fields), body


OPERATIONS = operations_of(create_app(ServerConfig(data=Path("nowhere"))))
UNREADABLE = {
    "no HTTP at all": b"hello\r\n\r\n",
    "TLS": bytes.fromhex("1603010200010001fc0303") + b"\x00" * 64,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\n" + END,
    "a method of nobody": b"BREW / HTTP/1.1\r\n" + END,
    "an address of bytes": b"GET /\xff HTTP/1.1\r\n" + END,
    "a method with a space": b"GE T / HTTP/1.1\r\n" + END,
    "an address with a space": b"GET /a b HTTP/1.1\r\n" + END,
    "a header without a colon": b"GET / HTTP/1.1\r\nNonsense\r\n" + END,
    "a header with a NUL": b"GET / HTTP/1.1\r\nX: a\x00b\r\n" + END,
    "a length that is no number": b"POST /token HTTP/1.1\r\nContent-Length: many\r\n" + END,
    "a length below 0": b"POST /token HTTP/1.1\r\nContent-Length: -1\r\n" + END,
    "two lengths": b"POST /token HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + END,
    "a length and chunks": TOKEN + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" + END,
    "an encoding that is none": TOKEN + b"Transfer-Encoding: nonsense\r\n" + END,
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\n" + END,
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_is_no_http_is_refused_as_a_problem(server, raw):
    status, headers, body = await sent(server, raw)
    assert status in (400, 505)
    assert headers.get_content_type() == "application/problem+json"
    assert json.loads(body)["detail"] == "The request can't be read."
    assert (await server.client.get("/healthcheck")).status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + END,
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n" + END,
    ],
    ids=["address", "header"],
)
async def test_an_address_or_header_that_is_too_long_is_refused(server, raw):
    status, headers, body = await sent(server, raw)
    assert status == 431
    assert headers.get_content_type() == "application/problem+json"
    assert "too long" in json.loads(body)["detail"]


REFUSED = {
    "an address that is not there": (404, b"GET /nowhere HTTP/1.1\r\n" + END),
    "bytes that are no UTF-8": (404, b"GET /%ff%00 HTTP/1.1\r\n" + END),
    "a way out of the folder": (404, b"GET /../../etc/passwd HTTP/1.1\r\n" + END),
    "another server's address": (404, b"GET http://elsewhere.example/x HTTP/1.1\r\n" + END),
    "a method that is not served": (405, b"POST / HTTP/1.1\r\nContent-Length: 0\r\n" + END),
    "a method of no operation": (405, b"GET /token HTTP/1.1\r\n" + END),
    "all methods of the server": (404, b"OPTIONS * HTTP/1.1\r\n" + END),
    "a tunnel": (404, b"CONNECT elsewhere.example:443 HTTP/1.1\r\n" + END),
    "a trace": (405, b"TRACE / HTTP/1.1\r\n" + END),
    "no token": (401, b"GET /v1/me HTTP/1.1\r\n" + END),
    "a token of bytes": (401, b"GET /v1/me HTTP/1.1\r\nAuthorization: Bearer \xff\xfe\r\n" + END),
    "a token of a NUL's length": (
        401,
        b"GET /v1/me HTTP/1.1\r\nAuthorization: Bearer a.b.c\r\n" + END,
    ),
    "a token of a foreign scheme": (
        401,
        b"GET /v1/me HTTP/1.1\r\nAuthorization: Basic YTpi\r\n" + END,
    ),
    "a page of elsewhere": (
        403,
        TOKEN + b"Origin: https://evil.example\r\nContent-Length: 2\r\n" + END + b"{}",
    ),
    "an origin that is no address": (
        403,
        TOKEN + b"Origin: http://[\r\nContent-Length: 2\r\n" + END + b"{}",
    ),
    "an origin of bytes": (403, TOKEN + b"Origin: \xff\xfe\r\nContent-Length: 2\r\n" + END + b"{}"),
    "an expectation of nobody": (
        417,
        TOKEN + b"Expect: tea\r\nContent-Length: 2\r\n" + END + b"{}",
    ),
    "a body that is too large": (413, TOKEN + b"Content-Length: 70000\r\n" + END + b" " * 70_000),
    "chunks that are too many": (
        413,
        TOKEN
        + b"Transfer-Encoding: chunked\r\n"
        + END
        + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 20
        + b"0\r\n\r\n",
    ),
    "a chunk without its size": (
        400,
        TOKEN + b"Transfer-Encoding: chunked\r\n" + END + b"zz\r\n{}\r\n0\r\n\r\n",
    ),
    "a body that is not compressed": (
        400,
        TOKEN + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n" + END + b"{}",
    ),
    "a body compressed by nobody's means": (
        400,
        TOKEN + b"Content-Encoding: nonsense\r\nContent-Length: 1\r\n" + END + b"{",
    ),
    "a body that is no JSON": (400, TOKEN + b"Content-Length: 1\r\n" + END + b"{"),
    "a body of bytes": (400, TOKEN + b"Content-Length: 4\r\n" + END + b'"\xff"\n'),
    "a body without a type": (415, b"POST /token HTTP/1.1\r\nContent-Length: 2\r\n" + END + b"{}"),
    "a type that is none": (
        415,
        b"POST /token HTTP/1.1\r\nContent-Type: ;;/\xff\r\nContent-Length: 2\r\n" + END + b"{}",
    ),
    "a form without a boundary": (
        415,
        b"POST /token HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 2\r\n"
        + END
        + b"{}",
    ),
    "a form of bytes": (400, FORM + b"\r\nContent-Length: 10\r\n" + END + b"username=\xff"),
    "a form of wrong bytes": (400, FORM + b"\r\nContent-Length: 12\r\n" + END + b"username=%ff"),
    "a form in a script of nobody": (
        422,
        FORM + b"; charset=nonsense\r\nContent-Length: 10\r\n" + END + b"username=a",
    ),
    "a form with a NUL": (
        422,
        FORM + b"\r\nContent-Length: 23\r\n" + END + b"username=%00&password=b",
    ),
    "a form of too many fields": (
        400,
        FORM + b"\r\nContent-Length: 400\r\n" + END + b"a=1&" * 100,
    ),
}


@pytest.mark.parametrize(("status", "raw"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_is_refused_as_a_problem(server, status, raw):
    answered, headers, body = await sent(server, raw)
    assert answered == status, body
    assert headers.get_content_type() == "application/problem+json"
    assert set(json.loads(body)) == {"type", "title", "status", "detail"}


TIMED = [
    f"{operation.path}?{name}"
    for operation in OPERATIONS
    if operation.query is not None
    for name, field in operation.query.model_json_schema()["properties"].items()
    if "date-time" in str(field)
]


@pytest.mark.parametrize("address", TIMED)
@pytest.mark.parametrize(
    "written",
    [
        "0",
        "1764000000.5",
        "2026-11-25",
        "2026-11-25T17:30:00",
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
async def test_a_time_that_is_none_is_refused(server, address, written):
    path = address.replace("{id}", server.user.id)
    response = await server.client.get(f"{path}={written}", headers=server.headers)
    assert await problem(response, 422)


async def test_a_refusal_to_head_has_no_body(server):
    status, headers, body = await sent(server, b"HEAD /nowhere HTTP/1.1\r\n" + END)
    assert status == 404
    assert headers.get_content_type() == "application/problem+json"
    assert body == b""


async def test_a_caller_who_leaves_in_the_middle_is_no_error():
    begun, answered = asyncio.Event(), asyncio.Future()

    @web.middleware
    async def watch(request, handler):
        response = await handler(request)
        answered.set_result(response.status)
        return response

    async def read(request):
        begun.set()
        return web.Response(body=await request.read())

    app = web.Application(middlewares=[watch, problems])
    app.router.add_post("/", read)
    runner = Runner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    await asyncio.wait_for(begun.wait(), WAIT_S)
    writer.close()
    assert await asyncio.wait_for(answered, WAIT_S) == 400
    await runner.cleanup()


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Range", "bytes=99999999-", 416),
        ("Range", "bytes=9-1", 416),
        ("Range", "lines=1-2", 416),
        ("If-Match", '"another"', 412),
    ],
)
async def test_a_part_of_a_file_that_can_not_be_sent_is_a_problem(server, name, value, status):
    response = await server.client.get("/main.js", headers={name: value})
    assert await problem(response, status)
    response = await server.client.head("/main.js", headers={name: value})
    assert response.status == status
    assert await response.read() == b""
