"""The task that compares videos, without the web around it."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from fake_engine import open_fake_network
from structlog.testing import capture_logs
from videos import stick_figure
from worker_thread import ThreadBody

from posesim import Embedder, Reference, compare
from posesim_server.background import jobs as jobs_module
from posesim_server.background.job_drafts import NotWanted
from posesim_server.background.jobs import Jobs
from posesim_server.compute.workers import Workers
from posesim_server.config import ServerConfig
from posesim_server.database import StoreError
from posesim_server.store import Store
from posesim_server.store.jobs import Job
from server import WAIT_S


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=6.0)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("videos") / "me.mp4", seconds=8.0)


class Running:
    """Jobs, and what was told of them."""

    def __init__(self, jobs: Jobs, store: Store, user_id: str, told: "asyncio.Queue[Job]") -> None:
        self.jobs = jobs
        self.store = store
        self.user_id = user_id
        self.told = told

    async def send(self, reference: Path, video: Path) -> Job:
        async with self.jobs.draft(self.user_id) as draft:
            await draft.keep("reference", content(reference))
            await draft.keep("video", content(video))
            return await self.jobs.submit(
                draft, video_name="me.mp4", exercise_id=None, reference_name="squat"
            )

    async def over(self, longest_s: float = WAIT_S) -> Job:
        async with asyncio.timeout(longest_s):
            told = await self.told.get()
        job = await self.store.jobs.get(self.user_id, told.id)
        assert job is not None
        assert job.state == told.state
        return job


@contextlib.asynccontextmanager
async def running(data: Path, open_network=open_fake_network):
    ServerConfig(data=data).make_data_folder()
    told: asyncio.Queue[Job] = asyncio.Queue()
    store = await Store.open(f"sqlite+aiosqlite:///{data / 'db.sqlite3'}")
    try:
        user = await store.users.add("anna", "hash")
        async with Workers(open_network, launch=ThreadBody) as workers:
            jobs = Jobs(
                folder=data,
                store=store,
                workers=workers,
                max_upload_bytes=200_000_000,
                max_clip_s=120,
                max_video_s=600,
                on_over=told.put,
            )
            made = Running(jobs, store, user.id, told)
            await jobs.start()
            try:
                yield made
            finally:
                await jobs.close()
    finally:
        await store.close()


async def content(path: Path):
    yield await asyncio.to_thread(path.read_bytes)


def without_speed(result: dict) -> dict:
    """What of a result is the same at each run, as JSON holds it."""
    return json.loads(json.dumps(result)) | {"frames_per_second": None}


async def test_a_job_gives_what_the_library_gives(tmp_path, clip, video):
    async with running(tmp_path / "data") as made:
        await made.send(clip, video)
        job = await made.over()
    embedder = Embedder(open_fake_network())
    reference = Reference.from_video(clip, embedder, name="squat")
    expected = compare(video, reference, embedder).as_json()
    assert without_speed(job.result) == without_speed(expected)
    assert expected["timeline"]


@pytest.mark.weights
@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.shares
async def test_real_networks_give_what_the_library_gives(tmp_path, clips):
    reference, video = sorted(clips.glob("*.mp4"), key=lambda path: path.stat().st_size)[:2]
    embedder = Embedder.open()
    async with running(tmp_path / "data", lambda: embedder.network) as made:
        await made.send(reference, video)
        job = await made.over(600)
    assert job.error is None
    expected = compare(
        video, Reference.from_video(reference, embedder, name="squat"), embedder
    ).as_json()
    assert without_speed(job.result) == without_speed(expected)


async def test_a_job_whose_end_can_not_be_stored_is_done_again(tmp_path, clip, video, monkeypatch):
    monkeypatch.setattr(jobs_module, "PAUSE_S", 0.0)
    async with running(tmp_path / "data") as made:
        finish, tries = made.store.jobs.finish, []

        async def fail_once(*args):
            tries.append(args)
            if len(tries) == 1:
                raise StoreError("The disk is full.")
            return await finish(*args)

        monkeypatch.setattr(made.store.jobs, "finish", fail_once)
        with capture_logs() as logs:
            await made.send(clip, video)
            job = await made.over()
        assert [
            (each["log_level"], each["error"])
            for each in logs
            if each["event"] == "jobs have to wait"
        ] == [("warning", "The disk is full.")]
        assert job.state == "done"
        assert len(tries) == 2
        (session,) = await made.store.sessions.of_user(made.user_id, limit=10)
        assert session.id == job.session_id


async def test_a_job_that_is_cancelled_while_its_end_is_stored_leaves_no_session(
    tmp_path, clip, video, monkeypatch
):
    async with running(tmp_path / "data") as made:
        finish = made.store.jobs.finish
        stored = asyncio.Event()

        async def cancel_first(job_id, *args):
            assert await made.jobs.drop(made.user_id, job_id)
            done = await finish(job_id, *args)
            stored.set()
            return done

        monkeypatch.setattr(made.store.jobs, "finish", cancel_first)
        await made.send(clip, video)
        assert (await made.over()).state == "cancelled"
        await stored.wait()
        monkeypatch.undo()
        await made.send(clip, video)
        assert (await made.over()).state == "done"
        assert len(await made.store.sessions.of_user(made.user_id, limit=10)) == 1


async def test_no_video_is_taken_of_a_user_whose_jobs_were_ended(tmp_path, video):
    async with running(tmp_path / "data") as made:
        async with made.jobs.draft(made.user_id) as draft:
            await made.jobs.end_user(made.user_id)
            with pytest.raises(NotWanted):
                await draft.keep("video", content(video))
        assert list((tmp_path / "data/jobs").iterdir()) == []


async def test_nothing_is_told_of_a_job_before_its_videos_are_gone(tmp_path, clip, video):
    async with running(tmp_path / "data") as made:
        await made.send(clip, video)
        await made.over()
        assert list((tmp_path / "data/jobs").iterdir()) == []


async def test_closing_leaves_what_runs_for_the_next_start(tmp_path, clip, video):
    async with running(tmp_path / "data") as made:
        job = await made.send(clip, video)
        await made.jobs.close()
        stored = await made.store.jobs.get(made.user_id, job.id)
        assert not stored.over
        assert (tmp_path / "data/jobs" / job.id / "video").exists()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("job")]
