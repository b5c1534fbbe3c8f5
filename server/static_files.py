"""The page: files as they are, and headers that keep everything else out."""

from pathlib import Path

from aiohttp import web

# Media and images are blobs because the page fetches them with its token.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def static_folder() -> Path:
    """Where the page is: inside an installed package, beside it in a checkout.

    Raises:
        FileNotFoundError: If it is in neither place.
    """
    here = Path(__file__).parent
    for folder in (here / "static", here.parent / "static"):
        if (folder / "index.html").is_file():
            return folder
    raise FileNotFoundError(f"The page is neither in {here / 'static'} nor beside {here}")


def add_page(app: web.Application, folder: Path) -> None:
    """Serve the files that `folder` has now under /, after all other routes.

    They are looked up by name in a table, so that no address can lead out of the folder.
    """
    files = {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }

    async def page(request: web.Request) -> web.FileResponse:
        file = files.get(request.match_info["file"] or "index.html")
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file)

    app.router.add_get("/{file:.*}", page)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give every response its security headers; for `on_response_prepare`."""
    response.headers.update(_HEADERS)
    if request.path.startswith(("/v1/", "/token")):
        response.headers.setdefault("Cache-Control", "no-store")  # health data
    else:
        # Asked for each time and answered 304 by ETag: a new version is seen at once.
        response.headers.setdefault("Cache-Control", "no-cache")
