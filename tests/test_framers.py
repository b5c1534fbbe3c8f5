"""The squares that the network sees, and what keeps them from being judged."""

import numpy as np
import pytest
from videos import corners

from posesim.framers import PersonFramer, WholePicture, open_framer
from posesim.framing import FRAMINGS, square


@pytest.mark.parametrize("rule", FRAMINGS)
def test_a_whole_picture_is_framed_by_the_rule_and_never_hints(rule):
    picture = corners((96, 64))
    framed = open_framer(rule, None).frame(0.0, picture)
    assert isinstance(open_framer(rule, None), WholePicture)
    np.testing.assert_array_equal(framed.square, square(picture, rule=rule))
    assert framed.hint is None


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
    np.testing.assert_array_equal(framed[-1].square, square(room))
