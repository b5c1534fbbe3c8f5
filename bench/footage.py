"""Planted faults: real clips, changed so that the right answer is known.

A `Footage` is a stream of pictures with their times, as a camera gives them. Each maker here takes
a labelled clip and returns what a user would have sent who moved less far, more slowly, in the
dark, or not at all.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np

from posesim.embedding import LARGEST_SIDE
from posesim.video import read_frames

Footage = Iterator[tuple[float, np.ndarray]]  # presentation time, (H, W, 3) uint8 RGB

FPS = 25
POSE_FPS = 12.5  # of the landmarks beside the clips
SEEN = 0.3  # visibility
REPEATED_S = 8.0  # how long a repeated stretch is
# The three landmarks of each joint that `phases.json` names, left and right.
JOINTS = {
    "elbow": ((11, 13, 15), (12, 14, 16)),
    "knee": ((23, 25, 27), (24, 26, 28)),
    "hip": ((11, 23, 25), (12, 24, 26)),
    "shoulder": ((23, 11, 13), (24, 12, 14)),
}
SAME = {"barbell_squat": "squat"}
# Variants of one exercise are neither the same nor another one: such pairs are left out.
VARIANTS = (
    {"push_up", "incline_push_up", "decline_push_up", "wide_push_up", "scapular_push_up"},
    {"squat", "wall_squat", "landmine_squat_press", "deep_squat_hold"},
    {"dips", "chair_dips"},
)


@dataclass(frozen=True)
class Clip:
    """A labelled clip.

    Attributes:
        turns_s: Turning points, one a repetition; empty where none are known.
        joint: Which joint turns there; None where that is not known.
    """

    path: Path
    exercise: str
    person: str
    view: str
    turns_s: tuple[float, ...]
    joint: str | None

    @property
    def name(self) -> str:
        """Of the file, without its ending."""
        return self.path.stem

    @cached_property
    def landmarks(self) -> np.ndarray:
        """(n, 33, 4) at 12.5 per second: x, y as shares of the picture, z, visibility; NaN."""
        return np.load(self.path.parent / "landmarks" / f"{self.name}.npz")["image"]

    @cached_property
    def world(self) -> np.ndarray:
        """(n, 33, 3), metres."""
        return np.load(self.path.parent / "landmarks" / f"{self.name}.npz")["world"]

    def frames(self) -> Footage:
        """As it is."""
        for frame in read_frames(self.path, largest_side=LARGEST_SIDE):
            yield frame.time_s, frame.rgb

    def on_grid(self) -> list[np.ndarray]:
        """All of its pictures at 25 a second, nearest in time."""
        times, pictures = zip(*self.frames(), strict=True)
        wanted = np.arange(times[0], times[-1], 1 / FPS)
        return [pictures[int(np.abs(np.array(times) - t).argmin())] for t in wanted]


def related(a: Clip, b: Clip) -> bool:
    """Whether two exercises are variants of each other."""
    return any({a.exercise, b.exercise} <= group for group in VARIANTS)


def read_manifest(folder: Path) -> list[Clip]:
    """The clips of a folder with `manifest.csv` and, where there is one, `phases.json`."""
    phases = {}
    if (folder / "phases.json").is_file():
        phases = json.loads((folder / "phases.json").read_text(encoding="utf-8"))
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest))
    clips = []
    for row in rows:
        path = folder / row["file"]
        phase = phases.get(path.stem, {})
        clips.append(
            Clip(
                path,
                SAME.get(row["exercise"], row["exercise"]),
                row["person"],
                row.get("view", ""),
                tuple(phase.get("turns_s", ())),
                phase.get("joint"),
            )
        )
    return clips


# How far, how fast


def joint_angle(clip: Clip) -> np.ndarray:
    """The angle of the joint that turns, in degrees, (n,) at 12.5 per second, both sides' mean."""
    assert clip.joint is not None
    sides = []
    for a, b, c in JOINTS[clip.joint]:
        first, second = (clip.world[:, end] - clip.world[:, b] for end in (a, c))
        lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        sides.append(np.degrees(np.arccos(np.clip((first * second).sum(1) / lengths, -1, 1))))
    angle = np.mean(sides, axis=0)
    known = ~np.isnan(angle)
    filled = np.interp(np.arange(len(angle)), np.flatnonzero(known), angle[known])
    return np.convolve(np.pad(filled, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")


@dataclass(frozen=True)
class Stroke:
    """The way from the top of a repetition to its turning point, in seconds of the clip."""

    top_s: float
    turn_s: float
    angle: np.ndarray  # of the joint, at POSE_FPS, of the whole clip

    def until(self, fraction: float) -> float:
        """When so much of the angle's way has been gone."""
        low, high = round(self.top_s * POSE_FPS), round(self.turn_s * POSE_FPS)
        way = np.abs(self.angle[low : high + 1] - self.angle[low])
        return self.top_s + float(np.argmax(way >= fraction * way[-1])) / POSE_FPS


def longest_stroke(clip: Clip) -> Stroke | None:
    """The stroke whose joint turns farthest; None where no repetition is known."""
    if clip.joint is None or not clip.turns_s:
        return None
    angle = joint_angle(clip)
    best: tuple[float, Stroke] | None = None
    before_s = 0.0
    for turn_s in clip.turns_s:
        low, high = round(before_s * POSE_FPS), round(turn_s * POSE_FPS)
        before_s = turn_s
        if high - low < 4 or high >= len(angle):
            continue
        # The last moment that is nearly as far from the turn as the farthest one.
        way = np.abs(angle[low:high] - angle[high])
        top = low + int(np.flatnonzero(way >= 0.9 * way.max())[-1])
        if high - top >= 3 and (best is None or way.max() > best[0]):
            best = float(way.max()), Stroke(top / POSE_FPS, high / POSE_FPS, angle)
    return best[1] if best else None


def there_and_back(
    pictures: list[np.ndarray], start_s: float, end_s: float, lasting_s: float = REPEATED_S
) -> Footage:
    """From one moment to another and back, repeated."""
    first, last = round(start_s * FPS), min(round(end_s * FPS), len(pictures) - 1)
    way = [*range(first, last + 1), *range(last - 1, first, -1)]
    for n in range(round(lasting_s * FPS)):
        yield n / FPS, pictures[way[n % len(way)]]


def partial(clip: Clip, fraction: float) -> Footage | None:
    """Repetitions that go down to a fraction of their depth and back."""
    stroke = longest_stroke(clip)
    if stroke is None:
        return None
    return there_and_back(clip.on_grid(), stroke.top_s, stroke.until(fraction))


def replayed(clip: Clip, speed: float) -> Footage:
    """The clip at another speed."""
    for time_s, rgb in clip.frames():
        yield time_s / speed, rgb


# Nothing to score


def still(clip: Clip) -> Footage | None:
    """Somebody who stands at the top of a repetition and sways a little, slowly."""
    stroke = longest_stroke(clip)
    if stroke is None:
        return None
    return _swaying(clip.on_grid(), stroke.top_s)


def _swaying(pictures: list[np.ndarray], at_s: float) -> Footage:
    noise = np.random.default_rng(0)
    first = min(round(at_s * FPS), len(pictures) - 3)
    for n in range(round(REPEATED_S * FPS)):
        rgb = pictures[first + (n // 12) % 2].astype(np.int16)
        rgb = rgb + noise.integers(-4, 5, rgb.shape, np.int16)
        yield n / FPS, np.clip(rgb, 0, 255).astype(np.uint8)


def empty_room(clip: Clip) -> Footage:
    """A part of the first picture without the person, as a camera with noise sees it."""
    noise = np.random.default_rng(0)
    room = _background(clip, next(clip.frames())[1]).astype(np.int16)
    for n in range(round(REPEATED_S * FPS)):
        rgb = room + noise.integers(-4, 5, room.shape, np.int16)
        yield n / FPS, np.clip(rgb, 0, 255).astype(np.uint8)


def walking_through(clip: Clip) -> Footage:
    """Somebody who crosses the picture once, in 3 s; before and after that the room is empty."""
    rgb = next(clip.frames())[1]
    room, mask = _background(clip, rgb), _person_mask(clip, rgb.shape, 0)
    height, width = rgb.shape[:2]
    columns = np.flatnonzero(mask.max(axis=0) > 0.5)
    begin, end = -float(columns[-1]), float(width - columns[0])
    for n in range(round(REPEATED_S * FPS)):
        along = (n / FPS - 2) / 3
        shift = begin + (end - begin) * along if 0 <= along <= 1 else end
        move = np.array([[1, 0, shift], [0, 1, 0]], np.float32)
        there = cv2.warpAffine(mask, move, (width, height))[..., None]
        person = cv2.warpAffine(rgb, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        yield n / FPS, (there * person + (1 - there) * room).astype(np.uint8)


def two_people(clip: Clip, other: Clip) -> Footage:
    """Two clips in one picture, each cut to its person, beside or above each other."""
    upright = sum(np.ptp(_box(each), axis=0) @ (-1, 1) > 0 for each in (clip, other)) > 0
    size = (320, 480) if upright else (640, 240)
    join = np.hstack if upright else np.vstack
    for (time_s, rgb), second in zip(clip.frames(), other.on_grid(), strict=False):
        both = [_cut(*each, size) for each in ((clip, rgb), (other, second))]
        yield time_s, np.ascontiguousarray(join(both))


def _cut(clip: Clip, rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The part of a picture around a clip's person, in the shape of `size` (width, height)."""
    shape = np.array(rgb.shape[1::-1])
    low, high = _box(clip) * shape
    middle, extent = (low + high) / 2, (high - low) * 1.1
    scale = max(extent[0] / size[0], extent[1] / size[1])
    move = np.array([[scale, 0, 0], [0, scale, 0]])
    move[:, 2] = middle - scale * np.array(size) / 2
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(rgb, move, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _box(clip: Clip) -> np.ndarray:
    """Where the person is in the whole clip: (left, top), (right, bottom) as shares, (2, 2)."""
    seen = clip.landmarks[..., 3] >= SEEN
    points = clip.landmarks[..., :2][seen]
    return np.clip([np.nanmin(points, axis=0), np.nanmax(points, axis=0)], 0, 1)


# The same movement, seen otherwise


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Clip], Footage]:
    def changed(clip: Clip) -> Footage:
        for time_s, rgb in clip.frames():
            yield time_s, np.ascontiguousarray(change(rgb))

    return changed


def _lit(gain: float, offset: float) -> Callable[[np.ndarray], np.ndarray]:
    table = np.clip(np.arange(256) * gain + offset, 0, 255).astype(np.uint8)
    return lambda rgb: table[rgb]


def _placed(scale: float, dx: float, dy: float) -> Callable[[np.ndarray], np.ndarray]:
    """Scaled about the middle and moved by shares of the picture, its edges drawn out, blurred."""

    def place(rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        middle = np.array([width, height]) / 2
        x, y = middle - scale * middle + np.array([dx * width, dy * height])
        move = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        return cv2.warpAffine(rgb, move, (width, height), borderMode=cv2.BORDER_REPLICATE)

    return place


def _slower_camera(clip: Clip) -> Footage:
    due_s = 0.0
    for time_s, rgb in clip.frames():
        if time_s >= due_s - 1e-6:
            due_s += 1 / 15
            yield time_s, rgb


def _compressed(clip: Clip) -> Footage:
    """Through a VP8 encoder at 100 kbit/s."""
    encoder = av.CodecContext.create("libvpx", "w")
    decoder = av.CodecContext.create("vp8", "r")
    assert isinstance(encoder, av.VideoCodecContext)
    assert isinstance(decoder, av.VideoCodecContext)
    times: list[float] = []
    for time_s, rgb in clip.frames():
        even = np.ascontiguousarray(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2])
        if not times:
            encoder.width, encoder.height = even.shape[1], even.shape[0]
            encoder.pix_fmt, encoder.bit_rate = "yuv420p", 100_000
            encoder.framerate = FPS
            encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        frame = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(format="yuv420p")
        frame.pts = len(times)
        times.append(time_s)
        for packet in encoder.encode(frame):
            for decoded in decoder.decode(packet):
                assert isinstance(decoded, av.VideoFrame)
                yield times[decoded.pts or 0], decoded.to_ndarray(format="rgb24")


def elsewhere(clip: Clip, other: Clip) -> Footage:
    """The person of one clip in the room of another."""
    room: np.ndarray | None = None
    for time_s, rgb in clip.frames():
        if room is None:
            theirs = next(other.frames())[1]
            room = cv2.resize(_background(other, theirs), rgb.shape[1::-1])
        mask = _person_mask(clip, rgb.shape, round(time_s * POSE_FPS))[..., None]
        yield time_s, (mask * rgb + (1 - mask) * room).astype(np.uint8)


SAMENESS: dict[str, Callable[[Clip], Footage]] = {
    "mirrored": _each(lambda rgb: rgb[:, ::-1]),
    "darker": _each(_lit(0.5, 0)),
    "brighter": _each(_lit(1.4, 20)),
    "shifted": _each(_placed(1, 0.12, 0.05)),
    "smaller": _each(_placed(0.6, 0, 0.05)),
    "15 fps": _slower_camera,
    "VP8 100 kbit/s": _compressed,
}


def _person_mask(clip: Clip, shape: tuple[int, ...], pose: int) -> np.ndarray:
    """Where the person is, (H, W) float32 0 to 1 with soft edges: thick limbs along the bones."""
    height, width = shape[:2]
    poses = clip.landmarks
    known = np.flatnonzero(~np.isnan(poses[:, 0, 0]))
    points = poses[known[np.abs(known - pose).argmin()], :, :2] * (width, height)
    shoulders, hips = points[[11, 12]].mean(axis=0), points[[23, 24]].mean(axis=0)
    thick = max(4, round(float(np.hypot(*(shoulders - hips))) * 0.5))
    mask = np.zeros((height, width), np.float32)
    torso = points[[11, 12, 24, 23]].astype(np.int32)
    cv2.fillConvexPoly(mask, cv2.convexHull(torso), 1.0)
    bones = [(11, 12), (11, 23), (12, 24), (23, 24), (0, 11), (0, 12)]
    bones += [(a, b) for joint in JOINTS.values() for side in joint for a, b in pairwise(side)]
    bones += [(27, 31), (28, 32), (27, 29), (28, 30), (15, 19), (16, 20)]
    for a, b in bones:
        ends = [tuple(int(v) for v in points[i]) for i in (a, b)]
        cv2.line(mask, ends[0], ends[1], 1.0, thick)
    cv2.circle(mask, tuple(int(v) for v in points[0]), round(0.7 * thick), 1.0, -1)
    return cv2.GaussianBlur(mask, (0, 0), max(2.0, thick / 8))


def _background(clip: Clip, rgb: np.ndarray) -> np.ndarray:
    """The largest of the four parts of a picture beside the person, drawn to its whole size."""
    height, width = rgb.shape[:2]
    low, high = _box(clip) + np.array([[-0.06], [0.06]])
    left, right = round(low[0] * width), round(high[0] * width)
    top, bottom = round((low[1] - 0.08) * height), round(high[1] * height)
    parts = [rgb[:, : max(left, 0)], rgb[:, max(right, 0) :]]
    parts += [rgb[: max(top, 0)], rgb[max(bottom, 0) :]]
    part = max(parts, key=lambda p: min(p.shape[:2]))
    if min(part.shape[:2]) < 24:  # the person fills the picture: what is beside the head, blurred
        part = cv2.GaussianBlur(rgb[: height // 8, : width // 8], (0, 0), 12)
    return cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_LINEAR)
