import asyncio
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import get_args

import argon2
import pytest

from posesim import cli as library_cli
from posesim.engines import ENGINES
from posesim_server.auth import Passwords
from posesim_server.cli import build_parser, main
from posesim_server.commands.options import VARIABLES, BadOption
from posesim_server.commands.serve import config_from
from posesim_server.commands.users import ROLES
from posesim_server.config import ServerConfig
from posesim_server.database import now
from posesim_server.demo import demo_password
from posesim_server.secret_file import BadSecretFile
from posesim_server.serve import CannotListen, address, serve
from posesim_server.store import Store
from posesim_server.store.users import Role
from server import WAIT_S


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def typed(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def config_of(environment, *arguments):
    return config_from(build_parser(environment).parse_args(["serve", *arguments]))


# Options

SECRET = "EbBBMoMCCwkYr3oJbWOLcxSAP3MNd4Kgb7qYoJbyjsE="


def secret_file(folder, text=f"{SECRET}\n", mode=0o600):
    path = folder / "turn_secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def with_secret(path):
    return config_of({}, "--turn-url", "turn:a", "--turn-secret-file", str(path))


def test_help_shows_each_command_with_an_example(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for example in (
        "posesim serve",
        "posesim user add anna",
        "posesim move",
        "posesim weights fetch",
    ):
        assert f"  {example}" in shown


def test_help_does_not_wait_for_the_network_libraries():
    code = (
        "import sys\n"
        "from posesim_server.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "openvino", "aiohttp", "sqlalchemy"} & set(done.stderr.split())


def test_without_options_the_server_is_as_its_configuration_says(tmp_path):
    config = config_of({}, "--data", str(tmp_path))
    assert config == ServerConfig(data=tmp_path, weights=library_cli.weights_path())


def test_each_option_can_come_from_the_environment(tmp_path):
    turn_secret = secret_file(tmp_path)
    values = {
        "--host": "0.0.0.0",
        "--port": "9000",
        "--data": str(tmp_path),
        "--database-url": "postgresql+asyncpg://host/name",
        "--objects": "s3://bucket/clinic",
        "--objects-endpoint": "https://store.example",
        "--objects-public-url": "https://files.example",
        "--objects-through-server": "1",
        "--objects-cache-bytes": "1000",
        "--weights": "/w.safetensors",
        "--engine": "ray",
        "--backbone": "i3d_r50",
        "--max-upload-bytes": "1000",
        "--max-clip-s": "60",
        "--max-video-s": "900",
        "--workers": "3",
        "--max-workers": "9",
        "--ray-address": "head:6379",
        "--ray-cpus": "2",
        "--ray-gpus": "0.25",
        "--max-sessions": "2",
        "--max-session-s": "600",
        "--idle-s": "120",
        "--sessions-per-user": "5",
        "--sign-in-attempts": "6",
        "--requests-per-s": "40",
        "--user-token-s": "60",
        "--session-token-s": "50",
        "--refresh-token-s": "3600",
        "--issuer": "https://issuer.example",
        "--audience": "posesim",
        "--jwks-url": "https://keys.example/keys",
        "--token-type": "at+jwt JWT",
        "--no-passwords": "1",
        "--ice-server": "stun:a stun:b",
        "--turn-url": "turn:a:3478 turns:a:5349",
        "--turn-secret-file": str(turn_secret),
        "--turn-credential-s": "7200",
        "--relay-only": "1",
        "--public-address": "192.0.2.7 2001:db8::7",
        "--media-ports": "50000-50199",
        "--stock-aiortc": "1",
        "--trust-proxy": "127.0.0.1 10.0.0.0/24",
        "--allow-origin": "https://a.example https://b.example",
        "--allow-private-webhooks": "1",
        "--retain": "jobs=7 audit=0",
        "--drain-s": "45",
        "--log-format": "json",
        "--otel-endpoint": "http://127.0.0.1:4318",
        "--cluster": "redis://:word@127.0.0.1:6379/1",
        "--node-url": "https://node1.example",
        "--cluster-origin": "https://node2.example https://pose.example",
    }
    assert set(values) == set(VARIABLES)
    environment = {VARIABLES[option]: value for option, value in values.items()}
    assert config_of(environment) == ServerConfig(
        host="0.0.0.0",
        port=9000,
        data=tmp_path,
        database_url="postgresql+asyncpg://host/name",
        weights=Path("/w.safetensors"),
        engine="ray",
        backbone="i3d_r50",
        max_upload_bytes=1000,
        max_clip_s=60,
        max_video_s=900,
        workers=3,
        max_workers=9,
        ray_address="head:6379",
        ray_cpus=2.0,
        ray_gpus=0.25,
        max_sessions=2,
        max_session_s=600,
        idle_s=120.0,
        sessions_per_user=5,
        sign_in_attempts=6,
        requests_per_s=40.0,
        user_token_s=60,
        session_token_s=50,
        refresh_token_s=3600,
        issuer="https://issuer.example",
        audience="posesim",
        jwks_url="https://keys.example/keys",
        token_types=("at+jwt", "JWT"),
        passwords=False,
        ice_servers=("stun:a", "stun:b"),
        turn_urls=("turn:a:3478", "turns:a:5349"),
        turn_secret=SECRET,
        turn_credential_s=7200,
        relay_only=True,
        public_addresses=("192.0.2.7", "2001:db8::7"),
        media_ports=(50000, 50199),
        stock_aiortc=True,
        trusted_proxies=("127.0.0.1", "10.0.0.0/24"),
        allowed_origins=("https://a.example", "https://b.example"),
        allow_private_webhooks=True,
        retain={"jobs": 7, "audit": 0},
        drain_s=45.0,
        log_format="json",
        otel_endpoint="http://127.0.0.1:4318",
        objects="s3://bucket/clinic",
        objects_endpoint="https://store.example",
        objects_public_url="https://files.example",
        objects_through_server=True,
        objects_cache_bytes=1000,
        cluster="redis://:word@127.0.0.1:6379/1",
        node_url="https://node1.example",
        cluster_origins=("https://node2.example", "https://pose.example"),
    )


def test_what_is_typed_outweighs_the_environment():
    assert config_of({"POSESIM_PORT": "9000"}, "--port", "9001").port == 9001


def test_an_option_that_may_be_repeated_adds_up():
    config = config_of({}, "--ice-server", "stun:a", "--ice-server", "stun:b")
    assert config.ice_servers == ("stun:a", "stun:b")


def test_a_variable_that_makes_no_sense_is_named(monkeypatch, capsys):
    monkeypatch.setenv("POSESIM_ENGINE", "steam")
    assert main(["user", "list"]) == 2
    assert capsys.readouterr().err == (
        f"posesim: POSESIM_ENGINE must be one of {', '.join(ENGINES)}, ray, got 'steam'.\n"
    )


@pytest.mark.parametrize(("value", "passwords"), [("1", False), ("true", False), ("0", True)])
def test_a_flag_can_be_a_variable(value, passwords):
    outside = ("--issuer", "https://issuer.example", "--audience", "posesim")
    assert config_of({"POSESIM_NO_PASSWORDS": value}, *outside).passwords == passwords


def test_a_flag_that_is_neither_yes_nor_no_is_named():
    with pytest.raises(BadOption, match=r"^POSESIM_NO_PASSWORDS must be 1 or 0, got 'maybe'\.$"):
        config_of({"POSESIM_NO_PASSWORDS": "maybe"})


def test_an_option_that_makes_no_sense_is_a_sentence(data, capsys):
    assert main(["serve", "--data", str(data), "--max-sessions", "0"]) == 2
    assert capsys.readouterr().err == "posesim: --max-sessions must be above 0, got 0.\n"
    with pytest.raises(BadOption):
        config_of({}, "--max-sessions", "0")


def test_a_secret_may_be_read_by_a_group_as_well(tmp_path):
    assert with_secret(secret_file(tmp_path, mode=0o640)).turn_secret == SECRET


@pytest.mark.parametrize(
    ("text", "mode", "sentence"),
    [
        (SECRET, 0o644, r"can be read by everybody.* chmod o= .*turn_secret$"),
        (SECRET[:31], 0o600, r"must be one line of at least 32 random characters"),
        ("a" * 64, 0o600, r"must be one line of at least 32 random characters"),
        (f"{SECRET}\n{SECRET}", 0o600, r"must be one line of at least 32 random characters"),
        ("", 0o600, r".* without spaces\. Make one with: \(umask 077; head -c 32 .* > .*/turn_"),
        ("\udcff" * 40, 0o600, r"is not text"),
    ],
)
def test_a_secret_that_others_know_or_could_guess_is_refused(tmp_path, text, mode, sentence):
    path = secret_file(tmp_path, "", mode)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadSecretFile, match=rf"turn_secret \(--turn-secret-file\) {sentence}"):
        with_secret(path)


def test_a_secret_that_is_not_there_ends_the_start_with_a_sentence(tmp_path, capsys):
    path = tmp_path / "none"
    options = ["--data", str(tmp_path / "data"), "--turn-url", "turn:a"]
    assert main(["serve", *options, "--turn-secret-file", str(path)]) == 2
    assert capsys.readouterr().err.startswith(
        f"posesim: The secret {path} (--turn-secret-file) can't be read: No such file"
    )


@pytest.mark.parametrize("ports", ["50000", "50000-", "a-b"])
def test_ports_that_are_no_range_are_refused(ports, capsys):
    with pytest.raises(SystemExit, match="2"):
        config_of({}, "--media-ports", ports)
    assert "--media-ports: must be two ports, as in 50000-50199" in capsys.readouterr().err


# Users


def test_a_user_is_added_listed_changed_and_removed(data, monkeypatch, capsys):
    typed(monkeypatch, "correct horse\n")
    assert main(["user", "add", "Anna", "--data", str(data)]) == 0
    assert main(["user", "list", "--data", str(data)]) == 0
    typed(monkeypatch, "battery staple\n")
    assert main(["user", "password", "anna", "--data", str(data)]) == 0

    async def stored():
        store = await Store.open(ServerConfig(data=data).database)
        user = await store.users.by_name("anna")
        await store.close()
        return user

    user = asyncio.run(stored())
    assert argon2.PasswordHasher().verify(user.password_hash, "battery staple")
    (data / "references" / user.id / "x").mkdir(parents=True)
    assert main(["user", "remove", "anna", "--data", str(data)]) == 0
    assert main(["user", "list", "--data", str(data)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Added the member anna.",
        "anna  member",
        "Changed the password of anna.",
        "Removed the user anna with all exercises, sessions and scores.",
    ]
    assert list((data / "references").iterdir()) == []


def test_an_account_is_made_with_a_role_and_given_another(data, monkeypatch, capsys):
    typed(monkeypatch, "correct horse")
    assert main(["user", "add", "maximilian", "--role", "coach", "--data", str(data)]) == 0
    typed(monkeypatch, "correct horse")
    assert main(["user", "add", "anna", "--data", str(data)]) == 0
    assert main(["user", "role", " Anna ", "admin", "--data", str(data)]) == 0
    assert main(["user", "list", "--data", str(data)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Added the coach maximilian.",
        "Added the member anna.",
        "anna has the role admin now.",
        "anna        admin",
        "maximilian  coach",
    ]


def test_the_command_line_knows_the_roles_that_the_database_knows():
    assert get_args(Role) == ROLES


def test_a_role_that_there_is_not_is_refused(data, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["user", "role", "anna", "owner", "--data", str(data)])
    assert stopped.value.code == 2
    assert "'member', 'coach', 'admin'" in capsys.readouterr().err


def test_the_last_admin_stays_one(data, monkeypatch, capsys):
    typed(monkeypatch, "correct horse")
    assert main(["user", "add", "anna", "--role", "admin", "--data", str(data)]) == 0
    assert main(["user", "role", "anna", "coach", "--data", str(data)]) == 2
    assert capsys.readouterr().err.startswith("posesim: This is the last admin.")


def test_the_database_is_its_owners_alone_in_any_folder(tmp_path):
    assert main(["user", "list", "--data", str(tmp_path)]) == 0
    assert (tmp_path / "posesim.sqlite3").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "password", "sentence"),
    [
        (["add", "ben"], "short", "A password has at least 10"),
        (["add", "two words"], "correct horse", "A user name has 1 to 64 characters"),
        (["add", "anna"], "correct horse", "There is already a user 'anna'"),
        (["password", "ben"], "correct horse", "There is no user 'ben'"),
        (["role", "ben", "coach"], "", "There is no user 'ben'"),
        (["remove", "ben"], "", "There is no user 'ben'"),
    ],
)
def test_what_can_not_be_done_is_a_sentence(
    data, monkeypatch, capsys, arguments, password, sentence
):
    typed(monkeypatch, "correct horse")
    assert main(["user", "add", "anna", "--data", str(data)]) == 0
    typed(monkeypatch, password)
    assert main(["user", *arguments, "--data", str(data)]) == 2
    assert capsys.readouterr().err.startswith(f"posesim: {sentence}")


def test_two_passwords_that_differ_change_nothing(data, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    answers = iter(["correct horse", "correct house"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    assert main(["user", "add", "anna", "--data", str(data)]) == 2
    assert "two passwords differ" in capsys.readouterr().err
    main(["user", "list", "--data", str(data)])
    assert capsys.readouterr().out == ""


def test_another_password_ends_every_sign_in_of_the_user(data, monkeypatch):
    typed(monkeypatch, "correct horse")
    assert main(["user", "add", "anna", "--data", str(data)]) == 0

    async def with_store(act):
        store = await Store.open(ServerConfig(data=data).database)
        try:
            return await act(store)
        finally:
            await store.close()

    async def sign_in(store):
        user, at = await store.users.by_name("anna"), now()
        assert await store.sign_ins.add("a sign-in", user, "", at, at + timedelta(days=1))

    async def ended_at(store):
        return (await store.sign_ins.get("a sign-in")).ended_at

    asyncio.run(with_store(sign_in))
    assert asyncio.run(with_store(ended_at)) is None
    typed(monkeypatch, "battery staple")
    assert main(["user", "password", "anna", "--data", str(data)]) == 0
    assert asyncio.run(with_store(ended_at)) is not None


# The demo account

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


async def test_the_demo_account_is_made_once_and_its_password_shown_each_time(tmp_path, store):
    passwords = Passwords(QUICK)
    first = await demo_password(tmp_path, store, passwords)
    assert len(first) >= 16
    assert await demo_password(tmp_path, store, passwords) == first
    assert (tmp_path / "demo-password").stat().st_mode & 0o777 == 0o600
    user = await store.users.by_name("demo")
    assert await passwords.check(user.password_hash, first)


async def test_the_demo_account_may_try_everything(tmp_path, store):
    await demo_password(tmp_path, store, Passwords(QUICK))
    assert (await store.users.by_name("demo")).role == "admin"


async def test_a_demo_account_of_an_earlier_version_may_try_everything(tmp_path, store):
    passwords = Passwords(QUICK)
    (tmp_path / "demo-password").write_text("demo's own password")
    await store.users.add("demo", await passwords.hash("demo's own password"))
    await demo_password(tmp_path, store, passwords)
    assert (await store.users.by_name("demo")).role == "admin"


async def test_somebody_else_who_is_called_demo_gets_no_role(tmp_path, store):
    passwords = Passwords(QUICK)
    await store.users.add("demo", await passwords.hash("my own password"))
    assert await demo_password(tmp_path, store, passwords) is None
    assert (await store.users.by_name("demo")).role == "member"


async def test_a_demo_password_that_somebody_changed_is_not_shown(tmp_path, store):
    passwords = Passwords(QUICK)
    await demo_password(tmp_path, store, passwords)
    await store.users.set_password("demo", await passwords.hash("my own password"))
    assert await demo_password(tmp_path, store, passwords) is None


# Serving


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:80"),
        ("0.0.0.0", "http://localhost:80"),
        ("::1", "http://localhost:80"),
        ("192.0.2.7", "http://192.0.2.7:80"),
        ("2001:db8::1", "http://[2001:db8::1]:80"),
        ("pose.example", "http://pose.example:80"),
    ],
)
def test_the_address_that_is_printed_gets_a_camera_where_it_can(host, url):
    assert address(host, 80) == url


async def test_a_port_that_is_taken_is_a_sentence_and_touches_no_data(data):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"port {port}: another program .* --port"):
            await serve(ServerConfig(data=data, port=port))
    assert not data.exists()


async def test_an_address_of_another_machine_is_a_sentence(data):
    with pytest.raises(CannotListen, match="Check --host and --port"):
        await serve(ServerConfig(data=data, host="192.0.2.7"))


def test_a_start_without_weights_ends_with_a_sentence(data, capsys):
    options = ["--port", "0", "--data", str(data), "--weights", str(data / "none")]
    assert main(["serve", *options]) == 2
    assert "posesim weights fetch" in capsys.readouterr().err


PROGRAM = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from functools import partial
from fake_engine import open_fake_network
from posesim_server.config import ServerConfig
from posesim_server.logs import configure_logging
from posesim_server.secret_file import BadSecretFile
from posesim_server.serve import serve

configure_logging("json")
config = ServerConfig(data=Path({data!r}), port=0, demo=True)
asyncio.run(serve(config, open_fake_network))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_server_cleanly(data, number):
    program = PROGRAM.format(tests=str(Path(__file__).parent), data=str(data))
    server = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as of a terminal
    )
    try:
        port = int(re.search(r":(\d+)$", server.stdout.readline().strip())[1])
        password = server.stdout.readline().split()[-1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
        credentials = json.dumps({"username": "demo", "password": password})
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/token?hidden=query", credentials, headers)
        token = json.load(connection.getresponse())["access_token"]
        connection.request("GET", "/healthcheck")
        assert json.load(connection.getresponse())["status"] == "ok"
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as raw:
            raw.sendall(b"no HTTP\r\n\r\n")
            assert b"application/problem+json" in raw.recv(4096)
        worker = child_of(server.pid)
        os.killpg(server.pid, number)  # with an idle connection open
        _, log = server.communicate(timeout=WAIT_S)
        connection.close()
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0
    assert not runs(worker)
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines[-1]["event"] == "stopped"
    assert {"method": "POST", "path": "/token", "status": 200}.items() <= next(
        line for line in lines if line["event"] == "request"
    ).items()
    for secret in (password, token, "hidden"):
        assert secret not in log


def test_a_worker_does_not_outlive_a_server_that_is_killed(data):
    program = PROGRAM.format(tests=str(Path(__file__).parent), data=str(data))
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            server.stdout.readline()  # it is ready
            worker = child_of(server.pid)
        finally:
            server.kill()
    until = time.monotonic() + WAIT_S
    while runs(worker):
        assert time.monotonic() < until
        time.sleep(0.02)


def child_of(pid: int) -> int:
    """The worker of a server."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise AssertionError("the server has no worker")


def runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    # Whoever adopts a process may leave its entry behind, as a zombie.
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
