"""How fast the server answers with years of history in its database, through HTTP.

    python bench/store.py --sessions 10000 --json store.json

A database is filled with what a practice leaves behind: members who train for a year, a coach,
plans, an audit log, jobs. Then every read that the page makes is asked again and again, each time
for another session where there is a choice. Server and client share one process and one event
loop, so the client's own work is in every figure. The network is a fake: nothing here needs it.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from histories import whole_session

from posesim_server import schema
from posesim_server.keys import STORE
from posesim_server.store.sessions import WholeSession
from posesim_server.store.users import User
from server import Server, running

MEMBERS = 12
EXERCISES = 12
TEMPLATES = 60  # different sessions; the others are copies with ids and times of their own
DAYS = 365
GOAL_MS = 50.0


@dataclass(frozen=True)
class Timing:
    """How long one kind of request took, in milliseconds."""

    call: str
    p50_ms: float
    p95_ms: float
    max_ms: float
    bytes: int


@dataclass(frozen=True)
class Filled:
    """Who and what is in the database."""

    anna: User
    coach: User
    admin: User
    exercise_ids: list[str]
    annas: list[str]  # her sessions' ids


async def main() -> None:
    """Fill a database, then ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=60, help="of each kind")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        async with running(data) as server:
            begun_s = time.perf_counter()
            filled = await fill(server, data, options.sessions)
            await check_seen(server, filled)
            await server.app[STORE].database.forget_traces()  # the log into the database
            print(f"filled in {time.perf_counter() - begun_s:.0f} s, {size_mb(data):.0f} MB")
            gc.collect()
            gc.freeze()  # as a server does when it has started
            load = os.getloadavg()[0]
            timings = [
                await measure(call, ask, options.requests) for call, ask in calls(server, filled)
            ]
    show(timings, load)
    if options.json:
        result = {
            "sessions": options.sessions,
            "cpus": os.cpu_count(),
            "load_1min": load,
            "timings": [asdict(timing) for timing in timings],
        }
        options.json.write_text(json.dumps(result, indent=1))


# What is in the database


async def fill(server: Server, data: Path, sessions: int) -> Filled:
    """Make accounts by the server's own code, and all else by inserting rows."""
    coach = await server.add_user("carla", "coach")
    admin = await server.add_user("ada", "admin")
    members = [server.user]
    members += [await server.add_user(f"member {n}") for n in range(1, MEMBERS)]
    for member in members:
        await server.app[STORE].coachings.add(coach.id, member.id)
    exercise_ids = [str(uuid.uuid4()) for _ in range(EXERCISES)]
    rng = random.Random(1)
    begun = datetime.now(UTC) - timedelta(days=DAYS)
    # Anna has a quarter of all sessions, so that her history is a long one.
    owners = [members[0] if n % 4 == 0 else rng.choice(members[1:]) for n in range(sessions)]
    templates = [
        whole_session(coach.id, seed, scores=60 + 4 * seed % 240) for seed in range(TEMPLATES)
    ]

    def copies() -> Iterator[WholeSession]:
        for n, owner in enumerate(owners):
            at = begun + timedelta(days=DAYS) * n / sessions
            which = rng.randrange(EXERCISES)
            template = templates[n % TEMPLATES]
            session = replace(
                template.session,
                id=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                user_id=owner.id,
                exercise_id=exercise_ids[which],
                exercise_name=f"Exercise {which}",
                created_at=at,
                started_at=at + timedelta(seconds=4),
                ended_at=at + timedelta(minutes=2),
            )
            yield WholeSession(session, template.parts)

    annas: list[str] = []

    def insert() -> None:
        engine = sa.create_engine(f"sqlite:///{next(data.glob('*.sqlite3'))}")
        with engine.begin() as connection:
            connection.execute(sa.insert(schema.exercises), exercises(coach, exercise_ids))
            connection.execute(
                sa.insert(schema.assignments), plans(coach, members, exercise_ids, begun.date())
            )
            connection.execute(sa.insert(schema.audit), log(coach, members, begun, sessions))
            connection.execute(sa.insert(schema.jobs), jobs(members, begun))
            for whole in copies():
                insert_session(connection, whole)
                if whole.session.user_id == server.user.id:
                    annas.append(whole.session.id)
        engine.dispose()

    await asyncio.to_thread(insert)
    return Filled(server.user, coach, admin, exercise_ids, annas)


