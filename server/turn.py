"""What a page needs to reach others: STUN, and TURN with credentials that soon run out.

A TURN server forwards what it is sent, so it must know whom it serves. It shares a secret with this
server, which makes of it a name and a password for each user who has proved who they are. The TURN
server can check them alone, and asks nobody.

Source: draft-uberti-behave-turn-rest-00, "A REST API For Access To TURN Services", section 2.2, as
coturn's `use-auth-secret` reads it.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from .config import ServerConfig

TransportPolicy = Literal["all", "relay"]


def _missing(value: object) -> bool:
    return value is None


class IceServer(BaseModel):
    """What the page gives to RTCPeerConnection.

    Attributes:
        username: Of a TURN server: until when it is good (Unix seconds), and for whom.
        credential: Its password.
    """

    urls: list[str]
    # Left out and not null: to a browser null is the text "null".
    username: str | None = Field(default=None, exclude_if=_missing)
    credential: str | None = Field(default=None, exclude_if=_missing)


def ice_servers(config: ServerConfig, user_id: str, at: datetime) -> list[IceServer]:
    """Return the servers for one user, whose token was checked before.

    Where everything must go through a relay STUN is left out: it would be asked for nothing.
    """
    servers = []
    if config.ice_servers and not config.relay_only:
        servers.append(IceServer(urls=list(config.ice_servers)))
    if config.turn_urls and config.turn_secret is not None:
        username = f"{int(at.timestamp()) + config.turn_credential_s}:{user_id}"
        servers.append(
            IceServer(
                urls=list(config.turn_urls),
                username=username,
                credential=turn_password(config.turn_secret, username),
            )
        )
    return servers


def turn_password(secret: str, username: str) -> str:
    """Return the password of a TURN user name: base64(HMAC-SHA1(secret, user name))."""
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode()


def transport_policy(config: ServerConfig) -> TransportPolicy:
    """Return which candidates a page may use: all, or those of a TURN server alone."""
    return "relay" if config.relay_only else "all"
