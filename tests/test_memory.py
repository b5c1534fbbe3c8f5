"""What was freed does not stay with the process."""

import asyncio
import os
from pathlib import Path

import pytest

from posesim_server import memory

pytestmark = pytest.mark.skipif(memory.find_malloc_trim() is None, reason="not on glibc")

PIECE_BYTES, PIECES = 3_000, 40_000


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_freed_memory_between_what_is_still_used_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "EVERY_S", 0.01)
    pieces = [bytearray(PIECE_BYTES) for _ in range(PIECES)]
    used = pieces[::100]
    del pieces
    before = rss_bytes()
    giving = asyncio.create_task(memory.give_back_memory())
    async with asyncio.timeout(60.0):
        while rss_bytes() > before - PIECE_BYTES * PIECES / 2:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.01)
    giving.cancel()
    await asyncio.gather(giving, return_exceptions=True)
    assert sum(map(len, used)) == PIECE_BYTES * PIECES // 100
