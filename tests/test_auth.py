import os
from datetime import UTC, datetime, timedelta

import argon2
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.auth import (
    AuthError,
    BadToken,
    Guesses,
    Passwords,
    SessionClaims,
    Tokens,
    TryLimit,
    clean_name,
    load_secret,
    write_private,
)

SECRET = bytes(range(32))
NOW = datetime.now(UTC)
QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def tokens():
    return Tokens(SECRET, user_token_s=3600, session_token_s=300)


def claims(**changes):
    good = {
        "iss": "posesim",
        "aud": "posesim:user",
        "sub": "anna",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + timedelta(hours=1),
        "jti": "1",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(secret=SECRET, algorithm="HS256", typ="at+jwt", **changes):
    return jwt.encode(claims(**changes), secret, algorithm, headers={"typ": typ})


def test_a_user_token_gives_its_user_back(tokens):
    assert tokens.verify_user(tokens.issue_user("anna", NOW)) == "anna"


def test_a_session_token_gives_its_session_and_user_back(tokens):
    token = tokens.issue_session("s1", "anna", NOW)
    assert tokens.verify_session(token) == SessionClaims(session_id="s1", user_id="anna")


def test_the_tokens_forged_below_differ_from_a_good_one_in_one_thing_only(tokens):
    assert tokens.verify_user(signed()) == "anna"


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda: signed(secret=bytes(range(1, 33))), id="another secret"),
        pytest.param(lambda: signed(algorithm="HS512", secret=SECRET * 2), id="HS512"),
        pytest.param(lambda: signed(algorithm="none", secret=None), id="no signature"),
        pytest.param(lambda: signed(typ="JWT"), id="no kind"),
        pytest.param(lambda: signed(typ="posesim-session+jwt"), id="another kind"),
        pytest.param(lambda: signed(aud="posesim:session"), id="another audience"),
        pytest.param(lambda: signed(iss="elsewhere"), id="another issuer"),
        pytest.param(lambda: signed(exp=NOW - timedelta(seconds=1)), id="expired"),
        pytest.param(lambda: signed(nbf=NOW + timedelta(hours=1)), id="not yet"),
        *(
            pytest.param(lambda name=name: signed(**{name: None}), id=f"without {name}")
            for name in ("iss", "aud", "sub", "iat", "nbf", "exp", "jti")
        ),
        pytest.param(lambda: signed()[:-4] + "AAAA", id="altered"),
        pytest.param(lambda: "", id="empty"),
        pytest.param(lambda: "a.b.c", id="garbage"),
        pytest.param(lambda: "Ω" * 40, id="no ASCII"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(tokens, forge):
    with pytest.raises(BadToken, match="Sign in again"):
        tokens.verify_user(forge())


def test_neither_kind_of_token_stands_in_for_the_other(tokens):
    with pytest.raises(BadToken):
        tokens.verify_user(tokens.issue_session("s1", "anna", NOW))
    with pytest.raises(BadToken):
        tokens.verify_session(tokens.issue_user("anna", NOW))


def test_tokens_expire_after_their_lifetime(tokens):
    with pytest.raises(BadToken):
        tokens.verify_user(tokens.issue_user("anna", NOW - timedelta(seconds=3601)))
    with pytest.raises(BadToken):
        tokens.verify_session(tokens.issue_session("s", "anna", NOW - timedelta(seconds=301)))


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first = load_secret(tmp_path / "secret")
    assert len(first) == 32
    assert load_secret(tmp_path / "secret") == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_every_data_folder_has_its_own_secret(tmp_path):
    assert load_secret(tmp_path / "one") != load_secret(tmp_path / "two")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "secret"
    load_secret(path)
    path.chmod(mode)
    with pytest.raises(AuthError, match=f"can be read by others.*chmod 600 {path}"):
        load_secret(path)


@pytest.mark.parametrize("content", [b"", b"short", bytes(64), b"changeme" * 8])
def test_a_weak_secret_is_refused(tmp_path, content):
    write_private(tmp_path / "secret", content)
    with pytest.raises(AuthError, match="too weak to sign with"):
        load_secret(tmp_path / "secret")


def test_a_private_file_that_exists_is_kept(tmp_path):
    write_private(tmp_path / "file", b"first")
    write_private(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


async def test_only_the_right_password_fits():
    passwords = Passwords(QUICK)
    stored = await passwords.hash("correct horse")
    assert await passwords.check(stored, "correct horse")
    assert not await passwords.check(stored, "correct horsE")
    assert not await passwords.check(stored, "")


async def test_the_same_password_is_stored_differently_each_time():
    passwords = Passwords(QUICK)
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


async def test_a_name_that_nobody_has_costs_a_whole_check_and_never_fits():
    checked = []

    class Counting(argon2.PasswordHasher):
        def verify(self, stored, password):
            checked.append(stored)
            return super().verify(stored, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not await passwords.check(None, "correct horse")
    assert len(checked) == 1
    assert checked[0].startswith("$argon2id$")


async def test_a_broken_hash_in_the_database_fits_nothing():
    assert not await Passwords(QUICK).check("not a hash", "correct horse")


async def test_a_password_typed_with_composed_or_separate_accents_is_the_same():
    passwords = Passwords(QUICK)
    assert await passwords.check(await passwords.hash("caf\u00e9 au lait"), "cafe\u0301 au lait")


@pytest.mark.parametrize("password", ["", "nine char", "x" * 1025])
async def test_a_password_of_a_wrong_length_is_refused(password):
    with pytest.raises(AuthError, match="at least 10 and at most 1024"):
        await Passwords(QUICK).hash(password)


@given(st.text(max_size=70))
def test_a_name_is_clean_once_it_is_cleaned_or_refused(text):
    try:
        name = clean_name(text)
    except AuthError:
        return
    assert clean_name(name) == name
    assert 1 <= len(name) <= 64


def test_names_differ_by_more_than_case():
    assert clean_name(" Anna ") == clean_name("ANNA") == "anna"


@pytest.mark.parametrize("name", ["", "   ", "two words", "a\nb", "a\x00", "x" * 65])
def test_a_name_that_could_mislead_is_refused(name):
    with pytest.raises(AuthError, match="1 to 64 characters and no spaces"):
        clean_name(name)


def test_the_eleventh_try_waits_until_the_first_is_old():
    limit = TryLimit(10, 300.0)
    assert [limit.take("anna", float(second)) for second in range(10)] == [0.0] * 10
    assert limit.take("anna", 10.0) == 290.0
    assert limit.take("anna", 300.0) == 0.0


def test_a_refused_try_does_not_prolong_the_wait():
    limit = TryLimit(1, 300.0)
    limit.take("anna", 0.0)
    assert limit.take("anna", 100.0) == 200.0
    assert limit.take("anna", 299.0) == 1.0


def test_keys_are_counted_apart():
    limit = TryLimit(1, 300.0)
    limit.take("anna", 0.0)
    assert limit.take("ben", 0.0) == 0.0


def test_the_right_password_clears_the_count():
    limit = TryLimit(1, 300.0)
    limit.take("anna", 0.0)
    limit.forget("anna")
    assert limit.take("anna", 1.0) == 0.0


def test_the_memory_of_tries_is_bounded_and_forgets_the_oldest():
    limit = TryLimit(1, 300.0, most_keys=2)
    for key in ("anna", "ben", "carl"):
        limit.take(key, 0.0)
    assert limit.take("carl", 1.0) > 0
    assert limit.take("ben", 1.0) > 0
    assert limit.take("anna", 1.0) == 0.0


def test_one_address_may_not_try_one_password_on_every_name():
    guesses = Guesses()
    waits = [guesses.take("192.0.2.1", f"user{number}", 0.0) for number in range(101)]
    assert waits == [0.0] * 100 + [300.0]
    assert guesses.take("192.0.2.2", "user0", 0.0) == 0.0
