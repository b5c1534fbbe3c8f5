"""Errors as `application/problem+json` (RFC 9457), each with a sentence that says what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from .auth import BadToken
from .cluster import BadNode
from .database import StoreError
from .objects.base import ObjectsError
from .uploads import DiskFull

logger = structlog.get_logger(__name__)

Model = TypeVar("Model", bound=BaseModel)

PROBLEM_TYPE = "application/problem+json"
MOST_FIELDS = 100  # of a form
FILES_AWAY = (
    "The place where this server keeps files can't be used now. Try again in a moment; if it stays "
    "so, tell whoever runs the server."
)
NUL = "A text may not have the character U+0000. Remove it."

# aiohttp's own refusals, in words. Its texts are for programmers.
_SENTENCES = {
    400: "The request can't be read.",
    403: "This can't be sent.",
    404: "There is nothing at this address.",
    405: "This address does not support this method.",
    412: "It has changed since. Ask again without the condition.",
    413: "The request is too large.",
    416: "This part of the file does not exist.",
    417: "The server can't do what the header Expect asks for. Leave it out.",
    431: "The request's address or its headers are too long.",
}
_KEPT = ("Allow",)  # headers of aiohttp's refusals


class Problem(Exception):
    """A refusal: its status and a sentence for the person who asked."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class ProblemDetails(BaseModel):
    """Why a request was refused (RFC 9457).

    Attributes:
        type: Always about:blank: the status says which kind of problem it is.
        title: The status in words.
        status: The status of the response.
        detail: A sentence that says what to do.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem_body(status: int, detail: str | None = None) -> str:
    """Write a problem as JSON; without `detail`, in this module's words."""
    title = HTTPStatus(status).phrase
    sentence = detail or _SENTENCES.get(status, f"{title}.")
    # It may repeat what was sent, and that may be no text: headers can hold any bytes.
    sentence = sentence.encode("utf-8", "replace").decode()
    return ProblemDetails(title=title, status=status, detail=sentence).model_dump_json()


def problem_response(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Build the response for an error; without `detail`, in this module's words."""
    return web.Response(
        status=status,
        text=problem_body(status, detail),
        content_type=PROBLEM_TYPE,
        headers=headers,
    )


def refused(refusal: web.HTTPException) -> web.Response:
    """Say as a problem what aiohttp refuses by itself."""
    kept = {name: refusal.headers[name] for name in _KEPT if name in refusal.headers}
    return problem_response(refusal.status, headers=kept)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem. What nobody foresaw is logged whole."""
    try:
        return await handler(request)
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        return refused(refusal)
    except Exception as error:
        return _foreseen(request, error) or _not_now(error) or _unforeseen(request)


def _foreseen(request: web.Request, error: Exception) -> web.Response | None:
    match error:
        case Problem():
            return problem_response(error.status, error.detail, error.headers)
        case BadToken():
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return problem_response(401, str(error), headers)
        case StoreError():
            logger.error("store failed", path=request.path, exc_info=error)
            return problem_response(503, str(error), {"Retry-After": "5"})
        case web.RequestPayloadError() | HttpProcessingError():  # wrong chunks, wrong compression
            return problem_response(400, "The request's body can't be read.")
        case ConnectionError() if request.transport is None:
            logger.info("caller left", method=request.method, path=request.path)
            return problem_response(400, "The connection ended before the request did.")
    return None


def _not_now(error: Exception) -> web.Response | None:
    """What this server can't do as it is; why is in its log already."""
    if isinstance(error, ObjectsError | BadNode):
        detail = FILES_AWAY if isinstance(error, ObjectsError) else str(error)
        return problem_response(503, detail, {"Retry-After": "5"})
    return problem_response(507, str(error)) if isinstance(error, DiskFull) else None


def _unforeseen(request: web.Request) -> web.Response:
    logger.exception("request failed", method=request.method, path=request.path)
    return problem_response(
        500, "Something went wrong on the server. Try again; its log says what happened."
    )


async def read_json(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body as `model`.

    Raises:
        Problem: 415 for another media type, 400 for a body that is no JSON, 422 for one that does
            not fit.
    """
    if request.content_type != "application/json":
        raise Problem(415, "Send the request as application/json.")
    return parse(model, await request.read())


async def read_form(request: web.Request) -> dict[str, str]:
    """Read a form of texts. Like JSON it is UTF-8, whatever it says of itself.

    Raises:
        Problem: 400 for what is no such form, 422 for a text that nothing can keep.
    """
    try:
        text = (await request.read()).decode("ascii")
        fields = dict(parse_qsl(text, True, errors="strict", max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Problem(400, "The request is not a valid form.") from error
    if any("\0" in each for each in (*fields, *fields.values())):
        raise Problem(422, NUL)
    return fields


def parse(model: type[Model], body: bytes) -> Model:
    """Parse JSON as `model`, naming the first field that does not fit.

    Raises:
        Problem: 400 or 422.
    """
    if b"\\u0000" in body and _has_nul(body):
        raise Problem(422, NUL)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Problem:
    """The problem of input that does not fit its model, naming the first field."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return Problem(400, "The request is not valid JSON.")
    field = ".".join(str(part) for part in first["loc"]) or "the request"
    return Problem(422, f"{field}: {first['msg'].removeprefix('Value error, ')}.")


def _has_nul(body: bytes) -> bool:
    """Whether a text in a JSON body has the one character that databases can't keep."""
    try:
        waiting = [from_json(body)]
    except ValueError:
        return False  # whoever parses it says why
    while waiting:
        match waiting.pop():
            case str(text) if "\0" in text:
                return True
            case dict() as fields:
                waiting += [*fields, *fields.values()]
            case list() as entries:
                waiting += entries
    return False
