"""Short convolutions with fewer multiplications, after Winograd.

Four neighbouring outputs of a filter with three taps share their inputs: computed together they
cost 6 products instead of 12. The network uses this along time, where a product is a whole 2-d
convolution, so its 3x3x3 convolutions cost half, and its first one too. The result is the same up
to rounding: 2e-6 of its size in float32.

Source: S. Winograd, Arithmetic Complexity of Computations (1980), chapter 4 (the algorithm of Cook
and Toom); A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks" (CVPR 2016).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# Where the polynomials are evaluated, best first: small numbers keep the rounding small.
POINTS = tuple(Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))


@dataclass(frozen=True)
class FastFilter:
    """y = after @ ((weights @ w) * (before @ x)), for `outputs` results of a filter w.

    Attributes:
        before: (products, products), for the inputs x.
        weights: (products, taps), for the filter.
        after: (outputs, products).
    """

    before: np.ndarray
    weights: np.ndarray
    after: np.ndarray


@functools.cache
def fast_filter(outputs: int, taps: int) -> FastFilter:
    """Make the three matrices for `outputs` neighbouring results of a filter with `taps`.

    One output is computed the plain way. The filter is a correlation, as in a network:
    y[i] = sum of x[i + k] w[k].

    Raises:
        ValueError: If there are no points for so many products.
    """
    if outputs == 1:
        return FastFilter(np.eye(taps), np.eye(taps), np.ones((1, taps)))
    products = outputs + taps - 1
    points = POINTS[: products - 1]  # the last one is infinity
    if len(points) < products - 1:
        raise ValueError(f"at most {len(POINTS) + 1} products are possible, got {products}")

    before, weights = [], []
    for point in points:
        others = [other for other in points if other != point]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        before.append([*_with_roots(others), Fraction(0)])
        weights.append([point**i / scale for i in range(taps)])
    before.append(_with_roots(points))
    weights.append([Fraction(0)] * (taps - 1) + [Fraction(1)])
    after = [
        [*(point**i for point in points), Fraction(int(i == outputs - 1))] for i in range(outputs)
    ]
    return FastFilter(_matrix(before), _matrix(weights), _matrix(after))


def _with_roots(roots: list[Fraction] | tuple[Fraction, ...]) -> list[Fraction]:
    """Coefficients, the constant first, of the product of (x - root)."""
    polynomial = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *polynomial], [*polynomial, Fraction(0)]
        polynomial = [a - root * b for a, b in zip(shifted, scaled, strict=True)]
    return polynomial


def _matrix(rows: list[list[Fraction]]) -> np.ndarray:
    return np.array([[float(value) for value in row] for row in rows])
