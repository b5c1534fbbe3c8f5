"""One user against one reference, frame by frame: order, gaps, ends, and live equal to offline."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from bodies import held, standing
from fake_engine import CALIBRATION, SETTINGS, SQUATS, FakeEngine, PlantedFramer, embed_planted
from videos import stick_figure

from posesim.comparison import Comparator
from posesim.embedding import LARGEST_SIDE, Features, FeatureStream
from posesim.engines import open_engine
from posesim.engines.base import Engine
from posesim.engines.calls import run
from posesim.errors import SettingsMismatch
from posesim.framers import WholePicture
from posesim.framing import DEFAULT
from posesim.references import Reference, Settings
from posesim.updates import GapUpdate, PoseUpdate, ReferenceClock, ScoreUpdate, Update
from posesim.video import read_frames
from posesim.video_comparison import Comparison, comparing


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=6)


@pytest.fixture(scope="module")
def reference(clip) -> Reference:
    return embed_planted(clip, FakeEngine(), SETTINGS)


@pytest.fixture
def comparator(reference) -> Comparator:
    return new_comparator(reference)


def new_comparator(reference, engine=None, motion=SQUATS, settings=SETTINGS) -> Comparator:
    framer = PlantedFramer(motion)
    return Comparator(engine or FakeEngine(), reference, settings, CALIBRATION, framer)


def pictures(clip: Path) -> list[tuple[float, np.ndarray]]:
    return [(frame.time_s, frame.rgb) for frame in read_frames(clip)]


def push_all(comparator, frames) -> list[Update]:
    return [update for time_s, rgb in frames for update in comparator.push(time_s, rgb)]


def scores(updates: list[Update]) -> list[ScoreUpdate]:
    return [update for update in updates if isinstance(update, ScoreUpdate)]


def compare(comparator: Comparator, clip: Path) -> Comparison:
    return run(FakeEngine(), comparing(comparator, clip, reference="squat"))


def test_there_is_a_score_update_for_every_8_frames_once_the_stream_runs(comparator, clip):
    times_s = [update.t_s for update in scores(push_all(comparator, pictures(clip)))]
    assert len(times_s) == 6 * 25 // 8 - 1  # the stem waits for the second chunk
    assert times_s == sorted(times_s)
    assert times_s[-1] > 5


def test_there_is_a_pose_about_8_times_a_second(comparator, clip):
    updates = push_all(comparator, pictures(clip))
    drawn_s = [update.t_s for update in updates if isinstance(update, PoseUpdate)]
    np.testing.assert_allclose(np.diff(drawn_s), 0.12)


def test_what_is_said_is_less_than_a_chunk_older_than_the_newest_pose(comparator, clip):
    last_pose_s = 0.0
    for update in push_all(comparator, pictures(clip)):
        if isinstance(update, PoseUpdate):
            last_pose_s = update.t_s
        elif isinstance(update, ScoreUpdate) and update.score is not None:
            assert 0 <= last_pose_s - update.t_s < 0.33


def test_a_number_comes_with_the_first_window_and_never_without_the_state_scoring(comparator, clip):
    updates = scores(push_all(comparator, pictures(clip)))
    scored = [update.t_s for update in updates if update.score is not None]
    assert updates[0].state == "warming_up"
    assert 2.5 < scored[0] < 3.3
    for u in updates:
        assert (u.state == "scoring") == (u.score is not None) == (u.components is not None)


def test_repetitions_are_counted_on_the_way_and_in_the_summary(comparator, clip):
    push_all(comparator, pictures(clip))
    comparator.finish()
    assert comparator.summary().repetitions == 3


def test_the_reference_against_itself_scores_high_and_follows_its_own_time(comparator, clip):
    comparison = compare(comparator, clip)
    assert comparison.summary.score > 85
    # The user's mean is still being learned in so short a clip.
    assert comparison.summary.tempo == pytest.approx(1, abs=0.15)
    off = [(user_s - reference_s + 1) % 2 - 1 for user_s, reference_s in comparison.path]
    assert np.median(np.abs(off)) < 0.15  # of one of the three squats, which are alike


def test_a_gap_is_announced_and_what_follows_begins_anew(comparator, clip):
    frames = pictures(clip)
    later = [(time_s + 9, rgb) for time_s, rgb in frames]
    updates = push_all(comparator, frames + later)
    gaps = [i for i, u in enumerate(updates) if isinstance(u, GapUpdate)]
    assert len(gaps) == 1
    gap = updates[gaps[0]]
    assert gap.reason == "no_frames"
    assert gap.end_s == pytest.approx(9, abs=0.05)
    after = updates[gaps[0] + 1]
    assert isinstance(after, PoseUpdate)
    first = scores(updates[gaps[0] :])[0]
    assert (first.state, first.reference_s) == ("warming_up", None)
    assert comparator.summary().gaps == 1
    assert comparator.summary().scored_s < 7


def test_frames_that_the_owner_dropped_are_a_gap(comparator, clip):
    frames = pictures(clip)
    push_all(comparator, frames[:60])
    comparator.interrupt("overload")
    updates = push_all(comparator, frames[70:])
    assert isinstance(updates[0], GapUpdate)
    assert updates[0].reason == "overload"


def test_the_tail_runs_less_often_when_asked_while_the_stem_goes_on(reference, clip):
    runs = {}
    for hop in (8, 16, 32):
        engine = FakeEngine()
        comparator = new_comparator(reference, engine)
        comparator.tail_hop = hop
        assert comparator.tail_hop == hop
        push_all(comparator, pictures(clip))
        runs[hop] = engine.tails
        assert engine.stems == 6 * 25 // 8
    assert runs[8] == pytest.approx(2 * runs[16], abs=1)
    assert runs[8] == pytest.approx(4 * runs[32], abs=3)


def test_a_user_who_stands_still_gets_no_number(reference, clip):
    comparator = new_comparator(reference, motion=held(standing()))
    rgb = pictures(clip)[0][1]
    push_all(comparator, [(n / 25, np.roll(rgb, n % 2, axis=1)) for n in range(225)])
    summary = comparator.summary()
    assert (summary.state, summary.score, summary.components) == ("still", None, None)
    assert summary.scored_s == 0


def test_the_lag_is_told_while_the_reference_plays(comparator, clip):
    comparator.follow(ReferenceClock(at_s=0.0, reference_s=0.0))
    frames = pictures(clip)
    played = [u.lag_s for u in scores(push_all(comparator, frames[:125])) if u.score is not None]
    assert np.median(played) == pytest.approx(0, abs=0.15)
    comparator.follow(None)
    assert {u.lag_s for u in scores(push_all(comparator, frames[125:]))} == {None}


def test_lag_is_known_on_the_time_of_the_frames_even_after_their_clock_ran_back(comparator, clip):
    frames = pictures(clip)
    push_all(comparator, [(50 + time_s, rgb) for time_s, rgb in frames[:100]])
    push_all(comparator, frames[:1])
    comparator.follow(ReferenceClock(at_s=0.0, reference_s=0.0))
    played = [u.lag_s for u in scores(push_all(comparator, frames[1:])) if u.score is not None]
    assert np.median(played) == pytest.approx(0, abs=0.15)


def test_a_session_without_frames_has_a_summary(comparator):
    summary = comparator.summary()
    assert (summary.score, summary.state, summary.duration_s) == (None, "warming_up", 0)


def test_a_reference_with_other_settings_is_refused(reference):
    with pytest.raises(SettingsMismatch, match="weights is 'fake', not 'real'"):
        new_comparator(reference, settings=Settings(weights="real"))


def test_a_comparison_as_json_has_what_a_program_needs(comparator, clip):
    result = json.loads(json.dumps(compare(comparator, clip).as_json()))
    assert 0 <= result["score"] <= 100
    assert result["state"] == "scoring"
    assert set(result["components"]) == {"movement", "timing", "range"}
    assert result["frames_per_second"] > 0
    assert all(len(pair) == 2 for pair in result["path"])
    assert result["repetitions"] == len(result["repetition_results"]) == 3


def test_a_comparison_as_a_table_names_the_score_and_what_it_is_made_of(comparator, clip):
    table = compare(comparator, clip).as_table()
    for word in ("reference  squat", "state      scoring", "movement", "timing", "range", "tempo"):
        assert word in table


def features_of(engine: Engine, frames) -> list[Features]:
    stream = FeatureStream(engine, WholePicture(DEFAULT))
    parts = [p for time_s, frame in frames for p in run(engine, stream.push(time_s, frame))]
    assert all(isinstance(part, Features) for part in parts)
    return parts


@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.weights
def test_live_frames_and_a_file_give_the_same_window_embeddings(weights, clip):
    engine = open_engine("auto", weights.tensors)
    offline = features_of(
        engine, [(f.time_s, f.rgb) for f in read_frames(clip, largest_side=LARGEST_SIDE)]
    )
    with av.open(str(clip)) as container:
        decoded = [(float(f.pts * f.time_base), f) for f in container.decode(video=0)]
    live = features_of(engine, decoded)
    pairs = [(a.window, b.window) for a, b in zip(offline, live, strict=True) if a.window]
    assert len(pairs) > 5
    for a, b in pairs:
        assert b is not None
        np.testing.assert_allclose(b.embedding, a.embedding, atol=1e-3)
