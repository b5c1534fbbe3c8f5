"""What tests need from the machine: missing, it is a visible skip; where it is required, a failure.

POSESIM_REQUIRE_WEIGHTS, POSESIM_REQUIRE_CLIPS, POSESIM_REQUIRE_BROWSER and
POSESIM_REQUIRE_PYTORCHVIDEO (set to 1) require.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from posesim import cli, pose_models
from posesim.engines.pose import PoseNetworks
from posesim.weights import Weights, load

ROOT = Path(__file__).parents[1]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_weights() -> Path | None:
    path = cli.weights_path()
    pose = (pose_models.MEDIAPIPE_POSE.detector, pose_models.MEDIAPIPE_POSE.landmarks)
    files = (path, *(path.parent / member.name for member in pose))
    return path if all(file.is_file() for file in files) else None


def find_clips() -> Path | None:
    path = Path(os.environ.get("POSESIM_CLIPS") or ROOT.parent / "shared" / "clips")
    return path if any(path.glob("*.mp4")) else None


def find_chromium() -> Path | None:
    found = (shutil.which(name) for name in CHROMIUM_NAMES)
    return next((Path(path) for path in found if path), None)


def find_pytorchvideo() -> bool | None:
    return importlib.util.find_spec("pytorchvideo") is not None or None


NEEDS = {
    "weights": (find_weights, "the weights are not here; get them with: posesim weights fetch"),
    "clips": (find_clips, "no clips in ../shared/clips; name their folder in POSESIM_CLIPS"),
    "browser": (find_chromium, "no Chromium on PATH; install it, e.g.: apt-get install chromium"),
    "pytorchvideo": (
        find_pytorchvideo,
        "the extra pytorchvideo is not installed here; these tests run by: make test-pytorchvideo",
    ),
}


@pytest.hookimpl(tryfirst=True)  # before fixtures are made
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (find, reason) in NEEDS.items():
        if item.get_closest_marker(marker) and find() is None:
            if os.environ.get(f"POSESIM_REQUIRE_{marker.upper()}") == "1":
                pytest.fail(f"required here: {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(scope="session")
def weights() -> Weights:
    """The real weights, for tests marked `weights`."""
    return load(cli.weights_path())


@pytest.fixture(scope="session")
def pose_networks() -> PoseNetworks:
    """The real networks for body landmarks, for tests marked `weights`."""
    folder = cli.weights_path().parent
    return PoseNetworks(pose_models.load(folder), cache=folder.parent / "openvino")


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of real clips, for tests marked `clips`."""
    path = find_clips()
    assert path is not None, "mark the test with `clips`"
    return path


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's executable, for tests marked `browser`."""
    path = find_chromium()
    assert path is not None, "mark the test with `browser`"
    return path
