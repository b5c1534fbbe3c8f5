"""Small videos made while a test runs: a drawn person who exercises, and difficult files."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Colour = tuple[int, int, int]
Point = tuple[float, float]  # metres: to the right of the person's feet, above the floor
Exercise = Literal["squat", "jumping_jack", "still"]

TIME_BASE = Fraction(1, 90_000)
SKIN, HAIR, TROUSERS, SHOE = (226, 178, 148), (74, 52, 42), (44, 52, 74), (236, 236, 240)
TEAL, CORAL = (20, 140, 140), (224, 104, 84)
WARM_WALL, COOL_WALL = (232, 226, 216), (212, 222, 230)

_CODECS = {
    ".webm": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "crf": "12", "b": "2M"}),
    ".avi": ("mpeg4", {"qscale": "3"}),
    ".y4m": ("rawvideo", {}),
}
_H264 = ("libx264", {"preset": "ultrafast", "crf": "18"})


def stick_figure(
    path: Path,
    seconds: float = 4.0,
    fps: float = 25.0,
    size: tuple[int, int] = (320, 240),
    exercise: Exercise = "squat",
    *,
    cycle_s: float = 2.0,
    depth: float = 1.0,
    shirt: Colour = TEAL,
    wall: Colour = WARM_WALL,
    rotation_deg: int = 0,
) -> Path:
    """Write a person who exercises in a room; `rotation_deg` as `write_video` takes it."""
    frames = (
        (n / fps, draw_person(n / fps, size, exercise, cycle_s, depth, shirt, wall))
        for n in range(round(seconds * fps))
    )
    return write_video(path, frames, rotation_deg=rotation_deg)


def write_video(
    path: Path,
    frames: Iterable[tuple[float, Picture]],
    *,
    rotation_deg: int = 0,
    mirrored: bool = False,
    pixel_aspect: Fraction = Fraction(1),
    container_options: dict[str, str] | None = None,
    codec: tuple[str, dict[str, str]] | None = None,
) -> Path:
    """Write (time in seconds, picture) pairs; the suffix of `path` chooses container and codec.

    `rotation_deg` says how far a player has to turn the pictures clockwise, as a phone's camera
    does; `mirrored`, that it has to swap left and right after that.
    """
    codec_name, codec_options = codec or _CODECS.get(path.suffix, _H264)
    iterator = iter(frames)
    first = next(iterator)
    height, width = first[1].shape[:2]
    with av.open(str(path), "w", container_options=container_options) as container:
        # AVI and y4m need a frame rate, the others keep each frame's own time.
        stream = container.add_stream(codec_name, rate=25, options=codec_options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        by_rate = path.suffix in (".avi", ".y4m")
        stream.codec_context.time_base = Fraction(1, 25) if by_rate else TIME_BASE
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation_deg or mirrored:
            stream.set_display_rotation(-rotation_deg, hflip=mirrored)
        for time_s, rgb in (first, *iterator):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(time_s / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def numbered(
    times_s: Iterable[float], size: tuple[int, int] = (64, 48)
) -> Iterator[tuple[float, Picture]]:
    """Yield pictures that carry their number, which `number_of` reads after any compression."""
    width, height = size
    for number, time_s in enumerate(times_s):
        rgb = np.zeros((height, width, 3), np.uint8)
        for bit in range(8):
            if number >> bit & 1:
                rgb[:, bit * width // 8 : (bit + 1) * width // 8] = 255
        yield time_s, rgb


def number_of(rgb: Picture) -> int:
    """Read the number that `numbered` drew."""
    width = rgb.shape[1]
    columns = [rgb[:, (2 * bit + 1) * width // 16].mean() for bit in range(8)]
    return sum((light > 127) << bit for bit, light in enumerate(columns))


def corners(size: tuple[int, int] = (64, 48)) -> Picture:
    """Draw red, green, blue and white quarters: top left, top right, bottom left, bottom right."""
    width, height = size
    rgb = np.full((height, width, 3), 255, np.uint8)
    rgb[: height // 2, : width // 2] = (255, 0, 0)
    rgb[: height // 2, width // 2 :] = (0, 255, 0)
    rgb[height // 2 :, : width // 2] = (0, 0, 255)
    return rgb


def corner_names(rgb: Picture) -> str:
    """Read the quarters of `corners` as four letters, row by row: "rgbw" is upright."""
    height, width = rgb.shape[:2]
    names = {"100": "r", "010": "g", "001": "b", "111": "w"}
    return "".join(
        names.get("".join(str(int(light > 127)) for light in rgb[y, x]), "?")
        for y in (height // 4, 3 * height // 4)
        for x in (width // 4, 3 * width // 4)
    )


def sound(path: Path, seconds: float = 3.0, *, cover: bool = False) -> Path:
    """Write a file with a tone and no video, with a cover image if that is wanted."""
    rate = 48_000
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        if cover:
            image = container.add_stream("png", rate=1)
            assert isinstance(image, VideoStream)
            image.width, image.height, image.pix_fmt = 64, 48, "rgb24"
            image.disposition = Disposition.attached_pic
            picture = av.VideoFrame.from_ndarray(corners(), format="rgb24")
            container.mux(image.encode(picture))
        wave = np.sin(np.arange(round(seconds * rate)) * (2 * math.pi * 440 / rate))
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def draw_person(
    time_s: float,
    size: tuple[int, int] = (320, 240),
    exercise: Exercise = "squat",
    cycle_s: float = 2.0,
    depth: float = 1.0,
    shirt: Colour = TEAL,
    wall: Colour = WARM_WALL,
) -> Picture:
    """Draw one moment of an exercise that begins upright and comes back to it every `cycle_s`."""
    progress = 0.0
    if exercise != "still":
        progress = depth * (1 - math.cos(2 * math.pi * time_s / cycle_s)) / 2
    width, height = size
    scene = _Scene(width, height)
    scene.room(wall)
    if exercise == "squat":
        _squat(scene, progress, shirt)
    else:
        _jumping_jack(scene, progress, shirt)
    return scene.picture()


class _Scene:
    """A room 2.4 m high, drawn at twice the size and averaged, so that slow movement is smooth."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._canvas = np.zeros((2 * height, 2 * width, 3), np.uint8)
        self._pixels_per_m = min(2 * height / 2.4, 2 * width / 2.0)
        self._floor = 2 * height - 0.16 * self._pixels_per_m

    def room(self, wall: Colour) -> None:
        height = self._canvas.shape[0]
        shade = np.linspace(1.0, 0.9, height)[:, None, None]
        self._canvas[:] = (np.array(wall) * shade).astype(np.uint8)
        horizon = self._pixel((0, 0.28))[1]
        self._canvas[horizon:] = np.linspace((168, 134, 104), (196, 160, 126), height - horizon)[
            :, None
        ].astype(np.uint8)
        self._box((-9, 0.28), (9, 0.34), (248, 246, 242))
        self._box((-1.5, 1.2), (-0.85, 2.1), (250, 250, 248))
        self._box((-1.45, 1.25), (-0.9, 2.05), (176, 208, 232))
        self._box((-1.19, 1.25), (-1.16, 2.05), (250, 250, 248))
        self._box((0.98, 0.3), (1.3, 0.62), (196, 120, 92))
        for x in (0.98, 1.14, 1.3):
            self.limb((1.14, 0.62), (x, 1.2), 0.03, 0.05, (92, 138, 96))
        centre = self._pixel((0, -0.02))
        axes = (round(0.42 * self._pixels_per_m), round(0.06 * self._pixels_per_m))
        cv2.ellipse(self._canvas, centre, axes, 0, 0, 360, (150, 118, 92), -1, cv2.LINE_AA)

    def limb(self, a: Point, b: Point, radius_a: float, radius_b: float, colour: Colour) -> None:
        """Draw two discs and what lies between them."""
        (ax, ay), (bx, by) = a, b
        length = math.hypot(bx - ax, by - ay) or 1.0
        nx, ny = (ay - by) / length, (bx - ax) / length
        outline = [
            self._pixel((ax + nx * radius_a, ay + ny * radius_a)),
            self._pixel((bx + nx * radius_b, by + ny * radius_b)),
            self._pixel((bx - nx * radius_b, by - ny * radius_b)),
            self._pixel((ax - nx * radius_a, ay - ny * radius_a)),
        ]
        cv2.fillConvexPoly(self._canvas, np.array(outline), colour, cv2.LINE_AA)
        self.disc(a, radius_a, colour)
        self.disc(b, radius_b, colour)

    def disc(self, at: Point, radius: float, colour: Colour) -> None:
        pixels = max(1, round(radius * self._pixels_per_m))
        cv2.circle(self._canvas, self._pixel(at), pixels, colour, -1, cv2.LINE_AA)

    def picture(self) -> Picture:
        shrunk = cv2.resize(self._canvas, self._size, interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, np.uint8)

    def _box(self, low: Point, high: Point, colour: Colour) -> None:
        cv2.rectangle(self._canvas, self._pixel(low), self._pixel(high), colour, -1)

    def _pixel(self, at: Point) -> tuple[int, int]:
        middle = self._canvas.shape[1] / 2
        return round(middle + at[0] * self._pixels_per_m), round(
            self._floor - at[1] * self._pixels_per_m
        )


