"""The tokens that the server signs itself; those of an issuer are in test_auth_issuer.py."""

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.auth import BadToken, CallClaims, SessionClaims, Tokens, UserClaims

SECRET = bytes(range(32))
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def tokens():
    return Tokens(SECRET, user_token_s=900, session_token_s=300)


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def claims(**changes):
    good = {
        "iss": "posesim",
        "aud": "posesim:user",
        "sub": "anna",
        "sid": "sign-in",
        "iat": NOW,
        "nbf": NOW,
        "exp": later(900),
        "jti": "1",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(secret=SECRET, algorithm="HS256", typ="at+jwt", **changes):
    return jwt.encode(claims(**changes), secret, algorithm, headers={"typ": typ})


def test_a_user_token_gives_its_user_and_sign_in_back(tokens):
    token = tokens.issue_user("anna", "sign-in", NOW)
    assert tokens.verify_user(token, NOW) == UserClaims(user_id="anna", sign_in_id="sign-in")


def test_a_session_token_gives_its_session_and_user_back_and_what_is_left(tokens):
    token = tokens.issue_session("s1", "anna", NOW)
    expected = SessionClaims(session_id="s1", user_id="anna", left_s=260.0)
    assert tokens.verify_session(token, later(40)) == expected


@pytest.mark.parametrize("sign_in", ["sign-in", None])
def test_a_call_token_gives_its_call_user_and_sign_in_back(tokens, sign_in):
    token = tokens.issue_call("c1", "anna", sign_in, NOW)
    expected = CallClaims(call_id="c1", user_id="anna", sign_in_id=sign_in, left_s=260.0)
    assert tokens.verify_call(token, later(40)) == expected
    with pytest.raises(BadToken):
        tokens.verify_call(token, later(300))


def test_a_call_token_is_good_for_nothing_else_and_nothing_else_for_a_call(tokens):
    call = tokens.issue_call("c1", "anna", "sign-in", NOW)
    for verify in (tokens.verify_user, tokens.verify_session):
        with pytest.raises(BadToken):
            verify(call, NOW)
    for other in (tokens.issue_user("anna", "c1", NOW), tokens.issue_session("c1", "anna", NOW)):
        with pytest.raises(BadToken):
            tokens.verify_call(other, NOW)


def test_a_call_token_whose_sign_in_is_no_text_proves_nothing(tokens):
    token = signed(typ="posesim-call+jwt", aud="posesim:call", sign_in=7)
    with pytest.raises(BadToken):
        tokens.verify_call(token, NOW)


def test_the_tokens_forged_below_differ_from_a_good_one_in_one_thing_only(tokens):
    assert tokens.verify_user(signed(), NOW).user_id == "anna"


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda: signed(secret=bytes(range(1, 33))), id="another secret"),
        pytest.param(lambda: signed(algorithm="HS512", secret=SECRET * 2), id="HS512"),
        pytest.param(lambda: signed(algorithm="none", secret=None), id="no signature"),
        pytest.param(lambda: signed(typ="JWT"), id="no kind"),
        pytest.param(lambda: signed(typ="AT+JWT"), id="a kind in capitals, which is not ours"),
        pytest.param(lambda: signed(typ="posesim-session+jwt"), id="another kind"),
        pytest.param(lambda: signed(aud="posesim:session"), id="another audience"),
        pytest.param(lambda: signed(iss="elsewhere"), id="another issuer"),
        pytest.param(lambda: signed(exp=NOW), id="expired"),
        pytest.param(lambda: signed(exp=str(int(later(900).timestamp()))), id="exp as text"),
        pytest.param(lambda: signed(exp=True), id="exp as a flag"),
        pytest.param(lambda: signed(exp=float("inf")), id="exp without end"),
        pytest.param(lambda: signed(exp=float("nan")), id="exp that is no number"),
        pytest.param(lambda: signed(exp=10**400), id="exp that no clock reaches"),
        pytest.param(lambda: signed(nbf=later(11)), id="not yet"),
        pytest.param(lambda: signed(iat=later(11)), id="of the future"),
        pytest.param(lambda: signed(sid=7), id="a sign-in that is no text"),
        *(
            pytest.param(lambda name=name: signed(**{name: None}), id=f"without {name}")
            for name in ("iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti")
        ),
        pytest.param(lambda: signed()[:-4] + "AAAA", id="altered"),
        pytest.param(lambda: signed(jti="x" * 2000), id="huge"),
        pytest.param(lambda: "", id="empty"),
        pytest.param(lambda: "a.b.c", id="garbage"),
        pytest.param(lambda: "Ω" * 40, id="no ASCII"),
        pytest.param(lambda: "\udcff.\udcff.\udcff", id="bytes that are no text"),
        pytest.param(lambda: encoded("[" * 700) + ".e30.AAAA", id="a bottomless header"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(tokens, forge):
    with pytest.raises(BadToken, match="Sign in again"):
        tokens.verify_user(forge(), NOW)


def encoded(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(position=st.integers(0), replacement=st.characters(codec="ascii"))
def test_a_token_with_one_character_changed_is_refused(position, replacement):
    tokens = Tokens(SECRET, user_token_s=900, session_token_s=300)
    token = tokens.issue_user("anna", "sign-in", NOW)
    position %= len(token)
    forged = token[:position] + replacement + token[position + 1 :]
    if forged == token:
        return
    with pytest.raises(BadToken):
        tokens.verify_user(forged, NOW)


@given(st.text() | st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps))
def test_whatever_stands_in_place_of_the_claims_is_refused(payload):
    tokens = Tokens(SECRET, user_token_s=900, session_token_s=300)
    header, _, signature = tokens.issue_user("anna", "sign-in", NOW).split(".")
    payload = encoded(payload.encode("utf-8", "replace").decode())
    with pytest.raises(BadToken):
        tokens.verify_user(f"{header}.{payload}.{signature}", NOW)


def test_neither_kind_of_token_stands_in_for_the_other(tokens):
    with pytest.raises(BadToken):
        tokens.verify_user(tokens.issue_session("s1", "anna", NOW), NOW)
    with pytest.raises(BadToken):
        tokens.verify_session(tokens.issue_user("anna", "sign-in", NOW), NOW)


def test_tokens_expire_after_their_lifetime(tokens):
    user, session = tokens.issue_user("anna", "i", NOW), tokens.issue_session("s", "anna", NOW)
    tokens.verify_user(user, later(899))
    tokens.verify_session(session, later(299))
    with pytest.raises(BadToken):
        tokens.verify_user(user, later(900))
    with pytest.raises(BadToken):
        tokens.verify_session(session, later(300))


def test_a_clock_that_is_set_back_a_little_makes_no_token_invalid(tokens):
    assert tokens.verify_user(tokens.issue_user("anna", "i", NOW), later(-10))
    with pytest.raises(BadToken):
        tokens.verify_user(tokens.issue_user("anna", "i", NOW), later(-12))


def test_a_clock_that_is_set_back_prolongs_no_session(tokens):
    token = tokens.issue_session("s1", "anna", NOW)
    assert tokens.verify_session(token, later(-8)).left_s == 300.0


def test_an_expired_session_token_counts_where_that_is_asked_for_and_a_forged_one_never(tokens):
    token = tokens.issue_session("s1", "anna", NOW)
    assert tokens.verify_session(token, later(9999), expired_too=True).session_id == "s1"
    with pytest.raises(BadToken):
        tokens.verify_session(token[:-4] + "AAAA", later(9999), expired_too=True)
