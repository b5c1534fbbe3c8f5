"""Every operation keeps what the description of the API promises, whatever it is sent.

Requests are made of the document itself. Those that fit it carry ids and secrets that are good (in
the long form, half of them), so that more is answered than 404.
"""

import itertools
from pathlib import Path

import pytest
import requests
import schemathesis
from populated import Populated, populated
from schemathesis import Config
from schemathesis.specs.openapi.checks import negative_data_rejection

from posesim_server.api.operation import Operation, operations_of
from posesim_server.app import create_app
from posesim_server.config import ServerConfig
from posesim_server.documents.openapi import openapi
from posesim_server.store.users import User

OPERATIONS = {
    operation.name: operation
    for operation in operations_of(create_app(ServerConfig(data=Path("nowhere"))))
}
# One process runs them all: what each operation answered is looked at in the end, and pytest 9.2
# gives schemathesis' tests of one function one id, by which processes would share them out.
pytestmark = pytest.mark.slow
# Each time by somebody new: what ends the sign-in, the account or what its user allows, and what
# makes things of which one user may have only so many.
BY_SOMEBODY_NEW = {
    "sign_out",
    "sign_out_everywhere",
    "change_password",
    "delete_account",
    "withdraw_consent",
    "add_webhook",
    "invite",
    "make_call",
    "predict",
}
# What is no HTTP once it has been agreed on: it is used in test_call_socket.py.
WEBSOCKETS = ["call_socket"]
# What can't be asked for wrongly.
TAKING_NOTHING = [
    operation.name
    for operation in OPERATIONS.values()
    if not (operation.body or operation.consumes or operation.query or "{" in operation.path)
]
schemathesis.serializer.alias(["application/sdp", "application/trickle-ice-sdpfrag"], "text/plain")

answered: dict[str, set[int]] = {}  # the statuses of each operation's answers to what fits
turns = itertools.count()


def described(mode: str, *, examples: int, coverage: bool = False):
    """The document as schemathesis reads it; `mode` says whether requests fit it."""
    config = Config.from_dict(
        {
            "suppress-health-check": ["all"],
            "generation": {
                "mode": mode,
                "max-examples": examples,
                "deterministic": True,
                "no-shrink": True,
                "allow-extra-parameters": False,  # of a query; what nobody asked for is left alone
                "with-security-parameters": False,  # the tokens here are good
            },
            "phases": {
                "examples": {"enabled": False},
                "coverage": {"enabled": coverage},
                "stateful": {"enabled": False},
            },
            "cache": {"enabled": False},
            "warnings": False,
            "checks": {
                # What fits the document may still be refused, but never as something else.
                "positive_data_acceptance": {
                    "expected-statuses": [*range(401, 405), 409, 412, 416, 422, 429, "2xx", "3xx"]
                },
                "negative_data_rejection": {
                    "expected-statuses": [*range(400, 406), 409, 413, 415, 422, 429]
                },
            },
            "operations": [
                {
                    "include-operation-id": ["offer", "trickle"],  # their bodies are no SDP
                    "checks": {"positive_data_acceptance": {"enabled": False}},
                },
                {
                    "include-operation-id": ["readyz"],  # a busy machine is not ready: 503
                    "checks": {
                        "not_a_server_error": {"enabled": False},
                        "positive_data_acceptance": {"enabled": False},
                    },
                },
                {
                    "include-operation-id": WEBSOCKETS,  # requests don't ask for the upgrade well
                    "checks": {
                        "positive_data_acceptance": {"enabled": False},
                        "negative_data_rejection": {"expected-statuses": [400, 403, 404, 426]},
                    },
                },
            ],
        }
    )
    return schemathesis.openapi.from_dict(openapi(OPERATIONS.values()), config=config)


fitting = described("positive", examples=2)
unfitting = described("negative", examples=2).exclude(operation_id=TAKING_NOTHING)
everything = described("all", examples=20, coverage=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with populated(tmp_path_factory.mktemp("populated")) as server:
        yield server


@pytest.fixture(scope="module")
def connection():
    with requests.Session() as connection:
        yield connection


@fitting.parametrize()
def test_what_fits_is_answered_as_described(case, server, connection):
    check(case, server, connection, good=True)


@unfitting.parametrize()
def test_what_does_not_fit_is_refused(case, server, connection):
    check(case, server, connection)


@everything.parametrize()
def test_an_operation_keeps_its_promises(case, server, connection):
    fits = case.meta.generation.mode.is_positive
    check(case, server, connection, good=fits and next(turns) % 2 == 0)


def test_every_operation_can_be_used():
    """Else the others have seen refusals alone."""
    if len(answered) < len(OPERATIONS):
        pytest.skip("only some of the tests ran")
    assert [
        name
        for name in OPERATIONS
        if name not in WEBSOCKETS and not any(200 <= each < 300 for each in answered[name])
    ] == []


def check(case, server: Populated, connection: requests.Session, *, good: bool = False) -> None:
    """Send a request; with `good`, its ids and secrets are."""
    operation = OPERATIONS[case.operation.definition.raw["operationId"]]
    role = "member" if operation.access in ("open", "session") else operation.access
    user = server.person(role, new=operation.name in BY_SOMEBODY_NEW)
    here = {"base_url": server.url, "session": connection}
    headers: dict[str, str] = {}
    if good:
        headers = fill(case, operation, user, server)
        if case.path_parameters and operation.access in ("member", "coach"):
            # What is somebody's is not there for others, whatever their role.
            stranger = server.headers(server.stranger(role))
            assert case.call(headers=headers | stranger, **here).status_code in (404, 422)
    headers |= credentials(case, operation, user, server)
    # What is put in is known to fit, also where the document has no words for it.
    excluded = [negative_data_rejection] if good else []
    response = case.call_and_validate(headers=headers, excluded_checks=excluded, **here)
    if good:
        answered.setdefault(operation.name, set()).add(response.status_code)
    if operation.name == "create_session" and response.status_code == 201:
        server.end_session(response.json()["id"], user)


def credentials(case, operation: Operation, user: User, server: Populated) -> dict[str, str]:
    match operation.access:
        case "open":
            return {}
        case "session":
            return server.session_headers(case.path_parameters["id"], user)
    return server.headers(user)


def fill(case, operation: Operation, user: User, server: Populated) -> dict[str, str]:
    """Put in ids, secrets and files that are good; return the headers that go with them."""
    case.path_parameters.update(server.ids(case.path, user, new=case.method == "DELETE"))
    if whole := server.body(operation.name, user):
        case.body, headers = whole
        return headers
    if isinstance(case.body, dict):
        good = server.fields(user)
        for name in case.body.keys() & good.keys():
            case.body[name] = good[name]()
    return {}
