import asyncio

import pytest

from posesim_server.background import job_progress
from posesim_server.background.job_progress import Progress, ProgressBoard, TooManyListeners


async def waiting(board, job_id, seen):
    """Somebody who has begun to wait."""
    task = asyncio.create_task(board.changed(job_id, seen))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_everybody_who_waits_is_woken_by_a_change_of_their_job():
    board = ProgressBoard()
    board.show("a", Progress())
    board.show("b", Progress())
    listeners = [await waiting(board, "a", Progress()) for _ in range(3)]
    other = await waiting(board, "b", Progress())
    board.show("a", Progress(0.1, "comparing"))
    await asyncio.gather(*listeners)
    assert not other.done()
    board.close()
    await other


async def test_the_same_progress_again_wakes_nobody():
    board = ProgressBoard()
    board.show("a", Progress(0.5, "comparing"))
    listener = await waiting(board, "a", Progress(0.5, "comparing"))
    board.show("a", Progress(0.5, "comparing"))
    await asyncio.sleep(0)
    assert not listener.done()
    board.remove("a")
    await listener


async def test_who_has_seen_something_older_does_not_wait():
    board = ProgressBoard()
    board.show("a", Progress(0.5, "comparing"))
    await board.changed("a", Progress(0.4, "comparing"))
    board.remove("a")
    await board.changed("a", Progress(0.5, "comparing"))
    assert board.get("a") is None


async def test_a_board_that_is_closed_keeps_nobody_waiting():
    board = ProgressBoard()
    board.show("a", Progress())
    board.close()
    await board.changed("a", Progress())


def test_a_listener_counts_while_it_listens(monkeypatch):
    monkeypatch.setattr(job_progress, "MOST_LISTENERS", 1)
    board = ProgressBoard()
    with board.listening("anna"):
        with board.listening("ben"):
            assert board.listeners == 2
        with pytest.raises(TooManyListeners), board.listening("anna"):
            pass
    assert board.listeners == 0
    with board.listening("anna"):
        pass
