"""A history as files, and back: complete, and safe against whatever somebody puts into it."""

import csv
import io
import json
import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from histories import BEGUN, named, whole_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posesim.timebase import GapReason
from posesim.updates import PARTS, CueName
from posesim_server.exports.format import SCORE_COLUMNS, ExportedSession, HistoryFile
from posesim_server.exports.history_json import exported, whole_export
from posesim_server.exports.importing import Imported, import_history
from posesim_server.exports.reading import BadExport, open_export, parts_of_export
from posesim_server.exports.tables import (
    HISTORY_COLUMNS,
    TIMELINE_COLUMNS,
    header,
    history_rows,
    timeline,
)
from posesim_server.live.outcomes import EndReason, StateName
from posesim_server.store import Store
from posesim_server.store.parts import CueRow, GapRow, Parts, RepetitionRow, ScoreRow
from posesim_server.store.sessions import StoredSession, WholeSession

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
USER = "b1b6a3c6-1d8a-4d8e-8d1f-5b8f6d3a2c10"


# For what is refused before it comes to the database.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def store(database_url):
    store = await Store.open(database_url)
    yield store
    await store.close()


@pytest.fixture
async def anna(store):
    return await store.users.add("anna", "h")


def export_of(*sessions):
    return whole_export(sessions, NOW).encode()


def content(raw):
    """An export's sessions by id, and without when it was made."""
    return {session["id"]: session for session in json.loads(raw)["sessions"]}


async def export(store, user):
    return export_of(*await store.sessions.ended(user.id, limit=1000))


# Histories of any kind

number = st.floats(0, 100, width=32).map(lambda value: round(value, 4))
share = st.floats(0, 1).map(lambda value: round(value, 4))
maybe = st.one_of
seconds = st.floats(0, 4000).map(lambda value: round(value, 4))
moments = st.datetimes(
    datetime(2020, 1, 1),
    datetime(2026, 11, 1),
    timezones=st.just(UTC),
)
names = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=80
).filter(lambda name: name.isprintable())
parts_of_body = st.sampled_from(PARTS)
score_rows = st.builds(
    ScoreRow,
    seq=st.just(0),
    t_s=seconds,
    score=maybe(st.none(), number),
    state=st.sampled_from(get_args(StateName)),
    movement=maybe(st.none(), share),
    timing=maybe(st.none(), share),
    range=maybe(st.none(), share),
    reference_s=maybe(st.none(), seconds),
    tempo=maybe(st.none(), number),
)
repetition_rows = st.builds(
    RepetitionRow,
    number=st.just(0),
    start_s=seconds,
    end_s=seconds,
    valid=st.booleans(),
    score=maybe(st.none(), number),
    range=number,
    tempo=maybe(st.none(), number),
    differences=st.lists(
        st.fixed_dictionaries({"part": parts_of_body, "degrees": st.integers(-180, 180)}),
        max_size=3,
    ),
)
gap_rows = st.builds(
    GapRow,
    seq=st.just(0),
    start_s=seconds,
    end_s=seconds,
    reason=st.sampled_from(get_args(GapReason)),
)


@st.composite
def cue_rows(draw):
    cue = draw(st.sampled_from(get_args(CueName)))
    part = draw(parts_of_body) if cue == "check" else None
    return CueRow(0, draw(seconds), cue, part, draw(st.booleans()))


@st.composite
def all_parts(draw):
    def numbered(rows, name, first):
        return tuple(replace(row, **{name: n}) for n, row in enumerate(rows, first))

    return Parts(
        numbered(draw(st.lists(score_rows, max_size=8)), "seq", 0),
        numbered(draw(st.lists(repetition_rows, max_size=4)), "number", draw(st.integers(1, 9))),
        numbered(draw(st.lists(gap_rows, max_size=3)), "seq", 0),
        numbered(draw(st.lists(cue_rows(), max_size=3)), "seq", 0),
    )


@st.composite
def summaries(draw):
    nothing = draw(st.booleans())
    return {
        "score": None if nothing else draw(number),
        "state": draw(st.sampled_from(get_args(StateName))),
        "components": None
        if nothing
        else {name: draw(share) for name in ("movement", "timing", "range")},
        "tempo": draw(maybe(st.none(), number)),
        "scored_s": draw(seconds),
        "duration_s": draw(seconds),
        "best_score": None if nothing else draw(number),
        "best_s": None if nothing else draw(seconds),
        "gaps": draw(st.integers(0, 9)),
        "repetitions": draw(st.integers(0, 99)),
        "attempts": draw(st.integers(0, 99)),
        "held_s": draw(maybe(st.none(), seconds)),
    }


