"""The best and the worst moment of a session, and where the reference was then."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .store.parts import ScoreRow

SETTLING_S = 2.0  # a score that begins or begins again is still made of what came before
HOLE_S = 2.0  # longer without a score: what comes after it begins again
LASTING_S = 1.5  # shorter, and it is one odd picture and not how somebody moved


@dataclass(frozen=True)
class Moment:
    """One score.

    Attributes:
        t_s: When, on the user's time.
        score: 0 to 100.
        reference_s: Where the user was in the reference; None where that was not known.
        clip_s: The same place in the whole clip, of which the reference may be a part.
    """

    t_s: float
    score: float
    reference_s: float | None
    clip_s: float | None


@dataclass(frozen=True)
class Moments:
    """Both; None where there is no such moment."""

    best: Moment | None
    worst: Moment | None


def moments_of(scores: Sequence[ScoreRow], reference_start_s: float) -> Moments:
    """Find the moments of a session.

    The best is its highest score, the first of several. The worst is the lowest score that lasted:
    of all stretches of 1.5 s, the one in which the highest score is lowest, and in it the lowest
    score. The first 2 s of each stretch of scores are left out, and so is a single bad score
    between good ones.

    Args:
        scores: In order.
        reference_start_s: Where in the clip the reference began.
    """
    scored = [row for row in scores if row.score is not None]
    best = max(scored, key=_score, default=None)
    lasting: list[ScoreRow] = []  # the stretch of scores in which the worst moment is
    window, ceiling = slice(0), float("inf")
    for stretch in _stretches(scores):
        for candidate, highest in _windows(stretch):
            if highest < ceiling:
                lasting, window, ceiling = stretch, candidate, highest
    worst = min(lasting[window], key=_score, default=None)
    if worst is best:  # nothing was better or worse than anything else
        worst = None
    return Moments(_moment(best, reference_start_s), _moment(worst, reference_start_s))


def _score(row: ScoreRow) -> float:
    assert row.score is not None
    return row.score


def _stretches(scores: Sequence[ScoreRow]) -> Iterator[list[ScoreRow]]:
    """Scores that follow each other, each stretch without its beginning."""
    stretch: list[ScoreRow] = []
    begun_s = last_s = 0.0
    for row in scores:
        if row.score is None or row.t_s - last_s > HOLE_S:
            yield stretch
            stretch, begun_s = [], row.t_s
        elif row.t_s - begun_s >= SETTLING_S:
            stretch.append(row)
        last_s = row.t_s
    yield stretch


def _windows(stretch: list[ScoreRow]) -> Iterator[tuple[slice, float]]:
    """From each score the next ones, to the first that is `LASTING_S` later; and their highest.

    Each score is looked at once: an imported session may have thousands in a second.
    """
    end = -1
    peaks: deque[int] = deque()  # of a window: where scores are that no later one reaches
    for start, row in enumerate(stretch):
        while end < start or stretch[end].t_s - row.t_s < LASTING_S:
            end += 1
            if end == len(stretch):
                return
            while peaks and _score(stretch[peaks[-1]]) <= _score(stretch[end]):
                peaks.pop()
            peaks.append(end)
        while peaks[0] < start:
            peaks.popleft()
        yield slice(start, end + 1), _score(stretch[peaks[0]])


def _moment(row: ScoreRow | None, reference_start_s: float) -> Moment | None:
    if row is None:
        return None
    at_s = row.reference_s
    clip_s = None if at_s is None else round(reference_start_s + at_s, 4)
    return Moment(row.t_s, _score(row), at_s, clip_s)