def insert_session(connection: sa.Connection, whole: WholeSession) -> None:
    """Add a session with all its rows."""
    connection.execute(sa.insert(schema.sessions), vars(whole.session))
    for table, rows in (
        (schema.scores, whole.parts.scores),
        (schema.repetitions, whole.parts.repetitions),
        (schema.gaps, whole.parts.gaps),
        (schema.cues, whole.parts.cues),
    ):
        values = [{"session_id": whole.session.id, **vars(row)} for row in rows]
        connection.execute(sa.insert(table), values)


def exercises(coach: User, ids: list[str]) -> list[dict[str, Any]]:
    """The coach's exercises, which all members may train with."""
    at = datetime.now(UTC) - timedelta(days=DAYS)
    return [
        {
            "id": exercise_id,
            "user_id": coach.id,
            "name": f"Exercise {n}",
            "state": "ready",
            "duration_s": 8.4,
            "clip_duration_s": 9.0,
            "clip_sha256": f"{n:064x}",
            "clip_type": "video/mp4",
            "visibility": "members",
            "created_at": at,
        }
        for n, exercise_id in enumerate(ids)
    ]


def plans(
    coach: User, members: list[User], exercise_ids: list[str], begun: date
) -> list[dict[str, Any]]:
    """Four exercises in each member's plan, every day."""
    return [
        {
            "id": str(uuid.uuid4()),
            "coach_id": coach.id,
            "member_id": member.id,
            "exercise_id": exercise_ids[n],
            "target": 10,
            "note": "slowly",
            "weekdays": 127,
            "starts_on": begun,
            "position": n,
            "created_at": datetime.now(UTC),
        }
        for member in members
        for n in range(4)
    ]


def log(coach: User, members: list[User], begun: datetime, count: int) -> list[dict[str, Any]]:
    """As many entries of the audit log as there are sessions."""
    return [
        {
            "at": begun + timedelta(days=DAYS) * n / count,
            "actor_id": coach.id,
            "action": "results.read",
            "subject_id": members[n % len(members)].id,
        }
        for n in range(count)
    ]


def jobs(members: list[User], begun: datetime) -> list[dict[str, Any]]:
    """Ten compared videos of each member."""
    return [
        {
            "id": str(uuid.uuid4()),
            "user_id": member.id,
            "state": "done",
            "video_name": "squats.mp4",
            "reference_name": "Squat",
            "created_at": begun + timedelta(days=30 * n),
            "result": {"timeline": [{"t_s": 0.32 * t, "score": 80.0} for t in range(200)]},
        }
        for member in members
        for n in range(10)
    ]


async def check_seen(server: Server, filled: Filled) -> None:
    """Make sure that the server sees what was put there."""
    found = await server.get("/v1/sessions?limit=1", filled.anna)
    assert found["sessions"][0]["id"] == filled.annas[-1]


# What is asked

Ask = Callable[[int], Awaitable[Any]]


