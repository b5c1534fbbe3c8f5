"""Every engine gives what the plain one gives."""

import subprocess
import sys

import numpy as np
import pytest
from make_golden import golden_clip

from posesim.engines import open_engine
from posesim.engines.base import Engine, Window
from posesim.engines.calls import run
from posesim.engines.openvino import OpenVinoEngine
from posesim.engines.torch import TorchEngine
from posesim.scoring import cosine
from posesim.streaming import StreamingStem
from posesim.weights import Weights

pytestmark = pytest.mark.weights


def look(engine: Engine) -> tuple[np.ndarray, Window]:
    """The taps and the last window of a moving pattern."""
    clip = ((golden_clip(80) + 1) * 127.5).astype(np.uint8)
    stem = StreamingStem(engine)
    parts = run(engine, stem.push(clip))
    window = run(engine, stem.window())
    assert window is not None
    return np.concatenate([part.taps for part in parts]), window


@pytest.fixture(scope="module")
def plain(weights: Weights) -> tuple[np.ndarray, Window]:
    return look(TorchEngine(weights.tensors))


def test_openvino_in_float32_equals_torch(weights, plain, tmp_path):
    taps, window = look(OpenVinoEngine(weights.tensors, cache=tmp_path, precision="f32"))
    expected_taps, expected = plain
    np.testing.assert_allclose(taps, expected_taps, atol=1e-4)
    np.testing.assert_allclose(window.embedding, expected.embedding, atol=1e-4)
    np.testing.assert_allclose(window.logits, expected.logits, atol=1e-4)
    assert any(tmp_path.iterdir())  # compiled graphs, for the next start


def test_the_engine_chosen_here_agrees_with_torch(weights, plain):
    engine = open_engine("auto", weights.tensors)
    _, window = look(engine)
    _, expected = plain
    assert cosine(window.embedding, expected.embedding) >= 0.9995
    assert engine.info.reason


def test_loading_openvino_starts_no_telemetry():
    code = (
        "import sys, threading, posesim.engines.openvino;"
        "print(threading.active_count(), sys.modules['openvino_telemetry'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["1", "None"]
