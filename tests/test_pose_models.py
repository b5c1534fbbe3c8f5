import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from posesim.errors import (
    BrokenCheckpoint,
    CacheNotWritable,
    CheckpointNotReadable,
    DownloadFailed,
    WeightsNotFound,
    WrongHash,
)
from posesim.packages import WheelTags
from posesim.pose_models import Member, Source, fetch, load

DETECTOR, LANDMARKS = b"finds persons", b"finds joints"
# A machine that nobody has: what is downloaded must not depend on the machine.
TAGS = WheelTags("manylinux_2_99_riscv64", python="3.9", implementation="cp", abi="cp39")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    path = folder / "tiny_pose-1.0-cp39-cp39-manylinux_2_99_riscv64.whl"
    info = "tiny_pose-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-pose\nVersion: 1.0\nRequires-Dist: numpy<1\n",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\n")
        wheel.writestr(f"{info}/RECORD", "")
        for name, content in (files or {"a/d.tflite": DETECTOR, "b/l.tflite": LANDMARKS}).items():
            wheel.writestr(name, content)
    return path


def source_of(wheel: bytes) -> Source:
    return Source(
        package="tiny-pose",
        version="1.0",
        tags=TAGS,
        wheel_sha256=sha256(wheel),
        detector=Member("a/d.tflite", sha256(DETECTOR)),
        landmarks=Member("b/l.tflite", sha256(LANDMARKS)),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "weights"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only package index."""
    path = tmp_path / "index"
    path.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path))
    return path


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_the_same_wheel_is_downloaded_whatever_the_machine(folder: Path, index: Path):
    source = source_of(make_wheel(index).read_bytes())
    assert fetch(folder, source=source)
    models = load(folder, source)
    assert models.detector.read_bytes() == DETECTOR
    assert models.landmarks.read_bytes() == LANDMARKS
    assert leftovers(folder) == ["d.tflite", "l.tflite"]


def test_another_wheel_in_the_index_is_refused(folder: Path, index: Path):
    make_wheel(index)
    with pytest.raises(WrongHash, match=r"tiny-pose 1\.0 from the package index"):
        fetch(folder, source=source_of(b"what was expected"))
    assert leftovers(folder) == []


def test_an_index_without_it_is_a_clear_error(folder: Path, index: Path):
    with pytest.raises(DownloadFailed, match=r"tiny-pose 1\.0 could not be downloaded.*--from-fil"):
        fetch(folder, source=source_of(b""))
    assert leftovers(folder) == []


def test_a_wheel_brought_by_hand_serves_without_an_index(folder: Path, tmp_path: Path):
    wheel = make_wheel(tmp_path)
    source = source_of(wheel.read_bytes())
    assert fetch(folder, from_file=wheel, source=source)
    wheel.unlink()  # so that reading it again would be an error
    assert not fetch(folder, from_file=wheel, source=source)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_cut_wheel_is_refused(folder: Path, tmp_path: Path, kept: float):
    whole = make_wheel(tmp_path).read_bytes()
    cut = tmp_path / "cut.whl"
    cut.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(WrongHash, match="cut short"):
        fetch(folder, from_file=cut, source=source_of(whole))
    assert leftovers(folder) == []


def test_another_file_in_the_right_wheel_is_refused(folder: Path, tmp_path: Path):
    wheel = make_wheel(tmp_path, {"a/d.tflite": DETECTOR, "b/l.tflite": b"other"})
    with pytest.raises(WrongHash, match=r"b/l\.tflite"):
        fetch(folder, from_file=wheel, source=source_of(wheel.read_bytes()))
    assert leftovers(folder) == []


def test_a_wheel_without_the_networks_is_refused(folder: Path, tmp_path: Path):
    wheel = make_wheel(tmp_path, {"a/d.tflite": DETECTOR})
    with pytest.raises(BrokenCheckpoint, match=r"l\.tflite"):
        fetch(folder, from_file=wheel, source=source_of(wheel.read_bytes()))


def test_a_file_that_cannot_be_read_is_a_clear_error(folder: Path, tmp_path: Path):
    with pytest.raises(CheckpointNotReadable, match=r"Give the wheel of tiny-pose 1\.0"):
        fetch(folder, from_file=tmp_path / "absent.whl", source=source_of(b""))


def test_a_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path):
    wheel = make_wheel(tmp_path)
    (tmp_path / "a-file").touch()
    with pytest.raises(CacheNotWritable, match="POSESIM_CACHE"):
        fetch(tmp_path / "a-file" / "x", from_file=wheel, source=source_of(wheel.read_bytes()))


def test_absent_networks_say_how_to_get_them(folder: Path):
    with pytest.raises(WeightsNotFound, match="posesim weights fetch"):
        load(folder)


def test_a_damaged_network_is_noticed_and_fetched_again(folder: Path, tmp_path: Path):
    wheel = make_wheel(tmp_path)
    source = source_of(wheel.read_bytes())
    fetch(folder, from_file=wheel, source=source)
    (folder / "l.tflite").write_bytes(LANDMARKS[:-1])
    with pytest.raises(BrokenCheckpoint, match="posesim weights fetch"):
        load(folder, source)
    assert fetch(folder, from_file=wheel, source=source)
    assert load(folder, source).landmarks.read_bytes() == LANDMARKS


def test_nothing_of_the_package_is_installed(folder: Path, index: Path):
    fetch(folder, source=source_of(make_wheel(index).read_bytes()))
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "tiny" not in listed.stdout
