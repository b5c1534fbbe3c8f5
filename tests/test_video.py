import gc
import http.server
import os
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from videos import (
    corner_names,
    corners,
    number_of,
    numbered,
    sound,
    stick_figure,
    write_video,
)

from posesim.containers import decoded
from posesim.errors import (
    NoSuchPart,
    NotAVideo,
    NoVideoStream,
    TooLarge,
    TooLong,
    TooShort,
    VideoError,
)
from posesim.video import VideoFrame, VideoInfo, check_part, frame_at, probe, read_frames, to_rgb

THIRTY_FRAMES = [n / 25 for n in range(30)]


def is_open(path: Path) -> bool:
    """Whether this process holds the file open; Linux only, where /proc says so."""
    fds = Path("/proc/self/fd")
    return any(os.path.realpath(fd) == str(path.resolve()) for fd in fds.iterdir())


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "y4m"])
def test_every_frame_of_every_container_comes_once_and_in_order(tmp_path, suffix):
    path = write_video(tmp_path / f"clip.{suffix}", numbered(THIRTY_FRAMES))
    frames = list(read_frames(path))
    assert [number_of(frame.rgb) for frame in frames] == list(range(30))
    assert [frame.time_s for frame in frames] == pytest.approx(THIRTY_FRAMES, abs=1e-3)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "y4m"])
def test_a_probe_finds_size_duration_and_rate(tmp_path, suffix):
    path = write_video(tmp_path / f"clip.{suffix}", numbered(THIRTY_FRAMES))
    info = probe(path)
    assert (info.width, info.height, info.rotation_deg) == (64, 48, 0)
    assert info.duration_s == pytest.approx(1.2, abs=1e-3)
    assert info.frames_per_second == pytest.approx(25, abs=0.01)


def test_a_picture_is_rgb_of_eight_bits(tmp_path):
    path = write_video(tmp_path / "clip.mp4", [(0.0, corners())])
    (frame,) = read_frames(path)
    assert frame.rgb.shape == (48, 64, 3)
    assert frame.rgb.dtype == np.uint8
    assert corner_names(frame.rgb) == "rgbw"


def test_times_are_those_of_a_variable_frame_rate(tmp_path):
    times = [0.0, 0.02, 0.1, 0.11, 0.4, 0.433, 1.5]
    path = write_video(tmp_path / "clip.mp4", numbered(times))
    assert [frame.time_s for frame in read_frames(path)] == pytest.approx(times, abs=1e-4)


def test_times_count_from_the_first_frame(tmp_path):
    path = write_video(tmp_path / "clip.mkv", numbered([7.0, 7.04, 7.08]))
    assert [frame.time_s for frame in read_frames(path)] == pytest.approx([0, 0.04, 0.08], abs=1e-3)


@pytest.mark.parametrize(
    ("rotation_deg", "mirrored", "stored"),
    [
        (0, False, corners()),
        (90, False, np.rot90(corners(), 1)),
        (180, False, np.rot90(corners(), 2)),
        (270, False, np.rot90(corners(), 3)),
        (0, True, corners()[:, ::-1]),
        (90, True, np.rot90(corners()[:, ::-1], 1)),
        (180, True, np.rot90(corners()[:, ::-1], 2)),
        (270, True, np.rot90(corners()[:, ::-1], 3)),
    ],
)
def test_a_turned_or_mirrored_video_comes_upright(tmp_path, rotation_deg, mirrored, stored):
    path = tmp_path / "phone.mp4"
    write_video(path, [(0.0, stored)], rotation_deg=rotation_deg, mirrored=mirrored)
    (frame,) = read_frames(path)
    assert frame.rgb.shape == (48, 64, 3)
    assert corner_names(frame.rgb) == "rgbw"
    assert frame.rgb.flags.c_contiguous


