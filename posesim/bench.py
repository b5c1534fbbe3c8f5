"""How fast the network runs here: the engine against the naive way, in one run.

What is compared is measured in turns, round by round, because a machine that does something else
for a while must not change the ratios. Times are medians.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from posesim.engines import Engine, EngineChoice, open_engine
from posesim.engines.base import CHUNK_FRAMES, FRAMES_PER_SECOND, WINDOW_FRAMES
from posesim.engines.openvino import computes_in_bf16
from posesim.engines.processor import processor
from posesim.i3d import FRAME_SIZE, Network, whole_clip
from posesim.streaming import inside

HOP_S = CHUNK_FRAMES / FRAMES_PER_SECOND  # of video; an engine that needs longer can't keep up
PACKAGES = ("posesim", "openvino", "torch", "torchvision", "pytorchvideo", "numpy")
NAIVE = "naive: eager float32, a whole window"

Times = dict[str, list[float]]


@dataclass(frozen=True)
class EngineTimes:
    """What one engine needs, in seconds.

    Attributes:
        choice: How it is asked for.
        precision, device, reason: What it says of itself.
        start_cold_s, start_warm_s: To open it with an empty cache and once more.
        stem_s: A chunk of 8 frames.
        tail_s: The window after a window one chunk earlier.
        whole_tail_s: A window after none or another one.
        hop_s: Stem and tail.
        ratio: Naive window / hop.
    """

    choice: str
    device: str
    precision: str
    reason: str
    start_cold_s: float
    start_warm_s: float
    stem_s: float
    tail_s: float
    whole_tail_s: float
    hop_s: float
    ratio: float


@dataclass(frozen=True)
class Report:
    """All that was measured, with what it was measured on."""

    date: str
    machine: dict[str, Any]
    versions: dict[str, str | None]
    rounds: int
    naive_window_s: float
    engines: list[EngineTimes]
    peers_s: dict[str, float]
    skipped: dict[str, str]  # peers, and why
    memory_mb: dict[str, float]
    all_s: Times = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return asdict(self)

    def as_table(self) -> str:
        """The essence, for people."""
        machine = self.machine
        lines = [
            f"{machine['processor']}, {machine['cores']} cores, {' '.join(machine['flags'])}",
            f"medians of {self.rounds} rounds; a hop is {HOP_S:.2f} s of video",
            "",
            f"{'':38} {'ms':>8}  {'ratio':>6}",
            f"{NAIVE:38} {1e3 * self.naive_window_s:8.0f}  {1.0:6.1f}",
        ]
        for engine in self.engines:
            name = f"{engine.choice} ({engine.precision}): a hop"
            lines += [
                f"{name:38} {1e3 * engine.hop_s:8.0f}  {engine.ratio:6.1f}",
                f"{'  stem':38} {1e3 * engine.stem_s:8.0f}",
                f"{'  tail':38} {1e3 * engine.tail_s:8.0f}",
                f"{'  tail, nothing known of it before':38} {1e3 * engine.whole_tail_s:8.0f}",
                f"{'  start, first and later':38} "
                f"{1e3 * engine.start_cold_s:8.0f} {1e3 * engine.start_warm_s:8.0f}",
            ]
        for name, seconds in self.peers_s.items():
            lines.append(f"{name:38} {1e3 * seconds:8.0f}  {self.naive_window_s / seconds:6.1f}")
        lines += [f"{name:38}  skipped: {why}" for name, why in self.skipped.items()]
        lines += [f"{name:38} {mb:8.0f} MB" for name, mb in self.memory_mb.items()]
        return "\n".join(lines)


def measure(
    tensors: Mapping[str, np.ndarray],
    *,
    choices: list[EngineChoice] | None = None,
    rounds: int = 9,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Report:
    """Measure the naive way, engines and peers, in turns.

    Args:
        tensors: Weights and biases as `posesim.weights.load` gives them.
        choices: Engines; None takes the one that is chosen here and, on a CPU, OpenVINO in float32.
        rounds: How often each is measured, at least 1.
        on_progress: Is told the share that is done, 0 to 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    memory = {"memory before": _memory_mb()}
    engines, starts = {}, {}
    for choice in choices or _worth_comparing():
        engines[choice], starts[choice] = _open(choice, tensors)
        memory[f"memory with {choice}"] = _memory_mb()
    peers, skipped = _peers()

    times: Times = {}
    subjects = [_naive(tensors), *(_hops(choice, e) for choice, e in engines.items()), *peers]
    for number in range(-1, rounds):  # the first one warms up
        for done, subject in enumerate(subjects):
            for name, seconds in subject().items():
                if number >= 0:
                    times.setdefault(name, []).append(seconds)
            on_progress(((number + 1) * len(subjects) + done + 1) / (rounds + 1) / len(subjects))
    memory["memory after"] = _memory_mb()
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}

    def of(choice: EngineChoice, engine: Engine) -> EngineTimes:
        info = engine.info
        cold, warm = starts[choice]
        stem, tail, whole_tail = (medians[f"{choice} {part}"] for part in PARTS)
        hop = medians[f"{choice} {HOP}"]
        return EngineTimes(
            choice=choice,
            device=info.device,
            precision=info.precision,
            reason=info.reason,
            start_cold_s=cold,
            start_warm_s=warm,
            stem_s=stem,
            tail_s=tail,
            whole_tail_s=whole_tail,
            hop_s=hop,
            ratio=medians[NAIVE] / hop,
        )

    return Report(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=_machine(),
        versions={package: _version(package) for package in PACKAGES},
        rounds=rounds,
        naive_window_s=medians[NAIVE],
        engines=[of(choice, engine) for choice, engine in engines.items()],
        peers_s={name: medians[name] for name in medians if name.startswith(PEER)},
        skipped=skipped,
        memory_mb=memory,
        all_s=times,
    )


