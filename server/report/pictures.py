"""A frame of the reference, as a report shows it."""

import cv2
import numpy as np

from .content import Picture


def picture_of(jpeg: bytes, *, mirrored: bool) -> Picture:
    """A JPEG of the clip with its size, as its mirror image if the clip is shown so."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError("a frame must be a JPEG")
    height, width = pixels.shape[:2]
    if mirrored:
        jpeg = cv2.imencode(".jpg", cv2.flip(pixels, 1))[1].tobytes()
    return Picture(jpeg, width, height)
