from datetime import UTC, date, datetime, timedelta

import pytest

from posesim_server.progress import Week, begin, by_exercise, by_week, first_monday
from posesim_server.store.progress import Trained

MONDAY = date(2026, 11, 23)


def trained(at, score=80.0, best=90.0, name="Squat", exercise_id="e-1", repetitions=5):
    return Trained(datetime.fromisoformat(at), exercise_id, name, score, best, repetitions, 60.0)


def test_the_last_of_the_weeks_is_the_one_that_is_now():
    sunday_evening = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    assert first_monday(sunday_evening, 1, 0) == MONDAY
    assert first_monday(sunday_evening, 3, 0) == MONDAY - timedelta(days=14)
    assert first_monday(sunday_evening, 1, 60) == date(2026, 11, 30)


def test_a_week_begins_at_midnight_where_the_person_is():
    assert begin(MONDAY, 60) == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert begin(MONDAY, -300) == datetime(2026, 11, 23, 5, tzinfo=UTC)


@pytest.mark.parametrize(("offset", "in_second"), [(0, 0), (60, 1), (-60, 0)])
def test_a_session_counts_in_the_week_of_its_own_place(offset, in_second):
    sunday = trained("2026-11-29T23:30:00+00:00")
    weeks = by_week([sunday], MONDAY, 2, offset)
    assert [week.sessions for week in weeks] == [1 - in_second, in_second]


def test_a_week_sums_up_its_sessions():
    sessions = [
        trained("2026-11-23T08:00:00+00:00", score=70.0, best=85.0),
        trained("2026-11-23T18:00:00+00:00", score=80.0, best=95.0),
        trained("2026-11-26T18:00:00+00:00", score=None, best=None, repetitions=0),
    ]
    assert by_week(sessions, MONDAY, 1, 0) == [Week(MONDAY, 3, 75.0, 95.0, 10, 180.0, 2)]


def test_a_week_without_a_session_is_there_and_empty():
    assert by_week([], MONDAY, 2, 0)[1] == Week(date(2026, 11, 30), 0, None, None, 0, 0, 0)


def test_each_exercise_is_summed_up_under_its_newest_name():
    sessions = [
        trained("2026-11-23T08:00:00+00:00", score=70.0, name="Squad"),
        trained("2026-11-24T08:00:00+00:00", name="Plank", exercise_id="e-2"),
        trained("2026-11-25T08:00:00+00:00", score=80.0),
    ]
    found = by_exercise(sessions)
    assert [(each.name, each.sessions, each.mean_score) for each in found] == [
        ("Squat", 2, 75.0),
        ("Plank", 1, 80.0),
    ]
    assert found[0].last_at == datetime(2026, 11, 25, 8, tzinfo=UTC)


def test_deleted_exercises_count_by_their_names():
    sessions = [
        trained("2026-11-23T08:00:00+00:00", exercise_id=None, name=name)
        for name in ("Squat", "Plank", "Squat")
    ]
    assert sorted((each.name, each.sessions) for each in by_exercise(sessions)) == [
        ("Plank", 1),
        ("Squat", 2),
    ]
