"""The OpenAPI 3.1 document of the declared operations: what is checked is what is documented."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode

from posesim import __version__

from ..api.operation import Operation
from ..background.webhooks import Message
from ..calls.page_messages import ClientMessage as CallClientMessage
from ..calls.server_messages import ServerMessage as CallServerMessage
from ..live.page_messages import ClientMessage
from ..live.server_messages import Pose, Score, ServerMessage
from ..store.webhooks import TEST, Event
from .json_schemas import ModelSchemas, Schema
from .openapi_operations import JSON, describe, path_of, used_models

_ABOUT = """\
Sign in with `POST /token` and send the access token as `Authorization: Bearer`. A session is \
made with `POST /v1/sessions`; its camera goes over WebRTC by WHIP (RFC 9725), and scores come \
back over two data channels. Two people are in a call over the WebSocket of `call_socket`, whose \
messages `x-call-socket` describes; what they see and hear of each other goes between them.

Times are seconds, sizes bytes, ids UUIDs, timestamps RFC 3339. What belongs to somebody else is \
404, as what does not exist. Every error is a problem (RFC 9457) whose `detail` is a sentence that \
says what to do. Beside those that are listed, every operation may answer 500, and 503 with \
`Retry-After` while the database can't be used."""

_SECURITY: Schema = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A signed-in user's access token, of POST /token.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A session's own token, of POST /v1/sessions; good for its WHIP alone.",
    },
}

_ON_SCORES = (Score, Pose)  # the lossy channel's; all others come reliably on `events`

_WEBHOOKS = {
    "session.ended": "A live session ended",
    "job.done": "An offline comparison is over, well or not",
    TEST: "The owner of the webhook asked for a test",
}
_WEBHOOK_HEADERS = {
    "webhook-id": "The same at each try of one message: take it once.",
    "webhook-timestamp": "When it was sent, in seconds since 1970: refuse what is old.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.",
}


@dataclass(frozen=True)
class Document:
    """The document as it is sent; `etag` is another one whenever the content is."""

    body: bytes
    etag: str


class DocumentOnce:
    """The document of some operations, written when it is first asked for, in a thread."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._operations = operations
        self._turn = asyncio.Lock()
        self._document: Document | None = None

    async def get(self) -> Document:
        """Return the document; whoever comes while it is written waits."""
        async with self._turn:
            if self._document is None:
                self._document = await asyncio.to_thread(write_document, self._operations)
            return self._document


def write_document(operations: Iterable[Operation]) -> Document:
    """Write the description of `operations` as JSON."""
    body = json.dumps(openapi(operations), ensure_ascii=False).encode()
    return Document(body, hashlib.sha256(body).hexdigest()[:32])


def openapi(operations: Iterable[Operation]) -> Schema:
    """Describe operations, webhooks, the data channels and calls' sockets, as OpenAPI 3.1.0."""
    operations = list(operations)
    models = ModelSchemas(_used_models(operations))
    paths: dict[str, Schema] = {}
    for operation in operations:
        methods = paths.setdefault(path_of(operation), {})
        methods[operation.method.lower()] = describe(operation, models)
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "posesim", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/", "description": "This server"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "webhooks": {
            event: {"post": _webhook(event, models)} for event in (*get_args(Event), TEST)
        },
        "x-data-channels": _data_channels(models),
        "x-call-socket": _call_socket(models),
    }
    document["components"] = {
        "securitySchemes": _SECURITY,
        "schemas": models.reachable_from(document),
    }
    return document


def _used_models(
    operations: Iterable[Operation],
) -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    for operation in operations:
        yield from used_models(operation)
    yield Message, "serialization"
    for message in (*get_args(ClientMessage), *get_args(CallClientMessage)):
        yield message, "validation"
    for message in (*get_args(ServerMessage), *get_args(CallServerMessage)):
        yield message, "serialization"


def _webhook(event: str, models: ModelSchemas) -> Schema:
    """What the server sends to an address that a user gave (Standard Webhooks)."""
    return {
        "operationId": f"on_{event.replace('.', '_')}",
        "summary": _WEBHOOKS[event],
        "description": (
            "Any 2xx takes it. Anything else, or none within 10 s, and it is sent again, later and "
            "later; after 410 nothing more is sent. Redirects are not followed."
        ),
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": said,
                "schema": {"type": "string"},
            }
            for name, said in _WEBHOOK_HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": models.ref(Message, "serialization")}},
        },
        "responses": {"2XX": {"description": "It arrived."}, "410": {"description": "No more."}},
    }


def _data_channels(models: ModelSchemas) -> Schema:
    """What OpenAPI has no words for: the two channels and who says what on them."""
    client, server = get_args(ClientMessage), get_args(ServerMessage)
    on_events = [message for message in server if message not in _ON_SCORES]
    return {
        "description": (
            "Two WebRTC data channels, which the client makes before its offer. A message is "
            "JSON of less than 1 KiB, told apart by `type`. `client` is what the client sends, "
            "`server` what the server sends."
        ),
        "client": models.name("ClientMessage", models.one_of(client, "validation")),
        "server": models.name("ServerMessage", models.one_of(server, "serialization")),
        "channels": {
            "scores": {
                "description": "Frequent and lossy: a lost message costs nothing but itself.",
                "ordered": False,
                "maxRetransmits": 0,
                "server": models.one_of(_ON_SCORES, "serialization"),
            },
            "events": {
                "description": "Reliable and in order; `hello` comes first, `ended` last.",
                "ordered": True,
                "client": models.one_of(client, "validation"),
                "server": models.one_of(on_events, "serialization"),
            },
        },
    }


def _call_socket(models: ModelSchemas) -> Schema:
    """Nor for a WebSocket."""
    client, server = get_args(CallClientMessage), get_args(CallServerMessage)
    return {
        "description": (
            "The WebSocket of a call, /v1/calls/{id}/socket. A message is JSON as text of at most "
            "64 KiB, told apart by `type`. `client` is what the client sends, `hello` first, "
            "`server` what the server sends, `bye` last."
        ),
        "client": models.name("CallClientMessage", models.one_of(client, "validation")),
        "server": models.name("CallServerMessage", models.one_of(server, "serialization")),
    }