def test_a_probe_of_a_phone_video_gives_the_upright_size_and_the_turn(tmp_path):
    path = stick_figure(tmp_path / "phone.mp4", seconds=1, size=(128, 72), rotation_deg=90)
    assert probe(path) == VideoInfo(72, 128, 1.0, 25.0, 90)


def test_a_portrait_video_stays_portrait(tmp_path):
    path = stick_figure(tmp_path / "clip.mp4", seconds=0.2, size=(72, 128))
    assert {frame.rgb.shape for frame in read_frames(path)} == {(128, 72, 3)}


def test_a_4k_video_is_scaled_down_while_it_is_converted(tmp_path):
    path = write_video(tmp_path / "clip.mp4", [(0.0, corners((3840, 2160)))])
    (frame,) = read_frames(path, largest_side=320)
    assert frame.rgb.shape == (180, 320, 3)
    assert corner_names(frame.rgb) == "rgbw"


def test_a_small_video_is_not_enlarged(tmp_path):
    path = write_video(tmp_path / "clip.mp4", [(0.0, corners())])
    (frame,) = read_frames(path, largest_side=320)
    assert frame.rgb.shape == (48, 64, 3)


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    path = tmp_path / "camcorder.mp4"
    write_video(path, [(0.0, corners((72, 60)))], pixel_aspect=Fraction(4, 3))
    (frame,) = read_frames(path)
    assert frame.rgb.shape == (60, 96, 3)
    assert (probe(path).width, probe(path).height) == (96, 60)


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_a_live_frame_and_a_file_frame_give_the_same_picture(tmp_path, rotation_deg):
    path = stick_figure(tmp_path / "clip.mp4", seconds=0.04, rotation_deg=rotation_deg)
    (from_file,) = read_frames(path, largest_side=200)
    with av.open(str(path)) as container:
        live = to_rgb(next(container.decode(video=0)), largest_side=200)
    np.testing.assert_array_equal(live, from_file.rgb)


@pytest.mark.parametrize("limit", [0, -5])
def test_a_largest_side_below_one_is_refused(limit):
    with pytest.raises(ValueError, match=f"largest_side must be at least 1 or None, got {limit}"):
        to_rgb(av.VideoFrame(64, 48, "yuv420p"), largest_side=limit)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 3)])
def test_the_thinnest_pictures_are_converted(size):
    rgb = to_rgb(av.VideoFrame(*size, "yuv420p"), largest_side=100)
    assert max(rgb.shape[:2]) == min(100, max(size))
    assert min(rgb.shape) >= 1


def test_limited_range_becomes_full_range():
    frame = av.VideoFrame(32, 32, "yuv420p")
    for plane, level in zip(frame.planes, (235, 128, 128), strict=True):
        plane.update(bytes([level]) * plane.buffer_size)
    assert (to_rgb(frame) == 255).all()


def test_a_recording_without_a_duration_is_measured(tmp_path):
    """A browser writes WebM as it records, and never goes back to fill in the duration."""
    path = tmp_path / "recording.webm"
    times = [n / 30 for n in range(90)]
    write_video(path, numbered(times), container_options={"live": "1"})
    with av.open(str(path)) as container:
        assert container.duration is None
    info = probe(path)
    assert info.duration_s == pytest.approx(3.0, abs=0.01)
    assert info.frames_per_second == pytest.approx(30, abs=0.1)
    assert len(list(read_frames(path))) == 90


def test_a_truncated_file_gives_its_beginning(tmp_path):
    whole = write_video(
        tmp_path / "whole.mp4",
        numbered([n / 25 for n in range(100)]),
        container_options={"movflags": "faststart"},
    )
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    numbers = [number_of(frame.rgb) for frame in read_frames(cut)]
    assert 30 < len(numbers) < 100
    assert numbers[:-1] == list(range(len(numbers) - 1))  # the last is half a picture


