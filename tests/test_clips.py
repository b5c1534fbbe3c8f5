import cv2
import numpy as np
import pytest
from videos import stick_figure, write_video

from posesim.errors import NotAVideo, TooLong, TooShort
from posesim_server.library.clips import BadTrim, check_clip, check_trim, draw_thumbnail, picture_at

CLIP_S = 10.0


@pytest.mark.parametrize(
    ("start_s", "end_s", "trim"),
    [
        (None, None, (None, None)),
        (0.0, None, (None, None)),
        (0.0004, 9.9996, (None, None)),
        (1.2, None, (1.2, None)),
        (None, 8.4, (None, 8.4)),
        (1.2, 8.4, (1.2, 8.4)),
        (1.23456, 8.40049, (1.235, 8.4)),
        (1.0, 3.56, (1.0, 3.56)),
        (7.44, None, (7.44, None)),
        (1.0, 10.04, (1.0, None)),  # a player's last frame
    ],
)
def test_trim_points_are_whole_milliseconds_and_none_where_they_cut_nothing(start_s, end_s, trim):
    assert check_trim(start_s, end_s, CLIP_S) == trim


@pytest.mark.parametrize(("start_s", "end_s"), [(1.0, 3.55), (7.5, None), (None, 2.0), (5.0, 4.0)])
def test_a_part_that_is_too_short_is_refused(start_s, end_s):
    with pytest.raises(BadTrim, match=r"at least 2\.56 s apart, inside the clip's 10\.00 s"):
        check_trim(start_s, end_s, CLIP_S)


@pytest.mark.parametrize(("start_s", "end_s"), [(-1.0, 5.0), (0.0, 10.2), (12.0, 15.0)])
def test_a_part_outside_the_clip_is_refused(start_s, end_s):
    with pytest.raises(BadTrim, match=r"must lie between 0 and 10\.00 s"):
        check_trim(start_s, end_s, CLIP_S)


def test_a_clip_as_short_as_its_header_may_say_can_stay_whole():
    assert check_trim(0.0, 2.55, 2.55) == (None, None)


def test_a_clip_is_checked_by_its_duration(tmp_path):
    clip = stick_figure(tmp_path / "clip.mp4", seconds=3.0)
    assert check_clip(clip, 120.0) == pytest.approx(3.0, abs=0.05)
    with pytest.raises(TooLong):
        check_clip(clip, 2.9)
    with pytest.raises(TooShort):
        check_clip(stick_figure(tmp_path / "short.mp4", seconds=2.0), 120.0)


def brightening(path, seconds=10.0, size=(320, 240)):
    """A video whose grey says when it is: 20 for each second."""
    width, height = size
    times = [n / 25 for n in range(round(seconds * 25))]
    frames = ((t, np.full((height, width, 3), 20 * t, np.uint8)) for t in times)
    return write_video(path, frames)


def shown_s(jpeg):
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return float(picture.mean()) / 20


@pytest.mark.parametrize("at_s", [0.0, 3.2, 9.5])
def test_a_picture_shows_the_clip_at_its_time(tmp_path, at_s):
    clip = brightening(tmp_path / "clip.mp4")
    assert shown_s(picture_at(clip, at_s)) == pytest.approx(at_s, abs=0.2)


def test_a_picture_after_the_end_is_the_last_one(tmp_path):
    clip = brightening(tmp_path / "clip.mp4", seconds=4.0)
    assert picture_at(clip, 100.0) == picture_at(clip, 3.96)


def test_a_large_picture_is_made_smaller(tmp_path):
    clip = brightening(tmp_path / "clip.mp4", seconds=0.2, size=(960, 640))
    picture = cv2.imdecode(np.frombuffer(picture_at(clip, 0), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (320, 480, 3)


@pytest.mark.parametrize(
    ("start_s", "end_s", "at_s"),
    [(0.0, 10.0, 4.0), (0.0, 3.0, 1.5), (2.0, 9.0, 5.5), (5.0, 9.0, 7.0)],
)
def test_a_thumbnail_is_from_the_middle_of_a_part_or_early_in_a_long_one(
    tmp_path, start_s, end_s, at_s
):
    clip = brightening(tmp_path / "clip.mp4")
    draw_thumbnail(clip, tmp_path / "picture", start_s, end_s)
    assert shown_s((tmp_path / "picture").read_bytes()) == pytest.approx(at_s, abs=0.2)


def test_there_is_no_picture_of_what_is_no_video(tmp_path):
    (tmp_path / "clip").write_text("not a video " * 1000)
    with pytest.raises(NotAVideo):
        picture_at(tmp_path / "clip", 1.0)
