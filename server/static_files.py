"""The page: files as they are, and headers that keep everything else out."""

from functools import lru_cache, partial
from pathlib import Path

from aiohttp import web

from .file_answer import FileAnswer
from .keys import CONFIG, OBJECTS

# Media and images are blobs because the page fetches them with its token.
_MEDIA = "media-src 'self' blob:"
_POLICY = (
    "default-src 'self'",
    "img-src 'self' blob:",
    _MEDIA,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


# For pages of the same cluster, which come with a session's token alone.
_SHARED = {
    "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "ETag, Link, Location, Retry-After",
    "Access-Control-Max-Age": "600",
    "Vary": "Origin",
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
    """Serve the files that `folder` has now under /, each at an address of its own.

    So no address can lead out of the folder, and what is not there is not there for any method.
    """
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = file.relative_to(folder).as_posix()
        app.router.add_get(f"/{name}", partial(_send, file))
        if name == "index.html":
            app.router.add_get("/", partial(_send, file))


async def _send(file: Path, _request: web.Request) -> web.FileResponse:
    return FileAnswer(file)


@lru_cache
def policy(objects_origin: str | None, nodes: tuple[str, ...] = ()) -> str:
    """The page's Content-Security-Policy.

    Args:
        objects_origin: Where else it gets clips from.
        nodes: Origins of the nodes that it talks to, also by WebSocket.
    """
    objects = () if objects_origin is None else (objects_origin,)
    sockets = tuple(f"ws{each.removeprefix('http')}" for each in nodes)
    parts = [*_POLICY]
    if objects:
        media = parts.index(_MEDIA)
        parts[media] = " ".join((_MEDIA, *objects))
    if objects or nodes:
        parts.append(" ".join(("connect-src 'self'", *objects, *nodes, *sockets)))
    return "; ".join(parts)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give every response its security headers; for `on_response_prepare`."""
    objects, origins = request.app.get(OBJECTS), request.app[CONFIG].origins
    response.headers.setdefault(
        "Content-Security-Policy", policy(objects.origin if objects else None, origins)
    )
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)  # a report comes with a stricter policy
    if request.path.startswith("/v1/whip/") and request.headers.get("Origin") in origins:
        response.headers.update(
            _SHARED | {"Access-Control-Allow-Origin": request.headers["Origin"]}
        )
    if request.path.startswith(("/v1/", "/token")):
        response.headers.setdefault("Cache-Control", "no-store")  # health data
    else:
        # Asked for each time and answered 304 by ETag: a new version is seen at once.
        response.headers.setdefault("Cache-Control", "no-cache")
