"""The weights of the backbone i3d_r50: fetched once, converted, kept in the user's cache.

They come from the address that torch.hub would load them from, or from a file. Their publisher
names no hash, so the first checkpoint that is fetched is trusted: what is known of it is that it
came over TLS, that it held tensors of the right shapes and nothing else, and its own hash. That
hash is kept, goes into every reference, and references of another checkpoint are refused.

A checkpoint of PyTorch is a pickle, and is read by the reader that admits tensors alone.
"""

from __future__ import annotations

import hashlib
import http.client
import pickle
import re
import tempfile
import urllib.request
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from posesim.backbones import I3D_R50
from posesim.cache import writing_to
from posesim.engines.r50 import network, weight_shapes
from posesim.errors import (
    BrokenCheckpoint,
    CheckpointNotDownloaded,
    CheckpointNotReadable,
    HostileCheckpoint,
    WeightsNotFound,
)
from posesim.weights import Weights, broken, misfit, read_tensors, write_tensors

URL = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/I3D_8x8_R50.pyth"
FETCH = f"posesim weights fetch --backbone {I3D_R50.backbone}"
CONVERSION = "1"  # goes up when the same checkpoint would give other tensors
WANTED = "the .pyth file"
LARGEST_CHECKPOINT = 512 * 2**20  # bytes; the network has 28 million values, 107 MiB
SILENCE_S = 30.0  # a server that says nothing for so long is given up


def fetch(
    path: Path, *, from_file: Path | None = None, url: str = URL, show_progress: bool = False
) -> bool:
    """Put the weights at `path`, unless good ones are there; return whether that was needed.

    Args:
        path: The file to write.
        from_file: The checkpoint, for a machine without a network.
        url: The checkpoint's address.
        show_progress: Draw a progress bar on standard error.

    Raises:
        BackboneNotInstalled: If pytorchvideo is missing, which knows what must be in a checkpoint.
        CacheNotWritable: If the folder of `path` can't be written, or the disk is full.
        CheckpointNotReadable: If `from_file` can't be read.
        CheckpointNotDownloaded: If `url` did not give the checkpoint.
        HostileCheckpoint, BrokenCheckpoint: If it is not what the network needs.
    """
    shapes = weight_shapes(network())
    try:
        load(path)
    except (WeightsNotFound, BrokenCheckpoint):
        pass
    else:
        return False
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if from_file is not None:
        tensors, sha256 = _read(from_file, shapes)
    else:
        with (
            writing_to(path.parent),
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder,
        ):
            downloaded = Path(folder) / url.rpartition("/")[2]
            _download(url, downloaded, show_progress)
            tensors, sha256 = _read(downloaded, shapes)
    about = {
        "source": url if from_file is None else from_file.name,
        "checkpoint_sha256": sha256,
        "conversion": CONVERSION,
        "backbone": I3D_R50.backbone,
    }
    write_tensors(path, tensors, about)
    return True


def load(path: Path) -> Weights:
    """Read the weights at `path` and check that they are whole.

    Raises:
        WeightsNotFound: If there are none.
        BrokenCheckpoint: If they are damaged, another network's, or converted in another way.
    """
    tensors, about = read_tensors(path, FETCH)
    for name, value in {"backbone": I3D_R50.backbone, "conversion": CONVERSION}.items():
        if about.get(name) != value:
            raise broken(path, f"their {name} is {about.get(name)}, expected {value}", FETCH)
    return Weights(tensors, f"{about['checkpoint_sha256']}.{CONVERSION}")


def _download(url: str, path: Path, show_progress: bool) -> None:
    try:
        with urllib.request.urlopen(url, timeout=SILENCE_S) as answer:  # noqa: S310 - our own URL
            total = answer.length
            with (
                path.open("xb") as file,
                tqdm(
                    desc="Downloading",
                    total=total,
                    unit="B",
                    unit_scale=True,
                    leave=False,
                    disable=not show_progress,
                ) as bar,
            ):
                while part := answer.read(2**20):
                    with writing_to(path.parent):
                        file.write(part)
                    bar.update(len(part))
                    if file.tell() > LARGEST_CHECKPOINT:
                        reason = "it is far larger than the checkpoint"
                        raise CheckpointNotDownloaded(url, reason, I3D_R50.backbone)
                if total is not None and file.tell() != total:
                    raise http.client.IncompleteRead(b"", total - file.tell())
    except (OSError, http.client.HTTPException) as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise CheckpointNotDownloaded(url, reason, I3D_R50.backbone) from error


def _read(
    path: Path, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Read a checkpoint: the network's tensors, and the file's hash in hex."""
    try:
        size = path.stat().st_size
        if size > LARGEST_CHECKPOINT:
            raise CheckpointNotReadable(
                path, f"it has {size} bytes, far more than the checkpoint", WANTED
            )
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            with warnings.catch_warnings():  # about the form of files that are refused anyway
                warnings.simplefilter("ignore")
                content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointNotReadable(path, error.strerror or str(error), WANTED) from error
    except pickle.UnpicklingError as error:
        if name := re.search(r"GLOBAL (\S+) was not an allowed global", str(error)):
            raise HostileCheckpoint(f"the name {name[1]}") from error
        raise _no_checkpoint(path) from error
    # The reader meets damaged input with nearly every error there is.
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
        zipfile.BadZipFile,
    ) as error:
        raise _no_checkpoint(path) from error
    state = content.get("model_state", content) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise _no_checkpoint(path)
    tensors = {
        str(name): tensor.float().contiguous().numpy()
        for name, tensor in state.items()
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
    }
    if problem := misfit(tensors, shapes):
        raise BrokenCheckpoint(f"The checkpoint {path} does not fit the network: {problem}.")
    return tensors, sha256


def _no_checkpoint(path: Path) -> BrokenCheckpoint:
    return BrokenCheckpoint(
        f"The checkpoint {path} can't be read: it is cut short or not a checkpoint. "
        f"Fetch it again with: {FETCH}"
    )
