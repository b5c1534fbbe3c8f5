"""A reference: what the network saw in an example clip, and every setting that made it.

Features are comparable only when the same network saw them in the same way, so both travel
together, and a comparison with other settings is refused by the name of each difference.

The file is a NumPy archive without pickles: the arrays of `ClipFeatures`, and `about`, JSON with
name, duration and settings.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posesim.backbones import LAYOUTS
from posesim.embedding import LARGEST_SIDE, ClipFeatures
from posesim.engines.base import (
    CHUNK_FRAMES,
    FRAMES_PER_SECOND,
    I3D,
    WINDOW_FRAMES,
    Layout,
)
from posesim.errors import BrokenReference, ReferenceNotFound, SettingsMismatch
from posesim.framing import DEFAULT as FRAMING
from posesim.person_frame import RULE as PERSON
from posesim.pose_landmarks import LANDMARKS
from posesim.presence import HINTS, Hint

if TYPE_CHECKING:
    from posesim.clip_frames import OnProgress
    from posesim.library import Embedder

SUFFIX = ".npz"
FORMAT = 2
LARGEST_FILE = 256 * 2**20  # bytes of arrays: half an hour of video
_ARRAYS = tuple(array.name for array in fields(ClipFeatures))


@dataclass(frozen=True)
class Settings:
    """Everything that must be the same on both sides of a comparison."""

    weights: str  # identity of the weights, as `posesim.weights.Weights.sha256`
    backbone: str = I3D.backbone
    frames_per_second: float = FRAMES_PER_SECOND
    window_frames: int = WINDOW_FRAMES
    hop_frames: int = CHUNK_FRAMES
    framing: str = FRAMING
    largest_side: int = LARGEST_SIDE
    tap: str = I3D.tap
    tap_grid: int = I3D.tap_grid
    pose: str = ""  # identity of the networks that find the person to frame, if any do

    @classmethod
    def of(cls, layout: Layout, weights: str, pose: str = "") -> Settings:
        """The settings of what a backbone makes with some weights.

        Where there are networks to find a person, `pose` names them and the person is framed; else
        the whole picture is.
        """
        return cls(
            weights=weights,
            backbone=layout.backbone,
            framing=PERSON if pose else FRAMING,
            tap=layout.tap,
            tap_grid=layout.tap_grid,
            pose=pose,
        )

    @property
    def layout(self) -> Layout:
        """What the backbone gives.

        Raises:
            KeyError: If the backbone is unknown here, which `Reference.load` has ruled out.
        """
        return LAYOUTS[self.backbone]

    def require(self, other: Settings, name: str) -> None:
        """Refuse a reference made with other settings.

        Raises:
            SettingsMismatch: With the name of each setting of reference `name` that differs.
        """
        mine, theirs = asdict(self), asdict(other)
        if different := {k: (theirs[k], mine[k]) for k in mine if mine[k] != theirs[k]}:
            raise SettingsMismatch(name, different)


@dataclass(frozen=True)
class Reference:
    """The features of an example clip, with the settings that made them."""

    name: str
    duration_s: float
    settings: Settings
    features: ClipFeatures
    # What would keep a user from being judged, as a share of the clip: what the reference shows too
    # is not held against a user.
    hint_shares: Mapping[Hint, float] = field(default_factory=dict)

    @classmethod
    def from_video(
        cls,
        video: str | os.PathLike[str],
        embedder: Embedder,
        *,
        name: str | None = None,
        start_s: float | None = None,
        end_s: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Reference:
        """Make a reference of a video file, or of a part of it.

        Args:
            video: The file of the example to follow.
            embedder: What sees it.
            name: The reference's name; None for that of the file.
            start_s: Where the part begins, and the reference's time 0; None for the beginning.
            end_s: Where it ends; None for the end.
            on_progress: Told the share that is done, 0 to 1. What it raises ends the work.

        Raises:
            VideoError: If the clip can't be read, has no such part, is too short, or there is
                hardly anybody to be seen in it.
        """
        path = Path(video)
        return embedder.network.embed(
            path, name or path.stem, start_s=start_s, end_s=end_s, on_progress=on_progress
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path`, all or nothing."""
        path = Path(path)
        about = {
            "format": FORMAT,
            "name": self.name,
            "duration_s": self.duration_s,
            "settings": asdict(self.settings),
            "hint_shares": dict(self.hint_shares),
        }
        arrays = {name: getattr(self.features, name) for name in _ARRAYS}
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, about=np.array(json.dumps(about)), **arrays)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Reference:
        """Read a reference.

        Raises:
            ReferenceNotFound: If there is no file at `path`.
            BrokenReference: If the file is no reference, is damaged, or of an unknown format.
        """
        path = Path(path)
        if not path.is_file():
            raise ReferenceNotFound(path)
        try:
            with zipfile.ZipFile(path) as archive:
                if sum(member.file_size for member in archive.infolist()) > LARGEST_FILE:
                    raise BrokenReference(path, f"it holds more than {LARGEST_FILE} bytes")
            with np.load(path, allow_pickle=False) as archive:
                about = json.loads(str(archive["about"]))
                if about["format"] != FORMAT:
                    raise BrokenReference(path, f"its format is {about['format']}, not {FORMAT}")
                features = ClipFeatures(**{name: archive[name] for name in _ARRAYS})
                reference = cls(
                    str(about["name"]),
                    float(about["duration_s"]),
                    Settings(**about["settings"]),
                    features,
                    {hint: float(about["hint_shares"].get(hint, 0)) for hint in HINTS},
                )
            if (backbone := reference.settings.backbone) not in LAYOUTS:
                raise BrokenReference(path, f"its backbone {backbone[:40]!r} is not known here")
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise BrokenReference(path, f"{type(error).__name__}: {error}") from error
        if not _sound(features, reference.settings.layout):
            raise BrokenReference(path, "its arrays do not fit together")
        return reference


def _sound(features: ClipFeatures, layout: Layout) -> bool:
    positions, windows = len(features.times_s), len(features.window_ends_s)
    poses = len(features.poses_s)
    shapes: dict[str, tuple[int, ...]] = {
        "times_s": (positions,),
        "taps": (positions, layout.tap_size),
        "window_ends_s": (windows,),
        "embeddings": (windows, layout.embedding_size),
        "logits": (windows, layout.classes),
        "poses_s": (poses,),
        "landmarks": (poses, LANDMARKS, 4),
        "world": (poses, LANDMARKS, 3),
    }
    arrays = {name: getattr(features, name) for name in _ARRAYS}
    return (
        positions > 0
        and windows > 0
        and all(
            arrays[name].shape == shape
            and arrays[name].dtype.kind == "f"
            and bool(np.isfinite(arrays[name]).all())
            for name, shape in shapes.items()
        )
    )
