"""Read the original checkpoint, a pickle, without trusting it, and fold its batch norm away.

A pickle is a program. This one is run by an unpickler that knows three names, the ones that arrays
need, and even those are stand-ins defined here: nothing in the file reaches numpy's own
constructors, whose handling of a hostile state is not made for this.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .errors import BrokenCheckpoint, HostileCheckpoint

BATCH_NORM_EPSILON = 1e-3  # as in the original network, which has no batch norm scale
DEEPEST_TREE = 8  # levels; the real checkpoint has 5


class _Float32:
    """Stands in for `numpy.dtype`; admits little-endian float32 and nothing else."""

    def __init__(self, code: object = None, *_flags: object) -> None:
        if code != "f4":
            raise HostileCheckpoint(f"an array of type {code!r:.40}")

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 8 and state[1] == "<"):
            raise HostileCheckpoint("an array type with an unknown state")


class _Array:
    """Stands in for `numpy.ndarray` and for the function that makes an empty one."""

    def __init__(self, *_arguments: object) -> None:
        self.value: NDArray[np.float32] | None = None

    def __setstate__(self, state: Any) -> None:
        match state:
            case (int(), tuple(shape), _Float32(), bool(fortran), bytes(raw)):
                pass
            case _:
                raise HostileCheckpoint("an array with an unknown state")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise HostileCheckpoint("an array with an impossible shape")
        if len(raw) != 4 * math.prod(shape):
            raise BrokenCheckpoint("The checkpoint holds an array that is shorter than its shape.")
        self.value = np.frombuffer(raw, "<f4").reshape(shape, order="F" if fortran else "C")


_ADMITTED: dict[tuple[str, str], type[object]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # the same since numpy 2
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Float32,
}


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that admits float32 arrays in plain containers."""

    def find_class(self, module: str, name: str) -> type[object]:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise HostileCheckpoint(f"the name {module}.{name}") from None

    def persistent_load(self, pid: object) -> NoReturn:
        raise HostileCheckpoint(f"the persistent id {pid!r:.40}")


def read_variables(pickled: bytes) -> dict[str, NDArray[np.float32]]:
    """Read a pickled tree of arrays; return its leaves by their path, joined with "/".

    Raises:
        HostileCheckpoint: If the pickle asks for anything but float32 arrays.
        BrokenCheckpoint: If it is cut short or not a tree of named arrays.
    """
    try:
        tree = _ArraysOnly(io.BytesIO(pickled)).load()
    except (HostileCheckpoint, BrokenCheckpoint):
        raise
    # The unpickler meets damaged input with nearly every error there is.
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise BrokenCheckpoint(
            f"The checkpoint can't be read ({error}): it is cut short or not a checkpoint. "
            "Fetch it again with: posesim weights fetch"
        ) from error
    variables: dict[str, NDArray[np.float32]] = {}
    _flatten(tree, (), variables)
    return variables


def _flatten(
    node: object, path: tuple[str, ...], variables: dict[str, NDArray[np.float32]]
) -> None:
    if isinstance(node, _Array) and node.value is not None and path:
        variables["/".join(path)] = node.value
    elif isinstance(node, dict) and len(path) < DEEPEST_TREE:
        for name, child in node.items():
            if not isinstance(name, str):
                raise BrokenCheckpoint(f"The checkpoint has a key that is no name: {name!r:.40}.")
            _flatten(child, (*path, name), variables)
    else:  # also a dict that contains itself
        raise BrokenCheckpoint(
            f"The checkpoint is not a tree of arrays: {type(node).__name__} at {'/'.join(path)!r}."
        )


def fold_unit(
    variables: Mapping[str, NDArray[np.float32]], unit: str
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weight and bias of one unit with its batch norm folded in.

    With mean m, variance v and offset b of the batch norm, which has no scale: w' = w / sqrt(v + e)
    and b' = b - m / sqrt(v + e), in float64. A unit without batch norm keeps what it has.

    Args:
        variables: From `read_variables`.
        unit: The unit's name, such as "Mixed_3b/Branch_0/Conv3d_0a_1x1".

    Returns:
        The weight, (out, in, T, H, W), and the bias, (out,), both float32.

    Raises:
        BrokenCheckpoint: If a variable is missing or has a shape that does not fit the others.
    """
    convolution, norm = f"params/{unit}/Conv_0", f"params/{unit}/BatchNorm_0"
    statistics = f"batch_stats/{unit}/BatchNorm_0"
    try:
        kernel = variables[f"{convolution}/kernel"].astype(np.float64)
        if f"{convolution}/bias" in variables:
            bias = variables[f"{convolution}/bias"].astype(np.float64)
        else:
            variance = variables[f"{statistics}/var"].astype(np.float64).reshape(-1)
            deviation = np.sqrt(variance + BATCH_NORM_EPSILON)
            mean = variables[f"{statistics}/mean"].astype(np.float64).reshape(-1)
            kernel = kernel / deviation
            bias = variables[f"{norm}/bias"] - mean / deviation
        weight = kernel.transpose(4, 3, 0, 1, 2)  # (T, H, W, in, out) -> (out, in, T, H, W)
    except KeyError as error:
        raise BrokenCheckpoint(f"The checkpoint lacks the variable {error}.") from error
    except ValueError as error:
        raise BrokenCheckpoint(f"The checkpoint's {unit} does not fit itself: {error}.") from error
    return np.ascontiguousarray(weight, dtype=np.float32), bias.astype(np.float32)
