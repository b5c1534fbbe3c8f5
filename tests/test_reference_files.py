from dataclasses import replace
from datetime import UTC, datetime

import pytest

from posesim_server.library.reference_files import ReferenceFiles
from posesim_server.store.exercises import Exercise

WHOLE = (None, None)
SHA = "ab" * 32

EXERCISE = Exercise(
    id="e-1",
    user_id="anna",
    owner_name="Anna",
    name="Squat",
    description="",
    state="ready",
    error=None,
    duration_s=9.0,
    clip_duration_s=9.0,
    clip_sha256=SHA,
    clip_type="video/mp4",
    start_s=None,
    end_s=None,
    mirrored=False,
    kind="repetitions",
    target=None,
    visibility="private",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("start_s", "end_s", "reference", "thumbnail"),
    [
        (None, None, "reference.npz", "thumbnail.jpg"),
        (1.2, 8.4, "reference-1200-8400.npz", "thumbnail-1200-8400.jpg"),
        (None, 8.4, "reference-0-8400.npz", "thumbnail-0-8400.jpg"),
        (1.2, None, "reference-1200-end.npz", "thumbnail-1200-end.jpg"),
        (1.255, 8.413, "reference-1255-8413.npz", "thumbnail-1255-8413.jpg"),
    ],
)
def test_files_are_named_by_content_and_trim_points(tmp_path, start_s, end_s, reference, thumbnail):
    files = ReferenceFiles(tmp_path)
    part = replace(EXERCISE, start_s=start_s, end_s=end_s)
    assert files.reference(part) == tmp_path / "anna" / SHA / reference
    assert files.thumbnail(part) == tmp_path / "anna" / SHA / thumbnail
    assert files.clip(part) == tmp_path / "anna" / SHA / "clip"


@pytest.fixture
def files(tmp_path):
    files = ReferenceFiles(tmp_path)
    for name in ("sent", "picture"):
        (tmp_path / name).write_text(name)
    files.keep(tmp_path / "sent", tmp_path / "picture", "anna", SHA)
    for trim in (WHOLE, (1.2, 8.4)):
        part = replace(EXERCISE, start_s=trim[0], end_s=trim[1])
        files.reference(part).touch()
        files.thumbnail(part).touch()
    return files


def names(tmp_path):
    return sorted(path.name for path in (tmp_path / "anna").rglob("*"))


def test_what_is_kept_is_moved_with_its_picture(files, tmp_path):
    assert files.clip(EXERCISE).read_text() == "sent"
    assert files.thumbnail(EXERCISE).read_text() == "picture"
    assert not (tmp_path / "sent").exists()


def test_files_that_some_part_needs_stay(files, tmp_path):
    before = names(tmp_path)
    files.remove_unused("anna", SHA, {WHOLE, (1.2, 8.4)})
    assert names(tmp_path) == before


def test_files_of_a_part_that_none_needs_go(files, tmp_path):
    files.remove_unused("anna", SHA, {(1.2, 8.4)})
    kept = ["clip", "reference-1200-8400.npz", "thumbnail-1200-8400.jpg"]
    assert names(tmp_path) == sorted([SHA, *kept])


def test_a_clip_that_none_needs_goes_with_its_folder(files, tmp_path):
    files.remove_unused("anna", SHA, set())
    assert names(tmp_path) == []
