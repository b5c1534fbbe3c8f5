"""An issuer's public keys: a JSON Web Key Set (RFC 7517), and which of its keys may verify what."""

from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from posesim.errors import PosesimError

MOST_KEYS = 100
LONGEST_ID = 255  # characters
RSA_BITS = range(2048, 8193)

# The algorithm of each kind of key, and the members that make its public half. Nothing else is
# read: neither secrets that don't belong into a key set, nor certificates, nor addresses.
_KINDS: dict[tuple[str, str | None], tuple[str, tuple[str, ...]]] = {
    ("RSA", None): ("RS256", ("n", "e")),
    ("EC", "P-256"): ("ES256", ("x", "y")),
    ("OKP", "Ed25519"): ("EdDSA", ("x",)),
}
ALGORITHMS = tuple(algorithm for algorithm, _ in _KINDS.values())

Keys = Mapping[str | None, jwt.PyJWK]


class BadKeySet(PosesimError):
    """Not a key set, or one without a key that can be used."""


def read_keys(document: object) -> Keys:
    """Read the keys that may verify tokens, by id; a single one also without (None).

    Each is bound to one algorithm here, so that a token can't choose (RFC 8725, 3.1). Keys for
    other purposes and of other kinds are left out, as RFC 7517, 5 says.

    Raises:
        BadKeySet: If there are none.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise BadKeySet("What the issuer publishes is no JSON Web Key Set.")
    usable = [
        (each.get("kid"), key)
        for each in listed[:MOST_KEYS]
        if isinstance(each, dict) and (key := _read_key(each)) is not None
    ]
    keys: dict[str | None, jwt.PyJWK] = {}
    for key_id, key in usable:
        if isinstance(key_id, str):
            keys.setdefault(key_id, key)
    if len(usable) == 1:
        keys[None] = usable[0][1]
    if not keys:
        raise BadKeySet(
            "The issuer publishes no key that can be used: RSA of at least 2048 bits (RS256), "
            "P-256 (ES256) or Ed25519 (EdDSA), for signatures."
        )
    return keys


def _read_key(each: Mapping[str, object]) -> jwt.PyJWK | None:
    """A key with its one algorithm; None if it is not for verifying signatures with it."""
    kinds = [kind for kind in _KINDS if kind == (each.get("kty"), each.get("crv"))]
    if not kinds:
        return None
    kty, curve = kinds[0]
    algorithm, members = _KINDS[kinds[0]]
    operations = each.get("key_ops")
    if (
        each.get("alg") not in (None, algorithm)
        or each.get("use") not in (None, "sig")
        or not (operations is None or (isinstance(operations, list) and "verify" in operations))
    ):
        return None
    try:
        public = {name: each[name] for name in members}
        key = jwt.PyJWK({"kty": kty, "crv": curve, **public}, algorithm)
    except (KeyError, TypeError, ValueError, jwt.PyJWTError):
        return None
    weak = isinstance(key.key, RSAPublicKey) and key.key.key_size not in RSA_BITS
    return None if weak else key
