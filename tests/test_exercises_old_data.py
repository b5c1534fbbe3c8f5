"""Exercises of a data folder that the first version wrote go on working."""

from test_database import EXERCISE, USER, make_first_version, url
from test_exercises_changes import patch
from videos import stick_figure

from posesim_server.keys import EXERCISES, STORE
from server import running


async def test_the_files_of_the_first_version_are_found_and_can_be_cut(tmp_path):
    make_first_version(tmp_path)
    folder = tmp_path / "references" / USER / ("0" * 64)
    folder.mkdir(parents=True)
    stick_figure(folder / "clip.mp4", seconds=8.4).rename(folder / "clip")
    for name in ("thumbnail.jpg", "reference.npz"):
        (folder / name).write_text(f"an old {name}")

    async with running(tmp_path, database_url=url(tmp_path)) as server:
        old = await server.get(f"/v1/exercises/{EXERCISE}")
        assert (old["duration_s"], old["clip_duration_s"]) == (8.4, 8.4)
        assert (old["start_s"], old["end_s"], old["state"]) == (None, None, "ready")
        response = await server.client.get(old["thumbnail_url"], headers=server.headers)
        assert await response.text() == "an old thumbnail.jpg"
        stored = await server.app[STORE].exercises.get(USER, EXERCISE)
        assert await server.app[EXERCISES].files.reference(stored) == folder / "reference.npz"

        assert (await patch(server, old, start_s=1.2, end_s=8.4)).status == 200
        await server.until(EXERCISE, "ready")
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["clip", "reference-1200-end.npz", "thumbnail-1200-end.jpg"]