def test_damage_in_the_middle_loses_the_damaged_part_only(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered([n / 25 for n in range(100)]))
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 3
    damaged[middle : middle + 800] = bytes(800)
    path.write_bytes(damaged)
    frames = list(read_frames(path))
    assert 60 <= len(frames) < 100
    assert frames[-1].time_s == pytest.approx(99 / 25, abs=0.05)


def test_a_file_cut_off_before_its_index_is_refused(tmp_path):
    whole = stick_figure(tmp_path / "whole.mp4", seconds=1)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(NotAVideo, match=r"'cut\.mp4' can't be read as video"):
        next(read_frames(cut))


@pytest.mark.parametrize(
    "read",
    [probe, lambda path: next(read_frames(path)), lambda path: frame_at(path, 0.5)],
    ids=["probe", "read_frames", "frame_at"],
)
class TestRefused:
    def test_a_text_file(self, tmp_path, read):
        path = tmp_path / "squat.mp4"
        path.write_text("This is not a video.\n" * 100)
        with pytest.raises(NotAVideo) as caught:
            read(path)
        assert str(caught.value) == (
            "'squat.mp4' can't be read as video: its format is not known or not accepted. "
            "Choose a video file in MP4, MOV, WebM, MKV or AVI format."
        )

    def test_an_empty_file(self, tmp_path, read):
        path = tmp_path / "squat.mp4"
        path.touch()
        with pytest.raises(NotAVideo, match="the file is empty"):
            read(path)

    @pytest.mark.parametrize("name", ["missing.mp4", "http://127.0.0.1:1/a.mp4", "a\0b.mp4", "-"])
    def test_what_is_no_file(self, tmp_path, monkeypatch, read, name):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(NotAVideo, match="there is no such file"):
            read(name)

    def test_a_folder_or_a_device(self, tmp_path, read):
        for path in (tmp_path, "/dev/zero"):
            with pytest.raises(NotAVideo, match="there is no such file"):
                read(path)

    def test_sound_alone(self, tmp_path, read):
        with pytest.raises(NoVideoStream) as caught:
            read(sound(tmp_path / "song.mp4"))
        assert str(caught.value) == (
            "'song.mp4' has no moving picture, only sound or a still image. "
            "Choose a file with video in it."
        )

    def test_sound_with_a_cover(self, tmp_path, read):
        path = sound(tmp_path / "song.mp4", cover=True)
        with av.open(str(path)) as container:
            assert len(container.streams.video) == 1
        with pytest.raises(NoVideoStream):
            read(path)

    def test_a_video_of_which_every_picture_is_damaged(self, tmp_path, read):
        path = write_video(tmp_path / "clip.mp4", numbered([n / 25 for n in range(600)]))
        content = bytearray(path.read_bytes())
        begin, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
        content[begin:end] = b"\xff" * (end - begin)
        path.write_bytes(content)
        with pytest.raises(NotAVideo, match="none of its pictures can be decoded"):
            read(path)

    def test_a_playlist_of_a_file_that_exists(self, tmp_path, read):
        stick_figure(tmp_path / "secret.ts", seconds=1)
        playlists = {
            "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
            "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
            "concat.txt": "ffconcat version 1.0\nfile secret.ts\n",
            "list.mp4": "ffconcat version 1.0\nfile secret.ts\n",
        }
        for name, text in playlists.items():
            (tmp_path / name).write_text(text)
            with pytest.raises(NotAVideo):
                read(tmp_path / name)

    def test_a_playlist_of_a_host_which_is_never_asked(self, tmp_path, read):
        asked: list[str] = []

        class Host(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_error(404)

        with http.server.HTTPServer(("127.0.0.1", 0), Host) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                path = tmp_path / "clip.mp4"
                path.write_text(
                    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
                    f"http://127.0.0.1:{server.server_port}/a.ts\n#EXT-X-ENDLIST\n"
                )
                with pytest.raises(NotAVideo):
                    read(path)
            finally:
                server.shutdown()
                thread.join()
        assert asked == []

    @pytest.mark.parametrize("suffix", ["ts", "mpg", "flv"])
    def test_a_container_in_which_streams_can_begin_anywhere(self, tmp_path, read, suffix):
        with pytest.raises(NotAVideo, match="not accepted"):
            read(stick_figure(tmp_path / f"clip.{suffix}", seconds=0.2))

    def test_a_still_image(self, tmp_path, read):
        path = tmp_path / "photo.mp4"
        av.VideoFrame.from_ndarray(corners(), format="rgb24").save(tmp_path / "photo.png")
        (tmp_path / "photo.png").rename(path)
        with pytest.raises(NotAVideo):
            read(path)

    def test_pictures_larger_than_8k(self, tmp_path, read):
        path = write_video(tmp_path / "wide.mp4", [(0.0, corners((8224, 16)))])
        with pytest.raises(TooLarge, match=r"'wide.mp4' has pictures of 8224 x 16 pixels"):
            read(path)


# Pictures that refer to others before and after them, in groups that refer to each other.
OPEN_GROUPS = "keyint=20:min-keyint=20:scenecut=0:bframes=5:b-pyramid=normal:open-gop=1"
REFRESHED = "keyint=40:intra-refresh=1"  # no key pictures but for the first
CODINGS = {
    "mp4": ("clip.mp4", ("libx264", {"x264-params": OPEN_GROUPS})),
    "mp4, refreshed": ("clip.mp4", ("libx264", {"x264-params": REFRESHED})),
    "mov": ("clip.mov", ("libx264", {"x264-params": OPEN_GROUPS})),
    "mkv": ("clip.mkv", ("libx264", {"x264-params": OPEN_GROUPS})),
    "webm": ("clip.webm", ("libvpx", {"g": "20", "auto-alt-ref": "1", "lag-in-frames": "16"})),
    "avi": ("clip.avi", ("mpeg4", {"bf": "2", "g": "20"})),
    "y4m": ("clip.y4m", None),
}


@pytest.fixture(scope="module", params=CODINGS)
def coded(request, tmp_path_factory) -> Path:
    """100 numbered pictures in 4 s, in many codings."""
    name, codec = CODINGS[request.param]
    pictures = numbered(n / 25 for n in range(100))
    return write_video(tmp_path_factory.mktemp("coded") / name, pictures, codec=codec)


def cut(frames: list[VideoFrame], start_s: float, end_s: float) -> list[VideoFrame]:
    return [frame for frame in frames if start_s <= frame.time_s < end_s]


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(0.04, 0.5), (0.8, 1.6), (1.01, 2.39), (1.6, 1.64), (3.9, np.inf)]
)
def test_a_part_is_what_reading_everything_and_cutting_gives(coded, start_s, end_s):
    part = list(read_frames(coded, start_s=start_s, end_s=end_s))
    expected = cut(list(read_frames(coded)), start_s, end_s)
    assert [frame.time_s + start_s for frame in part] == pytest.approx(
        [frame.time_s for frame in expected]
    )
    for a, b in zip(part, expected, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)


