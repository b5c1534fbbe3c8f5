"""Where the persons of a picture are: the detector's numbers to circles around bodies.

The detector is a single-shot one: each of its 2254 anchors, fixed points of the picture, says how
sure it is that a face is near it, the face's box, and four points of the body. The two that matter
here are the middle of the hips and a point on the circle around the whole body.

Sources: W. Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016; V. Bazarevsky et al.,
"BlazePose: On-device Real-time Body Pose tracking", CVPR workshops 2020; the options are those that
MediaPipe publishes with the model (pose_detection_cpu.pbtxt).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from posesim.framing import Picture
from posesim.roi import Points, Roi

DETECTOR_SIZE = 224  # pixels; what the detector takes
STRIDES = (8, 16, 32, 32, 32)  # pixels between anchors, by layer
# One for the layer's own size and one between that and the next layer's. As the model was trained
# with anchors of a fixed size, they differ in nothing.
ANCHORS_AT_A_POINT = 2
SURE = 0.5  # detections of a lower score are left out
SAME_FACE = 0.3  # boxes that overlap more (intersection over union) are one face

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Detection:
    """A person: the circle around the whole body, in pixels of the picture.

    Attributes:
        score: 0 to 1.
        circle: Its centre, the middle of the hips, and its point above the head, (2, 2).
    """

    score: float
    circle: Points

    @property
    def radius(self) -> float:
        """Of the circle, in pixels."""
        return float(np.hypot(*(self.circle[1] - self.circle[0])))


def anchors() -> Floats:
    """The anchors' centres in the order of the detector's output, (2254, 2), x and y in 0 to 1."""
    made = []
    for stride in dict.fromkeys(STRIDES):
        cells = DETECTOR_SIZE // stride
        y, x = (np.mgrid[:cells, :cells] + 0.5) / cells
        points = np.stack([x, y], axis=-1).reshape(-1, 2)  # row by row
        # Layers of one stride are joined point by point, not one after the other.
        made.append(np.repeat(points, STRIDES.count(stride) * ANCHORS_AT_A_POINT, axis=0))
    return np.concatenate(made).astype(np.float32)


ANCHORS = anchors()


def detector_input(rgb: Picture) -> tuple[Floats, Roi]:
    """Fit a picture into the detector's square.

    Returns:
        (1, 224, 224, 3) in [-1, 1], black around the picture; and which square that is.
    """
    height, width = rgb.shape[:2]
    roi = Roi(width / 2, height / 2, max(height, width))
    fitted = roi.crop(rgb, DETECTOR_SIZE, cv2.BORDER_CONSTANT)
    return fitted[None].astype(np.float32) / 127.5 - 1, roi


def detections(values: Floats, logits: Floats, roi: Roi) -> list[Detection]:
    """Read the detector's output, the surest person first.

    Args:
        values: (2254, 12): centre, width and height of the face, then four points, in pixels of
            the detector's square, all as distances from the anchor.
        logits: (2254,).
        roi: As `detector_input` returned it.
    """
    every = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))  # beyond, it is 0 or 1
    sure = np.flatnonzero(every >= SURE)
    scores, near = every[sure].astype(np.float32), ANCHORS[sure]
    # (n, 12) -> centre, size, four points: (n, 6, 2) in 0 to 1
    pairs = values[sure].reshape(-1, 6, 2) / DETECTOR_SIZE
    pairs[:, [0, 2, 3, 4, 5]] += near[:, None]
    half = pairs[:, 1] / 2
    boxes = np.concatenate([pairs[:, 0] - half, pairs[:, 0] + half], axis=1).astype(np.float32)
    found = []
    for score, members in weighted_suppression(boxes, scores):
        weights = scores[members] / scores[members].sum()
        points = np.tensordot(weights, pairs[members], axes=1).astype(np.float64)
        found.append(Detection(score, roi.to_picture(points[2:4])))
    return found


def weighted_suppression(boxes: Floats, scores: Floats) -> list[tuple[float, NDArray[np.intp]]]:
    """Group overlapping boxes, the surest first; what is in a group is one thing, seen often.

    Non-maximum suppression keeps the surest box of a group; the mean of the group, weighted by
    score, jitters less.

    Args:
        boxes: (n, 4): left, top, right, bottom.
        scores: (n,).

    Returns:
        For each group its best score and the indices of its members.

    Source: V. Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
    2019, section 3.3, "Post-processing".
    """
    left = np.argsort(-scores, kind="stable")
    groups = []
    while left.size:
        best = left[0]
        near = _overlap(boxes[best], boxes[left]) > SAME_FACE
        near[0] = True  # also a box without area, which overlaps nothing
        groups.append((float(scores[best]), left[near]))
        left = left[~near]
    return groups


def _overlap(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box with each of `boxes`."""
    shared = np.maximum(
        np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0
    ).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-12), np.float32)
