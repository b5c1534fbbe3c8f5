"""Streaming is exact: fed bit by bit, the stem gives what it gives for the whole clip."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch.nn import functional

from posesim.engines.base import I3D
from posesim.engines.calls import run, run_together
from posesim.engines.torch import TorchEngine
from posesim.i3d import STEM, Network, weight_shapes, whole_clip
from posesim.streaming import Positions, StreamingStem, inside

FRAMES = 38  # not a multiple of 8: the last chunk is cut off


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    """A random network of the real shape; equality must hold for any weights."""
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(
            0, np.sqrt(1.5 / np.prod(shape[1:])) if len(shape) > 1 else 0.1, shape
        ).astype(np.float32)
        for name, shape in weight_shapes().items()
    }


@pytest.fixture(scope="module")
def network(tensors) -> Network:
    return Network({name: torch.from_numpy(a) for name, a in tensors.items()})


@pytest.fixture(scope="module")
def engine(tensors) -> TorchEngine:
    return TorchEngine(tensors)


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (FRAMES, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def whole(network, clip) -> np.ndarray:
    """The taps of the whole clip at once."""
    with torch.inference_mode():
        mixed_3c = network.run(STEM, as_input(clip))["Mixed_3c"]
        grid = functional.avg_pool3d(mixed_3c, (1, 14, 14))[0]
    return grid.permute(1, 2, 3, 0).flatten(1).numpy()  # (480, T, 2, 2) -> (T, 1920)


def as_input(clip: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 127.5 - 1  # -> NCTHW


def joined(parts: Iterable[Positions]) -> np.ndarray:
    """The taps of consecutive parts; each must begin where the one before it ended."""
    taps: list[np.ndarray] = []
    for part in parts:
        assert part.first == len(taps)
        taps.extend(part.taps)
    return np.array(taps)


def close(actual: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(actual - expected).max() < 1e-4)


@pytest.mark.parametrize("sizes", [[8], [1, 17, 3], [FRAMES]], ids=str)
def test_any_chunking_equals_the_whole_clip_from_its_start_to_its_end(engine, clip, whole, sizes):
    stem = StreamingStem(engine)
    parts, at = [], 0
    while at < FRAMES:
        size = sizes[len(parts) % len(sizes)]
        parts.append(run(engine, stem.push(clip[at : at + size])))
        at += size
    taps = joined([*(p for part in parts for p in part), *run(engine, stem.finish())])
    assert taps.shape == whole.shape
    assert close(taps, whole)


def test_after_a_reset_nothing_of_the_earlier_stretch_remains(engine, clip, whole):
    stem = StreamingStem(engine)
    run(engine, stem.push(clip[::-1][:19]))
    stem.reset()
    taps = joined(run(engine, stem.push(clip)))
    assert close(taps, whole[: len(taps)])


def test_eight_frames_give_four_positions_once_the_stream_runs(engine, clip):
    stem = StreamingStem(engine)
    run(engine, stem.push(clip[:16]))
    [part] = run(engine, stem.push(clip[16:24]))
    assert (part.first, part.end) == (3, 7)


def test_positions_that_saw_only_frames_are_the_same_in_the_middle_of_a_film(engine, clip, whole):
    begun = 10  # frames later: position 0 is position 5 of the whole clip
    stem = StreamingStem(engine)
    taps = joined(run(engine, stem.push(clip[begun:])))
    whole_context = slice(I3D.first_whole, None)
    expected = whole[begun // 2 : begun // 2 + len(taps)]
    assert close(taps[whole_context], expected[whole_context])
    assert not close(taps[: I3D.first_whole], expected[: I3D.first_whole])


@pytest.mark.slow
@pytest.mark.shares
def test_a_clip_of_64_frames_has_one_window_equal_to_the_whole_network(engine, network, clip):
    clip = np.concatenate([clip, clip[: 64 - FRAMES]])
    with torch.inference_mode():
        expected = whole_clip(network, as_input(clip))
    stem = StreamingStem(engine)
    run(engine, stem.push(clip))
    assert run(engine, stem.window()) is None
    run(engine, stem.finish())
    window = run(engine, stem.window())
    assert window is not None
    assert close(window.embedding, expected["Mixed_5c"].mean(dim=(2, 3, 4))[0].numpy())
    assert close(window.logits, expected["Logits"][0].numpy())


def test_a_clip_without_frames_has_no_positions(engine):
    assert run(engine, StreamingStem(engine).finish()) == []


def test_two_streams_driven_together_do_not_mix(engine, clip, whole):
    one, other = StreamingStem(engine), StreamingStem(engine)
    parts = []
    for at in range(0, FRAMES, 8):
        both = [one.push(clip[at : at + 8]), other.push(clip[::-1][at : at + 8])]
        parts += run_together(engine, both)[0]
    taps = joined(parts)
    assert close(taps, whole[: len(taps)])


def test_masks_let_in_what_lies_inside_the_clip():
    first = inside(0, None)
    assert first.frames.tolist() == [0] * 6 + [1] * 8
    assert first.conv3d_2c.tolist() == [0, 0, 0, 0, 1, 1]
    last = inside(1, 10)
    assert last.frames.tolist() == [1] * 8 + [0] * 6
    assert last.mixed_3c.tolist() == [0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(("frames", "positions"), [(0, 0), (1, 1), (64, 32), (65, 33)])
def test_there_is_a_position_for_every_two_frames(frames, positions):
    assert I3D.position_count(frames) == positions
