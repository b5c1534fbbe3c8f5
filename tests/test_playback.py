from posesim.updates import ReferenceClock
from posesim_server.live.intake import StreamClock
from posesim_server.live.page_messages import Clock
from posesim_server.live.playback import Playback

PLAYING = Clock(v=1, type="clock", reference_s=2.4, rate=1.0)
PAUSED = Clock(v=1, type="clock", reference_s=3.0, rate=0.0)
OVER = Clock(v=1, type="clock", reference_s=None, rate=None)


def begun_at(now_s: float) -> StreamClock:
    """A stream whose first frame came then."""
    stream = StreamClock()
    stream.saw(0.0, now_s)
    return stream


def test_nothing_is_played_until_the_page_says_so() -> None:
    assert Playback().on(begun_at(100.0)) is None


def test_a_clock_is_put_on_the_time_of_the_stream() -> None:
    playback = Playback()
    playback.tell(PLAYING, 101.5)
    assert playback.on(begun_at(100.0)) == ReferenceClock(at_s=1.5, reference_s=2.4, rate=1.0)


def test_a_clock_told_before_the_first_frame_counts_from_that_frame_on() -> None:
    playback, stream = Playback(), StreamClock()
    playback.tell(PLAYING, 98.0)
    assert playback.on(stream) is None
    stream.saw(0.0, 100.0)
    assert playback.on(stream) == ReferenceClock(at_s=-2.0, reference_s=2.4, rate=1.0)


def test_only_the_newest_clock_counts() -> None:
    playback = Playback()
    playback.tell(PLAYING, 101.0)
    playback.tell(PAUSED, 102.0)
    assert playback.on(begun_at(100.0)) == ReferenceClock(at_s=2.0, reference_s=3.0, rate=0.0)


def test_a_clock_counts_until_the_next_and_does_not_move() -> None:
    playback, stream = Playback(), begun_at(100.0)
    playback.tell(PLAYING, 101.0)
    first = playback.on(stream)
    stream.saw(2.0, 103.0)  # frames take a second longer now; what was true then still is
    assert playback.on(stream) is first


def test_the_page_may_end_the_playing() -> None:
    playback, stream = Playback(), begun_at(100.0)
    playback.tell(PLAYING, 101.0)
    assert playback.on(stream) is not None
    playback.tell(OVER, 102.0)
    assert playback.on(stream) is None
