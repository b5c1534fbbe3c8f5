import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.auth import BadToken
from posesim_server.auth.refresh import LONGEST_TOKEN, RefreshToken, RefreshTokens

SECRET = bytes(range(32))
SIGN_IN = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11"
OTHER = "9f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b99"


@pytest.fixture
def refresh_tokens():
    return RefreshTokens(SECRET)


def test_a_token_that_was_written_is_read(refresh_tokens):
    token = refresh_tokens.first(SIGN_IN)
    text = refresh_tokens.write(token)
    assert text.startswith(f"{SIGN_IN}.")
    assert len(text) < LONGEST_TOKEN
    assert refresh_tokens.read(text) == token


def test_no_two_sign_ins_begin_with_the_same_secret(refresh_tokens):
    assert refresh_tokens.first(SIGN_IN).secret != refresh_tokens.first(SIGN_IN).secret


def test_the_successor_is_the_same_each_time_and_another_secret(refresh_tokens):
    token = refresh_tokens.first(SIGN_IN)
    assert refresh_tokens.after(token) == refresh_tokens.after(token)
    assert refresh_tokens.after(token).secret != token.secret
    assert refresh_tokens.after(token).sha256 != token.sha256


def test_who_does_not_know_the_server_s_secret_can_not_tell_the_successor(refresh_tokens):
    token = refresh_tokens.first(SIGN_IN)
    assert RefreshTokens(bytes(32)).after(token) != refresh_tokens.after(token)


def test_a_new_secret_of_the_server_makes_all_tokens_worthless(refresh_tokens):
    text = refresh_tokens.write(refresh_tokens.first(SIGN_IN))
    with pytest.raises(BadToken):
        RefreshTokens(bytes(32)).read(text)


def test_a_secret_can_not_be_moved_to_another_sign_in(refresh_tokens):
    text = refresh_tokens.write(refresh_tokens.first(SIGN_IN))
    with pytest.raises(BadToken):
        refresh_tokens.read(text.replace(SIGN_IN, OTHER))


def test_a_token_does_not_show_its_secret_in_a_log(refresh_tokens):
    token = refresh_tokens.first(SIGN_IN)
    assert repr(token) == f"RefreshToken(sign_in_id='{SIGN_IN}')"


def test_a_token_in_another_spelling_of_its_bytes_is_refused(refresh_tokens):
    token = RefreshToken(SIGN_IN, b"\xff" * 32)
    text = refresh_tokens.write(token)
    assert "_" in text
    with pytest.raises(BadToken):
        refresh_tokens.read(text.replace("_", "/", 1))


@given(st.text() | st.builds(lambda end: f"{SIGN_IN}.{end}", st.text()))
def test_an_invented_token_is_refused(text):
    with pytest.raises(BadToken):
        RefreshTokens(SECRET).read(text)


@given(position=st.integers(0), replacement=st.characters())
def test_a_token_with_one_character_changed_is_refused(position, replacement):
    refresh_tokens = RefreshTokens(SECRET)
    text = refresh_tokens.write(refresh_tokens.first(SIGN_IN))
    position %= len(text)
    forged = text[:position] + replacement + text[position + 1 :]
    if forged == text:
        return
    with pytest.raises(BadToken):
        refresh_tokens.read(forged)