@st.composite
def wholes(draw, user_id=USER):
    session = StoredSession(
        id=str(draw(st.uuids(version=4))),
        user_id=user_id,
        exercise_id=None,
        exercise_name=draw(names),
        source=draw(st.sampled_from(["live", "file"])),
        kind=draw(st.sampled_from(["repetitions", "hold", "routine"])),
        target=draw(maybe(st.none(), st.integers(0, 999))),
        reference_start_s=draw(seconds),
        state="ended",
        created_at=draw(moments),
        started_at=draw(maybe(st.none(), moments)),
        ended_at=draw(moments),
        end_reason=draw(maybe(st.none(), st.sampled_from(get_args(EndReason)))),
        summary=draw(maybe(st.none(), summaries())),
        imported_exercise_id=draw(maybe(st.none(), st.uuids(version=4).map(str))),
        in_call=draw(st.booleans()),
        corrected_repetitions=draw(maybe(st.none(), st.integers(0, 9999))),
    )
    return WholeSession(session, draw(all_parts()))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(wholes(), max_size=4, unique_by=lambda whole: whole.session.id))
def test_what_is_written_is_what_is_read(sessions):
    read = open_export(export_of(*sessions))
    assert [parts_of_export(session) for session in read.sessions()] == [
        whole.parts for whole in sessions
    ]
    assert [session.exercise_name for session in read.sessions()] == [
        whole.session.exercise_name for whole in sessions
    ]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sessions=st.lists(wholes(), max_size=3, unique_by=lambda whole: whole.session.id))
async def test_a_history_goes_into_an_empty_account_and_comes_out_the_same(store, sessions):
    name = uuid.uuid4().hex
    user = await store.users.add(name, "h")
    raw = export_of(*sessions)
    assert await import_history(store, user.id, raw, NOW) == Imported(len(sessions), 0)
    assert content(await export(store, user)) == content(raw)
    await store.users.remove(name)


async def test_a_kept_history_goes_into_an_empty_account_and_comes_out_the_same(store, anna):
    sessions = [whole_session(anna.id, seed, scores=60 + seed) for seed in range(45)]
    await store.sessions.add_whole(sessions)
    raw = await export(store, anna)
    await store.users.remove("anna")
    ben = await store.users.add("ben", "h")
    assert await import_history(store, ben.id, raw, NOW) == Imported(45, 0)
    assert content(await export(store, ben)) == content(raw)
    whole = await store.sessions.whole(ben.id, sessions[7].session.id)
    assert whole.parts == sessions[7].parts
    assert whole.session.imported_at == NOW


# Imports


async def test_importing_twice_changes_nothing(store, anna):
    raw = export_of(*(whole_session(USER, seed) for seed in range(3)))
    await import_history(store, anna.id, raw, NOW)
    before = await export(store, anna)
    assert await import_history(store, anna.id, raw, NOW) == Imported(0, 3)
    assert await export(store, anna) == before


async def test_one_session_twice_in_a_file_comes_once(store, anna):
    whole = whole_session(USER, 1)
    assert await import_history(store, anna.id, export_of(whole, whole), NOW) == Imported(1, 1)


async def test_what_is_here_stays_as_it_is(store, anna):
    whole = whole_session(anna.id, 1)
    await store.sessions.add_whole([whole])
    forged = named(whole, "Something else")
    assert await import_history(store, anna.id, export_of(forged), NOW) == Imported(0, 1)
    assert (await store.sessions.whole(anna.id, whole.session.id)) == whole


async def test_a_session_whose_id_is_anothers_gets_one_of_its_own_once(store, anna):
    ben = await store.users.add("ben", "h")
    hers = whole_session(anna.id, 1)
    await store.sessions.add_whole([hers])
    raw = export_of(named(hers, "Forged"))
    assert await import_history(store, ben.id, raw, NOW) == Imported(1, 0)
    assert await import_history(store, ben.id, raw, NOW) == Imported(0, 1)
    (his,) = await store.sessions.ended(ben.id, limit=9)
    assert his.session.id != hers.session.id
    assert his.parts == hers.parts
    assert await store.sessions.whole(anna.id, hers.session.id) == hers


