"""Where an exercise's files are, in the data folder and in a bucket."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from posesim_server.library.reference_files import ReferenceFiles
from posesim_server.objects.opening import open_objects
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


OF_ANNA = f"references/anna/{SHA}"


@pytest.fixture(params=["folder", "bucket"])
async def objects(request, tmp_path):
    if request.param == "folder":
        return await open_objects(tmp_path / "data", None)
    bucket = request.getfixturevalue("s3").bucket()
    return await open_objects(
        tmp_path / "data", bucket.url, endpoint=bucket.s3.endpoint, cache_bytes=10**6
    )


@pytest.fixture
def made(tmp_path):
    """Make a file of this machine that says what it is."""

    def make(content):
        path = tmp_path / content
        path.write_text(content)
        return path

    return make


def part_of(trim):
    return replace(EXERCISE, start_s=trim[0], end_s=trim[1])


@pytest.mark.parametrize(
    ("trim", "part"),
    [
        (WHOLE, ""),
        ((1.2, 8.4), "-1200-8400"),
        ((None, 8.4), "-0-8400"),
        ((1.2, None), "-1200-end"),
        ((1.255, 8.413), "-1255-8413"),
    ],
)
async def test_files_are_named_by_content_and_trim_points(objects, made, trim, part):
    files = ReferenceFiles(objects)
    await files.keep_reference(made("features"), part_of(trim))
    await files.keep_thumbnail(made("picture"), EXERCISE, trim)
    assert await keys(objects) == {f"reference{part}.npz", f"thumbnail{part}.jpg"}
    assert (await files.reference(part_of(trim))).read_text() == "features"
    assert (await files.thumbnail(part_of(trim))).read_text() == "picture"


@pytest.fixture
async def files(objects, made):
    files = ReferenceFiles(objects)
    await files.keep(made("sent"), made("picture"), "anna", SHA, "video/mp4")
    for trim in (WHOLE, (1.2, 8.4)):
        await files.keep_reference(made("features"), part_of(trim))
        await files.keep_thumbnail(made("picture"), EXERCISE, trim)
    return files


async def keys(objects):
    prefix = f"{OF_ANNA}/"
    return {entry.key.removeprefix(prefix) for entry in await objects.entries("references/anna")}


async def test_what_is_kept_is_moved_with_its_picture(files, tmp_path):
    assert (await files.clip(EXERCISE)).read_text() == "sent"
    assert (await files.thumbnail(EXERCISE)).read_text() == "picture"
    assert not (tmp_path / "sent").exists()


async def test_files_that_some_part_needs_stay(files, objects):
    before = await keys(objects)
    await files.remove_unused("anna", SHA, {WHOLE, (1.2, 8.4)})
    assert await keys(objects) == before
    assert len(before) == 5


async def test_files_of_a_part_that_none_needs_go(files, objects):
    await files.remove_unused("anna", SHA, {(1.2, 8.4)})
    kept = {"clip", "reference-1200-8400.npz", "thumbnail-1200-8400.jpg"}
    assert await keys(objects) == kept


async def test_a_clip_that_none_needs_goes_with_all_its_files(files, objects):
    await files.remove_unused("anna", SHA, set())
    assert await keys(objects) == set()


async def test_all_files_of_an_owner_go_and_nobody_elses(files, objects, made):
    await files.keep(made("sent"), made("picture"), "annabel", SHA, "video/mp4")
    await files.remove_all("anna")
    assert await keys(objects) == set()
    assert len(await objects.entries("references/annabel")) == 2


async def test_a_change_that_was_cut_short_is_found_an_hour_later(s3, tmp_path):
    bucket = s3.bucket()
    objects = await open_objects(tmp_path / "data", bucket.url, endpoint=s3.endpoint)
    files = ReferenceFiles(objects)
    async with files.changing("anna", SHA):
        assert len(bucket.content()) == 1
    assert bucket.content() == set()
    with pytest.raises(ZeroDivisionError):
        async with files.changing("anna", SHA):
            1 / 0  # noqa: B018
    at = datetime.now(UTC)
    assert await files.unfinished(at) == []  # somebody may be at it
    (change,) = await files.unfinished(at + timedelta(hours=2))
    assert (change.owner_id, change.sha256) == ("anna", SHA)
    await files.finish(change)
    assert bucket.content() == set()
