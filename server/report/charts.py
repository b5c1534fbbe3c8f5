"""A report's two charts: the score over time, and what each repetition was like."""

import math
from collections.abc import Callable, Iterator, Sequence

from ..moments import Moments
from ..store.parts import GapRow, RepetitionRow, ScoreRow
from ..texts import Texts
from .drawing import Anchor, Box, Dot, Drawing, Label, Line, Pattern, Point, Shape, filled, thinned
from .words import clock, decimal

Place = Callable[[float, float], Point]  # a time and a score, in points

WIDTH = 493.0  # points: A4 between margins of 18 mm
LEFT = 26.0  # for the numbers of the axis
MOST_POINTS = 900  # of a line; twice what a printer shows on this width
LEAST_STRIP = 0.8  # points; a state that lasted a moment in an hour is still seen
LEGEND_STEP = 12.0
MOST_RATIO = 2.0  # of the reference's; what is more is drawn as this, its number is right
MOST_REPETITIONS = 500  # that can be drawn side by side

# How each state is drawn where there was no score, in the order of the legend.
PATTERNS: dict[str, Pattern] = {
    "warming_up": "dots",
    "still": "level",
    "lost": "rising",
    "partial": "falling",
    "several": "upright",
    "black": "grid",
    "frozen": "crossed",
    "no_person": "empty",
    "gap": "full",
}
_TICKS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 86400)


