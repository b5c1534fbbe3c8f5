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
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from posesim.backbones import LAYOUTS
from posesim.embedding import (
    LARGEST_SIDE,
    WINDOW_S,
    ClipFeatures,
    Embedder,
    Features,
    Part,
    TimedPose,
    join,
)
from posesim.engines.base import (
    CHUNK_FRAMES,
    FRAMES_PER_SECOND,
    I3D,
    WINDOW_FRAMES,
    Engine,
    Layout,
)
from posesim.engines.calls import run
from posesim.engines.pose import PoseNetworks
from posesim.errors import (
    BrokenReference,
    NobodyToFollow,
    ReferenceNotFound,
    SettingsMismatch,
    TooLong,
    TooShort,
)
from posesim.framers import POSE_EVERY_S, open_framer
from posesim.framing import DEFAULT as FRAMING
from posesim.person_frame import RULE as PERSON
from posesim.pose_landmarks import LANDMARKS
from posesim.presence import HINTS, Hint
from posesim.timebase import Gap
from posesim.video import probe, read_frames

SUFFIX = ".npz"
FORMAT = 2
LARGEST_FILE = 256 * 2**20  # bytes of arrays: half an hour of video
LEAST_SEEN = 0.4  # of a clip: somebody must be seen for as much of it
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

    def save(self, path: Path) -> None:
        """Write to `path`, all or nothing."""
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
    def load(cls, path: Path) -> Reference:
        """Read a reference.

        Raises:
            ReferenceNotFound: If there is no file at `path`.
            BrokenReference: If the file is no reference, is damaged, or of an unknown format.
        """
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


class EmbeddingJob:
    """Embed a clip in small steps, so that whoever shares the engine gets a turn between them.

    Args:
        clip: A video file.
        engine: Runs the network.
        settings: What the reference will say made it.
        name: The reference's name.
        poses: Find the person, where the settings frame one.
        longest_s: A longer clip is refused; None takes any.
    """

    def __init__(
        self,
        clip: Path,
        engine: Engine,
        settings: Settings,
        *,
        name: str,
        poses: PoseNetworks | None = None,
        longest_s: float | None = None,
    ) -> None:
        self._clip, self._name, self._settings = clip, name, settings
        self._duration_s = probe(clip).duration_s
        if longest_s is not None and self._duration_s > longest_s:
            raise TooLong(clip.name, longest_s)
        self._frames = read_frames(clip, largest_side=LARGEST_SIDE, longest_s=longest_s)
        self._engine = engine
        self._embedder = Embedder(engine, open_framer(settings.framing, poses))
        self._stretches: list[list[TimedPose | Features]] = [[]]
        self._time_s = 0.0
        self._done = False

    @property
    def progress(self) -> float:
        """How much of the clip has been embedded, 0 to 1."""
        if self._done:
            return 1.0
        return min(self._time_s / self._duration_s, 0.99) if self._duration_s > 0 else 0.0

    def step(self) -> bool:
        """Embed about one chunk; return whether there is more to do.

        Raises:
            VideoError: If the clip can't be read any further.
        """
        for frame in self._frames:
            self._time_s = frame.time_s
            parts = run(self._engine, self._embedder.push(frame.time_s, frame.rgb))
            self._add(parts)
            if parts:
                return True
        self._add(run(self._engine, self._embedder.finish()))
        self._done = True
        return False

    def result(self) -> Reference:
        """The reference, once `step` returned False.

        A clip with holes gives its longest stretch without one: a movement that is cut can't be
        followed.

        Raises:
            TooShort: If no stretch is as long as a window.
            NobodyToFollow: If there is hardly anybody to be seen in it.
        """
        stretch = max(self._stretches, key=_positions)
        features = join(stretch)
        if not len(features.embeddings):
            raise TooShort(self._clip.name, self._time_s, WINDOW_S)
        seen_s = len(features.poses_s) * POSE_EVERY_S
        length_s = features.times_s[-1] - features.times_s[0]
        if self._settings.framing == PERSON and seen_s < LEAST_SEEN * length_s:
            raise NobodyToFollow(self._clip.name)
        hints = [part.hint for part in stretch if isinstance(part, Features)]
        shares = {hint: hints.count(hint) / len(hints) for hint in HINTS}
        return Reference(self._name, self._time_s, self._settings, features, shares)

    def close(self) -> None:
        """Close the clip, wherever the work stands."""
        self._frames.close()

    def _add(self, parts: list[Part]) -> None:
        for part in parts:
            if isinstance(part, Gap):
                self._stretches.append([])
            else:
                self._stretches[-1].append(part)


def _positions(parts: list[TimedPose | Features]) -> int:
    return sum(len(part.times_s) for part in parts if isinstance(part, Features))


def embed(
    clip: Path,
    engine: Engine,
    settings: Settings,
    *,
    name: str,
    poses: PoseNetworks | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Reference:
    """Make a reference of a video file.

    Args:
        clip: A video file.
        engine: Runs the network.
        settings: What the reference will say made it.
        name: The reference's name.
        poses: Find the person, where the settings frame one.
        on_progress: Called with 0 to 1 as the work goes on.
    """
    job = EmbeddingJob(clip, engine, settings, name=name, poses=poses)
    try:
        while job.step():
            if on_progress is not None:
                on_progress(job.progress)
    finally:
        job.close()
    return job.result()
