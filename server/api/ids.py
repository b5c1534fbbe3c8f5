"""Ids in addresses."""

import uuid

from aiohttp import web


def path_id(request: web.Request, name: str = "id") -> str:
    """Return the id `{name}` of the address in its one form; what is no id is nobody's id."""
    raw = request.match_info[name]
    try:
        return str(uuid.UUID(raw))
    except ValueError:
        return ""
