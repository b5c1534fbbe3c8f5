import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.shares]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel that is built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because building leaves a folder behind.
    tree = folder / "tree"
    tree.mkdir()
    for name in ("posesim", "server", "static", "pyproject.toml", "README.md", "NOTICE"):
        subprocess.run(["cp", "-R", ROOT / name, tree], check=True)
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    options = ["--no-build-isolation", "--wheel-dir", folder]
    subprocess.run([*pip_wheel, *options, tree], check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def files_below(folder: str, pattern: str) -> set[str]:
    base = ROOT / folder
    paths = (p for p in base.rglob(pattern) if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(base).as_posix() for p in paths}


def test_only_our_two_packages_are_at_the_top(wheel: set[str]):
    top = {name.partition("/")[0] for name in wheel if ".dist-info/" not in name}
    assert top == {"posesim", "posesim_server"}


def test_every_module_is_inside(wheel: set[str]):
    assert {f"posesim/{name}" for name in files_below("posesim", "*.py")} <= wheel
    assert {f"posesim_server/{name}" for name in files_below("server", "*.py")} <= wheel


def test_data_migrations_and_type_marker_are_inside(wheel: set[str]):
    assert {f"posesim/data/{name}" for name in files_below("posesim/data", "*")} <= wheel
    assert {
        f"posesim_server/migrations/{n}" for n in files_below("server/migrations", "*")
    } <= wheel
    assert "posesim/py.typed" in wheel


def test_the_page_is_inside(wheel: set[str]):
    page = files_below("static", "*")
    assert page, "static/ is empty"
    assert {f"posesim_server/static/{name}" for name in page} <= wheel


def test_the_notice_is_inside(wheel: set[str]):
    assert any(name.endswith(".dist-info/licenses/NOTICE") for name in wheel)
