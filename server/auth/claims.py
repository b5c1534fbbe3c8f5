"""What the claims of every kind of token are held to, once the signature is right."""

import math
from collections.abc import Mapping
from datetime import datetime

from .errors import BadToken

LEEWAY_S = 10.0  # by which two clocks may differ, or one may be set back


def check_times(claims: Mapping[str, object], now: datetime, *, late_s: float = 0.0) -> float:
    """Hold `exp`, `nbf` and `iat` against `now`; the last two may be missing (RFC 7519, 4.1).

    Args:
        claims: Of a token whose signature was verified.
        now: With a time zone.
        late_s: For how long after `exp` it still counts.

    Returns:
        Seconds until `exp`; not above 0 in the last `late_s`.

    Raises:
        BadToken: If the token is over, not yet valid, or has a time that is no number.
    """
    now_s = now.timestamp()
    left_s = _time(claims.get("exp")) - now_s
    if left_s <= -late_s:
        raise BadToken
    for name in ("nbf", "iat"):
        if claims.get(name) is not None and _time(claims[name]) > now_s + LEEWAY_S:
            raise BadToken
    return left_s


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken
    try:
        seconds = float(value)
    except OverflowError as error:  # an integer of hundreds of digits
        raise BadToken from error
    if not math.isfinite(seconds):
        raise BadToken
    return seconds
