"""What tests need from the machine: missing, it is a visible skip; where it is required, a failure.

POSESIM_REQUIRE_WEIGHTS, POSESIM_REQUIRE_CLIPS, POSESIM_REQUIRE_BROWSER, POSESIM_REQUIRE_COTURN,
POSESIM_REQUIRE_CADDY, POSESIM_REQUIRE_COMPOSE, POSESIM_REQUIRE_POSTGRESQL,
POSESIM_REQUIRE_REDIS, POSESIM_REQUIRE_HELM and
POSESIM_REQUIRE_PYTORCHVIDEO (set to 1) require.
"""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from databases import empty_sqlite, migrated_sqlite
from postgresql_cluster import Cluster, find_postgresql
from redis_server import Redis, redis_at
from s3_store import ENVIRONMENT, S3, s3_at
from unhandled import loops_errors

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


def find_program(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def find_redis() -> Path | None:
    return find_program("redis-server") or find_program("valkey-server")


def find_module(*names: str) -> bool | None:
    return all(importlib.util.find_spec(name) is not None for name in names) or None


NEEDS = {
    "weights": (find_weights, "the weights are not here; get them with: posesim weights fetch"),
    "clips": (find_clips, "no clips in ../shared/clips; name their folder in POSESIM_CLIPS"),
    "browser": (find_chromium, "no Chromium on PATH; install it, e.g.: apt-get install chromium"),
    "coturn": (
        partial(find_program, "turnserver"),
        "no turnserver on PATH; install it, e.g.: apt-get install coturn",
    ),
    "caddy": (
        partial(find_program, "caddy"),
        "no caddy on PATH; install it, e.g.: apt-get install caddy",
    ),
    "compose": (
        partial(find_program, "docker-compose"),
        "no docker-compose on PATH; install it, e.g.: apt-get install docker-compose",
    ),
    "postgresql": (
        find_postgresql,
        "no PostgreSQL here, or no user that may run it; install it, e.g.: apt-get install "
        "postgresql",
    ),
    "redis": (
        find_redis,
        "no redis-server or valkey-server on PATH; install one, e.g.: apt-get install redis-server",
    ),
    "helm": (
        partial(find_module, "helm_python", "kubernetes_validate"),
        "Helm is not installed here; these tests run by: make test-helm",
    ),
    "pytorchvideo": (
        partial(find_module, "pytorchvideo"),
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


@pytest.fixture(autouse=True)
def _no_exception_is_lost() -> Iterator[None]:
    """What an event loop reports because nobody else heard of it fails the test."""
    with loops_errors() as errors:
        yield
    assert [record.getMessage() for record in errors] == []


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
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A real S3 server; tests/s3_store.py runs it."""
    with s3_at(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """That server, with its credentials in the environment."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return s3_server


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


@pytest.fixture(scope="session")
def turnserver() -> Path:
    """Coturn's executable, for tests marked `coturn`; tests/coturn.py runs it."""
    path = find_program("turnserver")
    assert path is not None, "mark the test with `coturn`"
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL of its own, for tests marked `postgresql`."""
    programs = find_postgresql()
    assert programs is not None, "mark the test with `postgresql`"
    with Cluster.running(programs) as cluster:
        yield cluster


BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database of this version, of each kind that there is."""
    if request.param == "sqlite":
        yield migrated_sqlite(tmp_path / "db.sqlite3")
    else:
        with request.getfixturevalue("postgresql").migrated() as url:
            yield url


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database in which nothing is, of each kind that there is."""
    if request.param == "sqlite":
        yield empty_sqlite(tmp_path / "db.sqlite3")
    else:
        with request.getfixturevalue("postgresql").empty() as url:
            yield url


@pytest.fixture(scope="session")
def redis_executable() -> Path:
    """Redis or Valkey, for tests marked `redis`; tests/redis_server.py runs it."""
    path = find_redis()
    assert path is not None, "mark the test with `redis`"
    return path


@pytest.fixture(scope="module")
def redis(redis_executable: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis of the module's own."""
    with redis_at(redis_executable, tmp_path_factory.mktemp("redis")) as redis:
        yield redis
