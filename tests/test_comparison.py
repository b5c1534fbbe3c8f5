"""One user against one reference, frame by frame: order, gaps, ends, and live equal to offline."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from fake_engine import CALIBRATION, SETTINGS, FakeEngine
from videos import stick_figure

from posesim.compare import compare
from posesim.comparison import Comparator, GapUpdate, ScoreUpdate
from posesim.embedding import LARGEST_SIDE, Embedder, Features
from posesim.engines import open_engine
from posesim.engines.base import Engine
from posesim.engines.calls import run
from posesim.errors import SettingsMismatch
from posesim.framers import WholePicture
from posesim.framing import DEFAULT
from posesim.references import Reference, Settings, embed
from posesim.video import read_frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=6)


@pytest.fixture(scope="module")
def reference(clip) -> Reference:
    return embed(clip, FakeEngine(), SETTINGS, name="squat")


@pytest.fixture
def comparator(reference) -> Comparator:
    return Comparator(FakeEngine(), reference, SETTINGS, CALIBRATION)


def pictures(clip: Path) -> list[tuple[float, np.ndarray]]:
    return [(frame.time_s, frame.rgb) for frame in read_frames(clip)]


def push_all(comparator, frames):
    return [update for time_s, rgb in frames for update in comparator.push(time_s, rgb)]


def test_there_is_an_update_for_every_8_frames_once_the_stream_runs(comparator, clip):
    updates = push_all(comparator, pictures(clip))
    np.testing.assert_allclose(np.diff([u.t_s for u in updates]), 0.32)
    assert updates[-1].t_s > 5


def test_a_number_comes_with_the_first_window_and_never_without_the_state_scoring(comparator, clip):
    updates = push_all(comparator, pictures(clip))
    scored = [u.t_s for u in updates if u.score is not None]
    assert updates[0].state == "warming_up"
    assert 2.5 < scored[0] < 3.3
    for u in updates:
        assert (u.state == "scoring") == (u.score is not None) == (u.components is not None)


def test_the_reference_against_itself_scores_high_and_follows_its_own_time(comparator, clip):
    comparison = compare(comparator, clip, reference="squat")
    assert comparison.summary.score > 85
    # The user's mean is still being learned in so short a clip.
    assert comparison.summary.tempo == pytest.approx(1, abs=0.15)
    off = [abs(user_s - reference_s) for user_s, reference_s in comparison.path]
    assert np.median(off) < 0.1  # a squat up looks like a squat down for a moment


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
    assert isinstance(after, ScoreUpdate)
    assert (after.state, after.reference_s) == ("warming_up", None)
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
        comparator = Comparator(engine, reference, SETTINGS, CALIBRATION)
        comparator.tail_hop = hop
        assert comparator.tail_hop == hop
        push_all(comparator, pictures(clip))
        runs[hop] = engine.tails
        assert engine.stems == 6 * 25 // 8
    assert runs[8] == pytest.approx(2 * runs[16], abs=1)
    assert runs[8] == pytest.approx(4 * runs[32], abs=3)


def test_a_user_who_stands_still_gets_no_number(comparator, clip):
    rgb = pictures(clip)[0][1]
    push_all(comparator, [(n / 25, rgb) for n in range(150)])
    summary = comparator.summary()
    assert (summary.state, summary.score, summary.components) == ("still", None, None)
    assert summary.scored_s == 0


def test_a_session_without_frames_has_a_summary(comparator):
    summary = comparator.summary()
    assert (summary.score, summary.state, summary.duration_s) == (None, "warming_up", 0)


def test_a_reference_with_other_settings_is_refused(reference):
    with pytest.raises(SettingsMismatch, match="weights is 'fake', not 'real'"):
        Comparator(FakeEngine(), reference, Settings(weights="real"), CALIBRATION)


def test_a_comparison_as_json_has_what_a_program_needs(comparator, clip):
    result = json.loads(json.dumps(compare(comparator, clip, reference="squat").as_json()))
    assert 0 <= result["score"] <= 100
    assert result["state"] == "scoring"
    assert set(result["components"]) == {"movement", "timing", "range"}
    assert result["frames_per_second"] > 0
    assert all(len(pair) == 2 for pair in result["path"])


def test_a_comparison_as_a_table_names_the_score_and_what_it_is_made_of(comparator, clip):
    table = compare(comparator, clip, reference="squat").as_table()
    for word in ("reference  squat", "state      scoring", "movement", "timing", "range", "tempo"):
        assert word in table


def features_of(engine: Engine, frames) -> list[Features]:
    embedder = Embedder(engine, WholePicture(DEFAULT))
    parts = [p for time_s, frame in frames for p in run(engine, embedder.push(time_s, frame))]
    assert all(isinstance(part, Features) for part in parts)
    return parts


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
