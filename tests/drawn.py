"""What strangers may write, drawn: any JSON, and JSON that is nearly a message.

`POSESIM_EXAMPLES=20000` makes the attempts as many; the slow form has a thousand of each.
"""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FAST = int(os.environ.get("POSESIM_EXAMPLES", "40"))
SLOW = int(os.environ.get("POSESIM_EXAMPLES", "1000"))

both = pytest.mark.parametrize("examples", [FAST, pytest.param(SLOW, marks=pytest.mark.slow)])


def attempts(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def nearly(draw: st.DrawFn, samples: list[dict[str, Any]]) -> str:
    """A message with one part that is another one, cut, doubled or deep."""
    message = dict(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 2))):
        message[draw(st.sampled_from(list(message)) | st.text(max_size=8))] = draw(anything)
    text = json.dumps(message, ensure_ascii=draw(st.booleans()))
    match draw(st.sampled_from(["whole", "cut", "deep", "huge", "surrogate", "twice"])):
        case "cut":
            text = text[: draw(st.integers(0, len(text)))]
        case "deep":
            text = "[" * 500 + text
        case "huge":
            text += " " * 200_000
        case "surrogate":
            text = text.replace('"type"', '"\ud800"', 1)
        case "twice":
            text += text
    return text
