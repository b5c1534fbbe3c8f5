"""How an OpenAPI document describes one declared operation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from ..api.operation import Body, Operation
from ..problems import PROBLEM_TYPE, ProblemDetails
from .json_schemas import ModelSchemas, Schema

JSON = "application/json"

_HEADERS = {
    "Location": "Where what was made is.",
    "Retry-After": "Seconds to wait before the next try.",
    "WWW-Authenticate": "How to prove who one is: Bearer.",
    "Content-Range": "Which bytes these are, and of how many.",
    "ETag": "Changes when the content does.",
}
_ROLES = {
    "open": "",
    "session": "Needs the session's own token.",
    "member": "",
    "coach": "For coaches and admins.",
    "admin": "For admins.",
}
_NUMBERED = {"Retry-After"}
_READING = {"GET", "OPTIONS"}
_PARAMETER = re.compile(r"\{(\w+)(?::([^{}]+))?\}")  # of an address; it may bring its pattern


def used_models(operation: Operation) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    """The models that `describe` refers to."""
    yield ProblemDetails, "serialization"
    for body in (operation.body, operation.query, *operation.consumes.values()):
        for model in body if isinstance(body, tuple) else (body,):
            if isinstance(model, type):
                yield model, "validation"
    if operation.answer is not None:
        yield operation.answer, "serialization"


def path_of(operation: Operation) -> str:
    """Its address without the patterns of its parts."""
    return _PARAMETER.sub(r"{\1}", operation.path)


def describe(operation: Operation, models: ModelSchemas) -> Schema:
    """Describe an operation."""
    description = " ".join(filter(None, (operation.description, _ROLES[operation.access])))
    made: Schema = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary.rstrip("."),
    }
    if description:
        made["description"] = description
    made["security"] = _security(operation)
    if parameters := [*_path(operation), *_query(operation, models), *_request_headers(operation)]:
        made["parameters"] = parameters
    if body := _body(operation, models):
        made["requestBody"] = {"required": True, "content": body}
    made["responses"] = _responses(operation, models)
    return made


def _security(operation: Operation) -> list[Schema]:
    match operation.access:
        case "open":
            return []
        case "session":
            return [{"session": []}]
        case _:
            return [{"user": []}]


def _path(operation: Operation) -> Iterator[Schema]:
    for name, pattern in _PARAMETER.findall(operation.path):
        schema: Schema = {"type": "string"}
        if not pattern:
            schema["format"] = "uuid"
        elif re.fullmatch(r"[\w|]+", pattern):
            schema["enum"] = pattern.split("|")
        else:
            schema["pattern"] = f"^{pattern}$"
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query(operation: Operation, models: ModelSchemas) -> Iterator[Schema]:
    if operation.query is None:
        return
    whole = models.whole(operation.query)
    for name, field in whole["properties"].items():
        schema = {key: value for key, value in field.items() if key != "description"}
        options = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
        if len(options) == 1:  # what is not given is null inside; a query can't say so
            schema = {**{k: v for k, v in schema.items() if k != "anyOf"}, **options[0]}
        if schema.get("default", ...) is None:
            del schema["default"]
        parameter = {"name": name, "in": "query", "schema": schema}
        if name in whole.get("required", ()):
            parameter["required"] = True
        if "description" in field:
            parameter["description"] = field["description"]
        yield parameter


def _request_headers(operation: Operation) -> Iterator[Schema]:
    headers = dict(operation.headers)
    if operation.cached or operation.in_parts:
        headers["If-None-Match"] = "The `ETag` of what one has: 304 if that has not changed."
    if operation.in_parts:
        headers["Range"] = "The bytes that are wanted, as `bytes=0-1023`."
    for name, description in headers.items():
        schema = {"type": "string"}
        yield {"name": name, "in": "header", "description": description, "schema": schema}


def _body(operation: Operation, models: ModelSchemas) -> Schema:
    accepted: dict[str, Body] = dict(operation.consumes)
    if operation.body is not None:
        accepted[JSON] = operation.body
    return {media_type: {"schema": _taken(body, models)} for media_type, body in accepted.items()}


def _taken(body: Body, models: ModelSchemas) -> Schema:
    match body:
        case tuple():
            return {"anyOf": [models.ref(each, "validation") for each in body]}
        case dict():
            return body
    return models.ref(body, "validation")


def _responses(operation: Operation, models: ModelSchemas) -> Schema:
    success: Schema = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        success["content"] = {JSON: {"schema": models.ref(operation.answer, "serialization")}}
    elif operation.produces:
        success["content"] = {
            media_type: {"schema": _content(media_type)} for media_type in operation.produces
        }
    headers = dict(operation.answer_headers)
    responses: dict[int, Schema] = {operation.status: success}
    if operation.cached or operation.in_parts:
        headers["ETag"] = _HEADERS["ETag"]
        responses[304] = {"description": "It has not changed."}
    if operation.in_parts:
        responses[206] = {
            "description": "A part of it.",
            "content": success["content"],
            "headers": _headers(["Content-Range"]),
        }
    if headers:
        success["headers"] = _headers(headers)
    for status, why in {**_implied(operation), **operation.problems}.items():
        responses[status] = _problem(status, why, models)
    return {str(status): responses[status] for status in sorted(responses)}


def _content(media_type: str) -> Schema:
    """What has no model: text or bytes; or anything, where the media type has a form of its own."""
    anything = media_type in (JSON, "text/event-stream")
    return {} if anything else {"type": "string", "contentMediaType": media_type}


def _implied(operation: Operation) -> dict[int, str]:
    """Why every operation of this kind may fail."""
    why: dict[int, str] = {}
    if operation.access != "open":
        why[401] = "No token, or one that is not valid any more."
    if operation.method not in _READING:
        why[403] = "A page of another site asked."
    if operation.access in ("coach", "admin"):
        why[403] = f"The caller is no {operation.access}, or a page of another site asked."
    if _PARAMETER.search(operation.path):
        why[404] = "There is nothing of the caller's at this address."
    if media_types := [*operation.consumes, *([JSON] if operation.body else [])]:
        why |= {
            400: "The body can't be read as what it says it is.",
            413: "The body is too large.",
            415: f"Not sent as {' or '.join(media_types)}.",
            422: "The content of the body does not fit; `detail` names what.",
        }
    if operation.query is not None:
        why.setdefault(422, "A parameter does not fit; `detail` names it.")
    if operation.signals:
        why[429] = "Too many requests; wait for `Retry-After`."
    if operation.in_parts:
        why |= {412: "It has changed since.", 416: "There are no such bytes."}
    return why


def _problem(status: int, why: str, models: ModelSchemas) -> Schema:
    schema = models.ref(ProblemDetails, "serialization")
    made: Schema = {"description": why, "content": {PROBLEM_TYPE: {"schema": schema}}}
    match status:
        case 401:
            made["headers"] = _headers(["WWW-Authenticate"])
        case 429 | 503:
            made["headers"] = _headers(["Retry-After"])
    return made


def _headers(names: Iterable[str] | Mapping[str, str]) -> Schema:
    about = dict(names) if isinstance(names, Mapping) else {name: _HEADERS[name] for name in names}
    return {
        name: {
            "description": said,
            "schema": {"type": "integer" if name in _NUMBERED else "string"},
        }
        for name, said in about.items()
    }
