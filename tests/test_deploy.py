"""The files of a deployment, as far as they can be checked without a Docker engine."""

import fnmatch
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployments import DEPLOY, ROOT, composed, config_of, seconds, services

from posesim_server.auth.secret import load_secret
from posesim_server.cli import build_parser
from posesim_server.commands.options import TARGET_VARIABLES, VARIABLES

GUIDE = (ROOT / "docs" / "deploy.md").read_text()
TURN_CONF = (DEPLOY / "coturn" / "turnserver.conf").read_text()
CADDYFILE = (DEPLOY / "caddy" / "Caddyfile").read_text()
USER = "10001:10001"
DOMAIN = "pose.example.org"  # of .env.example

compose = pytest.mark.compose


# The compose file


@compose
def test_the_server_understands_what_it_is_started_with(tmp_path):
    config = config_of(services(tmp_path)["server"], tmp_path)
    assert (config.host, config.port) == ("127.0.0.1", 8080)
    assert config.turn_urls == (
        f"turn:{DOMAIN}:3478?transport=udp",
        f"turn:{DOMAIN}:3478?transport=tcp",
    )
    assert config.media_ports == (50000, 50199)
    assert config.trusted_proxies == ("127.0.0.1",)
    assert config.relay_only is False
    assert config.public_addresses == ()


@compose
def test_what_an_operator_chooses_reaches_server_and_relay(tmp_path):
    chosen = {"RELAY_ONLY": "1", "PUBLIC_ADDRESS": "203.0.113.9", "OWN_ADDRESS": "10.0.0.5"}
    found = services(tmp_path, DOMAIN="clinic.example", EXTRA_INDEX="https://a.example", **chosen)
    config = config_of(found["server"], tmp_path)
    assert config.relay_only is True
    assert config.public_addresses == ("203.0.113.9",)
    assert config.turn_urls[0] == "turn:clinic.example:3478?transport=udp"
    assert found["server"]["build"]["args"] == {"EXTRA_INDEX": "https://a.example"}
    assert found["coturn"]["environment"] == {
        "TURN_REALM": "clinic.example",
        "PUBLIC_ADDRESS": "203.0.113.9",
        "OWN_ADDRESS": "10.0.0.5",
    }
    assert found["caddy"]["environment"] == {"DOMAIN": "clinic.example"}


@compose
def test_compose_waits_longer_than_a_server_drains_and_stops(tmp_path):
    from posesim_server.serve import STOP_S

    server = services(tmp_path)["server"]
    assert seconds(server["stop_grace_period"]) >= config_of(server, tmp_path).drain_s + STOP_S


@compose
def test_without_a_name_nothing_starts(tmp_path):
    done = composed(tmp_path, DOMAIN="")
    assert done.returncode != 0
    assert "is the name of this server" in done.stderr


@compose
def test_what_it_names_is_there(tmp_path):
    found = services(tmp_path)
    assert set(found) - {"prometheus"} == {"server", "coturn", "caddy"}  # that is of a profile
    for service in found.values():
        if build := service.get("build"):
            there = Path(build["context"].replace(str(tmp_path), str(ROOT)))
            assert (there / build.get("dockerfile", "Dockerfile")).is_file()
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            there = Path(source.replace(str(tmp_path), str(ROOT)))
            assert not source.startswith("/") or there.exists(), volume
    assert "-v posesim_data:/data" in GUIDE
    assert "COMPOSE_PROJECT_NAME=posesim\n" in (DEPLOY / ".env.example").read_text()


@compose
def test_no_service_has_more_rights_than_it_needs(tmp_path):
    for name, service in services(tmp_path).items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
        assert not service.get("privileged")
        assert "docker.sock" not in str(service)
        assert service["restart"] == "unless-stopped"


@compose
def test_the_secret_is_a_file_and_in_no_environment(tmp_path):
    found = services(tmp_path)
    for name, service in found.items():
        assert not [key for key in service.get("environment", {}) if "SECRET" in key.upper()], name
    assert [name for name in found if "secrets" in found[name]] == ["coturn", "server"]
    assert "secrets/turn_secret" in GUIDE
    for line in ("secrets/", ".env"):
        assert line in (DEPLOY / ".gitignore").read_text().splitlines()


