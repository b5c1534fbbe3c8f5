import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.auth import AuthError, Passwords, clean_name

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_only_the_right_password_fits():
    passwords = Passwords(QUICK)
    stored = await passwords.hash("correct horse")
    assert await passwords.check(stored, "correct horse")
    assert not await passwords.check(stored, "correct horsE")
    assert not await passwords.check(stored, "")


async def test_the_same_password_is_stored_differently_each_time():
    passwords = Passwords(QUICK)
    assert await passwords.hash("correct horse") != await passwords.hash("correct horse")


@pytest.mark.parametrize("stored", [None, ""], ids=["nobody", "who signs in elsewhere"])
async def test_an_account_without_password_costs_a_whole_check_and_never_fits(stored):
    checked = []

    class Counting(argon2.PasswordHasher):
        def verify(self, hash, password):
            checked.append(hash)
            super().verify(hash, password)
            return True

        def hash(self, password, **options):
            return super().hash(b"correct horse", **options)  # what nobody's happens to be

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not await passwords.check(stored, "correct horse")
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
