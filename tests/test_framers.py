"""The squares that the network sees, and what keeps them from being judged."""

import itertools

import numpy as np
import pytest
from videos import corners

from posesim.framers import PersonFramer, WholePicture, open_framer
from posesim.framing import DEFAULT, FRAMINGS, square
from posesim.video import read_frames


@pytest.mark.parametrize("rule", FRAMINGS)
def test_a_whole_picture_is_framed_by_the_rule_and_never_hints(rule):
    picture = corners((96, 64))
    framed = open_framer(rule, None).frame(0.0, picture)
    assert isinstance(open_framer(rule, None), WholePicture)
    np.testing.assert_array_equal(framed.square, square(picture, rule=rule))
    assert (framed.hint, framed.pose) == (None, None)


def test_a_framer_of_the_whole_picture_has_nothing_to_forget():
    framer = open_framer(DEFAULT, None)
    before = framer.frame(0.0, corners((96, 64)))
    framer.reset()
    np.testing.assert_array_equal(framer.frame(9.0, corners((96, 64))).square, before.square)


def test_a_person_can_not_be_framed_without_the_networks_that_find_one():
    with pytest.raises(ValueError, match="needs the networks for body landmarks"):
        open_framer("person", None)


@pytest.mark.weights
def test_an_empty_room_is_seen_whole_and_said_to_be_empty(pose_networks):
    framer = PersonFramer(pose_networks)
    room = np.full((240, 320, 3), 200, np.uint8)
    framed = [framer.frame(n / 25, room) for n in range(25)]
    assert framed[0].hint is None  # for half a second nobody is accused
    assert framed[-1].hint == "no_person"
    assert {each.pose for each in framed} == {None}
    np.testing.assert_array_equal(framed[-1].square, square(room))


@pytest.mark.weights
def test_after_a_reset_nobody_is_accused_at_once(pose_networks):
    framer = PersonFramer(pose_networks)
    room = np.full((240, 320, 3), 200, np.uint8)
    for n in range(25):
        framer.frame(n / 25, room)
    framer.reset()
    assert framer.frame(9.0, room).hint is None


@pytest.mark.weights
@pytest.mark.clips
def test_a_person_is_looked_for_8_times_a_second(pose_networks, clips):
    framer = PersonFramer(pose_networks)
    clip = min(clips.glob("*.mp4"), key=lambda path: path.stat().st_size)
    frames = itertools.islice(read_frames(clip, largest_side=320), 100)
    framed = [(frame.time_s, framer.frame(frame.time_s, frame.rgb)) for frame in frames]
    seen_s = [time_s for time_s, each in framed if each.pose is not None]
    assert len(seen_s) > 3
    assert min(np.diff(seen_s)) >= 0.1
