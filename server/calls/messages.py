"""The messages on a call's WebSocket, from and to JSON."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from ..live.messages import BadMessage, first_fault
from .page_messages import ClientMessage
from .server_messages import ServerMessage

MAX_MESSAGE_BYTES = 65_536

_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)
_SERVER: TypeAdapter[ServerMessage] = TypeAdapter(
    Annotated[ServerMessage, Field(discriminator="type")]
)


def parse_client(text: str) -> ClientMessage:
    """Read a message from a page.

    Raises:
        BadMessage: If it is too long, not JSON, or no message that a page may send.
    """
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise BadMessage(f"A message has at most {MAX_MESSAGE_BYTES} bytes, got {len(raw)}.")
    try:
        return _CLIENT.validate_json(raw)
    except ValidationError as error:
        raise BadMessage(f"Not a message of version 1: {first_fault(error)}.") from error


def parse_server(text: str) -> ServerMessage:
    """Read a message to a page, as a client written in Python does.

    Raises:
        ValueError: If it is none of the messages that the server sends.
    """
    return _SERVER.validate_json(text)


def encode(message: ServerMessage | ClientMessage) -> str:
    """Write a message as JSON."""
    return message.model_dump_json()
