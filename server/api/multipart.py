"""Forms with files, read part by part as they arrive; `uploads` says where the files go."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ..problems import Problem, problem_response
from ..uploads import DiskFull, FileTooLarge
from .operation import Expect

T = TypeVar("T")

FORM_BYTES = 16_384  # what a form has beside its files: other fields and the boundaries
CHUNK_BYTES = 262_144
SILENCE_S = 30.0  # without a chunk; an upload that stands still would keep its file for ever

# Why a form may be refused, for `Operation.problems`.
PROBLEMS = {
    400: "The body is no valid form.",
    408: "The upload stopped in the middle.",
    413: "A file is too large.",
    415: "Not sent as multipart/form-data.",
    507: "There is no room for it on the server's disk.",
}


def check_size(request: web.Request, most_bytes: int, *, files: int = 1) -> None:
    """Refuse a form that says it is too large, before it is read.

    Raises:
        Problem: 413.
    """
    length = request.content_length
    if length is not None and length > files * most_bytes + FORM_BYTES:
        raise Problem(413, str(FileTooLarge(most_bytes)))


def expecting(check: Callable[[web.Request], None]) -> Expect:
    """Answer `Expect: 100-continue` by a check, before a byte of the form is sent."""

    async def expect(request: web.Request) -> web.StreamResponse | None:
        try:
            check(request)
        except Problem as problem:
            response = problem_response(problem.status, problem.detail, problem.headers)
            response.force_close()
            return response
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    return expect


async def parts(
    request: web.Request, names: frozenset[str]
) -> AsyncGenerator[BodyPartReader, None]:
    """Yield the fields of a form as they arrive, each of `names` at most once and no other.

    Each must be read before the next one is asked for.

    Raises:
        Problem: 415, 408, 400, or 422 for a field that is not wanted.
    """
    if request.content_type != "multipart/form-data":
        raise Problem(415, "Send the files as multipart/form-data.")
    left = set(names)
    form = await arrived(request.multipart())
    while (part := await arrived(form.next())) is not None:
        if not isinstance(part, BodyPartReader) or part.name not in left:
            listed = ", ".join(sorted(names))
            raise Problem(422, f"Send each of the fields {listed} at most once, and no other.")
        left.discard(part.name)
        yield part


async def read_text(part: BodyPartReader) -> str:
    """Read a field as text; what is too long for one is cut off.

    Raises:
        Problem: 408 or 400.
    """
    raw = b""
    while len(raw) <= FORM_BYTES and (chunk := await arrived(part.read_chunk(FORM_BYTES))):
        raw += chunk
    return raw.decode("utf-8", "replace")


async def chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    """Yield a file's bytes as they arrive.

    Raises:
        Problem: 408 or 400.
    """
    while chunk := await arrived(part.read_chunk(CHUNK_BYTES)):
        yield chunk


async def arrived(reading: Awaitable[T]) -> T:
    """Wait for more of a form, not for ever.

    Raises:
        Problem: 408 if nothing comes, 400 if what comes is no form.
    """
    try:
        async with asyncio.timeout(SILENCE_S):
            return await reading
    except TimeoutError as error:
        raise Problem(408, "The upload stopped in the middle. Try again.") from error
    except ConnectionError as error:  # nobody is left to read the answer
        raise Problem(400, "The upload broke off.") from error
    except (ValueError, HttpProcessingError) as error:  # how aiohttp reports a malformed body
        raise Problem(400, "The upload is not valid multipart/form-data.") from error


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Turn what prevents that a file is kept into a problem.

    Raises:
        Problem: 413 or 507.
    """
    try:
        yield
    except FileTooLarge as error:
        raise Problem(413, str(error)) from error
    except DiskFull as error:
        raise Problem(507, str(error)) from error
