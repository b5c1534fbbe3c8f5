"""The interface, described: for programs, and as a page for those who write them."""

from aiohttp import web

from ..documents.openapi import DocumentOnce
from ..file_answer import FileAnswer
from ..keys import DOCUMENT
from ..static_files import static_folder
from .operation import Operations, operations_of

operations = Operations("Documentation")


@operations.get(
    "/openapi.json",
    access="open",
    produces=("application/json",),
    cached=True,
)
async def openapi_document(request: web.Request) -> web.Response:
    """Send this document: every operation, as OpenAPI 3.1 describes it."""
    document = await request.app[DOCUMENT].get()
    response = web.Response(body=document.body, content_type="application/json")
    response.etag = document.etag
    if any(each.value in (document.etag, "*") for each in request.if_none_match or ()):
        response.set_status(304)
        response.body = None
    return response


@operations.get("/docs", access="open", produces=("text/html",), in_parts=True)
async def documentation_page(_request: web.Request) -> web.FileResponse:
    """Show this document as a page."""
    return FileAnswer(static_folder() / "docs" / "index.html")


async def describe(app: web.Application) -> None:
    """Find what the document describes: all routes of the application; for `on_startup`."""
    app[DOCUMENT] = DocumentOnce(operations_of(app))