def test_the_example_sets_what_is_used_and_nothing_else():
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    said = set(re.findall(r"^(\w+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
    assert said == used | {"COMPOSE_PROJECT_NAME"}


# Ports: the same in each file, open in the guide's firewall, and none for two


def relay_ports() -> tuple[int, int]:
    first, last = (re.search(rf"^{name}-port=(\d+)$", TURN_CONF, re.M) for name in ("min", "max"))
    assert first
    assert last
    return int(first[1]), int(last[1])


def allowed_by_the_guide() -> set[str]:
    return set(re.findall(r"^sudo ufw allow (\S+)$", GUIDE, re.MULTILINE))


@compose
def test_the_guide_opens_exactly_the_ports_that_are_used(tmp_path):
    config = config_of(services(tmp_path)["server"], tmp_path)
    assert config.media_ports is not None
    (listening,) = re.findall(r"^listening-port=(\d+)$", TURN_CONF, re.MULTILINE)
    assert {url.split(":")[2].partition("?")[0] for url in config.turn_urls} == {listening}
    ranges = ["{}:{}/udp".format(*ports) for ports in (relay_ports(), config.media_ports)]
    web = {"22/tcp", "80/tcp", "443/tcp", "443/udp"}
    turn = {f"{listening}/tcp", f"{listening}/udp"}
    assert allowed_by_the_guide() == web | turn | set(ranges)
    for each in ranges:
        assert f"| {each.removesuffix('/udp').replace(':', '-')} | UDP |" in GUIDE


@compose
def test_no_port_is_for_two(tmp_path):
    config = config_of(services(tmp_path)["server"], tmp_path)
    assert config.media_ports is not None
    assert relay_ports()[1] < config.media_ports[0]


@compose
def test_server_health_check_and_proxy_mean_the_same_port(tmp_path):
    port = config_of(services(tmp_path)["server"], tmp_path).port
    assert f"http://127.0.0.1:{port}/healthcheck" in (DEPLOY / "Dockerfile").read_text()
    assert f"{{$UPSTREAM:127.0.0.1:{port}}}" in CADDYFILE
    assert f"http://127.0.0.1:{port}/healthcheck" in GUIDE


def test_there_are_no_more_relays_than_ports():
    first, last = relay_ports()
    quota = re.search(r"^total-quota=(\d+)$", TURN_CONF, re.MULTILINE)
    assert quota
    assert int(quota[1]) <= last - first + 1


# The images


def instructions(dockerfile: Path) -> Iterator[tuple[str, list[str]]]:
    text = dockerfile.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, *words = line.split()
            yield name, words


def copied(dockerfile: Path) -> list[str]:
    """What a Dockerfile takes out of its context."""
    return [
        source
        for name, words in instructions(dockerfile)
        if name == "COPY" and not any(word.startswith("--from=") for word in words)
        for source in [word for word in words if not word.startswith("--")][:-1]
    ]


@pytest.mark.parametrize(
    ("dockerfile", "context"),
    [(DEPLOY / "Dockerfile", ROOT), (DEPLOY / "coturn" / "Dockerfile", DEPLOY / "coturn")],
)
def test_an_image_is_made_of_files_that_are_there_and_runs_without_rights(dockerfile, context):
    assert copied(dockerfile)
    for source in copied(dockerfile):
        assert (context / source).exists(), source
    *_, user = (words for name, words in instructions(dockerfile) if name == "USER")
    assert user == [USER]
    (entry,) = (words for name, words in instructions(dockerfile) if name == "ENTRYPOINT")
    assert entry == ['["/usr/local/bin/start.sh"]']


@pytest.mark.parametrize("script", [DEPLOY / "start.sh", DEPLOY / "coturn" / "start.sh"])
def test_a_script_can_be_run(script):
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


def test_the_image_has_all_that_a_package_is_built_of_and_the_versions_that_were_tested():
    # tests/test_packaging.py builds it of these.
    packaged = {"posesim", "server", "static", "pyproject.toml", "README.md", "NOTICE"}
    assert set(copied(DEPLOY / "Dockerfile")) == packaged | {"constraints.txt", "deploy/start.sh"}


def test_nothing_else_reaches_the_build():
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert sorted(let_in) == sorted(copied(DEPLOY / "Dockerfile"))
    assert not any(fnmatch.fnmatch(".env", rule) for rule in let_in)


def test_the_image_can_have_parts_that_are_not_for_everybody():
    # ".[a,b]" with EXTRAS=a,b; without them "." alone.
    for extras, installed in (("", "."), ("a,b", ".[a,b]")):
        (run,) = (
            words for name, words in instructions(DEPLOY / "Dockerfile")
            if name == "RUN" and "pip" in " ".join(words)
        )  # fmt: skip
        shown = subprocess.run(
            ["sh", "-c", f"echo {run[-1]}"], env={"EXTRAS": extras}, capture_output=True, check=True
        )
        assert shown.stdout.decode().strip() == installed


def test_the_image_sets_variables_that_are_read():
    (words,) = (words for name, words in instructions(DEPLOY / "Dockerfile") if name == "ENV")
    ours = {word.partition("=")[0] for word in words if word.startswith("POSESIM_")}
    assert ours == {"POSESIM_DATA", "POSESIM_CACHE"}
    assert ours <= {*VARIABLES.values(), "POSESIM_CACHE"}


def run_start(
    tmp_path: Path, *arguments: str, program: str | Path | None = None, **variables: str
) -> str:
    """Run the image's start with the commands of this environment, or `program` in their place."""
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "posesim"
    link.symlink_to(program or Path(sys.executable).parent / "posesim")
    done = subprocess.run(
        [DEPLOY / "start.sh", *arguments],
        env={**os.environ, "PATH": f"{link.parent}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_image_runs_every_command(tmp_path):
    assert run_start(tmp_path, "user", "list", POSESIM_DATA=str(tmp_path / "data")) == ""
    assert (tmp_path / "data" / "posesim.sqlite3").is_file()


def test_secrets_come_out_of_files_into_the_server_s_environment_alone(tmp_path):
    (tmp_path / "url").write_text("postgresql+asyncpg://posesim:a b'$c@db/posesim\n")
    (tmp_path / "key").write_bytes(bytes(range(32)))
    (tmp_path / "data").mkdir()
    shown = run_start(
        tmp_path,
        program="/usr/bin/env",  # which prints its environment
        POSESIM_DATABASE_URL_FILE=str(tmp_path / "url"),
        SIGNING_SECRET_FILE=str(tmp_path / "key"),
        POSESIM_DATA=str(tmp_path / "data"),
    )
    assert "POSESIM_DATABASE_URL=postgresql+asyncpg://posesim:a b'$c@db/posesim" in shown
    assert "POSESIM_DATABASE_URL_FILE" not in shown
    assert load_secret(tmp_path / "data" / "secret") == bytes(range(32))


def test_a_secret_that_is_not_there_is_no_empty_one(tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run_start(tmp_path, program="/usr/bin/env", POSESIM_CLUSTER_FILE=str(tmp_path / "no"))
    assert str(tmp_path / "no") in failed.value.stderr
    assert failed.value.stdout == ""


@pytest.mark.weights
def test_the_image_fetches_the_weights_before_it_serves(tmp_path):
    shown = run_start(tmp_path, "serve", "--help")
    assert shown.startswith("Nothing to do: good weights are in")
    assert "usage: posesim serve" in shown


# The relay's configuration; what it does is in test_coturn.py


def test_the_relay_has_no_doors_but_the_one():
    lines = TURN_CONF.splitlines()
    for line in ("use-auth-secret", "fingerprint", "no-cli", "no-tcp-relay", "no-multicast-peers"):
        assert line in lines
    doors = {"web-admin", "allow-loopback-peers", "no-auth", "allowed-peer-ip", "user", "verbose"}
    assert not doors & {line.partition("=")[0] for line in lines}
    assert "static-auth-secret" not in TURN_CONF  # which start.sh adds


def test_a_relay_without_what_it_needs_does_not_start(tmp_path):
    secret = tmp_path / "secret"

    def refusal(**variables: str) -> str:
        done = subprocess.run(
            [DEPLOY / "coturn" / "start.sh"],
            env={
                "PATH": os.environ["PATH"],
                "TMPDIR": str(tmp_path),
                "TURN_CONF": str(DEPLOY / "coturn" / "turnserver.conf"),
                "TURN_SECRET_FILE": str(secret),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        return done.stderr

    assert str(secret) in refusal(TURN_REALM=DOMAIN)
    secret.write_text("\n")
    assert "secret: is empty" in refusal(TURN_REALM=DOMAIN)
    secret.write_text("EbBBMoMCCwkYr3oJbWOLcxSAP3MNd4Kgb7qYoJbyjsE=\n")
    assert "TURN_REALM: is the domain of the server" in refusal()
    address = {"PUBLIC_ADDRESS": "203.0.113.9"}
    assert "OWN_ADDRESS: is needed with PUBLIC_ADDRESS" in refusal(TURN_REALM=DOMAIN, **address)


# The guide


def test_the_guide_names_files_that_are_there():
    for link in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert link.startswith("https:") or (ROOT / "docs" / link).exists(), link
    for path in re.findall(r"`((?:deploy|tests)/[\w./-]+)`", GUIDE):
        assert (ROOT / path).exists(), path


def test_the_guide_names_options_and_commands_that_there_are():
    options = set(re.findall(r"`(--[a-z][a-z-]+)", GUIDE))
    assert options - {"--pull"} <= {*VARIABLES, *TARGET_VARIABLES}
    network = {"--ice-server", "--turn-url", "--turn-secret-file", "--turn-credential-s"}
    network |= {"--relay-only", "--public-address", "--media-ports", "--trust-proxy"}
    assert network <= options
    for command in re.findall(r"exec server posesim (.+)$", GUIDE, re.MULTILINE):
        build_parser({}).parse_args(command.split())


def test_the_guide_says_the_numbers_of_the_files():
    for name in ("user-quota", "total-quota"):
        found = re.search(rf"^{name}=(\d+)$", TURN_CONF, re.MULTILINE)
        assert found
        assert re.search(rf"\b{found[1]}\b", GUIDE), name
    assert "max-bps=640000\n" in TURN_CONF
    assert "640 kB/s" in GUIDE
    assert USER in GUIDE