async def test_an_imported_session_finds_its_exercise_if_the_user_may_see_it(store, anna):
    exercise = await store.exercises.add(
        anna.id, name="Squat", clip_sha256="0" * 64, clip_type="video/mp4", duration_s=8.4
    )
    raw = export_of(whole_session(USER, 1, exercise=exercise))
    ben = await store.users.add("ben", "h")
    for user, found in ((ben, None), (anna, exercise.id)):
        await import_history(store, user.id, raw, NOW)
        (whole,) = await store.sessions.ended(user.id, limit=9)
        assert whole.session.exercise_id == found
        assert json.loads(await export(store, user))["sessions"][0]["exercise_id"] == exercise.id


def changed(**values):
    """An export of one session, in which some fields are something else."""
    whole = exported(whole_session(USER, 1, scores=20))
    return json.dumps({**json.loads(export_of()), "sessions": [{**whole, **values}]}).encode()


GOOD_SCORE = [1.0, 80.0, "scoring", 0.5, 0.5, 0.5, 1.0, 1.0]
GOOD_REPETITION = {
    "number": 1,
    "start_s": 1.0,
    "end_s": 2.0,
    "valid": True,
    "score": 80.0,
    "range": 1.0,
    "tempo": 1.0,
    "differences": [],
}
HOSTILE = [
    ({"id": "../../etc/passwd"}, "sessions.0.id"),
    ({"id": None}, "sessions.0.id"),
    ({"user_id": USER}, "sessions.0.user_id"),
    ({"state": "live"}, "sessions.0.state"),
    ({"imported_at": None}, "sessions.0.imported_at"),
    ({"exercise_name": ""}, "sessions.0.exercise_name"),
    ({"exercise_name": "x" * 81}, "sessions.0.exercise_name"),
    ({"exercise_name": "a\u0000b"}, "sessions.0.exercise_name"),
    ({"exercise_name": "a\u202eb"}, "sessions.0.exercise_name"),
    ({"exercise_name": "a\nb"}, "sessions.0.exercise_name"),
    ({"exercise_name": "\ud800"}, "sessions.0"),
    ({"exercise_id": "x"}, "sessions.0.exercise_id"),
    ({"source": "import"}, "sessions.0.source"),
    ({"target": -1}, "sessions.0.target"),
    ({"target": 10**30}, "sessions.0.target"),
    ({"reference_start_s": float("nan")}, "sessions.0"),
    ({"reference_start_s": 1e300}, "sessions.0.reference_start_s"),
    ({"reference_start_s": "1"}, "sessions.0.reference_start_s"),
    ({"created_at": "yesterday"}, "sessions.0.created_at"),
    ({"created_at": "2026-01-01T00:00:00"}, "sessions.0.created_at"),
    ({"created_at": "0001-01-01T00:00:00+14:00"}, "sessions.0.created_at"),
    ({"created_at": "2126-01-01T00:00:00Z"}, "sessions.0.created_at"),
    ({"ended_at": None}, "sessions.0.ended_at"),
    ({"end_reason": "because"}, "sessions.0.end_reason"),
    ({"summary": {}}, "sessions.0.summary"),
    ({"summary": "x"}, "sessions.0.summary"),
    ({"scores": [GOOD_SCORE[:-1]]}, "sessions.0.scores.0"),
    ({"scores": [[*GOOD_SCORE, 1]]}, "sessions.0.scores.0"),
    ({"scores": [[1.0, 101.0, *GOOD_SCORE[2:]]]}, "sessions.0.scores.0.1"),
    ({"scores": [[-1.0, *GOOD_SCORE[1:]]]}, "sessions.0.scores.0.0"),
    ({"scores": [[1.0, True, *GOOD_SCORE[2:]]]}, "sessions.0.scores.0.1"),
    ({"scores": [[1.0, 80.0, "flying", *GOOD_SCORE[3:]]]}, "sessions.0.scores.0.2"),
    ({"scores": {"0": GOOD_SCORE}}, "sessions.0.scores"),
    ({"scores": [GOOD_SCORE] * 100_001}, "sessions.0"),
    ({"repetitions": [GOOD_REPETITION] * 2}, "sessions.0"),
    ({"repetitions": [{**GOOD_REPETITION, "number": 0}]}, "sessions.0.repetitions.0.number"),
    ({"repetitions": [{**GOOD_REPETITION, "extra": 1}]}, "sessions.0.repetitions.0.extra"),
    ({"gaps": [{"start_s": 1, "end_s": 2, "reason": "lunch"}]}, "sessions.0.gaps.0.reason"),
    ({"cues": [{"t_s": 1, "cue": "check", "part": None, "praise": False}]}, "sessions.0.cues.0"),
    ({"cues": [{"t_s": 1, "cue": "lower", "part": "trunk", "praise": False}]}, "sessions.0.cues.0"),
]


