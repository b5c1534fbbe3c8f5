"""Two peer connections in one process: pictures in by WHIP, scores out of the data channel."""

import asyncio
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc import AudioStreamTrack
from fake_engine import open_fake_network
from live_fakes import Client, MovingPicture, Person
from live_server import (
    EXERCISE,
    SESSION,
    WAIT_S,
    ended,
    events_until,
    needs_address,
    running,
    scores,
)
from structlog.testing import capture_logs
from videos import stick_figure

from posesim import cli
from posesim.network import Network
from posesim.references import Reference
from posesim.updates import Update
from posesim_server.compute.network import compare_with
from posesim_server.compute.process_link import ProcessBody
from posesim_server.live.messages import parse_server
from posesim_server.live.outcomes import EndReason
from posesim_server.live.plan import Limits
from posesim_server.live.server_messages import (
    Cue,
    Ended,
    Gap,
    Pong,
    Pose,
    Rep,
    StateChanged,
    Welcome,
)

pytestmark = needs_address


class Failing(MovingPicture):
    """A camera that shows something else than what is there, while it fails."""

    fails = False


class Covered(Failing):
    async def recv(self) -> av.VideoFrame:
        frame = await super().recv()
        if not self.fails:
            return frame
        black = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), format="rgb24")
        black.pts, black.time_base = frame.pts, frame.time_base
        return black


class Hanging(Failing):
    async def recv(self) -> av.VideoFrame:
        if self.fails:
            self._n -= 1
        return await super().recv()


