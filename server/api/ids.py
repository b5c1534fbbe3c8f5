"""Ids that are sent."""

import uuid

from aiohttp import web


def path_id(request: web.Request, name: str = "id") -> str:
    """Return the id `{name}` of the address; see `as_id`."""
    return as_id(request.match_info[name])


def as_id(text: str) -> str:
    """Return an id in its one form; what is no id is nobody's id."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