@ON_SQLITE
@pytest.mark.parametrize(("values", "place"), HOSTILE)
async def test_a_session_with_anything_that_does_not_fit_is_refused_by_its_place(
    store, anna, values, place
):
    with pytest.raises(BadExport) as caught:
        await import_history(store, anna.id, changed(**values), NOW)
    assert str(caught.value).startswith(place)
    assert "Value error" not in str(caught.value)
    assert await store.sessions.ended(anna.id, limit=9) == []


async def test_one_bad_session_keeps_all_others_out(store, anna):
    good = [exported(whole_session(USER, seed)) for seed in range(50)]
    bad = {**exported(whole_session(USER, 50)), "kind": "dance"}
    raw = json.dumps({**json.loads(export_of()), "sessions": [*good, bad]}).encode()
    with pytest.raises(BadExport, match=r"^sessions\.50\.kind"):
        await import_history(store, anna.id, raw, NOW)
    assert await store.sessions.ended(anna.id, limit=99) == []


EMPTY = json.loads(export_of())


@ON_SQLITE
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"sessions":[]',
        b'{"sessions":[]}',
        b'{"sessions":{}}',
        b'{"sessions":[',
        b'{"a":"sessions":[]}',
        json.dumps({**EMPTY, "version": 2}).encode(),
        json.dumps({**EMPTY, "format": "other"}).encode(),
        json.dumps({**EMPTY, "score_columns": SCORE_COLUMNS[::-1]}).encode(),
        json.dumps({**EMPTY, "more": 1}).encode(),
        json.dumps({"more": {"sessions": []}, **EMPTY}).encode(),
        json.dumps({**EMPTY, "exported_at": "x" * 5000}).encode(),
        json.dumps({**EMPTY, "sessions": [1]}).encode(),
        json.dumps({**EMPTY, "sessions": [[]]}).encode(),
        json.dumps({**EMPTY, "sessions": [None]}).encode(),
        export_of(whole_session(USER, 1)).replace(b'"scores"', b'"scores"]'),
        export_of(whole_session(USER, 1), whole_session(USER, 2)).replace(b"},\n{", b"}\n{"),
        export_of(whole_session(USER, 1), whole_session(USER, 2)).replace(b"},\n{", b"},,\n{"),
        export_of(whole_session(USER, 1))[:-20],
        export_of(whole_session(USER, 1)).replace(b"\n]}", b",\n]}"),
        export_of(whole_session(USER, 1)) + b"{}",
        b'{"sessions":' + b"[" * 100_000,
        b'{"sessions":[' + b'{"a":' * 100_000,
        b'{"sessions":["' + b"\\" * 100_001,
        b'{"sessions":[{"a":"' + b'\\"' * 2_000_000,  # hours, if read from each quotation mark
    ],
)
async def test_what_is_no_export_is_refused(store, anna, raw):
    with pytest.raises(BadExport):
        await import_history(store, anna.id, raw, NOW)


def test_a_session_that_would_be_huge_in_memory_is_not_even_read():
    bomb = b"[" + b"{}," * 2_000_000 + b"{}]"
    with pytest.raises(BadExport, match="too long"):
        open_export(export_of().replace(b"\n]}", b'{"scores":' + bomb + b"}]}"))


def test_an_export_may_be_formatted_anew_by_hand():
    whole = whole_session(USER, 1, scores=20)
    document = json.loads(export_of(whole))
    turned = {name: document[name] for name in reversed(document)}
    pretty = json.dumps(turned, indent=3).encode("utf-8-sig")
    assert [each.id for each in open_export(pretty).sessions()] == [whole.session.id]


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(raw):
    with pytest.raises(BadExport):
        open_export(raw)


