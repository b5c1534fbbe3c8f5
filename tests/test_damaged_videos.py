"""A damaged video is read as far as it goes, or refused with a sentence; nothing else happens."""

import subprocess
import sys
from pathlib import Path

import pytest
from damaged import corpus, sound_ones
from unhandled import nothing_unhandled

from server import running

MEMORY_BYTES = 2 * 2**30  # of the process that reads them all; with torch's libraries in it
SECONDS = 300.0  # for all; a hang would take for ever


@pytest.mark.slow
@pytest.mark.shares
def test_every_damaged_video_is_read_or_refused_in_bounded_memory(tmp_path: Path) -> None:
    paths = []
    for name, content in corpus(sound_ones(tmp_path)):
        (tmp_path / name).write_bytes(content)
        paths.append(str(tmp_path / name))
    assert len(paths) >= 200
    done = subprocess.run(
        [sys.executable, Path(__file__).parent / "read_damaged.py", str(MEMORY_BYTES)],
        input="\n".join(paths),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    answers = [line for line in done.stdout.splitlines() if " | " in line]
    assert len(answers) == len(paths)
    assert any(line.endswith("| read") for line in answers)
    assert any("refused: " in line for line in answers)


@pytest.mark.slow
@pytest.mark.shares
async def test_an_uploaded_damaged_video_leaves_nothing_when_it_is_refused(tmp_path: Path) -> None:
    videos = list(corpus(sound_ones(tmp_path)))[::8]
    ends = set()
    with nothing_unhandled():
        async with running(tmp_path / "data") as server:
            for name, content in videos:
                (tmp_path / name).write_bytes(content)
                response = await server.upload(tmp_path / name)
                body = await response.json()
                assert response.status in (201, 202, 400, 413, 415, 422), body
                if response.status >= 400:
                    assert body["detail"].endswith(".")
                    ends.add("refused")
                    continue
                while (exercise := await server.get(f"/v1/exercises/{body['id']}"))[
                    "state"
                ] == "embedding":
                    pass
                ends.add(exercise["state"])
                assert exercise["state"] == "ready" or exercise["error"].endswith(".")
                address = f"/v1/exercises/{body['id']}"
                response = await server.client.delete(address, headers=server.headers)
                assert response.status == 204
            await server.until_true(
                lambda: not [p for p in clips_of(tmp_path / "data") if p.is_file()]
            )
    assert "refused" in ends
    assert "ready" in ends


def clips_of(data: Path) -> list[Path]:
    """Whatever lies in folders of the data folder: clips, pictures, references, uploads."""
    return [path for folder in data.iterdir() if folder.is_dir() for path in folder.rglob("*")]
