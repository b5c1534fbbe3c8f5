"""What is said in a session: rows of scores, repetitions, gaps and cues, and how they are kept."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from posesim.timebase import GapReason
from posesim.updates import (
    Components,
    CueUpdate,
    Difference,
    GapUpdate,
    Part,
    RepUpdate,
    ScoreUpdate,
    State,
    Update,
)

from .. import schema

ROWS_A_STATEMENT = 500  # the event loop prepares them, and goes on with others between two


class DifferenceValues(TypedDict):
    """By how many degrees a part was more open than the reference's."""

    part: str
    degrees: int


@dataclass(frozen=True)
class ScoreRow:
    """One score of a session; `seq` counts its score messages, times are seconds."""

    seq: int
    t_s: float
    score: float | None
    state: str
    movement: float | None
    timing: float | None
    range: float | None
    reference_s: float | None
    tempo: float | None


@dataclass(frozen=True)
class RepetitionRow:
    """One repetition, or an attempt that is not `valid`; `number` counts both from 1."""

    number: int
    start_s: float
    end_s: float
    valid: bool
    score: float | None
    range: float
    tempo: float | None
    differences: list[DifferenceValues]


@dataclass(frozen=True)
class GapRow:
    """A time in which nothing was seen."""

    seq: int
    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True)
class CueRow:
    """One thing that the user was told."""

    seq: int
    t_s: float
    cue: str
    part: str | None
    praise: bool


@dataclass(frozen=True)
class Parts:
    """What was said in a session, or in a stretch of it, each kind in its order."""

    scores: tuple[ScoreRow, ...] = ()
    repetitions: tuple[RepetitionRow, ...] = ()
    gaps: tuple[GapRow, ...] = ()
    cues: tuple[CueRow, ...] = ()

    def __len__(self) -> int:
        """How many rows there are."""
        return sum(len(rows) for rows in (self.scores, self.repetitions, self.gaps, self.cues))


# The attribute of `Parts`, its rows, their table, and what numbers them there.
_KINDS: tuple[tuple[str, type[Any], sa.Table, str], ...] = (
    ("scores", ScoreRow, schema.scores, "seq"),
    ("repetitions", RepetitionRow, schema.repetitions, "number"),
    ("gaps", GapRow, schema.gaps, "seq"),
    ("cues", CueRow, schema.cues, "seq"),
)


class Notes:
    """Makes rows of updates, numbered as they come, and keeps them until they are stored.

    Numbers have at most four decimals, as in the messages.

    Args:
        before: What is stored already; the numbers go on after it.
    """

    def __init__(self, before: Parts | None = None) -> None:
        before = before or Parts()
        self._scores: list[ScoreRow] = []
        self._repetitions: list[RepetitionRow] = []
        self._gaps: list[GapRow] = []
        self._cues: list[CueRow] = []
        self._score_seq = itertools.count(_after(before.scores))
        self._gap_seq = itertools.count(_after(before.gaps))
        self._cue_seq = itertools.count(_after(before.cues))

    def add(self, update: Update) -> None:
        """Take an update; poses are not kept."""
        match update:
            case ScoreUpdate():
                self._scores.append(_score_row(next(self._score_seq), update))
            case RepUpdate():
                self._repetitions.append(_repetition_row(update))
            case GapUpdate(start_s, end_s, reason):
                seq = next(self._gap_seq)
                self._gaps.append(GapRow(seq, _short(start_s), _short(end_s), reason))
            case CueUpdate(t_s, cue, part, praise):
                self._cues.append(CueRow(next(self._cue_seq), _short(t_s), cue, part, praise))

    def __len__(self) -> int:
        """How many rows wait."""
        return len(self._scores) + len(self._repetitions) + len(self._gaps) + len(self._cues)

    def waiting(self) -> Parts:
        """What is not stored yet."""
        return Parts(
            tuple(self._scores), tuple(self._repetitions), tuple(self._gaps), tuple(self._cues)
        )

    def forget(self, stored: Parts) -> None:
        """Drop what `waiting` gave and is stored now; more may have come since."""
        del self._scores[: len(stored.scores)]
        del self._repetitions[: len(stored.repetitions)]
        del self._gaps[: len(stored.gaps)]
        del self._cues[: len(stored.cues)]


def parts_of(updates: Iterable[Update]) -> Parts:
    """All that a finished comparison said, as rows."""
    notes = Notes()
    for update in updates:
        notes.add(update)
    return notes.waiting()


def updates_of(parts: Parts) -> list[Update]:
    """What rows were made of, in the order of its times, without what rows don't keep."""
    updates: list[tuple[float, Update]] = [(row.t_s, _score_update(row)) for row in parts.scores]
    updates += [(row.end_s, _gap_update(row)) for row in parts.gaps]
    updates += [(row.end_s, repetition_update(row)) for row in parts.repetitions]
    return [update for _, update in sorted(updates, key=lambda each: each[0])]


