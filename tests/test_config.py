from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from posesim_server.config import ServerConfig


def test_the_database_is_in_the_data_folder_unless_told_otherwise():
    assert ServerConfig(data=Path("/d")).database == "sqlite+aiosqlite:////d/posesim.sqlite3"
    url = "postgresql+asyncpg://host/name"
    assert ServerConfig(data=Path("/d"), database_url=url).database == url


def test_only_this_machine_is_served_by_default():
    assert ServerConfig(data=Path("/d")).host == "127.0.0.1"


def test_nothing_outside_is_asked_by_default():
    assert ServerConfig(data=Path("/d")).ice_servers == ()


OUTSIDE = {"issuer": "https://issuer.example", "audience": "posesim"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"port": 65536}, "--port must be between 0 and 65535, got 65536"),
        ({"port": -1}, "--port must be between 0 and 65535, got -1"),
        ({"max_upload_bytes": 0}, "--max-upload-bytes must be above 0, got 0"),
        ({"max_sessions": 0}, "--max-sessions must be above 0, got 0"),
        ({"max_session_s": float("nan")}, "--max-session-s must be above 0, got nan"),
        ({"user_token_s": -5}, "--user-token-s must be above 0, got -5"),
        ({"session_token_s": 0}, "--session-token-s must be above 0, got 0"),
        ({"refresh_token_s": 0}, "--refresh-token-s must be above 0, got 0"),
        ({"refresh_token_s": 10**12}, r"--refresh-token-s must be at most 31536000 \(a year\)"),
        (
            {"refresh_token_s": 600},
            r"--user-token-s must be at most --refresh-token-s \(600\), got 900",
        ),
        ({"issuer": "https://a.example"}, "--issuer and --audience are given together or not"),
        ({"audience": "posesim"}, "--issuer and --audience are given together or not"),
        ({"jwks_url": "https://a.example/keys"}, "--jwks-url needs --issuer and --audience"),
        ({"passwords": False}, "--no-passwords needs --issuer, or nobody could sign in"),
        ({**OUTSIDE, "issuer": "http://a.example"}, "--issuer must be an https URL, or http on"),
        ({**OUTSIDE, "jwks_url": "http://a.example"}, "--jwks-url must be an https URL"),
        ({**OUTSIDE, "token_types": ("id+jwt",)}, r"--token-type must be at\+jwt or JWT, got"),
        ({**OUTSIDE, "passwords": False, "demo": True}, "--demo makes an account with a password"),
        ({"max_clip_s": 2.5}, r"--max-clip-s must be at least 2.56 \(one window\), got 2.5"),
        ({"max_video_s": 2.5}, r"--max-video-s must be at least 2.56 \(one window\), got 2.5"),
        ({"ice_servers": ("http://a",)}, "--ice-server must start with stun:, .* got 'http://a'"),
        ({"allowed_origins": ("a.example",)}, "--allow-origin must look like https://host"),
        ({"allowed_origins": ("https://a.example/",)}, "--allow-origin must look like"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_the_name_of_its_option(wrong, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        ServerConfig(data=Path("/d"), **wrong)


def test_a_configuration_can_not_change():
    with pytest.raises(FrozenInstanceError):
        ServerConfig(data=Path("/d")).port = 1


def test_tokens_are_short_and_passwords_enough_by_default():
    config = ServerConfig(data=Path("/d"))
    assert (config.user_token_s, config.session_token_s) == (900, 300)
    assert (config.issuer, config.token_types, config.passwords) == (None, ("at+jwt",), True)
