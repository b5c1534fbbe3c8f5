"""Signatures of webhooks. Source: Standard Webhooks, www.standardwebhooks.com, version 1."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

SECRET_BYTES = 32  # the specification wants 24 to 64
PREFIX = "whsec_"


def new_secret() -> str:
    """A secret as its owner is told it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secret: str, message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The headers by which a receiver knows who sent a message, and when.

    Args:
        secret: What the receiver was told.
        message_id: The same at each try of one message, so that none is taken twice.
        at: When it is sent; receivers refuse what is old.
        body: What is sent.
    """
    seconds = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{seconds}.{body}".encode()
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