async def test_a_moving_picture_becomes_scores_and_a_stored_summary(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        location = await server.join(client)
        received = await scores(client, 4)

        response = await server.http.delete(location, headers=server.headers)
        assert response.status == 200
        events = await events_until(client, Ended)

        assert received[-1].score == 82.125
        assert received[-1].age_s < WAIT_S
        assert received[-1].lag_s is None
        assert [type(event) for event in events if not isinstance(event, Rep | Cue)] == [
            Welcome,
            StateChanged,
            StateChanged,
            Ended,
        ]
        assert [event.seq for event in events] == list(range(len(events)))
        assert events[-1].reason == "deleted"
        assert events[-1].summary.score == 82.125
        assert server.store.started == [SESSION]
        assert server.store.ended == [(SESSION, "deleted", events[-1].summary.model_dump())]
        stored = {row.seq: row for row in server.store.rows}
        assert sorted(stored) == list(range(len(server.store.rows)))
        for message in received:
            assert stored[message.seq].t_s == pytest.approx(message.t_s, abs=1e-4)
        assert set(server.comparator.sizes) == {(320, 240)}
        assert 45 < server.comparator.means[-1] < 90  # a dark ground with a bright bar on it
        assert server.comparator.threads == {"worker"}
        again = await server.http.delete(location, headers=server.headers)
        assert again.status == 200


async def test_a_session_tells_of_poses_repetitions_and_cues(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        location = await server.join(client)
        async with asyncio.timeout(WAIT_S):
            while not isinstance(pose := parse_server(await client.score_messages.get()), Pose):
                pass
        cue = (await events_until(client, Cue))[-1]
        rep = (await events_until(client, Rep))[-1]
        counted = (await scores(client, 4))[-1].repetitions
        assert (await server.http.delete(location, headers=server.headers)).status == 200
        summary = (await events_until(client, Ended))[-1].summary

        assert pose.points == (500,) * 66
        assert pose.parts == ("trunk",)
        assert (cue.cue, cue.part, cue.praise) == ("check", "left_knee", False)
        assert (rep.number, rep.valid, rep.score) == (2, True, 82.125)
        assert [(each.part, each.degrees) for each in rep.differences] == [("left_knee", -20)]
        assert 1 <= counted <= summary.repetitions
        assert server.store.ended[0][2]["repetitions"] == summary.repetitions


async def test_the_page_says_where_it_plays_the_reference(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 2)
        client.events.send('{"v":1,"type":"clock","reference_s":2.4,"rate":1.0}')
        while (await scores(client, 1))[0].lag_s is None:
            pass
        clock = server.comparator.clock
        assert clock is not None
        assert (clock.reference_s, clock.rate) == (2.4, 1.0)
        assert 0.0 < clock.at_s < server.comparator.times_s[-1] + 1.0
        client.events.send('{"v":1,"type":"clock","reference_s":null,"rate":null}')
        while (await scores(client, 1))[0].lag_s is not None:
            pass


async def test_of_a_flood_of_clocks_the_newest_counts(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        for n in range(1000):
            client.events.send(f'{{"v":1,"type":"clock","reference_s":{n},"rate":1.0}}')
        client.events.send('{"v":1,"type":"ping","id":7}')
        await events_until(client, Pong)
        await scores(client, 8)
        assert server.comparator.clock is not None
        assert server.comparator.clock.reference_s == 999.0


async def test_a_client_that_closes_its_connection_and_stays_away_has_left(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(linger_s=0.2, resume_s=0.2)) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        await client.peer.close()
        assert await ended(server) == "left"
        assert server.comparator.finished


async def test_a_comparison_that_does_not_come_to_its_end_does_not_hold_up_the_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def finishing() -> Generator[Any, Any, list[Update]]:
        yield from ()
        gate.wait(WAIT_S)
        return []

    async with running(tmp_path, Limits(finish_s=0.1)) as server:
        monkeypatch.setattr(server.comparator, "finishing", finishing)
        client = Client()
        await server.join(client)
        await scores(client, 1)
        try:
            with capture_logs() as logs:
                client.events.send('{"v":1,"type":"bye"}')
                assert await ended(server) == "left"
        finally:
            gate.set()
    said = {log["event"]: log["log_level"] for log in logs}
    assert said["the comparison could not be finished in time"] == "warning"


async def test_bye_ends_a_session(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        client.events.send('{"v":1,"type":"bye"}')
        events = await events_until(client, Ended)
        assert events[-1].reason == "left"
        assert await ended(server) == "left"


async def test_a_ping_is_answered_and_nonsense_is_not(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await events_until(client, Welcome)
        client.events.send("nonsense")
        client.events.send('{"v":1,"type":"ping","id":7}')
        events = await events_until(client, Pong)
        assert events[-1].id == 7


async def test_a_camera_that_falls_silent_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(silence_s=0.5, linger_s=0.1)) as server:
        client = Client(MovingPicture(stop_after=20))
        await server.join(client)
        await events_until(client, Welcome)  # the page is there
        events = await events_until(client, Ended)
        assert events[-1].reason == "lost"
        assert await ended(server) == "lost"


async def test_a_client_that_never_connects_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(setup_s=0.2)) as server:
        client = Client()
        server.peers.append(client)
        await server.answer(await client.offer())  # which the client never takes
        assert await ended(server) == "lost"


async def test_a_comparator_that_fails_ends_its_session_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        server.comparator.error = RuntimeError("a planted failure")
        events = await events_until(client, Ended)
        assert events[-1].reason == "failed"
        assert await ended(server) == "failed"
        assert server.sessions.live == 0
        server.create()  # the server goes on
        assert server.sessions.live == 1


async def test_a_session_ends_when_its_reference_is_deleted(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        await server.sessions.end_exercise(EXERCISE)
        events = await events_until(client, Ended)
        assert events[-1].reason == "reference_deleted"


async def test_only_the_first_video_of_an_offer_is_received(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client(MovingPicture(320, 240))
        client.peer.addTrack(MovingPicture(160, 120))
        client.peer.addTrack(AudioStreamTrack())
        client.peer.createDataChannel("another")
        await server.join(client)
        await scores(client, 2)
        directions: dict[str, list[str | None]] = {"video": [], "audio": []}
        for transceiver in client.peer.getTransceivers():
            directions[transceiver.kind].append(transceiver.currentDirection)
        assert directions == {"video": ["sendonly", "inactive"], "audio": ["inactive"]}
        assert set(server.comparator.sizes) == {(320, 240)}


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("actpass", "passive"), ("active", "passive"), ("passive", "active")],
)
async def test_the_page_begins_the_dtls_handshake_unless_it_wants_to_be_asked(
    tmp_path: Path, offered: str, answered: str
) -> None:
    async with running(tmp_path) as server:
        client = Client()
        server.peers.append(client)
        offer = (await client.offer()).replace("a=setup:actpass", f"a=setup:{offered}")
        answer, _ = await server.answer(offer)
        setups = {line for line in answer.splitlines() if line.startswith("a=setup:")}
        assert setups == {f"a=setup:{answered}"}
        await client.accept(answer)
        await scores(client, 1)


async def test_a_slow_comparator_gets_the_newest_frames_after_an_announced_gap(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 1)
        server.comparator.reached.clear()
        server.comparator.may_run.clear()
        await asyncio.to_thread(server.comparator.reached.wait)
        # The comparator stands still until more has come than may wait.
        session = server.sessions.get(SESSION)
        async with asyncio.timeout(WAIT_S):
            while not session.backlog.dropped:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        assert len(session.backlog) < 64
        server.comparator.may_run.set()
        events = await events_until(client, Gap)
        assert events[-1].reason == "overload"
        assert events[-1].end_s - events[-1].start_s > 1.0
        assert server.comparator.interrupts == ["overload"]
        assert server.comparator.tail_hop == 32  # which is tried before anything is dropped
        holes = [b - a for a, b in itertools.pairwise(server.comparator.times_s)]
        assert sum(hole > 0.5 for hole in holes) == 1  # one stretch is missing, nothing is thinned


@pytest.mark.parametrize("reason", ["deleted", "shutdown"])
async def test_a_session_without_offer_can_be_ended(tmp_path: Path, reason: EndReason) -> None:
    async with running(tmp_path) as server:
        assert await server.sessions.end(SESSION, reason)
        assert server.store.ended == [(SESSION, reason, None)]


async def test_a_session_ends_when_its_time_is_up(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(total_s=0.5, linger_s=0.2)) as server:
        client = Client()
        await server.join(client)
        events = await events_until(client, Ended)
        assert events[-1].reason == "expired"
        assert await ended(server) == "expired"


async def test_a_camera_with_too_many_pixels_ends_its_session(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client(MovingPicture(2576, 1456))
        await server.join(client)
        events = await events_until(client, Ended)
        assert events[-1].reason == "failed"


async def test_a_store_that_fails_does_not_keep_the_peer_open(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        location = await server.join(client)
        await scores(client, 1)
        server.store.error = OSError("a planted failure")
        assert (await server.http.delete(location, headers=server.headers)).status == 200
        events = await events_until(client, Ended)
        assert events[-1].summary is not None
        assert server.store.ended[0][1] == "deleted"  # the rows are lost, the end is not


async def test_a_picture_may_change_its_size(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        camera = MovingPicture(320, 240)
        client = Client(camera)
        await server.join(client)
        await scores(client, 1)
        camera.resize(240, 320)
        async with asyncio.timeout(WAIT_S):
            while (240, 320) not in server.comparator.sizes:
                await client.score_messages.get()


@pytest.mark.parametrize(
    ("failing", "state"),
    [(Covered, "black"), pytest.param(Hanging, "frozen", marks=pytest.mark.slow)],
)
async def test_the_page_is_told_that_a_camera_shows_nothing(
    tmp_path: Path, failing: type[Failing], state: str
) -> None:
    path = tmp_path / "reference.npz"
    embed(stick_figure(tmp_path / "squats.mp4", seconds=4.0), open_fake_network()).save(path)
    async with running(tmp_path, real=partial(compare_with, path)) as server:
        camera = failing()
        client = Client(camera)
        await server.join(client)
        await scores(client, 1)
        camera.fails = True
        while (await events_until(client, StateChanged))[-1].state != state:
            pass
        camera.fails = False
        assert (await events_until(client, StateChanged))[-1].state == "warming_up"


async def test_a_second_offer_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client, second = Client(), Client()
        await server.join(client)
        server.peers.append(second)
        response = await server.post(await second.offer())
        assert response.status == 409
        assert "has a camera already" in (await response.json())["detail"]
        await scores(client, 1)


async def test_the_answer_asks_for_a_high_bitrate_from_the_start(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        server.peers.append(client)
        answer, _ = await server.answer(await client.offer())
        assert "a=fmtp:97 x-google-start-bitrate=1500\r\n" in answer


async def test_candidates_may_come_after_the_offer(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        server.peers.append(client)
        offer = await client.offer()
        kept = [line for line in offer.splitlines() if "candidate" not in line]
        candidates = [line for line in offer.splitlines() if line.startswith("a=candidate")]
        answer, location = await server.answer("\r\n".join([*kept, ""]))
        fragment = "\r\n".join(["m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", *candidates, ""])
        response = await server.patch(location, fragment)
        assert response.status == 204
        response = await server.patch(location, "a=end-of-candidates\r\n")
        assert response.status == 204
        await client.accept(answer)
        await scores(client, 1)


async def test_a_session_outlives_the_process_that_computes_for_it(tmp_path: Path) -> None:
    clip = stick_figure(tmp_path / "squats.mp4", seconds=4.0)
    path = tmp_path / "reference.npz"
    embed(clip, open_fake_network()).save(path)
    open_comparator = partial(compare_with, path)
    async with running(tmp_path, real=open_comparator, launch=ProcessBody) as server:
        client = Client()
        location = await server.join(client)
        before = await scores(client, 2)
        (process,) = multiprocessing.active_children()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        events = await events_until(client, Gap)
        gap = events[-1]
        assert gap.reason == "restart"
        assert before[-1].t_s <= gap.start_s < gap.end_s
        while (await scores(client, 1))[0].t_s < gap.end_s:
            pass  # sent before
        assert (await server.http.delete(location, headers=server.headers)).status == 200
        events = await events_until(client, Ended)
        assert events[-1].reason == "deleted"
        assert events[-1].summary.gaps == 1
    assert multiprocessing.active_children() == []


@pytest.mark.weights
@pytest.mark.slow
async def test_a_person_on_camera_is_followed_by_the_real_network(
    tmp_path: Path,
) -> None:
    clip = stick_figure(tmp_path / "squats.mp4", seconds=4.0)
    network = Network.open(cli.weights_path())
    reference = await asyncio.to_thread(embed, clip, network)
    path = tmp_path / "reference.npz"
    reference.save(path)
    open_comparator = partial(compare_with, path)
    async with running(tmp_path, real=open_comparator, open_network=lambda: network) as server:
        client = Client(Person())
        location = await server.join(client)
        received = await scores(client, 15)
        assert (await server.http.delete(location, headers=server.headers)).status == 200
        events = await events_until(client, Ended)

        assert events[-1].summary.duration_s > 2.56
        assert received[0].state == "warming_up"
        places = [message.reference_s for message in received if message.reference_s is not None]
        assert places
        assert all(0 <= place <= reference.duration_s for place in places)
        steps = [b.t_s - a.t_s for a, b in itertools.pairwise(server.store.rows)]
        assert min(steps) > 0.2  # a chunk is 0.32 s, and poses come as they come
        row = server.store.rows[-1]
        values = (row.score, row.movement, row.timing, row.range, row.reference_s, row.tempo)
        assert all(value is None or isinstance(value, float) for value in values)


def embed(clip: Path, network: Network) -> Reference:
    return network.embed(clip, "squats")
