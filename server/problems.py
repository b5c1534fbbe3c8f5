"""Errors as `application/problem+json` (RFC 9457), each with a sentence that says what to do."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from .auth import BadToken
from .database import StoreError

logger = structlog.get_logger(__name__)

Model = TypeVar("Model", bound=BaseModel)

# aiohttp's own refusals, in words. Its texts are for programmers.
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not support this method.",
    413: "The request is too large.",
    416: "This part of the file does not exist.",
}


class Problem(Exception):
    """A refusal: its status and a sentence for the person who asked."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Build the response for an error."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return web.Response(
        status=status,
        text=json.dumps(body),
        content_type="application/problem+json",
        headers=headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem. What nobody foresaw is logged whole."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem_response(problem.status, problem.detail, problem.headers)
    except BadToken as error:
        return problem_response(
            401, str(error), {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        )
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        detail = _SENTENCES.get(refusal.status, refusal.reason)
        kept = {name: refusal.headers[name] for name in ("Allow",) if name in refusal.headers}
        return problem_response(refusal.status, detail, kept)
    except StoreError as error:
        logger.exception("store failed", path=request.path)
        return problem_response(503, str(error), {"Retry-After": "5"})
    except Exception:
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


def parse(model: type[Model], body: bytes) -> Model:
    """Parse JSON as `model`, naming the first field that does not fit.

    Raises:
        Problem: 400 or 422.
    """
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
    return Problem(422, f"{field}: {first['msg']}.")
