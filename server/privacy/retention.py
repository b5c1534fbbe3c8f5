"""How long each kind of data is kept, and the task that sees to it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from posesim.errors import PosesimError

from .. import schema
from ..database import Database, now
from .periods import DEFAULTS, Kind

logger = structlog.get_logger(__name__)

EVERY_S = 3600.0
LARGEST_JUMP_S = 600.0  # of the clock between two runs; NTP corrects by less


@dataclass(frozen=True)
class Rule:
    """What of a kind is old: `statement` deletes what is older than a moment."""

    kind: Kind
    statements: Callable[[datetime], list[sa.Delete]]


def _timelines(before: datetime) -> list[sa.Delete]:
    ended = schema.sessions
    old = sa.select(ended.c.id).where(ended.c.ended_at < before)
    return [
        sa.delete(table).where(table.c.session_id.in_(old))
        for table in (schema.scores, schema.gaps, schema.cues)
    ]


RULES = (
    Rule(
        "sessions",
        lambda before: [sa.delete(schema.sessions).where(schema.sessions.c.ended_at < before)],
    ),
    Rule("timelines", _timelines),
    Rule("jobs", lambda before: [sa.delete(schema.jobs).where(schema.jobs.c.ended_at < before)]),
    Rule(
        "sign_ins",
        lambda before: [
            sa.delete(schema.sign_ins).where(
                sa.or_(schema.sign_ins.c.expires_at < before, schema.sign_ins.c.ended_at < before)
            )
        ],
    ),
    Rule(
        "invitations",
        lambda before: [
            sa.delete(schema.invitations).where(schema.invitations.c.expires_at < before)
        ],
    ),
    Rule(
        "deliveries",
        lambda before: [
            sa.delete(schema.deliveries).where(
                schema.deliveries.c.created_at < before, schema.deliveries.c.next_at.is_(None)
            )
        ],
    ),
    Rule("audit", lambda before: [sa.delete(schema.audit).where(schema.audit.c.at < before)]),
)


async def enforce(database: Database, days: Mapping[Kind, int], at: datetime) -> dict[Kind, int]:
    """Delete what is older than its kind is kept, as of `at`; return how many rows of each kind."""
    deleted: dict[Kind, int] = {}
    for rule in RULES:
        kept_days = days.get(rule.kind, DEFAULTS[rule.kind])
        if kept_days == 0:
            continue
        before = at - timedelta(days=kept_days)
        deleted[rule.kind] = sum([await database.change(each) for each in rule.statements(before)])
    await database.forget_traces()  # also of what users deleted themselves
    return deleted


class Steadiness:
    """Whether the clock can be trusted: it went on as a steady clock did since the last look.

    A machine that starts with a wrong clock would otherwise delete everything as too old, or
    nothing at all, until its clock is set.
    """

    def __init__(self, at: datetime, steady_s: float) -> None:
        self._at = at
        self._steady_s = steady_s

    def look(self, at: datetime, steady_s: float) -> bool:
        """Whether both clocks agree on how long it has been since the last look."""
        drift_s = (at - self._at).total_seconds() - (steady_s - self._steady_s)
        self._at, self._steady_s = at, steady_s
        return abs(drift_s) <= LARGEST_JUMP_S


async def keep_house(
    database: Database,
    days: Mapping[Kind, int],
    *,
    every_s: float = EVERY_S,
    clock: Callable[[], datetime] = now,
    steady_clock: Callable[[], float] = time.monotonic,
) -> None:
    """Enforce retention every `every_s` until cancelled; the first time after the first pause."""
    steadiness = Steadiness(clock(), steady_clock())
    while True:
        await asyncio.sleep(every_s)
        if not steadiness.look(clock(), steady_clock()):
            logger.warning("the clock was set: nothing is deleted as too old this time")
            continue
        try:
            deleted = await enforce(database, days, clock())
        except PosesimError:
            logger.exception("what is too old could not be deleted")
            continue
        if any(deleted.values()):
            logger.info("deleted what is too old", **deleted)