# Each measures what it stands for once; names -> seconds.
Subject = Callable[[], dict[str, float]]
STEM, TAIL, WHOLE_TAIL, HOP = "stem", "tail", "whole tail", "hop"
PARTS = (STEM, TAIL, WHOLE_TAIL)
PEER = "peer: "


def _worth_comparing() -> list[EngineChoice]:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return ["auto"]
    return ["auto", "openvino-f32"] if computes_in_bf16() else ["auto"]


def _open(
    choice: EngineChoice, tensors: Mapping[str, np.ndarray]
) -> tuple[Engine, tuple[float, float]]:
    """Open an engine twice; the second one with how long each took."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            start = time.perf_counter()
            engine = open_engine(choice, tensors, cache=Path(folder))
            seconds.append(time.perf_counter() - start)
    return engine, (seconds[0], seconds[1])


def _naive(tensors: Mapping[str, np.ndarray]) -> Subject:
    network = Network({name: torch.from_numpy(array) for name, array in tensors.items()})
    frames = torch.from_numpy(_frames(WINDOW_FRAMES))
    clip = (frames.permute(3, 0, 1, 2)[None].float() / 127.5 - 1).contiguous()

    def run() -> dict[str, float]:
        with torch.inference_mode():
            return {NAIVE: _seconds(lambda: whole_clip(network, clip))}

    return run


def _hops(choice: EngineChoice, engine: Engine) -> Subject:
    stream = engine.open()
    frames = _frames(CHUNK_FRAMES)
    mask = inside(1000, None)  # well inside a clip

    def stem() -> None:
        engine.stem([stream], [frames], [mask])

    def tail() -> None:
        engine.tail([stream], [0])

    for _ in range(WINDOW_FRAMES // CHUNK_FRAMES + 2):
        stem()
    tail()

    def run() -> dict[str, float]:
        seconds = {STEM: _seconds(stem), TAIL: _seconds(tail)}
        seconds[HOP] = seconds[STEM] + seconds[TAIL]
        seconds[WHOLE_TAIL] = _seconds(tail)  # of a window that has been looked at: all of it
        return {f"{choice} {part}": value for part, value in seconds.items()}

    return run


def _peers() -> tuple[list[Subject], dict[str, str]]:
    """Other video networks, with random weights, on clips of the size they were made for."""
    wanted = (
        ("torchvision r3d_18, 16 frames", "torchvision.models.video", "r3d_18", (16, 112)),
        ("torchvision mc3_18, 16 frames", "torchvision.models.video", "mc3_18", (16, 112)),
        ("pytorchvideo i3d_r50, 8 frames", "pytorchvideo.models.hub.resnet", "i3d_r50", (8, 224)),
    )
    peers, skipped = [], {}
    for label, module, function, (count, side) in wanted:
        name = PEER + label
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                make = getattr(importlib.import_module(module), function)
                peers.append(_peer(name, make().eval(), torch.zeros(1, 3, count, side, side)))
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another torch
            skipped[name] = str(error)
    return peers, skipped


def _peer(name: str, network: torch.nn.Module, clip: torch.Tensor) -> Subject:
    def run() -> dict[str, float]:
        with torch.inference_mode():
            return {name: _seconds(lambda: network(clip))}

    return run


def _frames(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, FRAME_SIZE, FRAME_SIZE, 3), dtype=np.uint8)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _machine() -> dict[str, Any]:
    here = processor()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": here.name,
        "cores": here.cores,
        "flags": list(here.flags),
        "matrix_units": here.has_matrix_units,
        "gpu": gpu,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory_mb() -> float:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text("utf-8")
    except OSError:
        return 0.0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return float(sizes[0]) / 1024 if sizes else 0.0