@pytest.mark.clips
def test_a_part_of_a_real_clip_is_what_cutting_gives(clips):
    clip = clips / "squat__kg_sqD__side.mp4"
    expected = cut(list(read_frames(clip, largest_side=200)), 3.3, 4.7)
    part = list(read_frames(clip, largest_side=200, start_s=3.3, end_s=4.7))
    assert len(part) > 20
    for a, b in zip(part, expected, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)


def test_a_recording_without_an_index_has_parts(tmp_path):
    path = tmp_path / "recording.webm"
    write_video(path, numbered(n / 25 for n in range(100)), container_options={"live": "1"})
    part = list(read_frames(path, start_s=2, end_s=3))
    assert [number_of(frame.rgb) for frame in part] == list(range(50, 75))


@pytest.mark.parametrize("name", ["mp4", "mov", "mkv", "webm"])
def test_what_lies_long_before_a_part_is_not_decoded(tmp_path, monkeypatch, name):
    file, codec = CODINGS[name]
    path = write_video(tmp_path / file, numbered(n / 25 for n in range(200)), codec=codec)
    count = 0

    def counted(stream, coded):
        nonlocal count
        for frame in decoded(stream, coded):
            count += 1
            yield frame

    monkeypatch.setattr("posesim.video.decoded", counted)
    assert len(list(read_frames(path, start_s=6, end_s=6.4))) == 10
    assert count < 60