def _squat(scene: _Scene, progress: float, shirt: Colour) -> None:
    """Seen from the side, looking to the right; at progress 1 the thighs are level."""
    shin, thigh, torso, arm = (progress * math.radians(d) for d in (32, 92, 42, 88))
    for offset, shade in ((0.05, 0.78), (0.0, 1.0)):  # the far side first, darker
        ankle = (-0.12 + offset, 0.09)
        knee = _from(ankle, shin, 0.43)
        hip = _from(knee, -thigh, 0.43)
        shoulder = _from(hip, torso, 0.5)
        elbow = _from(shoulder, math.pi - 0.08 - arm, 0.29)
        hand = _from(elbow, math.pi - 0.2 - arm, 0.27)
        if shade < 1:
            _arm(scene, shoulder, elbow, hand, _shaded(shirt, shade), _shaded(SKIN, shade))
        _leg(scene, hip, knee, ankle, (ankle[0] + 0.17, 0.045), shade)
    _head(scene, _from(shoulder, 0.6 * torso, 0.24), shoulder, 0.035)
    scene.disc(hip, 0.12, TROUSERS)
    scene.limb(_from(hip, torso, 0.12), shoulder, 0.12, 0.135, shirt)
    _arm(scene, shoulder, elbow, hand, _shaded(shirt, 0.88), SKIN)


