"""Signing in, renewals and their theft, on a real database; over HTTP in test_api_token.py."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from posesim_server import schema
from posesim_server.auth import BadToken, Tokens
from posesim_server.auth.refresh import RefreshTokens
from posesim_server.auth.sign_ins import Grant, SignIns
from posesim_server.store import Store

SECRET = bytes(range(32))
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DAY_S = 86_400


def later(seconds):
    return NOW + timedelta(seconds=seconds)


class EndedSessions:
    """What was said to the live sessions."""

    def __init__(self):
        self.sign_ins = []
        self.users = []

    async def end_sign_in(self, sign_in_id):
        self.sign_ins.append(sign_in_id)

    async def end_user(self, user_id, *, keep_sign_in=None):
        self.users.append((user_id, keep_sign_in))


class Place:
    """A store with the user anna, and sign-ins over it."""

    def __init__(self, store, user):
        self.store = store
        self.user = user
        self.sessions = EndedSessions()
        self.tokens = Tokens(SECRET, user_token_s=900, session_token_s=300)
        self.refresh_tokens = RefreshTokens(SECRET)
        self.sign_ins = SignIns(
            store, self.tokens, self.refresh_tokens, [self.sessions], refresh_token_s=30 * DAY_S
        )

    async def begin(self, at=NOW):
        return await self.sign_ins.begin(self.user, at)

    async def renew(self, granted, at):
        return await self.sign_ins.renew(granted.refresh_token, at)

    def id_of(self, granted):
        return self.refresh_tokens.read(granted.refresh_token).sign_in_id

    async def works(self, granted, at=NOW):
        """Whether the access token is good for anything."""
        claims = self.tokens.verify_user(granted.access_token, at)
        user = await self.store.sign_ins.user(claims.sign_in_id, claims.user_id, at)
        return user == self.user


@pytest.fixture
async def place(database_url):
    store = await Store.open(database_url)
    yield Place(store, await store.users.add("anna", "a hash"))
    await store.close()


async def test_who_signs_in_gets_a_short_token_and_a_long_one(place):
    granted = await place.begin()
    assert (granted.expires_in, granted.refresh_expires_in) == (900, 30 * DAY_S)
    assert await place.works(granted)


async def test_a_renewal_gives_another_pair_of_tokens(place):
    first = await place.begin()
    second = await place.renew(first, later(600))
    assert second.refresh_token != first.refresh_token
    assert place.tokens.verify_user(second.access_token, later(1400)).user_id == place.user.id
    assert place.id_of(second) == place.id_of(first)


async def test_renewals_go_on_and_on(place):
    granted = await place.begin()
    for day in range(1, 100):
        granted = await place.renew(granted, later(day * DAY_S))
        assert granted.refresh_expires_in == 30 * DAY_S


async def test_a_sign_in_that_is_not_renewed_runs_out(place):
    granted = await place.begin()
    with pytest.raises(BadToken):
        await place.renew(granted, later(30 * DAY_S))


async def test_two_tabs_that_renew_at_once_both_stay_signed_in(place):
    granted = await place.begin()
    one, other = await asyncio.gather(place.renew(granted, NOW), place.renew(granted, NOW))
    assert one.refresh_token == other.refresh_token
    assert await place.works(one)
    assert await place.works(other)
    assert await place.renew(other, later(900))


async def test_a_lost_answer_can_be_asked_for_again_for_half_a_minute(place):
    first = await place.begin()
    second = await place.renew(first, NOW)
    again = await place.renew(first, later(30))
    assert again.refresh_token == second.refresh_token
    assert again.refresh_expires_in == 30 * DAY_S - 30
    assert await place.renew(again, later(900))


async def stolen(place, text, at):
    """Renew with a token that somebody used before."""
    with pytest.raises(BadToken):
        await place.sign_ins.renew(text, at)


async def test_a_replaced_token_that_comes_late_ends_the_whole_sign_in(place):
    first = await place.begin()
    second = await place.renew(first, NOW)
    await stolen(place, first.refresh_token, later(31))
    assert not await place.works(second)
    await stolen(place, second.refresh_token, later(32))
    assert place.sessions.sign_ins == [place.id_of(first)]


async def test_a_token_of_before_the_last_one_ends_the_whole_sign_in_at_once(place):
    first = await place.begin()
    second = await place.renew(first, NOW)
    third = await place.renew(second, later(1))
    await stolen(place, first.refresh_token, later(2))
    assert not await place.works(third)


async def test_a_theft_ends_that_sign_in_alone(place):
    other = await place.begin()
    first = await place.begin()
    await place.renew(first, NOW)
    await stolen(place, first.refresh_token, later(60))
    assert await place.works(other)
    assert await place.renew(other, later(61))


async def test_a_theft_is_noted_for_the_user(place):
    first = await place.begin()
    await place.renew(first, NOW)
    await stolen(place, first.refresh_token, later(60))
    entries = await place.store.audit.of_user(place.user.id, limit=10)
    assert [(entry.action, entry.actor_id) for entry in entries] == [
        ("sign_in.reused", None),
        ("sign_in.begun", place.user.id),
    ]


async def test_an_invented_secret_harms_nobody(place):
    granted = await place.begin()
    invented = f"{place.id_of(granted)}.{'A' * 64}"
    with pytest.raises(BadToken):
        await place.sign_ins.renew(invented, NOW)
    assert await place.works(granted)


async def test_a_sign_in_that_is_gone_is_not_renewed(place):
    token = place.refresh_tokens.first("3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11")
    with pytest.raises(BadToken):
        await place.sign_ins.renew(place.refresh_tokens.write(token), NOW)


async def test_signing_out_ends_one_sign_in_with_its_sessions(place):
    one, other = await place.begin(), await place.begin()
    await place.sign_ins.end(place.user.id, place.id_of(one))
    assert not await place.works(one)
    with pytest.raises(BadToken):
        await place.renew(one, NOW)
    assert await place.works(other)
    assert place.sessions.sign_ins == [place.id_of(one)]
    assert place.sessions.users == []


async def test_signing_out_everywhere_ends_all_of_the_user_and_nobody_else(place):
    ben = await place.store.users.add("ben", "another hash")
    bens = await place.sign_ins.begin(ben, NOW)
    mine = [await place.begin(), await place.begin()]
    await place.sign_ins.end_all(place.user.id)
    assert [await place.works(granted) for granted in mine] == [False, False]
    assert await place.renew(bens, NOW)
    assert place.sessions.users == [(place.user.id, None)]


async def test_a_new_password_ends_every_other_sign_in(place):
    here, there = await place.begin(), await place.begin()
    assert await place.sign_ins.change_password(place.user, "new hash", place.id_of(here))
    place.user = await place.store.users.get(place.user.id)
    assert await place.works(here)
    assert not await place.works(there)
    assert place.sessions.users == [(place.user.id, place.id_of(here))]


async def test_of_two_new_passwords_at_once_the_first_counts(place):
    assert await place.sign_ins.change_password(place.user, "first", None)
    assert not await place.sign_ins.change_password(place.user, "second", None)
    assert (await place.store.users.get(place.user.id)).password_hash == "first"


async def test_a_password_that_is_changed_while_it_is_checked_lets_nobody_in(place):
    await place.store.users.set_password("anna", "another hash")
    with pytest.raises(BadToken):
        await place.begin()


async def test_an_account_that_goes_while_its_password_is_checked_lets_nobody_in(place):
    granted = await place.begin()
    await place.store.users.remove("anna")
    with pytest.raises(BadToken):
        await place.begin()
    with pytest.raises(BadToken):
        await place.renew(granted, NOW)


async def test_an_operator_who_sets_a_password_ends_all_sign_ins(place):
    granted = await place.begin()
    await place.store.users.set_password("anna", "another hash")
    place.user = await place.store.users.get(place.user.id)
    assert not await place.works(granted)


async def test_a_token_of_a_sign_in_is_good_for_its_own_user_alone(place):
    granted = await place.begin()
    ben = await place.store.users.add("ben", "another hash")
    assert await place.store.sign_ins.user(place.id_of(granted), ben.id, NOW) is None


async def test_the_database_holds_no_secret(place, tmp_path):
    granted = await place.begin()
    granted = await place.renew(granted, NOW)
    secret = place.refresh_tokens.read(granted.refresh_token).secret
    rows = await place.store.database.all(sa.select(schema.sign_ins))
    files = [path for path in tmp_path.iterdir() if path.name.startswith("db")]
    content = b"".join([str(rows).encode(), *(path.read_bytes() for path in files)])
    assert place.id_of(granted).encode() in content
    assert secret not in content
    assert secret.hex().encode() not in content
    assert granted.refresh_token.split(".")[1].encode() not in content


def test_what_is_granted_is_not_shown_in_a_log():
    assert "secret" not in repr(Grant("secret access", 1, "secret refresh", 2))
