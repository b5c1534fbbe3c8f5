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


def test_the_turn_secret_is_in_no_description_of_the_configuration():
    assert TURN["turn_secret"] not in repr(ServerConfig(data=Path("/d"), **TURN))


def test_the_password_of_redis_is_in_no_description_of_the_configuration():
    assert ":word@" not in repr(ServerConfig(data=Path("/d"), **CLUSTER))


def test_what_a_node_alone_can_answer_is_at_its_own_address():
    assert ServerConfig(data=Path("/d")).own_address("/v1/whip") == "/v1/whip"
    config = ServerConfig(data=Path("/d"), **CLUSTER, cluster_origins=("https://pose.example",))
    assert config.own_address("/v1/whip") == "https://node1.example:8443/v1/whip"
    assert config.origins == ("https://node1.example:8443", "https://pose.example")


TURN = {"turn_urls": ("turn:turn.example:3478",), "turn_secret": "0123456789abcdef" * 2}
CLUSTER = {"cluster": "redis://:word@a:6379/0", "node_url": "https://node1.example:8443"}
OUTSIDE = {"issuer": "https://issuer.example", "audience": "posesim"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"port": 65536}, "--port must be between 0 and 65535, got 65536"),
        ({"port": -1}, "--port must be between 0 and 65535, got -1"),
        ({"max_upload_bytes": 0}, "--max-upload-bytes must be above 0, got 0"),
        ({"max_sessions": 0}, "--max-sessions must be above 0, got 0"),
        ({"sessions_per_user": 0}, "--sessions-per-user must be above 0, got 0"),
        (
            {"sign_in_attempts": 0},
            "--sign-in-attempts must be between 1 and 100, or passwords could be guessed, got 0",
        ),
        ({"sign_in_attempts": 101}, "--sign-in-attempts must be between 1 and 100, .*, got 101"),
        ({"requests_per_s": 0.5}, "--requests-per-s must be between 1 and 1000, got 0.5"),
        ({"requests_per_s": float("nan")}, "--requests-per-s must be between 1 and 1000, got nan"),
        ({"requests_per_s": 1001.0}, "--requests-per-s must be between 1 and 1000, got 1001.0"),
        ({"idle_s": -1.0}, "--idle-s must be at least 0, got -1.0"),
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
        ({"cluster": "redis://a:6379"}, "--cluster and --node-url are given together or not"),
        ({**CLUSTER, "cluster": "http://a"}, "--cluster must look like redis://host:6379/0"),
        ({**CLUSTER, "node_url": "https://a/"}, "--node-url must look like https://host or"),
        ({"cluster_origins": ("https://a",)}, "--cluster-origin needs --cluster"),
        ({**CLUSTER, "cluster_origins": ("a",)}, "--cluster-origin must look like https://host"),
        ({"max_video_s": 2.5}, r"--max-video-s must be at least 2.56 \(one window\), got 2.5"),
        ({"ice_servers": ("http://a",)}, "--ice-server must look like stun:.*, got 'http://a'"),
        (
            {"ice_servers": ("turn:a",)},
            "--ice-server is for STUN; .* with --turn-url, got 'turn:a'",
        ),
        (
            {**TURN, "turn_urls": ("stun:a",)},
            "--turn-url must look like turn:host:3478, .*'stun:a'",
        ),
        ({**TURN, "turn_urls": ('turn:a"; rel="x',)}, "--turn-url must look like"),
        ({**TURN, "turn_urls": ("turn:a?transport=sctp",)}, "--turn-url must look like"),
        ({**TURN, "turn_secret": None}, "--turn-url needs --turn-secret-file, which the TURN"),
        ({**TURN, "turn_urls": ()}, "--turn-secret-file needs --turn-url, or nobody could use it"),
        ({"turn_credential_s": 0}, "--turn-credential-s must be above 0, got 0"),
        ({"turn_credential_s": 86401}, r"--turn-credential-s must be at most 86400 \(a day\), got"),
        ({"relay_only": True}, "--relay-only needs --turn-url, or nobody could be reached"),
        ({"public_addresses": ("pose.example",)}, "--public-address must be an IP address, got"),
        ({"public_addresses": ("192.0.2.1", "192.0.2.2")}, "--public-address may be given once"),
        ({"media_ports": (50000, 50010)}, "--media-ports must be at least 20 ports between 1024"),
        ({"media_ports": (50199, 50000)}, "--media-ports must be .*, got 50199-50000"),
        ({"media_ports": (80, 5000)}, "--media-ports must be .* between 1024 and 65535, as in"),
        ({"media_ports": (65500, 65536)}, "--media-ports must be .* between 1024 and 65535, as in"),
        ({"trusted_proxies": ("10.0.0.1/24",)}, "--trust-proxy must be an address or a network"),
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
