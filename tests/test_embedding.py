"""One stream of frames becomes poses, features and gaps, in order."""

from itertools import pairwise

import numpy as np
import pytest
from bodies import pose, standing
from fake_engine import FakeEngine, PlantedFramer

from posesim.embedding import Features, FeatureStream, Part, TimedPose, join
from posesim.engines.calls import run
from posesim.framers import Framed
from posesim.framing import square
from posesim.presence import Hint
from posesim.timebase import Gap


def picture(n: int) -> np.ndarray:
    return np.full((48, 64, 3), 50 + n % 200, np.uint8)


def seen(times_s, framer=None, *, finish: bool = False) -> list[Part]:
    """What becomes of pictures at some times."""
    engine = FakeEngine()
    stream = FeatureStream(engine, framer or PlantedFramer())
    parts = [
        part
        for n, time_s in enumerate(times_s)
        for part in run(engine, stream.push(float(time_s), picture(n)))
    ]
    return parts + run(engine, stream.finish()) if finish else parts


def times(frames: int) -> np.ndarray:
    return np.arange(frames) / 25


def poses(parts: list[Part]) -> list[TimedPose]:
    return [part for part in parts if isinstance(part, TimedPose)]


def features(parts: list[Part]) -> list[Features]:
    return [part for part in parts if isinstance(part, Features)]


class Hinting:
    """Says that frames after the first `after` can't be judged, and sees nobody then."""

    def __init__(self, hint: Hint, after: int) -> None:
        self._hint, self._left = hint, after
        self.resets = 0

    def frame(self, time_s: float, rgb: np.ndarray) -> Framed:
        self._left -= 1
        there = self._left >= 0
        return Framed(
            square(rgb), None if there else self._hint, pose(standing()) if there else None
        )

    def reset(self) -> None:
        self.resets += 1


def test_a_pose_carries_the_time_of_its_picture():
    assert [part.time_s for part in poses(seen(times(10)))] == pytest.approx([0, 0.12, 0.24, 0.36])


def test_poses_come_before_the_features_of_their_chunk():
    parts = seen(times(100))
    for i, part in enumerate(parts):
        if isinstance(part, Features):
            assert all(each.time_s > part.end_s for each in poses(parts[i + 1 :]))


def test_poses_are_newer_than_taps():
    last = [part for part in seen(times(96)) if not isinstance(part, Gap)]
    assert poses(last)[-1].time_s - features(last)[-1].end_s == pytest.approx(0.4, abs=0.13)


def test_the_pose_of_a_picture_that_a_slow_camera_repeats_is_given_once():
    slow = seen(np.arange(30) / 5)
    assert [part.time_s for part in poses(slow)] == sorted({part.time_s for part in poses(slow)})
    assert len(poses(slow)) <= 30


def test_positions_go_on_without_a_hole():
    times_s = np.concatenate([part.times_s for part in features(seen(times(120)))])
    np.testing.assert_allclose(np.diff(times_s), 0.08)


def test_each_position_has_a_tap():
    for part in features(seen(times(120))):
        assert len(part.times_s) == len(part.taps)


def test_at_the_end_there_is_a_window_of_what_waited_and_no_more_taps():
    parts = seen(times(100), finish=True)
    last, before = features(parts)[-1], features(parts)[-2]
    assert len(last.taps) == 0
    assert last.window is not None
    assert last.end_s > before.end_s


def test_a_gap_stands_where_it_was_and_the_framer_forgets():
    framer = Hinting("no_person", after=1000)
    parts = seen([*times(50), *(times(50) + 10)], framer)
    (at,) = (i for i, part in enumerate(parts) if isinstance(part, Gap))
    assert framer.resets == 1
    assert all(part.time_s < 2 for part in poses(parts[:at]))
    assert all(part.time_s >= 10 for part in poses(parts[at:]))


def test_what_keeps_the_newest_frames_from_being_judged_is_told_with_them():
    parts = features(seen(times(80), Hinting("several", after=40)))
    hints = [part.hint for part in parts]
    assert hints == sorted(hints, key=lambda hint: hint is not None)
    assert set(hints) == {None, "several"}


@pytest.mark.parametrize(("grey", "matter"), [(0, "black"), (128, "frozen")])
def test_pictures_that_show_nothing_new_are_told_whatever_the_framer_sees(grey, matter):
    engine = FakeEngine()
    stream = FeatureStream(engine, Hinting("no_person", after=0))
    shown = np.full((48, 64, 3), grey, np.uint8)
    parts = [p for t in times(120) for p in run(engine, stream.push(float(t), shown.copy()))]
    hints = [part.hint for part in features(parts)]
    assert hints == sorted(hints, key=lambda hint: hint == matter)
    assert hints[-1] == matter
    assert set(hints) <= {"no_person", matter}


def test_at_the_end_the_hint_is_that_of_the_newest_frame():
    parts = seen(times(80), Hinting("partial", after=40), finish=True)
    assert features(parts)[-1].hint == "partial"


def test_the_features_of_a_clip_hold_all_that_was_seen():
    parts = [part for part in seen(times(100), finish=True) if not isinstance(part, Gap)]
    whole = join(parts)
    assert len(whole.times_s) == len(whole.taps) == sum(len(p.times_s) for p in features(parts))
    assert len(whole.window_ends_s) == len(whole.embeddings) == len(whole.logits) > 0
    assert whole.poses_s.tolist() == [part.time_s for part in poses(parts)]
    np.testing.assert_array_equal(whole.landmarks[3], poses(parts)[3].pose.landmarks)
    np.testing.assert_array_equal(whole.world[3], poses(parts)[3].pose.world)


def test_a_clip_in_which_nobody_was_seen_has_no_poses():
    parts = seen(times(100), Hinting("no_person", after=0), finish=True)
    whole = join([part for part in parts if not isinstance(part, Gap)])
    assert whole.poses_s.shape == (0,)
    assert whole.landmarks.shape == (0, 33, 4)
    assert whole.world.shape == (0, 33, 3)


def test_times_rise_even_where_the_clock_is_set_back():
    parts = seen([*(times(50) + 20), *times(50)])
    assert all(a.time_s < b.time_s for a, b in pairwise(poses(parts)))


def test_how_much_later_the_stream_is_than_its_frames_is_known():
    engine = FakeEngine()
    stream = FeatureStream(engine, PlantedFramer())
    assert stream.shift_s == 0
    for time_s in [*(times(10) + 20), 0.0]:
        run(engine, stream.push(float(time_s), picture(0)))
    assert stream.shift_s == pytest.approx(20.4, abs=0.05)