def _jumping_jack(scene: _Scene, progress: float, shirt: Colour) -> None:
    """Seen from the front; at progress 1 the feet are apart and the hands above the head."""
    spread, raised = math.radians(5 + 21 * progress), math.radians(14 + 148 * progress)
    hop = 0.06 * math.sin(math.pi * progress) ** 2
    hip_height = 0.09 + 0.86 * math.cos(spread) + hop
    chest = (0.0, hip_height + 0.47)
    for side in (-1, 1):
        hip = (side * 0.09, hip_height)
        knee = _from(hip, math.pi - side * spread, 0.43)
        ankle = _from(knee, math.pi - side * spread, 0.43)
        _leg(scene, hip, knee, ankle, (ankle[0] + side * 0.06, ankle[1] - 0.03), 1.0)
    _head(scene, (0.0, chest[1] + 0.26), chest, 0.0)
    for side in (-1, 1):
        scene.limb((side * 0.06, hip_height + 0.08), (side * 0.1, chest[1]), 0.1, 0.1, shirt)
    for side in (-1, 1):
        shoulder = (side * 0.19, chest[1] + 0.01)
        elbow = _from(shoulder, math.pi - side * raised, 0.29)
        hand = _from(elbow, math.pi - side * raised * 1.04, 0.27)
        _arm(scene, shoulder, elbow, hand, _shaded(shirt, 0.88), SKIN)


def _arm(
    scene: _Scene, shoulder: Point, elbow: Point, hand: Point, sleeve: Colour, skin: Colour
) -> None:
    scene.limb(elbow, hand, 0.045, 0.036, skin)
    scene.disc(hand, 0.05, skin)
    scene.limb(shoulder, elbow, 0.068, 0.052, sleeve)


def _leg(scene: _Scene, hip: Point, knee: Point, ankle: Point, toe: Point, shade: float) -> None:
    scene.limb(ankle, toe, 0.05, 0.042, _shaded(SHOE, shade))
    scene.limb(hip, knee, 0.105, 0.075, _shaded(TROUSERS, shade))
    scene.limb(knee, ankle, 0.072, 0.05, _shaded(TROUSERS, shade))


def _head(scene: _Scene, at: Point, neck: Point, face: float) -> None:
    scene.limb(neck, at, 0.055, 0.055, _shaded(SKIN, 0.92))
    scene.disc((at[0] - 0.3 * face, at[1] + 0.02), 0.118, HAIR)
    scene.disc((at[0] + face, at[1] - 0.015), 0.1, SKIN)


def _from(start: Point, angle: float, length: float) -> Point:
    """Go `length` metres from a point; 0 is up, positive angles lean to the right."""
    return start[0] + length * math.sin(angle), start[1] + length * math.cos(angle)


def _shaded(colour: Colour, shade: float) -> Colour:
    red, green, blue = (round(light * shade) for light in colour)
    return red, green, blue