@given(st.data())
def test_no_damage_to_an_export_does_harm(data):
    raw = bytearray(export_of(whole_session(USER, 1, scores=20)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    try:
        sessions = list(open_export(bytes(raw)).sessions())
    except BadExport:
        return
    assert len(sessions) == 1


def test_the_format_is_documented_as_it_is_written():
    document = HistoryFile.model_validate_json(export_of(whole_session(USER, 1)))
    assert document.sessions[0].exercise_name == "Squat"
    assert list(ExportedSession.model_fields) == list(exported(whole_session(USER, 1)))
    assert tuple(f.name for f in fields(ScoreRow) if f.name != "seq") == SCORE_COLUMNS


# Tables


def rows_of(text):
    assert text.startswith("\ufeff")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_a_table_of_sessions_has_one_line_each():
    sessions = [whole_session(USER, seed).session for seed in range(3)]
    rows = rows_of(header(HISTORY_COLUMNS) + history_rows(sessions))
    assert [row["id"] for row in rows] == [session.id for session in sessions]
    summary = sessions[0].summary
    assert rows[0]["score"] == str(summary["score"])
    assert rows[0]["movement"] == str(summary["components"]["movement"])
    assert rows[0]["created_at"] == "2026-11-23T17:30:00Z"
    assert rows[0]["held_s"] == ""


def test_a_table_says_what_was_made_in_a_call_and_what_its_coach_counted():
    sessions = [
        replace(whole_session(USER, 1).session, in_call=True, corrected_repetitions=12),
        whole_session(USER, 2).session,
    ]
    called, alone = rows_of(header(HISTORY_COLUMNS) + history_rows(sessions))
    assert (called["in_call"], called["corrected_repetitions"]) == ("true", "12")
    assert called["repetitions"] == str(sessions[0].summary["repetitions"])
    assert (alone["in_call"], alone["corrected_repetitions"]) == ("false", "")


def test_a_session_that_nobody_joined_has_a_line_too():
    session = replace(whole_session(USER, 1).session, summary=None, started_at=None)
    (row,) = rows_of(header(HISTORY_COLUMNS) + history_rows([session]))
    assert (row["score"], row["started_at"], row["state"]) == ("", "", "")


def test_a_timeline_has_every_row_in_the_order_of_time():
    whole = whole_session(USER, 1)
    rows = rows_of(timeline(whole))
    assert len(rows) == len(whole.parts)
    times = [float(row["t_s"]) for row in rows]
    assert times == sorted(times)
    assert {row["entry"] for row in rows} == {"score", "repetition", "gap", "cue"}
    first = next(row for row in rows if row["score"] and row["entry"] == "score")
    assert float(first["clip_s"]) == pytest.approx(float(first["reference_s"]) + 0.4)
    assert tuple(rows[0]) == TIMELINE_COLUMNS
    differences = [row["differences"] for row in rows if row["differences"]]
    assert differences[0] == "left_knee:-20"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@A1", "＝1", "\t=1"])
def test_no_name_is_run_as_a_formula(name):
    session = named(whole_session(USER, 1), name).session
    (row,) = rows_of(header(HISTORY_COLUMNS) + history_rows([session]))
    assert row["exercise_name"] == f"'{name}"


@pytest.mark.parametrize("name", ['say "hi", now', "a;b", "Kniebeuge – tief", "深蹲"])
def test_a_name_comes_out_as_it_is(name):
    session = named(whole_session(USER, 1), name).session
    (row,) = rows_of(header(HISTORY_COLUMNS) + history_rows([session]))
    assert row["exercise_name"] == name


# Over pages of the database


async def test_an_export_goes_through_sessions_of_one_moment_without_losing_any(store, anna):
    sessions = [whole_session(anna.id, seed, scores=20) for seed in range(7)]
    later = whole_session(anna.id, 99, scores=20, at=BEGUN + timedelta(days=1))
    await store.sessions.add_whole([*sessions, later])
    seen, last = [], None
    while some := await store.sessions.ended(anna.id, limit=3, after=last):
        seen += [whole.session.id for whole in some]
        last = some[-1].session
    assert seen == [*sorted(whole.session.id for whole in sessions), later.session.id]
