"""A server that is killed while it writes has lost nothing that it had acknowledged."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import kills


@pytest.mark.slow
async def test_what_was_acknowledged_outlives_kills(tmp_path: Path) -> None:
    figures = await kills.measure(5, tmp_path, seed=1)
    assert figures["lost"] == []
    assert figures["faults"] == []
    assert figures["acknowledged_writes"] > 0
