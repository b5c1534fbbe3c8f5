"""What a page is told of STUN and TURN. That coturn takes it is in test_coturn.py."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from posesim_server.config import ServerConfig
from posesim_server.turn import ice_servers, transport_policy, turn_password

SECRET = "0123456789abcdef0123456789abcdef"
USER = "9f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b99"
AT = datetime.fromtimestamp(1_799_996_400.7, UTC)
URLS = ("turn:turn.example:3478", "turns:turn.example:5349?transport=tcp")
STUN = ("stun:stun.example:3478", "stun:other.example")


def config(**options) -> ServerConfig:
    return ServerConfig(data=Path("/d"), turn_urls=URLS, turn_secret=SECRET, **options)


def told(config: ServerConfig) -> list[dict[str, object]]:
    return [server.model_dump() for server in ice_servers(config, USER, AT)]


def test_a_password_is_what_others_compute():
    # printf 1800000000:9f0c... | openssl dgst -sha1 -hmac SECRET -binary | base64
    assert turn_password(SECRET, f"1800000000:{USER}") == "k8efLTUbMSH4rYzMg+YQKq49llg="


def test_credentials_say_until_when_and_for_whom():
    assert told(config()) == [
        {
            "urls": list(URLS),
            "username": f"1800000000:{USER}",
            "credential": "k8efLTUbMSH4rYzMg+YQKq49llg=",
        }
    ]


@pytest.mark.parametrize("lifetime_s", [1, 3600, 86_400])
def test_credentials_are_good_for_as_long_as_the_operator_says(lifetime_s):
    (server,) = ice_servers(config(turn_credential_s=lifetime_s), USER, AT)
    assert server.username == f"{1_799_996_400 + lifetime_s}:{USER}"


def test_a_stun_server_has_no_credentials_at_all():
    servers = told(ServerConfig(data=Path("/d"), ice_servers=STUN))
    assert servers == [{"urls": list(STUN)}]
    (server,) = ice_servers(ServerConfig(data=Path("/d"), ice_servers=STUN), USER, AT)
    assert server.model_dump_json() == '{"urls":["stun:stun.example:3478","stun:other.example"]}'


def test_without_options_nothing_outside_is_told():
    assert told(ServerConfig(data=Path("/d"))) == []


def test_where_all_goes_through_a_relay_no_stun_server_is_asked():
    assert [s["urls"] for s in told(config(ice_servers=STUN))] == [list(STUN), list(URLS)]
    assert [s["urls"] for s in told(config(ice_servers=STUN, relay_only=True))] == [list(URLS)]


def test_a_page_uses_every_way_unless_a_relay_is_wanted():
    assert transport_policy(config()) == "all"
    assert transport_policy(config(relay_only=True)) == "relay"
