"""The description of the interface holds all of it, and nothing else."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from posesim_server import schema
from posesim_server.api.operation import Operation, operation_of, operations_of
from posesim_server.app import create_app
from posesim_server.calls import page_messages as call_page
from posesim_server.calls import server_messages as call_server
from posesim_server.config import ServerConfig
from posesim_server.documents.openapi import openapi
from posesim_server.keys import STORE
from posesim_server.live.page_messages import ClientMessage
from posesim_server.live.server_messages import ServerMessage
from posesim_server.static_files import static_folder
from posesim_server.store.webhooks import TEST, Event
from server import running

SAMPLES = json.loads((Path(__file__).parent / "data" / "messages.json").read_text())
CALL_SAMPLES = json.loads((Path(__file__).parent / "data" / "call_messages.json").read_text())
APP = create_app(ServerConfig(data=Path("nowhere")))
FOLDER = static_folder()
PAGE = [file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file()]
OPERATIONS = operations_of(APP)
DOCUMENT = openapi(OPERATIONS)
SCHEMAS = DOCUMENT["components"]["schemas"]
each_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}"
)


def described(operation: Operation):
    path = re.sub(r":[^{}]+", "", operation.path)
    return DOCUMENT["paths"][path][operation.method.lower()]


def document_of(**declared):
    """The document of one operation that is declared so."""
    given = {"method": "GET", "path": "/x", "name": "x", "tag": "X", "summary": "Do x."}
    return openapi([Operation(**{**given, "description": "", "access": "open", **declared})])


def made_of(**declared):
    (methods,) = document_of(**declared)["paths"].values()
    (made,) = methods.values()
    return made


class Count(BaseModel):
    """How many.

    Attributes:
        limit, most: The largest number
            that is wanted.
    """

    limit: int = 5
    most: int | None = None


def test_it_is_openapi_3_1():
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_address_but_the_pages_files_is_declared_and_described():
    undeclared = {
        route.resource.canonical
        for route in APP.router.routes()
        if operation_of(route.handler) is None
    }
    assert undeclared == {"/", *(f"/{name}" for name in PAGE)}
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in APP.router.routes()
        if operation_of(route.handler)
    }
    paths = DOCUMENT["paths"].items()
    documented = {(path, method) for path, methods in paths for method in methods}
    assert documented == {route for route in routes if route[1] != "head"}


def test_every_operation_has_a_name_of_its_own():
    names = [operation.name for operation in OPERATIONS]
    assert sorted(names) == sorted(set(names))


def test_every_schema_has_a_plain_name():
    """Two models of one name would be told apart by where they are in the program."""
    assert [name for name in SCHEMAS if not re.fullmatch(r"[A-Z]\w*?(-Input|-Output)?", name)] == []
    assert [name for name in SCHEMAS if "__" in name] == []


@each_operation
def test_an_operation_says_what_it_does(operation):
    assert re.fullmatch(r"[A-Z].*\.", operation.summary)


@each_operation
def test_an_operation_says_who_may_call_it(operation):
    wanted = {"open": [], "session": [{"session": []}]}
    made = described(operation)
    assert made["security"] == wanted.get(operation.access, [{"user": []}])
    assert ("401" in made["responses"]) or operation.access == "open"
    assert ("403" in made["responses"]) or operation.access not in ("coach", "admin")


@each_operation
def test_what_is_addressed_by_an_id_may_not_be_there(operation):
    if "{id" in operation.path and operation.method != "OPTIONS":
        assert "404" in described(operation)["responses"]


@each_operation
def test_every_refusal_is_a_problem(operation):
    for status, response in described(operation)["responses"].items():
        if int(status) >= 400:
            assert response["content"] == {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDetails"}
                }
            }


@each_operation
def test_an_operation_says_what_it_answers(operation):
    assert operation.answer or operation.produces or operation.status in (101, 200, 202, 204)
    assert not (operation.answer and operation.produces)
    assert (operation.status == 204) <= (operation.answer is None)


def test_a_body_says_how_it_can_be_wrong():
    responses = made_of(method="POST", body=Count)["responses"]
    assert {"400", "413", "415", "422"} <= set(responses)


def test_what_a_module_says_of_a_status_goes_before_what_is_said_of_all():
    responses = made_of(method="POST", body=Count, problems={422: "Too many."})["responses"]
    assert responses["422"]["description"] == "Too many."


def test_ids_are_uuids_and_other_parts_of_an_address_have_their_pattern():
    made = made_of(path="/x/{id}/a.{kind:json|csv}/{day:[0-9]+}")
    assert [each["schema"] for each in made["parameters"]] == [
        {"type": "string", "format": "uuid"},
        {"type": "string", "enum": ["json", "csv"]},
        {"type": "string", "pattern": "^[0-9]+$"},
    ]


def test_a_parameter_that_may_be_left_out_is_never_null():
    made = made_of(query=Count)
    assert [(each["name"], each["schema"]) for each in made["parameters"]] == [
        ("limit", {"type": "integer", "default": 5}),
        ("most", {"type": "integer"}),
    ]


def test_what_a_docstring_says_of_an_attribute_is_said_there():
    made = made_of(query=Count)
    assert {each["description"] for each in made["parameters"]} == {
        "The largest number that is wanted."
    }


def test_an_answer_has_all_its_fields():
    schemas = document_of(answer=Count)["components"]["schemas"]
    assert schemas["Count"]["required"] == ["limit", "most"]


def test_a_wait_is_said_in_seconds():
    (header,) = made_of(problems={503: "Full."})["responses"]["503"]["headers"].items()
    assert header[0] == "Retry-After"
    assert header[1]["schema"] == {"type": "integer"}


def test_a_file_may_be_asked_for_in_parts():
    responses = made_of(produces=("video/*",), in_parts=True)["responses"]
    assert set(responses) == {"200", "206", "304", "412", "416"}


def test_every_message_of_the_data_channels_is_described():
    channels = DOCUMENT["x-data-channels"]["channels"]
    assert set(channels) == {"scores", "events"}
    said = [
        kind for each in channels.values() for kind in each["server"]["discriminator"]["mapping"]
    ]
    assert sorted(said) == sorted(kind_of(message) for message in get_args(ServerMessage))
    asked = channels["events"]["client"]["discriminator"]["mapping"]
    assert sorted(asked) == sorted(kind_of(message) for message in get_args(ClientMessage))


def test_every_message_of_a_calls_socket_is_described():
    for side, union in (("client", call_page.ClientMessage), ("server", call_server.ServerMessage)):
        name = DOCUMENT["x-call-socket"][side]["$ref"].rpartition("/")[2]
        said = SCHEMAS[name]["discriminator"]["mapping"]
        assert sorted(said) == sorted(kind_of(message) for message in get_args(union))


def kind_of(message):
    return get_args(message.model_fields["type"].annotation)[0]


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_samples_of_messages_fit_what_is_described(side):
    described = {**DOCUMENT["x-data-channels"][side], "components": DOCUMENT["components"]}
    validator = Draft202012Validator(described)
    assert SAMPLES[side]
    for sample in SAMPLES[side]:
        validator.validate(sample)
        assert not validator.is_valid({**sample, "type": "nonsense"})


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_samples_of_a_calls_messages_fit_what_is_described(side):
    described = {**DOCUMENT["x-call-socket"][side], "components": DOCUMENT["components"]}
    validator = Draft202012Validator(described)
    assert CALL_SAMPLES[side]
    for sample in CALL_SAMPLES[side]:
        validator.validate(sample)
        assert not validator.is_valid({**sample, "type": "nonsense"})


def test_every_message_to_a_webhook_is_described():
    assert set(DOCUMENT["webhooks"]) == {*get_args(Event), TEST}


async def test_what_a_webhook_is_sent_fits_what_is_described(tmp_path):
    """A test message, as it waits in the queue."""
    async with running(tmp_path, allow_private_webhooks=True) as server:
        body = {"url": "https://127.0.0.1:9/hook", "events": ["job.done"]}
        response = await server.client.post("/v1/webhooks", json=body, headers=server.headers)
        path = f"/v1/webhooks/{(await response.json())['id']}/test"
        assert (await server.client.post(path, headers=server.headers)).status == 202
        (row,) = await server.app[STORE].database.all(sa.select(schema.deliveries.c.body))
    described = DOCUMENT["webhooks"][TEST]["post"]["requestBody"]["content"]["application/json"]
    whole = {**described["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(json.loads(row["body"]))