def course(
    texts: Texts, scores: Sequence[ScoreRow], gaps: Sequence[GapRow], moments: Moments
) -> Drawing | None:
    """The score over time, with the states in which there was none; None without a score."""
    numbers = [row.score for row in scores if row.score is not None]
    if not numbers:
        return None
    plot = Box(LEFT, 10, WIDTH - LEFT - 8, 122)
    end_s = max(5.0, scores[-1].t_s, *(gap.end_s for gap in gaps))

    def place(t_s: float, score: float) -> Point:
        x = plot.x + plot.width * min(1.0, t_s / end_s)
        return x, plot.y + plot.height * (1 - score / 100)

    strip = Box(plot.x, plot.y + plot.height + 3, plot.width, 9)
    bottom = strip.y + strip.height
    states = _states(scores, gaps)
    shapes = [
        *_veils(plot, gaps, place),
        *_levels(plot),
        *_strip(strip, states, place),
        *_curve(scores, place),
        *_time_axis(plot, bottom, end_s),
        *_marks(moments, place),
        Label(LEFT + plot.width / 2, bottom + 22, texts("report.axis_time"), "middle", 6.5),
    ]
    legend = [state for state in PATTERNS if any(state == each for _, _, each in states)]
    for number, state in enumerate(legend):
        x, y = LEFT + 160 * (number % 3), bottom + 36 + LEGEND_STEP * (number // 3)
        shapes += filled(Box(x, y - 6.5, 18, 7.5), PATTERNS[state])
        shapes.append(Label(x + 23, y, texts(f"report.state.{state}")))
    height = bottom + 30 + LEGEND_STEP * math.ceil(len(legend) / 3)
    says = texts(
        "report.course_words",
        time=clock(end_s),
        lowest=round(min(numbers)),
        highest=round(max(numbers)),
    )
    return Drawing(WIDTH, height, tuple(shapes), says)


def repetitions(texts: Texts, rows: Sequence[RepetitionRow]) -> Drawing | None:
    """Score, range and tempo of each repetition; None if there was none.

    Of very many, some are drawn; `drawn_step` says how many.
    """
    if not rows:
        return None
    valid = sum(row.valid for row in rows)
    attempts = texts.plural("reps.attempts", len(rows) - valid)
    says = texts.plural("report.repetitions_words", valid, attempts=attempts)
    rows = rows[:: drawn_step(rows)]
    step = (WIDTH - LEFT - 8) / len(rows)
    centres = [LEFT + step * (n + 0.5) for n in range(len(rows))]
    shapes: list[Shape] = [Label(LEFT, 8, texts("report.score_axis"))]
    scores = Box(LEFT, 13, WIDTH - LEFT - 8, 56)
    shapes += _levels(scores, (0, 50, 100))
    width = min(14.0, 0.7 * step)
    for x, row in zip(centres, rows, strict=True):
        height = scores.height * (row.score or 0) / 100
        top = scores.y + scores.height - max(height, 1.5)
        box = (x - width / 2, top, width, max(height, 1.5))
        if row.valid:
            shapes.append(Box(*box, "accent"))
        else:
            shapes.append(Box(*box, "paper", "ink", dashed=True))
    top = scores.y + scores.height + 8
    for key, values in (
        ("report.range_axis", [row.range for row in rows]),
        ("report.tempo_axis", [row.tempo for row in rows]),
    ):
        shapes.append(Label(LEFT, top + 8, texts(key)))
        panel = Box(LEFT, top + 12, WIDTH - LEFT - 8, 46)
        shapes += _ratios(texts, panel, centres, values, [row.valid for row in rows])
        top = panel.y + panel.height + 8
    every = math.ceil(len(rows) / 25)
    shapes += [
        Label(x, top + 3, str(row.number), "middle", 6.5)
        for x, row in list(zip(centres, rows, strict=True))[::every]
    ]
    y = top + 18
    shapes += [
        Box(LEFT, y - 6, 7, 7, "accent"),
        Dot(LEFT + 14, y - 2.5, 2.2, "ink"),
        Label(LEFT + 21, y, texts("report.counted")),
        Box(LEFT + 160, y - 6, 7, 7, "paper", "ink", dashed=True),
        Dot(LEFT + 174, y - 2.5, 2.2, "paper", "ink"),
        Label(LEFT + 181, y, texts("report.attempt")),
    ]
    return Drawing(WIDTH, y + 6, tuple(shapes), says)


def drawn_step(rows: Sequence[RepetitionRow]) -> int:
    """Every how many repetitions one is drawn."""
    return math.ceil(len(rows) / MOST_REPETITIONS)


def _states(scores: Sequence[ScoreRow], gaps: Sequence[GapRow]) -> list[tuple[float, float, str]]:
    """When there was no score, and why: (begin_s, end_s, state), neighbours of one state as one."""
    found: list[tuple[float, float, str]] = []
    before_s = 0.0
    for row in scores:
        if row.state in PATTERNS and row.score is None:
            if found and found[-1][1] == before_s and found[-1][2] == row.state:
                found[-1] = (found[-1][0], row.t_s, row.state)
            else:
                found.append((before_s, row.t_s, row.state))
        before_s = row.t_s
    return found + [(gap.start_s, gap.end_s, "gap") for gap in gaps]


def _strip(strip: Box, states: Sequence[tuple[float, float, str]], place: Place) -> Iterator[Shape]:
    """The states side by side; what lies wholly under what is drawn is left out."""
    covered = dict.fromkeys(PATTERNS, -1.0)
    for begin_s, end_s, state in states:
        left, width = _span(begin_s, end_s, place)
        if left + width - covered[state] >= LEAST_STRIP / 2:
            covered[state] = left + width
            yield from filled(Box(left, strip.y, width, strip.height), PATTERNS[state])


def _veils(plot: Box, gaps: Sequence[GapRow], place: Place) -> Iterator[Shape]:
    covered = -1.0
    for gap in gaps:
        left, width = _span(gap.start_s, gap.end_s, place)
        if left + width - covered >= LEAST_STRIP / 2:
            covered = left + width
            yield Box(left, plot.y, width, plot.height, "veil")


def _span(begin_s: float, end_s: float, place: Place) -> tuple[float, float]:
    left = place(begin_s, 0)[0]
    return left, max(LEAST_STRIP, place(end_s, 0)[0] - left)


def _curve(scores: Sequence[ScoreRow], place: Place) -> Iterator[Shape]:
    covered = -1.0
    for line in _lines(scores):
        points = tuple(place(t_s, score) for t_s, score in thinned(line, MOST_POINTS))
        right = points[-1][0]
        if right - covered < 0.5:
            continue
        covered = right
        if len(points) == 1:
            yield Dot(*points[0], 1.2, "accent")
        else:
            yield Line(points, "accent", 1.2)


def _lines(scores: Sequence[ScoreRow]) -> Iterator[list[Point]]:
    """Stretches of scores without a hole."""
    line: list[Point] = []
    for row in scores:
        if row.score is not None:
            line.append((row.t_s, row.score))
        elif line:
            yield line
            line = []
    if line:
        yield line


def _levels(plot: Box, levels: Sequence[int] = (0, 50, 75, 100)) -> Iterator[Shape]:
    """The lines of an axis from 0 to 100; 50 and 75 are the steps between the score's words."""
    for level in levels:
        y = plot.y + plot.height * (1 - level / 100)
        yield Line(((plot.x, y), (plot.x + plot.width, y)), "line", 0.5)
        yield Label(plot.x - 4, y + 2.5, str(level), "end", 7)


def _time_axis(plot: Box, y: float, end_s: float) -> Iterator[Shape]:
    step_s = next((tick for tick in _TICKS_S if end_s / tick <= 10), math.ceil(end_s / 10))
    for n in range(int(end_s // step_s) + 1):
        x = plot.x + plot.width * n * step_s / end_s
        yield Line(((x, y), (x, y + 3)), "soft", 0.5)
        yield Label(x, y + 11, clock(n * step_s), "middle", 7)


def _marks(moments: Moments, place: Place) -> Iterator[Shape]:
    for moment, dy in ((moments.best, -7.0), (moments.worst, 12.0)):
        if moment is not None:
            x, y = place(moment.t_s, moment.score)
            anchor: Anchor = "end" if x > WIDTH - 60 else "start"
            yield Dot(x, y, 3.4, "paper", "ink")
            yield Dot(x, y, 1.2, "ink")
            yield Label(x, max(7.0, y + dy), str(round(moment.score)), anchor, 8, "ink", bold=True)


def _ratios(
    texts: Texts,
    panel: Box,
    centres: Sequence[float],
    values: Sequence[float | None],
    valid: Sequence[bool],
) -> Iterator[Shape]:
    """Values over the reference's, which is 1, as dots on stems."""
    highest = min(MOST_RATIO, max(1.0, *(value or 0 for value in values)))
    most = 1.25 * highest  # with room for the numbers

    def height(value: float) -> float:
        return panel.y + panel.height * (1 - min(max(value, 0.0), highest) / most)

    base = height(0)
    yield Line(((panel.x, base), (panel.x + panel.width, base)), "line", 0.5)
    yield Line(((panel.x, height(1)), (panel.x + panel.width, height(1))), "ink", 0.5, dashed=True)
    yield Label(panel.x - 4, base + 2.5, "0", "end", 7)
    yield Label(panel.x - 4, height(1) + 2.5, "1", "end", 7)
    every = math.ceil(len(centres) / 20)
    for number, (x, value, counts) in enumerate(zip(centres, values, valid, strict=True)):
        if value is None:
            continue
        y = height(value)
        yield Line(((x, base), (x, y)), "soft", 0.5)
        yield Dot(x, y, 2.2, "ink" if counts else "paper", "ink")
        if number % every == 0:
            yield Box(x - 6.5, y - 9.5, 13, 6, "paper")  # over the line of the reference
            yield Label(x, y - 4.5, decimal(texts, value), "middle", 6)
