"""Fast filters give what the plain filter gives, with fewer products."""

import numpy as np
import pytest

from posesim.engines.winograd import fast_filter


@pytest.mark.parametrize(
    ("outputs", "taps", "products"), [(1, 3, 3), (2, 3, 4), (3, 3, 5), (4, 3, 6), (4, 4, 7)]
)
def test_a_fast_filter_equals_the_plain_one(outputs, taps, products):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(outputs + taps - 1), rng.standard_normal(taps)
    fast = fast_filter(outputs, taps)
    y = fast.after @ ((fast.weights @ w) * (fast.before @ x))
    np.testing.assert_allclose(y, np.correlate(x, w), atol=1e-12)
    assert len(fast.before) == products


def test_too_many_products_are_refused():
    with pytest.raises(ValueError, match="at most 8 products are possible, got 9"):
        fast_filter(7, 3)