def test_times_of_a_part_count_from_its_begin_even_between_two_frames(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered([0, 0.5, 1.0, 1.5, 2.0]))
    part = read_frames(path, start_s=0.75, end_s=1.75)
    assert [frame.time_s for frame in part] == pytest.approx([0.25, 0.75])


def test_a_part_ends_before_its_end_and_begins_with_its_begin(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered(THIRTY_FRAMES))
    halves = [read_frames(path, end_s=0.6), read_frames(path, start_s=0.6)]
    assert [[number_of(frame.rgb) for frame in half] for half in halves] == [
        list(range(15)),
        list(range(15, 30)),
    ]


def test_a_part_of_a_turned_video_comes_upright(tmp_path):
    path = tmp_path / "phone.mp4"
    stored = np.rot90(corners(), 1)
    write_video(path, [(n / 25, stored) for n in range(30)], rotation_deg=90)
    assert corner_names(next(read_frames(path, start_s=0.8)).rgb) == "rgbw"
    assert corner_names(frame_at(path, 0.8).rgb) == "rgbw"


def test_a_part_may_be_as_long_as_allowed_wherever_it_lies(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered(THIRTY_FRAMES))
    assert len(list(read_frames(path, start_s=0.8, longest_s=0.4))) == 10
    with pytest.raises(TooLong):
        list(read_frames(path, start_s=0.4, longest_s=0.4))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_part_that_a_video_does_not_have_is_refused(tmp_path, suffix):
    path = write_video(tmp_path / f"clip.{suffix}", numbered(THIRTY_FRAMES))
    with pytest.raises(NoSuchPart) as caught:
        next(read_frames(path, start_s=5, end_s=7.5))
    assert str(caught.value) == (
        f"'clip.{suffix}' has no picture between 5.00 s and 7.50 s. Choose a part inside the video."
    )


