"""How long each kind of data is kept, and the task that sees to it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
Tidy = Callable[[datetime], Awaitable[object]]  # told what time it is
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


def _calls(before: datetime) -> list[sa.Delete]:
    """Calls that ended; of those that nobody ended, where nothing happened since nor is to."""
    calls = schema.calls
    moments = (calls.c.accepted_at, calls.c.admitted_at, calls.c.starts_at)
    quiet = sa.and_(*(sa.or_(moment.is_(None), moment < before) for moment in moments))
    never_ended = sa.and_(calls.c.ended_at.is_(None), calls.c.accepted_at.is_not(None), quiet)
    return [sa.delete(calls).where(sa.or_(calls.c.ended_at < before, never_ended))]


def _invitations(before: datetime) -> list[sa.Delete]:
    """Invitations, and links of calls that nobody used."""
    calls = schema.calls
    unused = sa.and_(calls.c.accepted_at.is_(None), calls.c.expires_at < before)
    return [
        sa.delete(schema.invitations).where(schema.invitations.c.expires_at < before),
        sa.delete(calls).where(unused),
    ]


RULES = (
    Rule(
        "sessions",
        lambda before: [sa.delete(schema.sessions).where(schema.sessions.c.ended_at < before)],
    ),
    Rule("timelines", _timelines),
    Rule("calls", _calls),
    Rule("jobs", lambda before: [sa.delete(schema.jobs).where(schema.jobs.c.ended_at < before)]),
    Rule(
        "sign_ins",
        lambda before: [
            sa.delete(schema.sign_ins).where(
                sa.or_(schema.sign_ins.c.expires_at < before, schema.sign_ins.c.ended_at < before)
            )
        ],
    ),
    Rule("invitations", _invitations),
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
    tidies: Sequence[Tidy] = (),
    every_s: float = EVERY_S,
    clock: Callable[[], datetime] = now,
    steady_clock: Callable[[], float] = time.monotonic,
) -> None:
    """Enforce retention every `every_s` until cancelled; the first time after the first pause.

    Each of `tidies` has its turn then, too, whatever comes of the others.
    """
    steadiness = Steadiness(clock(), steady_clock())
    while True:
        await asyncio.sleep(every_s)
        if not steadiness.look(clock(), steady_clock()):
            logger.warning("the clock was set: nothing is deleted as too old this time")
            continue
        for tidy in tidies:
            try:
                await tidy(clock())
            except PosesimError:
                logger.exception("what was left over could not be removed")
        try:
            deleted = await enforce(database, days, clock())
        except PosesimError:
            logger.exception("what is too old could not be deleted")
            continue
        if any(deleted.values()):
            logger.info("deleted what is too old", **deleted)
