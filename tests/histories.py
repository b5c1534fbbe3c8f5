"""Sessions as people leave them behind: made from a seed, whole, as they are kept."""

import math
import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import fmean

from posesim_server.store.exercises import Exercise
from posesim_server.store.parts import CueRow, GapRow, Parts, RepetitionRow, ScoreRow
from posesim_server.store.sessions import StoredSession, WholeSession

HOP_S = 0.32
REP_S = 3.2
BEGUN = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)


def whole_session(
    user_id: str,
    seed: int,
    *,
    at: datetime = BEGUN,
    exercise: Exercise | None = None,
    name: str = "Squat",
    scores: int = 120,
) -> WholeSession:
    """A session of `scores` scores: warming up, repetitions, a gap in the middle, a few cues."""
    rng = random.Random(seed)
    rows = _scores(rng, scores)
    numbers = [row.score for row in rows if row.score is not None]
    best = max((row for row in rows if row.score is not None), key=lambda row: row.score)
    repetitions = tuple(_repetitions(rng, rows[-1].t_s))
    gap_s = rows[scores // 2].t_s
    components = {
        name: round(fmean(getattr(row, name) for row in rows if row.score is not None), 4)
        for name in ("movement", "timing", "range")
    }
    session = StoredSession(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{user_id} {seed}")),
        user_id=user_id,
        exercise_id=exercise.id if exercise else None,
        exercise_name=exercise.name if exercise else name,
        source="live",
        kind="repetitions",
        target=12,
        reference_start_s=0.4,
        state="ended",
        created_at=at,
        started_at=at + timedelta(seconds=4),
        ended_at=at + timedelta(seconds=5 + rows[-1].t_s),
        end_reason="left",
        summary={
            "score": round(fmean(numbers), 4),
            "state": "scoring",
            "components": components,
            "tempo": 1.04,
            "scored_s": round(HOP_S * len(numbers), 4),
            "duration_s": rows[-1].t_s,
            "best_score": best.score,
            "best_s": best.t_s,
            "gaps": 1,
            "repetitions": sum(each.valid for each in repetitions),
            "attempts": sum(not each.valid for each in repetitions),
            "held_s": None,
        },
    )
    gaps = (GapRow(0, round(gap_s - 0.8, 4), gap_s, "no_frames"),)
    return WholeSession(session, Parts(tuple(rows), repetitions, gaps, tuple(_cues(rows[-1].t_s))))


def named(whole: WholeSession, name: str) -> WholeSession:
    """The same session of an exercise of another name."""
    return replace(whole, session=replace(whole.session, exercise_name=name))


def _scores(rng: random.Random, count: int) -> list[ScoreRow]:
    rows = []
    for seq in range(count):
        t_s = round(2.56 + HOP_S * seq, 4)
        broken = count // 2 <= seq < count // 2 + 6
        if seq < 6 or broken:
            state = "gap" if broken and seq == count // 2 else "warming_up"
            rows.append(ScoreRow(seq, t_s, None, state, None, None, None, None, None))
            continue
        movement = min(1.0, max(0.0, 0.8 + 0.15 * math.sin(t_s / 9) + rng.gauss(0, 0.03)))
        score = round(100 * movement * rng.uniform(0.94, 1.0), 4)
        rows.append(
            ScoreRow(
                seq,
                t_s,
                score,
                "scoring",
                round(movement, 4),
                round(rng.uniform(0.7, 1), 4),
                round(rng.uniform(0.6, 1), 4),
                round(t_s % 6.4, 4),
                round(rng.uniform(0.8, 1.2), 4),
            )
        )
    return rows


def _repetitions(rng: random.Random, until_s: float):
    number, start_s = 0, 4.0
    while start_s + REP_S <= until_s:
        number += 1
        valid = rng.random() > 0.15
        yield RepetitionRow(
            number=number,
            start_s=round(start_s, 4),
            end_s=round(start_s + REP_S - 0.2, 4),
            valid=valid,
            score=round(rng.uniform(55, 95), 4) if valid else None,
            range=round(rng.uniform(0.7, 1.1) if valid else rng.uniform(0.2, 0.5), 4),
            tempo=round(rng.uniform(0.8, 1.25), 4) if valid else None,
            differences=[{"part": "left_knee", "degrees": -20}] if number % 3 == 0 else [],
        )
        start_s += REP_S


def _cues(until_s: float):
    for seq, (cue, part, praise) in enumerate(
        [("lower", None, False), ("lower", None, True), ("check", "left_knee", False)]
    ):
        yield CueRow(seq, round(until_s * (seq + 1) / 4, 4), cue, part, praise)
