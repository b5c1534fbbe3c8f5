"""Running the application so that what aiohttp refuses before any handler is a problem, too."""

from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from .problems import problem_response, refused

logger = structlog.get_logger(__name__)


class Runner(web.AppRunner):
    """An `AppRunner` whose answers to unreadable requests are problems as well."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        handler = made.request_handler

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException as refusal:  # of an `Expect` header: no middleware sees it
                if refusal.status < 400:
                    raise
                return refused(refusal)

        return _Server(handle, request_factory=made.request_factory, **self._kwargs)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what failed outside every handler; then hang up."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or request.writer.output_size > 0:
            super().handle_error(request, status, exc, message)  # logs it, or gives up
            response = problem_response(status, "Something went wrong on the server. Try again.")
        elif isinstance(exc, LineTooLong):
            response = problem_response(431)
        else:
            logger.info("unreadable request", address=request.remote, error=type(exc).__name__)
            response = problem_response(400)
        response.force_close()
        return response
