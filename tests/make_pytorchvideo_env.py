"""Make the environment of `make test-pytorchvideo`, unless it is there.

    python tests/make_pytorchvideo_env.py .venv-pytorchvideo

The backbone i3d_r50 needs another torch than the one that posesim is tested with, and this one
comes with CUDA: several gigabytes. They are installed once in the user's cache, in a folder whose
name is a checksum of what is in it, so that fresh checkouts find them. The environment of this
checkout sees that folder and has posesim alone for itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED_BYTES = 15e9  # while it is installed; 6.3e9 stay
UNUSED_S = 7 * 86400  # after which an older one is removed


def main() -> None:
    """Make both environments, or do nothing."""
    local = Path(sys.argv[1]).absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posesim"
    cache.mkdir(parents=True, exist_ok=True)
    wanted, pins = requirements(), constraints()
    key = hashlib.sha256("\n".join([sys.version, *wanted, pins]).encode()).hexdigest()[:12]
    shared = cache / f"venv-pytorchvideo-{key}"
    with (cache / "venv-pytorchvideo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another checkout may be at it
        remove_unused(cache, shared)
        if not (shared / ".complete").exists():
            install(shared, wanted, pins)
        (shared / ".complete").touch()  # it is in use
    marker = local / f".of-{key}-{hashlib.sha256(bytes(ROOT)).hexdigest()[:12]}"
    if not marker.exists():
        add_posesim(local, shared)
        marker.touch()


def requirements() -> list[str]:
    """What posesim, its tools for tests and the extra need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["pytorchvideo"]]
    return sorted(wanted)


def constraints() -> str:
    """constraints.txt, but where constraints-pytorchvideo.txt says otherwise."""
    pins: dict[str, str] = {}
    for name in ("constraints.txt", "constraints-pytorchvideo.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pins |= {line.partition("==")[0]: line for line in lines if not line.startswith("#")}
    return "\n".join([*pins.values(), ""])


def install(shared: Path, wanted: list[str], pins: str) -> None:
    """Install what is wanted into a new environment."""
    free = shutil.disk_usage(shared.parent).free
    if free < NEEDED_BYTES:
        sys.exit(
            f"{shared.parent} has {free / 1e9:.1f} GB free, and {NEEDED_BYTES / 1e9:.0f} GB are "
            "needed. Make room, or set XDG_CACHE_HOME to a larger disk."
        )
    print(f"Installing pytorchvideo and its torch in {shared} (6 GB, a few minutes)", flush=True)
    begun_s = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", "--clear", shared], check=True)
    (shared / "constraints.txt").write_text(pins, encoding="utf-8")
    pip = [shared / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "install", "--quiet", "-c", shared / "constraints.txt", *wanted], check=True
    )
    print(f"Installed in {time.monotonic() - begun_s:.0f} s", flush=True)


def add_posesim(local: Path, shared: Path) -> None:
    """Make the checkout's own environment: what is shared, and posesim from here."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", local], check=True)
    (packages,) = local.glob("lib/python*/site-packages")
    (shared_packages,) = shared.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{shared_packages}\n", encoding="utf-8")
    pip = [shared / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    options = ["--quiet", "--no-deps", "--no-build-isolation", "-e", ROOT]
    subprocess.run([*pip, "--python", local / "bin" / "python", "install", *options], check=True)


def remove_unused(cache: Path, shared: Path) -> None:
    """Remove environments that no checkout has used for long."""
    for other in cache.glob("venv-pytorchvideo-*"):
        marker = other / ".complete"
        used_s = (marker if marker.exists() else other).stat().st_mtime
        if other != shared and time.time() - used_s > UNUSED_S:
            shutil.rmtree(other)


if __name__ == "__main__":
    main()
