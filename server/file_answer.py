"""Files as answers."""

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from .problems import PROBLEM_TYPE, problem_body


class FileAnswer(web.FileResponse):
    """A file or a part of it; what can't be sent of it is a problem like any other.

    aiohttp's own refuses a range or a condition with a status and no body.
    """

    _problem = b""

    async def _start(self, request: web.BaseRequest) -> AbstractStreamWriter:
        if self.status >= 400:
            problem = problem_body(self.status).encode()
            self.content_type = PROBLEM_TYPE
            self.content_length = len(problem)
            if request.method != "HEAD":
                self._problem = problem
        return await super()._start(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """End the answer."""
        await super().write_eof(data or self._problem)
