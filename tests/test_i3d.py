"""The network is the original one: same outputs, and real clips are what they are."""

from pathlib import Path

import numpy as np
import pytest
import torch
from make_golden import GOLDEN, golden_clip, sample

from posesim.engines import open_engine
from posesim.i3d import (
    STEM,
    TAIL,
    Mixed,
    Network,
    max_pool,
    same_padding,
    weight_shapes,
    whole_clip,
)
from posesim.references import Settings
from posesim.video_reference import embed
from posesim.weights import Weights


@pytest.fixture(scope="module")
def endpoints(weights: Weights) -> dict[str, np.ndarray]:
    network = Network({name: torch.from_numpy(a) for name, a in weights.tensors.items()})
    clip = torch.from_numpy(golden_clip()).permute(3, 0, 1, 2)[None]  # (T, H, W, C) -> NCTHW
    with torch.inference_mode():
        outputs = whole_clip(network, clip)
    return {name: output[0].numpy() for name, output in outputs.items()}


@pytest.mark.weights
@pytest.mark.parametrize("endpoint", ["Mixed_3c", "Mixed_5c"])
def test_an_endpoint_equals_the_original_networks(endpoints, endpoint):
    channels_last = np.ascontiguousarray(np.moveaxis(endpoints[endpoint], 0, -1))
    np.testing.assert_allclose(sample(channels_last), np.load(GOLDEN)[endpoint], atol=1e-4)


@pytest.mark.weights
def test_logits_equal_the_original_networks(endpoints):
    np.testing.assert_allclose(endpoints["Logits"], np.load(GOLDEN)["Logits"], atol=1e-4)


@pytest.mark.slow
@pytest.mark.shares
@pytest.mark.weights
@pytest.mark.clips
@pytest.mark.parametrize(
    ("clip", "kinetics_class"),
    [("push_up__kg_puD__side", 260), ("pull_up__kg_plA__front", 255)],
)
def test_a_real_clip_is_classified_right(weights, clips: Path, clip, kinetics_class):
    engine = open_engine("auto", weights.tensors)
    settings = Settings(weights=weights.sha256)
    features = embed(clips / f"{clip}.mp4", engine, settings, name=clip).features
    assert features.logits.mean(axis=0).argmax() == kinetics_class


def test_each_layer_takes_what_the_one_before_it_gives():
    outputs = 3
    for layer in (*STEM, *TAIL):
        if hasattr(layer, "inputs"):
            assert layer.inputs == outputs, layer.name
            outputs = layer.outputs
    assert outputs == 1024


def test_a_mixed_module_joins_its_four_branches():
    module = Mixed("Mixed_3b", 192, (64, 96, 128, 16, 32, 32))
    assert module.outputs == 64 + 128 + 32 + 32


def test_a_checkpoint_has_a_weight_and_a_bias_for_each_of_58_units():
    shapes = weight_shapes()
    assert len(shapes) == 2 * 58
    assert shapes["Mixed_5c/Branch_1/Conv3d_0b_3x3/weight"] == (384, 192, 3, 3, 3)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        (224, 7, 2, (2, 3)),
        (112, 3, 2, (0, 1)),
        (28, 3, 1, (1, 1)),
        (8, 2, 2, (0, 0)),
        (7, 7, 2, (3, 3)),
    ],
)
def test_same_padding_puts_what_is_odd_after(size, kernel, stride, padding):
    assert same_padding(size, kernel, stride) == padding


def test_a_pool_over_space_and_then_over_time_is_the_pool_over_both():
    x = torch.rand(1, 2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    both = max_pool(x, (3, 3, 3), (2, 2, 2))
    one_by_one = max_pool(max_pool(x, (1, 3, 3), (1, 2, 2)), (3, 1, 1), (2, 1, 1))
    assert torch.equal(both, one_by_one)