@pytest.mark.parametrize(
    ("start_s", "end_s", "sentence"),
    [
        (-1, None, "start_s must be between 0 and 1e[+]09, got -1"),
        (np.nan, 3, "start_s must be between 0 and 1e[+]09, got nan"),
        (1e300, None, "start_s must be between"),
        (3, 3, r"end_s must be after start_s \(3\), got 3"),
        (None, 0, r"end_s must be after start_s \(0\), got 0"),
        (None, np.nan, "end_s must be after"),
    ],
)
def test_what_is_no_part_of_any_video_is_refused(start_s, end_s, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_part(start_s, end_s)


@pytest.mark.parametrize(
    ("at_s", "number"), [(0, 0), (0.04, 1), (1.3, 32), (2.399, 59), (3.96, 99)]
)
def test_the_frame_at_a_time_is_the_one_that_is_shown_then(coded, at_s, number):
    frame = frame_at(coded, at_s)
    assert number_of(frame.rgb) == number
    assert frame.time_s == pytest.approx(number / 25, abs=1e-3)


def test_after_the_end_the_last_frame_is_shown(coded):
    assert number_of(frame_at(coded, 1000).rgb) == 99


def test_a_frame_is_shown_until_the_next_comes(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered([0, 0.04, 3.0]))
    assert number_of(frame_at(path, 2.9).rgb) == 1


def test_the_frame_at_a_time_is_scaled_down(tmp_path):
    path = stick_figure(tmp_path / "clip.mp4", seconds=1, size=(320, 240))
    assert frame_at(path, 0.5, largest_side=64).rgb.shape == (48, 64, 3)


@pytest.mark.parametrize("at_s", [-0.1, np.nan, np.inf])
def test_there_is_no_frame_before_the_beginning(tmp_path, at_s):
    path = write_video(tmp_path / "clip.mp4", numbered([0.0]))
    with pytest.raises(ValueError, match=r"at_s must be between 0 and 1e\+09, got"):
        frame_at(path, at_s)


def test_a_file_whose_name_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a|b.mp4", "http:clip.mp4", "clip%03d.mp4", "-i.mp4"):
        write_video(tmp_path / "plain.mp4", numbered([0.0])).rename(name)
        assert len(list(read_frames(name))) == 1


def test_a_video_that_is_too_long_is_read_up_to_the_limit(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered(THIRTY_FRAMES))
    frames = read_frames(path, longest_s=0.5)
    assert [number_of(next(frames).rgb) for _ in range(13)] == list(range(13))
    with pytest.raises(TooLong, match=r"'clip.mp4' is too long: at most 0.5 s are allowed"):
        next(frames)


def test_too_short_says_what_was_found_and_what_is_needed():
    assert str(TooShort("squat.mp4", 1.234)) == (
        "'squat.mp4' is too short: it lasts 1.23 s, and at least 2.56 s are needed. "
        "Choose or record a longer clip."
    )


def test_one_clause_catches_every_failure_of_a_video():
    errors = (NotAVideo, NoVideoStream, TooShort, TooLong, TooLarge)
    assert all(issubclass(error, VideoError) for error in errors)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see open files")
def test_the_file_is_closed_whether_read_to_the_end_or_not(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered(THIRTY_FRAMES))
    frames = read_frames(path)
    next(frames)
    assert is_open(path)
    frames.close()
    assert not is_open(path)
    list(read_frames(path))
    assert not is_open(path)


@pytest.mark.parametrize("rotation_deg", [0, 90])
def test_frames_are_freed_without_the_garbage_collector(tmp_path, rotation_deg):
    """4K frames take 12 MB each; hundreds of them would pile up between two collections."""
    path = tmp_path / "clip.mp4"
    write_video(path, numbered(n / 25 for n in range(100)), rotation_deg=rotation_deg)
    gc.collect()
    gc.disable()
    try:
        for _ in read_frames(path):
            pass
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                to_rgb(frame)
        del frame
        cycles = gc.collect()
    finally:
        gc.enable()
    assert cycles < 50


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted by Linux")
def test_converting_pictures_begins_no_threads():
    def threads():
        return len(list(Path("/proc/self/task").iterdir()))

    frames = [av.VideoFrame(640, 480, "yuv420p") for _ in range(8)]
    before = threads()
    for frame in frames:
        assert to_rgb(frame, 320).shape == (240, 320, 3)
    assert threads() == before


def test_reading_a_damaged_file_prints_nothing(tmp_path, capfd):
    path = write_video(tmp_path / "clip.avi", numbered(THIRTY_FRAMES))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 :: 50] = bytes(len(damaged[len(damaged) // 2 :: 50]))
    path.write_bytes(damaged)
    list(read_frames(path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", ["mp4", "webm", "avi"])
def test_random_damage_ends_in_frames_or_in_an_error_of_ours(tmp_path, suffix):
    path = write_video(tmp_path / f"clip.{suffix}", numbered(THIRTY_FRAMES))
    sound_bytes = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(25):
        damaged = np.frombuffer(sound_bytes, np.uint8).copy()
        places = random.integers(0, damaged.size, 1 + damaged.size // 200)
        damaged[places] = random.integers(0, 256, places.size)
        path.write_bytes(damaged.tobytes())
        try:
            frames = list(read_frames(path, largest_side=64))
            probe(path)
            frame_at(path, 0.5)
            list(read_frames(path, start_s=0.5, end_s=1))
        except VideoError:
            continue
        assert frames
        assert all(np.isfinite(frame.time_s) for frame in frames)
