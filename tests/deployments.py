"""What the files in deploy/ come to: Compose's reading of them, and the server's of that."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from posesim_server.cli import build_parser
from posesim_server.commands.serve import config_from
from posesim_server.config import ServerConfig

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"

SECRETS = Path("/run/secrets")
# What deploy/start.sh finds in a file; of the form that deploy/cluster/prepare.sh gives it.
OF_FILES = {
    "POSESIM_DATABASE_URL": "postgresql+asyncpg://posesim:secret@127.0.0.1:5432/posesim",
    "POSESIM_CLUSTER": "redis://:secret@127.0.0.1:6379/0",
}


def composed(
    folder: Path, file: str = "compose.yaml", **changes: str
) -> subprocess.CompletedProcess[str]:
    """What Compose makes of a file, with the example's variables beside it but for `changes`."""
    shutil.copytree(DEPLOY, folder / "deploy", dirs_exist_ok=True)
    place = (folder / "deploy" / file).parent
    lines = (place / ".env.example").read_text().splitlines()
    kept = [line for line in lines if line.partition("=")[0] not in changes]
    added = [f"{name}={value}" for name, value in changes.items()]
    (place / ".env").write_text("\n".join([*kept, *added, ""]))
    return subprocess.run(
        ["docker-compose", "-f", "compose.yaml", "config"],
        cwd=place,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def services(folder: Path, file: str = "compose.yaml", **changes: str) -> dict[str, Any]:
    """The services of what Compose makes of a file."""
    done = composed(folder, file, **changes)
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout)["services"])


def config_of(service: dict[str, Any], folder: Path) -> ServerConfig:
    """The configuration that the server has with this service's command and environment."""
    return served_with(service["command"], service["environment"], folder)


def served_with(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> ServerConfig:
    """The configuration that the server's own parser makes of a command and an environment."""
    secret = folder / "turn_secret"
    secret.touch(0o600)
    secret.write_text("EbBBMoMCCwkYr3oJbWOLcxSAP3MNd4Kgb7qYoJbyjsE=")

    def here(text: str) -> str:
        return text.replace(str(SECRETS / "turn_secret"), str(secret))

    known = {name: here(str(value)) for name, value in environment.items()}
    known |= {name: text for name, text in OF_FILES.items() if f"{name}_FILE" in environment}
    return config_from(build_parser(known).parse_args([here(word) for word in command]))


def seconds(text: str) -> int:
    """Compose's way to write how long: 1m30s."""
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", text)
    assert found
    return 60 * int(found[1] or 0) + int(found[2] or 0)
