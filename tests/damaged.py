"""Small videos, damaged in every way that a disk, a line or an attacker damages them."""

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from videos import numbered, write_video

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".y4m")
FRAMES = 80  # what an exercise needs, and a few more
LARGE = (0, 1, 2**16 - 1, 2**31 - 1, 2**32 - 1)


def sound_ones(folder: Path) -> dict[str, bytes]:
    """One good video of each kind."""
    found = {}
    for suffix in SUFFIXES:
        path = folder / f"sound{suffix}"
        write_video(path, numbered(n / 25 for n in range(FRAMES)))
        found[suffix] = path.read_bytes()
        path.unlink()
    return found


def corpus(sound: dict[str, bytes], seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Names with suffixes, and contents: more than two hundred, the same each time."""
    rng = random.Random(seed)
    for suffix, video in sound.items():
        for name, content in damages(video, rng):
            yield f"{name}{suffix}", content
    for suffix in (".mp4", ".mkv"):
        yield from polyglots(suffix, sound[suffix])
    yield from odd_y4m(sound[".y4m"])


def damages(video: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    for share in (0, 0.01, 0.1, 0.5, 0.9, 0.999):
        yield f"cut-{share}", video[: int(share * len(video))]
    yield "without-its-beginning", video[len(video) // 3 :]
    yield "twice", video + video
    yield "with-a-tail", video + rng.randbytes(5000)
    for place, (low, high) in {
        "header": (0, min(200, len(video))),
        "middle": (len(video) // 3, 2 * len(video) // 3),
        "index": (len(video) - min(800, len(video)), len(video)),
    }.items():
        for n in range(4):
            yield f"bits-{place}-{n}", flipped(video, rng, low, high, 4**n)
    for n in range(6):  # sizes, durations, dimensions, counts: wherever they are
        yield f"numbers-{n}", renumbered(video, rng)
    yield "zeros", video[:100] + bytes(len(video) // 2) + video[100 + len(video) // 2 :]
    half = len(video) // 2
    yield "swapped", video[half:] + video[:half]
    for kind in (b"mdhd", b"tkhd", b"mvhd", b"stts", b"stsz", b"ctts", b"stco", b"elst", b"avc1"):
        if kind in video:
            at = video.index(kind) + 4
            for value in (0, 2**32 - 1):  # endless, negative, huge
                body = struct.pack(">I", value) * 8
                yield f"atom-{kind.decode()}-{value}", video[:at] + body + video[at + 32 :]
            yield f"atom-{kind.decode()}-size", video[: at - 8] + b"\0\0\0\1" + video[at - 4 :]


def flipped(video: bytes, rng: random.Random, low: int, high: int, count: int) -> bytes:
    changed = bytearray(video)
    for _ in range(count):
        changed[rng.randrange(low, high)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def renumbered(video: bytes, rng: random.Random) -> bytes:
    changed = bytearray(video)
    for _ in range(3):
        at = rng.randrange(0, min(len(video), 2000) - 4)
        changed[at : at + 4] = struct.pack(rng.choice(["<I", ">I"]), rng.choice(LARGE))
    return bytes(changed)


def polyglots(suffix: str, video: bytes) -> Iterator[tuple[str, bytes]]:
    page = b"<!doctype html><script>alert(1)</script>"
    yield f"page-first{suffix}", page + video
    yield f"page-last{suffix}", video + page
    yield f"archive{suffix}", video + b"PK\x03\x04" + bytes(100)
    yield f"playlist{suffix}", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    yield f"concat{suffix}", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield f"image{suffix}", b"\x89PNG\r\n\x1a\n" + bytes(100)


def odd_y4m(video: bytes) -> Iterator[tuple[str, bytes]]:
    body = video[video.index(b"\n") :]
    for name, head in {
        "huge": b"W65535 H65535 F25:1 C420jpeg",
        "endless": b"W999999999 H999999999 F25:1",
        "negative": b"W-64 H-48 F25:1",
        "nothing": b"W0 H0 F0:0",
        "rate": b"W64 H48 F0:1",
        "deep": b"W64 H48 F25:1 C444p16",
        "mono": b"W64 H48 F25:1 Cmono",
        "alpha": b"W64 H48 F25:1 C444alpha",
        "unknown": b"W64 H48 F25:1 Cnonsense",
    }.items():
        yield f"y4m-{name}.y4m", b"YUV4MPEG2 " + head + body
