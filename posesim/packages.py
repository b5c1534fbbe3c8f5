"""Download a package's file from the user's package index, running none of its code.

pip knows the user's index, mirror, proxy, certificates and passwords, so it does the download and
checks the hash. A wheel is only stored. But of a source distribution pip asks the package's build
backend for metadata, which runs the package's setup.py. So pip is shown a stand-in for that
backend, which knows the answer. This also works where setuptools, the real backend, is not
installed. Should a pip of the future go past the stand-in, it still does so after the check of the
hash: only code of a known content can run.

Where the interpreter has no pip, uv runs one, which reads pip's configuration.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import DownloadFailed, WrongHash

# What pip imports as `setuptools.build_meta:__legacy__` for a package without pyproject.toml.
_STAND_IN_BACKEND = """
import pathlib


class __legacy__:
    @staticmethod
    def prepare_metadata_for_build_wheel(folder, config_settings=None):
        info = pathlib.Path(folder, "{name}-{version}.dist-info")
        info.mkdir()
        metadata = "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
        info.joinpath("METADATA").write_text(metadata)
        return info.name
"""


@dataclass(frozen=True)
class WheelTags:
    """For which machines a wheel is made; named, so that every machine downloads the same file."""

    platform: str
    python: str
    implementation: str
    abi: str


def download_sdist(
    name: str, version: str, sha256: str, folder: Path, *, show_progress: bool = False
) -> Path:
    """Download the source distribution of `name` into the empty `folder`; return its path.

    Args:
        name: The package's name.
        version: Its exact version.
        sha256: The hash that the file must have, in hex.
        folder: An empty folder for the file and what the download needs.
        show_progress: Let pip write its progress to standard error.

    Raises:
        DownloadFailed: If there is neither pip nor uv, or the download did not work.
        WrongHash: If the index has another file under this name.
    """
    backend = folder / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(
        _STAND_IN_BACKEND.format(name=name.replace("-", "_"), version=version)
    )
    search_path = [str(backend.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return _download(
        name,
        version,
        sha256,
        folder,
        options=("--no-binary", name, "--no-build-isolation", "--use-pep517"),
        environment={"PYTHONPATH": os.pathsep.join(search_path)},
        show_progress=show_progress,
    )


def download_wheel(
    name: str,
    version: str,
    sha256: str,
    tags: WheelTags,
    folder: Path,
    *,
    show_progress: bool = False,
) -> Path:
    """Download one wheel of `name`, whatever machine this is; see `download_sdist`."""
    return _download(
        name,
        version,
        sha256,
        folder,
        options=(
            *("--only-binary", ":all:", "--platform", tags.platform),
            *("--python-version", tags.python, "--abi", tags.abi),
            *("--implementation", tags.implementation),
        ),
        environment={},
        show_progress=show_progress,
    )


def _download(
    name: str,
    version: str,
    sha256: str,
    folder: Path,
    *,
    options: Sequence[str],
    environment: Mapping[str, str],
    show_progress: bool,
) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
    files = folder / "files"
    command = [
        *_pip(name, version),
        *("download", "--no-deps", "--no-input", "--disable-pip-version-check"),
        *options,
        *("--require-hashes", "--requirement", str(requirements), "--dest", str(files)),
        *(() if show_progress else ("--quiet",)),
    ]
    finished = subprocess.run(  # noqa: S603 - arguments are ours, and there is no shell
        command,
        check=False,
        # PYTHONSAFEPATH: no pip.py of the current folder
        env={**os.environ, "PYTHONSAFEPATH": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=2 if show_progress else subprocess.DEVNULL,  # 2: standard error
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    if finished.returncode != 0:
        if "DO NOT MATCH THE HASHES" in finished.stderr:
            raise WrongHash(f"{name} {version} from the package index", sha256)
        raise DownloadFailed(name, version, _reason(finished.stderr))
    (file,) = files.iterdir()
    return file


def _pip(name: str, version: str) -> list[str]:
    """The command that starts pip: of this interpreter, else through uv."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise DownloadFailed(name, version, "there is neither pip nor uv; install one of them")


def _reason(stderr: str) -> str:
    """The line of pip's or uv's output that says most about a failure."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    told = [line for line in lines if line.lower().startswith("error:")]
    reason = (told or lines or ["no reason given"])[-1]
    return re.sub("^error: *", "", reason, flags=re.IGNORECASE).rstrip(".")
