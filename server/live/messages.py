"""The messages on the data channels, from and to JSON."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from posesim.errors import PosesimError

from .page_messages import ClientMessage
from .server_messages import ServerMessage

MAX_MESSAGE_BYTES = 1024  # fits one SCTP packet, so that a lost packet costs one message


class BadMessage(PosesimError):
    """A message from the page that is not one of those in docs/api.md."""


_CLIENT: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)
_SERVER: TypeAdapter[ServerMessage] = TypeAdapter(
    Annotated[ServerMessage, Field(discriminator="type")]
)


def parse_client(text: str | bytes) -> ClientMessage:
    """Read a message from the page.

    Raises:
        BadMessage: If it is binary, too long, not JSON, or no message that a page may send.
    """
    if isinstance(text, bytes):
        raise BadMessage("Messages are text: send JSON as a string, not as binary.")
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise BadMessage(f"A message has at most {MAX_MESSAGE_BYTES} bytes, got {len(raw)}.")
    try:
        return _CLIENT.validate_json(raw)
    except ValidationError as error:
        raise BadMessage(
            f"Not a message of version 1 (hello, ping, clock, renew or bye): {first_fault(error)}."
        ) from error


def parse_server(text: str) -> ServerMessage:
    """Read a message to the page, as a client written in Python does.

    Raises:
        ValueError: If it is none of the messages that the server sends.
    """
    return _SERVER.validate_json(text)


def encode(message: ServerMessage | ClientMessage) -> str:
    """Write a message as JSON."""
    return message.model_dump_json()


def first_fault(error: ValidationError) -> str:
    """The first thing that was wrong, without the message's own words: they may be anything."""
    detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if detail["type"] == "union_tag_invalid":
        return "unknown type"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"