def calls(server: Server, filled: Filled) -> Iterator[tuple[str, Ask]]:
    """Every read of the page; those of one session ask for another one each time."""
    rng = random.Random(2)
    some = [rng.choice(filled.annas) for _ in range(1000)]
    today = datetime.now(UTC).date()
    member = f"/v1/members/{filled.anna.id}"
    exercise = filled.exercise_ids[3]

    def read(user: User, path: Callable[[int], str]) -> Ask:
        headers = server.headers_of(user)
        return lambda n: server.client.get(path(n), headers=headers)

    def always(user: User, path: str) -> tuple[str, Ask]:
        shown = path.replace(filled.anna.id, "ID").replace(exercise, "ID")
        return shown.replace(str(today), "DAY"), read(user, lambda _: path)

    yield always(filled.anna, "/v1/me")
    yield always(filled.anna, "/v1/consents")
    yield always(filled.anna, "/v1/coaches")
    yield always(filled.anna, f"/v1/today?date={today}&utc_offset_min=60")
    yield always(filled.anna, "/v1/exercises")
    yield always(filled.anna, f"/v1/exercises/{exercise}")
    yield always(filled.anna, "/v1/sessions?limit=50")
    yield always(filled.anna, f"/v1/sessions?limit=50&exercise_id={exercise}")
    yield "/v1/sessions?limit=50&before=…", _pages(server, filled)
    yield "/v1/sessions/ID", read(filled.anna, lambda n: f"/v1/sessions/{some[n]}")
    yield "/v1/sessions/ID/scores", read(filled.anna, lambda n: f"/v1/sessions/{some[n]}/scores")
    yield "/v1/sessions/ID/record", read(filled.anna, lambda n: f"/v1/sessions/{some[n]}/record")
    yield always(filled.anna, "/v1/progress?weeks=12&utc_offset_min=60")
    yield always(filled.anna, "/v1/progress?weeks=52&utc_offset_min=60")
    yield always(filled.anna, f"/v1/progress?weeks=12&exercise_id={exercise}")
    yield always(filled.anna, "/v1/jobs?limit=20")
    yield always(filled.anna, "/v1/audit?limit=50")
    yield always(filled.coach, "/v1/members")
    yield always(filled.coach, "/v1/invitations")
    yield always(filled.coach, f"{member}/assignments")
    yield always(filled.coach, f"{member}/sessions?limit=50")
    yield always(filled.coach, f"{member}/progress?weeks=12&utc_offset_min=60")
    yield (
        "/v1/members/ID/sessions/ID/record",
        read(filled.coach, lambda n: f"{member}/sessions/{some[n]}/record"),
    )
    yield always(filled.admin, "/v1/users")
    yield always(filled.admin, "/v1/audit?limit=100&all=true")
    # Not of a page that waits: files that are made when they are asked for.
    for name in ("export.json", "export.csv", "report.html", "report.pdf"):
        yield (
            f"/v1/sessions/ID/{name} (a file)",
            read(filled.anna, lambda n, name=name: f"/v1/sessions/{some[n]}/{name}"),
        )


def _pages(server: Server, filled: Filled) -> Ask:
    headers = server.headers_of(filled.anna)

    def ask(n: int) -> Awaitable[Any]:
        before = datetime.now(UTC) - timedelta(days=5 * n % DAYS)
        return server.client.get(
            "/v1/sessions", params={"limit": 50, "before": before.isoformat()}, headers=headers
        )

    return ask


async def measure(call: str, ask: Ask, requests: int) -> Timing:
    """Ask so many times, one after the other; the first answer only warms up."""
    took_ms, size = [], 0
    for n in range(requests + 1):
        begun_s = time.perf_counter()
        response = await ask(n)
        content = await response.read()
        took_ms.append((time.perf_counter() - begun_s) * 1000)
        assert response.status == 200, (call, response.status, content)
        size = max(size, len(content))
    took_ms = took_ms[1:]
    ranked = statistics.quantiles(took_ms, n=100, method="inclusive")
    return Timing(
        call,
        round(statistics.median(took_ms), 1),
        round(ranked[94], 1),
        round(max(took_ms), 1),
        size,
    )


def show(timings: list[Timing], load: float) -> None:
    """Print a table; what misses the goal is marked."""
    print(f"{os.cpu_count()} CPUs, load {load:.1f} before the first request\n")
    print(f"{'request':<56} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8} {'kB':>7}")
    for timing in timings:
        slow = timing.p95_ms >= GOAL_MS and "(a file)" not in timing.call
        print(
            f"{timing.call:<56} {timing.p50_ms:>8.1f} {timing.p95_ms:>8.1f} {timing.max_ms:>8.1f} "
            f"{timing.bytes / 1000:>7.1f}{f'  p95 above {GOAL_MS:.0f} ms' if slow else ''}"
        )


def size_mb(data: Path) -> float:
    """The database."""
    return sum(file.stat().st_size for file in data.glob("*.sqlite3")) / 1e6


if __name__ == "__main__":
    asyncio.run(main())
