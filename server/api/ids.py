"""Ids in addresses."""

import uuid

from aiohttp import web


def path_id(request: web.Request) -> str:
    """Return the id in the address in its one form; what is no id is nobody's id."""
    raw = request.match_info["id"]
    try:
        return str(uuid.UUID(raw))
    except ValueError:
        return ""
