"""deploy/cluster: the compose file for three nodes, as far as it can be checked without Docker."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from deployments import (
    DEPLOY,
    ROOT,
    composed,
    config_of,
    seconds,
    services,
)
from sqlalchemy import make_url

from posesim_server.auth.secret import load_secret
from posesim_server.cli import build_parser
from posesim_server.commands.options import VARIABLES
from posesim_server.secret_file import read_secret
from posesim_server.serve import STOP_S

FILE = "cluster/compose.yaml"
CLUSTER = DEPLOY / "cluster"
NODES = ("node1", "node2", "node3")
BACKENDS = {"postgresql", "valkey", "objects", "ray", "ray-worker"}
GUIDE = (ROOT / "docs" / "cluster.md").read_text()
GIVEN_BY_FILE = "_FILE"

compose = pytest.mark.compose


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The services, with the example's variables."""
    return services(tmp_path_factory.mktemp("composed"), FILE)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets that prepare.sh makes."""
    folder = tmp_path_factory.mktemp("prepared")
    subprocess.run(["cp", CLUSTER / "prepare.sh", folder], check=True)
    prepare(folder)
    return folder / "secrets"


def prepare(folder: Path) -> None:
    owner = {"OWNER": f"{os.getuid()}:{os.getgid()}"}
    subprocess.run([folder / "prepare.sh"], env={**os.environ, **owner}, check=True)


# What the nodes are told


@compose
def test_three_nodes_differ_in_name_port_and_media_ports_alone(found, tmp_path):
    configs = [config_of(found[node], tmp_path) for node in NODES]
    assert [config.port for config in configs] == [8081, 8082, 8083]
    assert {config.host for config in configs} == {"127.0.0.1"}
    assert {config.trusted_proxies for config in configs} == {("127.0.0.1",)}
    assert {config.turn_urls for config in configs} == {
        tuple(f"turn:pose.example.org:3478?transport={way}" for way in ("udp", "tcp"))
    }
    ports = sorted(config.media_ports for config in configs)
    for (_, last), (first, _) in pairwise(ports):
        assert last < first
    own = {"POSESIM_PORT", "POSESIM_MEDIA_PORTS", "POSESIM_NODE_URL"}
    shared = [
        {name: value for name, value in found[node]["environment"].items() if name not in own}
        for node in NODES
    ]
    assert shared[0] == shared[1] == shared[2]
    urls = [found[node]["environment"]["POSESIM_NODE_URL"] for node in NODES]
    assert urls == [f"https://{node}.pose.example.org" for node in NODES]
    assert set(urls) < set(shared[0]["POSESIM_CLUSTER_ORIGINS"].split())


@compose
def test_what_an_operator_chooses_reaches_every_node(tmp_path):
    chosen = {"RELAY_ONLY": "1", "PUBLIC_ADDRESS": "203.0.113.9", "OWN_ADDRESS": "10.0.0.5"}
    chosen |= {"DOMAIN": "clinic.example", "RAY_GPUS": "1"}
    found = services(tmp_path, FILE, **chosen)
    for node in NODES:
        config = config_of(found[node], tmp_path)
        assert config.relay_only is True
        assert config.public_addresses == ("203.0.113.9",)
        assert found[node]["environment"]["POSESIM_NODE_URL"] == f"https://{node}.clinic.example"
    assert found["coturn"]["environment"]["TURN_REALM"] == "clinic.example"
    assert "--num-gpus=1" in found["ray-worker"]["command"]


@compose
def test_every_variable_of_a_node_is_one_that_is_read(found):
    ours = {
        name.removesuffix(GIVEN_BY_FILE) if name not in VARIABLES.values() else name
        for name in found["node1"]["environment"]
        if name.startswith("POSESIM_")
    }
    assert ours <= set(VARIABLES.values())
    start = (DEPLOY / "start.sh").read_text()
    for name in found["node1"]["environment"]:
        if name.endswith(GIVEN_BY_FILE) and name not in VARIABLES.values():
            assert re.search(rf"\b{name.removesuffix(GIVEN_BY_FILE)}(_FILE)?\b", start), name


@compose
def test_the_image_is_built_with_parts_that_there_are(found):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = found["node1"]["build"]["args"]["EXTRAS"].split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    for name in (*NODES, "ray", "ray-worker"):
        assert found[name]["image"] == "posesim-cluster"
        assert found[name]["build"] == found["node1"]["build"]


# Life and death


@compose
def test_compose_waits_longer_than_a_node_drains_and_stops(found, tmp_path):
    for node in NODES:
        grace_s = seconds(found[node]["stop_grace_period"])
        assert grace_s >= config_of(found[node], tmp_path).drain_s + STOP_S


@compose
def test_each_is_asked_how_it_is_and_nodes_wait_for_what_they_need(found):
    for name in (*NODES, "postgresql", "valkey", "objects", "ray"):
        assert found[name]["healthcheck"]["test"], name
    for node in NODES:
        waits = found[node]["depends_on"]
        assert set(waits) == {"postgresql", "valkey", "objects", "ray"}
        assert {each["condition"] for each in waits.values()} == {"service_healthy"}


@compose
def test_a_node_s_health_check_asks_its_own_port(found):
    """The check is run against a port where nobody listens, and fails of that."""
    *_, program = found["node2"]["healthcheck"]["test"]
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        environment = {**os.environ, "POSESIM_PORT": str(nobody.getsockname()[1])}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=False
        )
    assert done.returncode != 0
    assert b"refused" in done.stderr


@compose
def test_a_node_is_where_the_ray_of_this_machine_finds_it(found):
    """Ray 2.60 looks for it among the processes that it sees, and waits for ever for none."""
    for name in (*NODES, "ray"):
        assert found[name]["pid"] == "host"
        assert [volume for volume in found[name]["volumes"] if volume.startswith("ray:/ray")]
    assert "--temp-dir=/ray" in found["ray"]["command"]
    for name in set(found) - {*NODES, "ray"}:
        assert "pid" not in found[name]


# Rights and secrets


@compose
def test_no_service_has_more_rights_than_it_needs(found):
    for name, service in found.items():
        if name == "prometheus":
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
        assert not service.get("privileged")
        assert "docker.sock" not in str(service)
        assert service["restart"] == "unless-stopped"
        assert service["network_mode"] == "host"
    for name in BACKENDS:
        assert found[name]["user"] == "10001:10001"


@compose
def test_what_is_for_the_nodes_alone_listens_on_this_machine_alone(found, secrets):
    assert "listen_addresses=127.0.0.1" in found["postgresql"]["command"]
    assert "bind 127.0.0.1\n" in (secrets / "valkey_conf").read_text()
    assert "-ip.bind=127.0.0.1" in found["objects"]["command"]
    # Ray listens on all addresses, whatever it is told, and runs what it is given.
    for name in ("ray", "ray-worker", *NODES):
        assert found[name]["environment"]["RAY_AUTH_MODE"] == "token"
    assert not re.search(r"ufw allow \S*6389", GUIDE)


@compose
def test_a_secret_is_a_file_and_in_no_environment(found, secrets):
    made = {path.name for path in secrets.iterdir()}
    contents = {path.read_bytes() for path in secrets.iterdir()}
    mounted = set()
    for service in found.values():
        text = json.dumps(service).encode()
        assert not any(content in text for content in contents)
        mounted |= {secret["source"] for secret in service.get("secrets", ())}
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN|KEY", name):
                assert str(value).startswith("/run/secrets/") or name.endswith("_MODE"), name
            if str(value).startswith("/run/secrets/"):
                given = {secret["source"] for secret in service["secrets"]}
                assert str(value).removeprefix("/run/secrets/") in given
    assert mounted == made
    for line in ("secrets/", ".env", "data/"):
        assert line in (CLUSTER / ".gitignore").read_text().splitlines()


def test_the_secrets_are_ones_that_their_readers_take(secrets, tmp_path):
    for path in secrets.iterdir():
        assert path.stat().st_mode & 0o077 == 0
    password = (secrets / "postgresql_password").read_text()
    url = make_url((secrets / "database_url").read_text().strip())
    assert (url.drivername, url.password, url.port) == ("postgresql+asyncpg", password, 5432)
    assert read_secret(secrets / "turn_secret", "--turn-secret-file")
    assert len(load_secret(secrets / "signing_secret")) == 32
    password = (secrets / "valkey_password").read_text()
    assert (secrets / "cluster_url").read_text() == f"redis://:{password}@127.0.0.1:6379/0\n"
    assert f"requirepass {password}\n" in (secrets / "valkey_conf").read_text()
    (identity,) = json.loads((secrets / "objects_identities").read_text())["identities"]
    keys = {"accessKey": "objects_key_id", "secretKey": "objects_key"}
    assert identity["credentials"] == [
        {key: (secrets / name).read_text() for key, name in keys.items()}
    ]


def test_what_is_there_stays_as_it_is(secrets):
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    prepare(secrets.parent)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert {path.name for path in (secrets.parent / "data").iterdir()} == {"postgresql", "objects"}


# Files and the guide


def test_the_example_sets_what_is_used_and_nothing_else():
    def used(file: Path) -> set[str]:
        return set(re.findall(r"\$\{(\w+)", file.read_text()))

    said = set(re.findall(r"^(\w+)=", (CLUSTER / ".env.example").read_text(), re.MULTILINE))
    own = used(CLUSTER / "compose.yaml") | {"COMPOSE_PROJECT_NAME"}
    assert own <= said <= own | used(DEPLOY / "compose.yaml")  # which it extends


@compose
def test_without_a_name_nothing_starts(tmp_path):
    done = composed(tmp_path, FILE, DOMAIN="")
    assert done.returncode != 0
    assert "is the name of this service" in done.stderr


@compose
def test_what_it_names_is_there(found):
    text = (CLUSTER / "Caddyfile").read_text()
    for number, node in enumerate(NODES, start=1):
        port = found[node]["environment"]["POSESIM_PORT"]
        assert f"{{$NODE{number}:127.0.0.1:{port}}}" in text
    assert "-s3.port=8333" in found["objects"]["command"]
    assert "{$OBJECTS:127.0.0.1:8333}" in text
    (mount,) = [volume for volume in found["caddy"]["volumes"] if "/etc/cluster" in volume]
    assert mount.endswith("/deploy/cluster/Caddyfile:/etc/cluster/Caddyfile:ro")
    assert [volume for volume in found["caddy"]["volumes"] if volume.endswith(":/etc/caddy:ro")]
    assert "/etc/cluster/Caddyfile" in found["caddy"]["command"]


@compose
def test_the_guide_opens_the_media_ports_of_all_nodes(found, tmp_path):
    ports = sorted(config_of(found[node], tmp_path).media_ports for node in NODES)
    assert f"sudo ufw allow {ports[0][0]}:{ports[-1][1]}/udp" in GUIDE


def test_the_guide_names_files_and_commands_that_there_are():
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", GUIDE):
        assert link.startswith("https:") or (ROOT / "docs" / link).exists(), link
    for command in re.findall(r"exec \S+ start.sh (.+)$", GUIDE, re.MULTILINE):
        build_parser({}).parse_args(command.split())
    assert "exec node1 posesim" not in GUIDE  # that would not know the database


@compose
def test_the_guide_upgrades_every_node(found):
    (nodes,) = re.findall(r"^for node in (.+); do$", GUIDE, re.MULTILINE)
    assert tuple(nodes.split()) == NODES
