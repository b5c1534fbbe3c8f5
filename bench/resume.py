"""How soon a lost page's place is free, and how soon a page that comes back has a score.

    python bench/resume.py --rounds 5

Server and client are two peer connections in one process, the limits are those of the server. The
network of the scores is the tests' small one, so what is measured is the way there and back: from
the last sign of life of a client that falls silent to its place being free, and from the offer of
one that comes back to the first score of a picture after the gap. A browser's own part (noticing
the loss, waiting between two tries) comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import structlog

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from live_fakes import Client, MovingPicture
from live_server import SESSION, Server, running

from posesim_server.live.messages import parse_server
from posesim_server.live.server_messages import Score

LOOK_S = 0.02


async def until_free(server: Server) -> float:
    """Seconds from the last picture of a client that falls silent until others have its place."""
    session = server.sessions.get(SESSION)
    while server.sessions.placed:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(LOOK_S)
    return session._stream.since_frame_s


async def until_scored(server: Server, client: Client) -> float:
    """Seconds from another offer to the first score."""
    begun_s = time.monotonic()
    await server.join(client)
    while not isinstance(parse_server(await client.score_messages.get()), Score):
        pass
    return time.monotonic() - begun_s


async def one_round(folder: Path) -> tuple[float, float]:
    """Lose a page, and let it come back."""
    async with running(folder) as server:
        await server.join(Client(MovingPicture(stop_after=60)))
        while (session := server.sessions.get(SESSION)).time_s is None:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        assert not session.ending
        freed_s = await until_free(server)
        return freed_s, await until_scored(server, Client())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    found = []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            freed_s, scored_s = asyncio.run(one_round(Path(folder)))
        found.append((freed_s, scored_s))
        print(f"round {number + 1}: free after {freed_s:.2f} s, a score {scored_s:.2f} s after")
    freed, scored = zip(*found, strict=True)
    print(f"free: median {median(freed):.2f} s, worst {max(freed):.2f} s")
    print(f"score: median {median(scored):.2f} s, worst {max(scored):.2f} s")


if __name__ == "__main__":
    main()
