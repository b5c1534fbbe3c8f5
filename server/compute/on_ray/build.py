"""What server and worker must have in common to understand each other and to score alike."""

import hashlib
import platform
from collections.abc import Mapping
from importlib.resources import files

from posesim import __version__


def this_build() -> dict[str, str]:
    """What is installed here, as name and version."""
    digest = hashlib.sha256()
    data = files("posesim") / "data"
    for each in sorted(data.iterdir(), key=lambda each: each.name):
        if each.name.startswith("calibration-"):
            digest.update(each.name.encode() + each.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return {"Python": python, "posesim": __version__, "calibration": digest.hexdigest()[:12]}


def difference(server: Mapping[str, str], worker: Mapping[str, str]) -> str | None:
    """A sentence that names each difference; None if there is none."""
    if server == worker:
        return None
    listed = "; ".join(
        f"{name} is {worker.get(name)} there and {server.get(name)} at the server"
        for name in sorted({*server, *worker})
        if worker.get(name) != server.get(name)
    )
    return f"What is installed there is another build: {listed}. Install the same on all machines."