def without(parts: Parts, stored: Parts) -> Parts:
    """Those rows that are not among the stored ones; one that differs from its namesake is left."""
    rest = {}
    for name, _, _, number in _KINDS:
        known = {getattr(row, number): row for row in getattr(stored, name)}
        rows = getattr(parts, name)
        rest[name] = tuple(row for row in rows if known.get(getattr(row, number)) != row)
    return Parts(**rest)


def without_seq(row: object) -> dict[str, Any]:
    """A row as it is shown; there may be thousands, too many to check each once more."""
    return {name: value for name, value in vars(row).items() if name != "seq"}


async def insert_parts(connection: AsyncConnection, session_id: str, parts: Parts) -> None:
    """Add rows to a session, as a part of a larger transaction.

    Raises:
        IntegrityError: If the session is gone, or has a row of such a number.
    """
    for name, _, table, _ in _KINDS:
        rows = getattr(parts, name)
        for first in range(0, len(rows), ROWS_A_STATEMENT):
            some = rows[first : first + ROWS_A_STATEMENT]
            values = [{"session_id": session_id, **vars(row)} for row in some]
            await connection.execute(sa.insert(table), values)


async def read_parts(
    connection: AsyncConnection, session_ids: Sequence[str], *, within: Parts | None = None
) -> dict[str, Parts]:
    """Read what was said in some sessions; each has an entry, an empty one if nothing was.

    Args:
        connection: Of a transaction.
        session_ids: Few: they are bound one by one.
        within: Only rows between the first and the last number of these.
    """
    found: dict[str, dict[str, list[Any]]] = {each: {} for each in session_ids}
    for name, kind, table, number in _KINDS:
        columns = [table.c[field.name] for field in fields(kind)]
        statement = (
            sa.select(table.c.session_id, *columns)
            .where(table.c.session_id.in_(session_ids))
            .order_by(table.c.session_id, table.c[number])
        )
        if within is not None:
            numbers = [getattr(row, number) for row in getattr(within, name)]
            if not numbers:
                continue
            statement = statement.where(table.c[number].between(min(numbers), max(numbers)))
        result = await connection.stream(statement)
        async for some in result.partitions(ROWS_A_STATEMENT):
            for session_id, *values in some:
                found[session_id].setdefault(name, []).append(kind(*values))
    return {
        session_id: Parts(**{name: tuple(rows) for name, rows in kinds.items()})
        for session_id, kinds in found.items()
    }


def _after(rows: Sequence[ScoreRow] | Sequence[GapRow] | Sequence[CueRow]) -> int:
    """The number that comes after those of some rows."""
    return rows[-1].seq + 1 if rows else 0


def _score_update(row: ScoreRow) -> ScoreUpdate:
    components = None
    if row.movement is not None and row.timing is not None and row.range is not None:
        components = Components(movement=row.movement, timing=row.timing, range=row.range)
    state = cast("State", row.state)
    return ScoreUpdate(row.t_s, state, row.score, components, row.reference_s, row.tempo)


def _gap_update(row: GapRow) -> GapUpdate:
    return GapUpdate(row.start_s, row.end_s, cast("GapReason", row.reason))


def repetition_update(row: RepetitionRow) -> RepUpdate:
    """What a row was made of."""
    return RepUpdate(
        number=row.number,
        start_s=row.start_s,
        end_s=row.end_s,
        valid=row.valid,
        score=row.score,
        range=row.range,
        tempo=row.tempo,
        differences=tuple(
            Difference(cast("Part", each["part"]), each["degrees"]) for each in row.differences
        ),
    )


def _score_row(seq: int, update: ScoreUpdate) -> ScoreRow:
    components = update.components
    return ScoreRow(
        seq=seq,
        t_s=_short(update.t_s),
        score=_maybe(update.score),
        state=update.state,
        movement=_short(components.movement) if components else None,
        timing=_short(components.timing) if components else None,
        range=_short(components.range) if components else None,
        reference_s=_maybe(update.reference_s),
        tempo=_maybe(update.tempo),
    )


def _repetition_row(update: RepUpdate) -> RepetitionRow:
    return RepetitionRow(
        number=update.number,
        start_s=_short(update.start_s),
        end_s=_short(update.end_s),
        valid=update.valid,
        score=_maybe(update.score),
        range=_short(update.range),
        tempo=_maybe(update.tempo),
        differences=[
            {"part": difference.part, "degrees": difference.degrees}
            for difference in update.differences
        ],
    )


def _short(value: float) -> float:
    return round(float(value), 4)


def _maybe(value: float | None) -> float | None:
    return None if value is None else _short(value)
