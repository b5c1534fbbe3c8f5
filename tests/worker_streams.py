"""Batches of pictures for workers, and what they make of them in a form that can be compared."""

from dataclasses import replace
from typing import Any

import av
from videos import draw_person

from posesim import Comparison
from posesim.timebase import GapReason
from posesim.updates import PoseUpdate, Update
from posesim_server.live.intake import Arrival, Batch


def batch(first: int, count: int = 8, gap: GapReason | None = None) -> Batch:
    head, *rest = [Arrival(n / 25, n / 25, picture(n)) for n in range(first, first + count)]
    return Batch((replace(head, gap=gap), *rest), 0)


def picture(n: int) -> av.VideoFrame:
    """A person who squats."""
    return av.VideoFrame.from_ndarray(draw_person(n / 25), format="rgb24").reformat(
        format="yuv420p"
    )


def plainly(update: Update) -> tuple[type, dict[str, Any]]:
    """An update as what can be compared: a pose holds an array."""
    values = vars(update)
    if isinstance(update, PoseUpdate):
        values = values | {"landmarks": update.landmarks.tolist()}
    return type(update), values


def without_speed(comparison: Comparison | None) -> dict[str, Any]:
    """What of a comparison is the same at each run."""
    assert comparison is not None
    updates = [plainly(update) for update in comparison.updates]
    return comparison.as_json() | {"frames_per_second": None, "updates": updates}
