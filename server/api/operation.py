"""HTTP operations: declared once, so that what is checked and what is documented are the same.

A module makes one `Operations` and decorates its handlers; `openapi.py` writes the document from
the same declarations.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from ..problems import NUL, Problem, invalid, read_json

# Who may call: anybody, who brings a session's own token, a signed-in user, or one of such a role.
Access = Literal["open", "session", "member", "coach", "admin"]
Body = type[BaseModel] | tuple[type[BaseModel], ...] | dict[str, Any]
Expect = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
H = TypeVar("H", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address.

    Attributes:
        name: The handler's name; clients that are made of the document call it so.
        tag: The subject it belongs to.
        summary: The first line of the handler's docstring.
        description: The rest of it.
        access: Who may call it.
        body: The model of a JSON body.
        consumes: Another body than JSON: its media types, each with its model, or models of which
            it is one, or JSON schema.
        query: The model of the query.
        headers: Headers that a caller may send, and what for.
        answer: The model of a JSON answer.
        produces: Another answer than JSON: its media types.
        status: That of success.
        answer_headers: Headers of success, and what they say.
        cached: The answer has an `ETag`; who has it already is answered 304.
        in_parts: It is a file, of which parts can be asked for as well (RFC 9110, 14).
        signals: It begins, joins or ends a session or a call, and is limited in how often.
        problems: Why it may fail, by status; those that follow from the rest are added.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    description: str
    access: Access
    body: type[BaseModel] | None = None
    consumes: Mapping[str, Body] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: type[BaseModel] | None = None
    produces: tuple[str, ...] = ()
    status: int = 200
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    cached: bool = False
    in_parts: bool = False
    signals: bool = False
    problems: Mapping[int, str] = field(default_factory=dict)


_ID = "[0-9A-Fa-f-]{36}"  # a UUID, as far as its characters go
OPERATION = "posesim_operation"  # the attribute of a handler that holds its Operation


def operation_of(handler: object) -> Operation | None:
    """What a route's handler was declared as."""
    found = getattr(handler, OPERATION, None)
    return found if isinstance(found, Operation) else None


def operations_of(app: web.Application) -> list[Operation]:
    """All that is declared of an application's routes; HEAD, which GET brings along, is not."""
    return [
        operation
        for route in app.router.routes()
        if (operation := operation_of(route.handler)) and operation.method == route.method
    ]


class Operations:
    """The operations of one subject; `app.add_routes(operations.routes)`.

    A handler takes the request, and `body` and `query` where they are declared. It returns the
    model of its answer, None for an empty one, or a response of its own.
    """

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self.routes: list[web.RouteDef] = []

    def get(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Declare a GET; see `Operation` for what can be declared."""
        return self._declare("GET", path, declared)

    def post(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Declare a POST; `expect` answers `Expect: 100-continue`."""
        return self._declare("POST", path, declared)

    def put(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Declare a PUT."""
        return self._declare("PUT", path, declared)

    def patch(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Declare a PATCH."""
        return self._declare("PATCH", path, declared)

    def delete(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Declare a DELETE."""
        return self._declare("DELETE", path, declared)

    def options(self, path: str, **declared: Any) -> Callable[[H], H]:
        """Declare an OPTIONS."""
        return self._declare("OPTIONS", path, declared)

    def _declare(self, method: str, path: str, declared: dict[str, Any]) -> Callable[[H], H]:
        expect: Expect | None = declared.pop("expect", None)

        def decorate(handler: H) -> H:
            summary, _, rest = inspect.cleandoc(handler.__doc__ or "").partition("\n")
            operation = Operation(
                method=method,
                path=path,
                name=handler.__name__,
                tag=self._tag,
                summary=summary,
                description=rest.strip(),
                **{"access": "member", **declared},
            )
            options: dict[str, Any] = {"expect_handler": expect} if expect else {}
            make = web.get if method == "GET" else partial(web.route, method)  # GET brings HEAD
            self.routes.append(make(_routed(path), _handler(operation, handler), **options))
            return handler

        return decorate


def _routed(path: str) -> str:
    """Let each `{id}` match ids alone, so that no other address is taken for one."""
    return re.sub(r"\{(\w+)\}", rf"{{\1:{_ID}}}", path)


def _handler(operation: Operation, handler: Callable[..., Awaitable[Any]]) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        given: dict[str, BaseModel] = {}
        if operation.query is not None:
            given["query"] = read_query(request, operation.query)
        if operation.body is not None:
            given["body"] = await read_json(request, operation.body)
        return respond(await handler(request, **given), operation.status)

    setattr(handle, OPERATION, operation)
    return handle


def respond(
    answer: BaseModel | web.StreamResponse | None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Make a response of what a handler returns."""
    if isinstance(answer, web.StreamResponse):
        return answer
    if answer is None:
        return web.Response(status=204, headers=headers)
    return web.json_response(text=answer.model_dump_json(), status=status, headers=headers)


def read_query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    """Read the query as `model`.

    Raises:
        Problem: 422, naming the first parameter that does not fit.
    """
    for name, value in request.query.items():
        if "\0" in value:
            raise Problem(422, f"{name}: {NUL}")
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise invalid(error) from error
