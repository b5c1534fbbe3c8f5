"""Simple drawings that a page (SVG) and a PDF show alike. Nothing is told by colour alone."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["ink", "soft", "line", "accent", "veil", "paper"]
TONES: dict[Tone, str] = {
    "ink": "#16202b",
    "soft": "#4b5866",
    "line": "#c3cad2",
    "accent": "#0d5c63",
    "veil": "#e3e7eb",
    "paper": "#ffffff",
}
Anchor = Literal["start", "middle", "end"]

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A line through points."""

    points: tuple[Point, ...]
    tone: Tone = "ink"
    width: float = 0.6
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    """A rectangle; `fill` or `stroke` may be missing."""

    x: float
    y: float
    width: float
    height: float
    fill: Tone | None = None
    stroke: Tone | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    """A circle."""

    x: float
    y: float
    radius: float
    fill: Tone = "ink"
    stroke: Tone | None = None


@dataclass(frozen=True)
class Label:
    """A line of text; `y` is its baseline."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    size: float = 7.5
    tone: Tone = "soft"
    bold: bool = False


Shape = Line | Box | Dot | Label


@dataclass(frozen=True)
class Drawing:
    """Shapes in points, from the top left, and what they show, in words.

    Attributes:
        says: For those who can't see it.
    """

    width: float
    height: float
    shapes: tuple[Shape, ...]
    says: str


Pattern = Literal[
    "dots", "level", "upright", "grid", "rising", "falling", "crossed", "empty", "full"
]


def filled(box: Box, pattern: Pattern, spacing: float = 3.2) -> Iterator[Shape]:
    """A rectangle with a pattern that can be told from the others in black and white."""
    x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    yield Box(x, y, box.width, box.height, "ink" if pattern == "full" else "paper", "soft")
    match pattern:
        case "level" | "upright" | "grid":
            if pattern != "upright":
                for at in _steps(y, bottom, spacing):
                    yield Line(((x, at), (right, at)), "soft", 0.5)
            if pattern != "level":
                for at in _steps(x, right, spacing):
                    yield Line(((at, y), (at, bottom)), "soft", 0.5)
        case "dots":
            for at in _steps(x, right, spacing):
                yield Dot(at, (y + bottom) / 2, 0.6, "soft")
        case "rising" | "falling" | "crossed":
            ways = (True, False) if pattern == "crossed" else (pattern == "rising",)
            for rising in ways:
                for at in _steps(x - box.height, right, spacing):
                    if line := _slanted(at, box, rising=rising):
                        yield line


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most about `most` of many points, with the lowest and the highest of each stretch."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(2 * len(points) / most)
    kept: list[Point] = []
    for first in range(0, len(points), size):
        some = points[first : first + size]
        low, high = min(some, key=lambda p: p[1]), max(some, key=lambda p: p[1])
        kept += sorted({low, high})
    return kept


def _steps(first: float, last: float, spacing: float) -> list[float]:
    count = max(0, math.ceil((last - first) / spacing) - 1)
    return [first + spacing * (n + 1) for n in range(count)]


def _slanted(at: float, box: Box, *, rising: bool) -> Line | None:
    """The part inside of a line at 45 degrees that leaves the rectangle's bottom or top at `at`."""
    left = max(at, box.x)
    right = min(at + box.height, box.x + box.width)
    if right <= left:
        return None
    if rising:
        bottom = box.y + box.height
        ends = ((left, bottom - (left - at)), (right, bottom - (right - at)))
    else:
        ends = ((left, box.y + (left - at)), (right, box.y + (right - at)))
    return Line(ends, "soft", 0.5)
