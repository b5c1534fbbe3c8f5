import os
from pathlib import Path

import av
import numpy as np
import pytest

from posesim.embedding import LARGEST_SIDE
from posesim.video import to_rgb
from posesim_server.compute.frames import SLOT_BYTES, FrameMemory, NoSlot, UnknownPicture, size


def noise(width: int, height: int, form: str = "yuv420p") -> av.VideoFrame:
    random = np.random.default_rng(width * height)
    frame = av.VideoFrame(width, height, form)
    for plane in frame.planes:
        plane.update(random.integers(0, 256, plane.buffer_size, np.uint8).tobytes())
    return frame


@pytest.fixture
def memory():
    memory = FrameMemory.create(slots=2)
    yield memory
    memory.close()


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("shape", [(640, 480), (641, 479), (30, 50), (1, 1), (2560, 1440)])
def test_a_picture_comes_out_as_it_went_in(memory, shape, form):
    frame = noise(*shape, form)
    frame.colorspace = 1  # BT.709
    (placed,) = memory.put(1, [(0.4, frame)])
    restored = memory.get(1, placed)
    assert placed.time_s == 0.4
    assert restored.format.name == form
    np.testing.assert_array_equal(to_rgb(restored, LARGEST_SIDE), to_rgb(frame, LARGEST_SIDE))


def test_pictures_lie_side_by_side_and_slots_apart(memory):
    frames = [noise(64, 48), noise(32, 24)]
    ours = memory.put(0, [(n / 25, frame) for n, frame in enumerate(frames)])
    memory.put(1, [(0.0, noise(640, 480))])
    for placed, frame in zip(ours, frames, strict=True):
        np.testing.assert_array_equal(to_rgb(memory.get(0, placed)), to_rgb(frame))


def test_both_sides_see_the_same_memory(memory):
    frame = noise(64, 48)
    (placed,) = memory.put(0, [(0.0, frame)])
    other = FrameMemory(os.dup(memory._handle), slots=2)
    np.testing.assert_array_equal(to_rgb(other.get(0, placed)), to_rgb(frame))
    other.close()


def test_nothing_of_a_picture_remains_for_the_next_session(memory):
    slot = memory.take()
    (placed,) = memory.put(slot, [(0.0, noise(64, 48))])
    memory.give_back(slot)
    assert memory.take() == slot
    assert not memory.get(slot, placed).to_ndarray().any()


def test_a_picture_that_no_browser_sends_is_refused(memory):
    with pytest.raises(UnknownPicture, match=r"form yuv444p\. Send 8-bit YUV 4:2:0"):
        memory.put(0, [(0.0, noise(64, 48, "yuv444p"))])


def test_what_does_not_fit_is_refused(memory):
    frames = [(0.0, noise(2560, 1440))] * 2
    assert 2 * size(frames[0][1]) > SLOT_BYTES
    with pytest.raises(ValueError, match="do not fit"):
        memory.put(0, frames)


def test_slots_are_limited(memory):
    assert {memory.take(), memory.take()} == {0, 1}
    with pytest.raises(NoSlot):
        memory.take()


def test_the_memory_has_no_name_that_could_remain(memory):
    assert list(Path("/dev/shm").glob("*posesim*")) == []
    handle = memory._handle
    memory.close()
    memory.close()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(handle)
