import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from issuer_server import jwk, private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from posesim_server.auth.key_set import BadKeySet, read_keys


def read(*keys):
    return read_keys({"keys": list(keys)})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_each_kind_of_key_is_bound_to_its_one_algorithm(algorithm):
    published = jwk(algorithm, "a")
    del published["alg"], published["use"]
    assert read(published)["a"].algorithm_name == algorithm


def test_a_single_key_is_found_without_its_id_and_one_of_several_is_not():
    assert None in read(jwk("RS256", "a"))
    assert None in read(jwk("RS256"))
    assert set(read(jwk("RS256", "a"), jwk("ES256", "b"))) == {"a", "b"}
    assert set(read(jwk("RS256", "a"), jwk("ES256"))) == {"a"}


def test_of_two_keys_with_the_same_id_the_first_counts():
    keys = read(jwk("RS256", "a"), jwk("ES256", "a"))
    assert keys["a"].algorithm_name == "RS256"


def public(key, algorithm):
    return algorithm.to_jwk(key.public_key(), as_dict=True)


BAD = {
    "of a secret": {"kty": "oct", "k": "AAAA", "kid": "a", "alg": "HS256"},
    "of RSA for another algorithm": jwk("RS256", "a", alg="RS512"),
    "of RSA for HS256": jwk("RS256", "a", alg="HS256"),
    "for encryption": jwk("RS256", "a", use="enc"),
    "for other operations": jwk("RS256", "a", key_ops=["encrypt"]),
    "for operations in another form": jwk("RS256", "a", key_ops="verify"),
    "of 1024 bits": public(rsa.generate_private_key(65537, 1024), RSAAlgorithm),
    "of a larger curve": public(ec.generate_private_key(ec.SECP384R1()), ECAlgorithm),
    "of the other Edwards curve": jwk("EdDSA", "a", crv="Ed448"),
    "for key agreement": jwk("EdDSA", "a", crv="X25519"),
    "without its number": {"kty": "RSA", "e": "AQAB", "kid": "a"},
    "of a point that is on no curve": jwk("ES256", "a", x=jwk("ES256", "a")["y"]),
    "of a number in a list": jwk("RS256", "a", n=["AQAB"]),
    "of an unknown kind": {"kty": ["RSA"], "kid": "a"},
}


@pytest.mark.parametrize("name", BAD)
def test_a_key_that_is_not_for_this_is_left_out(name):
    assert set(read(BAD[name], jwk("ES256", "good"), jwk("EdDSA", "other"))) == {"good", "other"}
    with pytest.raises(BadKeySet, match="no key that can be used"):
        read(BAD[name])


def test_the_private_half_of_a_key_is_not_read():
    whole = RSAAlgorithm.to_jwk(private_key("RS256"), as_dict=True)
    key = read({"kty": "RSA", "n": whole["n"], "e": whole["e"], "d": whole["d"]})[None]
    with pytest.raises((TypeError, AttributeError)):
        jwt.encode({}, key.key, "RS256")


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, {"keys": None}, "keys"])
def test_what_is_no_key_set_is_said_so(document):
    with pytest.raises(BadKeySet, match="no JSON Web Key Set"):
        read_keys(document)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("AQAB"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)
members = st.sampled_from(["kty", "crv", "n", "e", "x", "y", "alg", "use", "key_ops", "kid"])
kinds = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519"])


@given(st.lists(st.dictionaries(members, anything | kinds) | anything))
def test_whatever_an_issuer_publishes_is_read_or_refused(keys):
    try:
        found = read_keys({"keys": keys})
    except BadKeySet:
        return
    assert found
