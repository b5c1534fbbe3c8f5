"""What operators see of live sessions: parts of the latency, ages, and set-ups that fail."""

from pathlib import Path

from live_fakes import Client
from live_server import WAIT_S, ended, needs_address, running, scores
from prometheus_client.parser import text_string_to_metric_families

from posesim_server.live.plan import Limits
from posesim_server.live.sessions import Sessions


def figures(sessions: Sessions) -> dict[str, float]:
    """Each sample by its name, with the reason where it has one."""
    text = sessions._metrics.text(live=sessions.live, contacts=sessions.contacts).decode()
    return {
        ".".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels
    }


@needs_address
async def test_a_session_is_seen_from_its_set_up_to_the_age_of_its_scores(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        client = Client()
        await server.join(client)
        await scores(client, 3)
        seen = figures(server.sessions)
    assert seen["posesim_session_setup_seconds_count"] == 1
    assert 0 < seen["posesim_session_setup_seconds_sum"] < WAIT_S
    assert seen["posesim_score_age_seconds_count"] >= 3
    assert seen["posesim_queue_seconds_count"] >= seen["posesim_sending_seconds_count"] >= 1
    assert seen["posesim_frame_to_score_seconds_count"] >= 3


async def test_a_session_that_nobody_joins_is_a_set_up_that_failed(tmp_path: Path) -> None:
    async with running(tmp_path, Limits(join_s=0.0)) as server:
        assert await ended(server) == "never_joined"
        assert figures(server.sessions)["posesim_session_setup_failures_total.never_joined"] == 1


async def test_a_session_that_its_user_gave_up_is_none(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        (session, _), *_ = server.sessions._running.values()
        session.end("deleted")
        await session.ended.wait()
        seen = figures(server.sessions)
        assert not any(
            value
            for name, value in seen.items()
            if name.startswith("posesim_session_setup_f")
            if not name.split(".")[0].endswith("_created")
        )


async def test_offers_that_can_not_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        assert (await server.post("garbage")).status == 400
        assert (await server.post("v=0\r\n")).status == 422
        seen = figures(server.sessions)
        assert seen["posesim_session_setup_failures_total.not_sdp"] == 1
        assert seen["posesim_session_setup_failures_total.unusable_offer"] == 1
